// Where each point of a map is: on the way from layer to layer, and on the screen by Plotly's own axes or camera.
const HALF = 32767, mix = (from, to, part) => from + (to - from) * part
const ease = (part) => { const p = Math.min(1, Math.max(0, (part - 0.12) / 0.76)); return p * p * (3 - 2 * p) }
const times = (a, b) => b.map((_, i) => [0, 1, 2, 3].reduce((sum, k) => sum + a[k * 4 + (i % 4)] * b[(i & ~3) + k], 0))
const bytes = ({ bdata }) => Uint8Array.from(atob(bdata), (letter) => letter.charCodeAt(0))
const join = (frame, axis) => Int16Array.from(frame.data.flatMap((trace) => [...new Int16Array(bytes(trace[axis]).buffer)]))
class Panel {
  constructor({ children: [plot, over, caption] }) { Object.assign(this, { plot, over, caption, time: 0, framed: new Set(), images: new Map() }) }
  get layer() { return Math.round(this.time) }
  load(data, starts) {
    const members = starts.slice(1).map((end, label) => Array.from({ length: end - starts[label] }, (_, place) => starts[label] + place))
    const axes = [..."xyz"].slice(0, data.dims), same = data.stamp === this.data?.stamp
    const frames = same ? this.frames : data.figure.frames.map((frame) => axes.map((axis) => join(frame, axis)))
    Object.assign(this, { data, members, frames, kept: data.kept.map(bytes) })
    this.plot.setAttribute("aria-label", data.spoken)
  }
  // How much a layer is enlarged so that it fills the frame: while nothing is zoomed, a unit of the axes is a pixel.
  fit(layer) {
    const [wide, high] = this.data.extents[layer], { w, h } = this.room
    return this.data.dims === 3 ? HALF / wide : Math.min((w / 2 - 24) / wide, (h / 2 - 24) / high)
  }
  place() {
    const from = Math.floor(this.time), to = Math.ceil(this.time), part = ease(this.time - from)
    const fit = mix(this.fit(from), this.fit(to), part), next = this.frames[to]
    this.at = this.frames[from].map((axis, number) => Float32Array.from(axis, (at, row) => fit * mix(at, next[number][row], part)))
  }
  // On the way Plotly's own marks are moved: to tell it the whole figure anew takes ten times as long.
  push(rows) {
    const { l, t } = this.plot._fullLayout._size, spot = (row) => `${this.x[row] - l},${this.y[row] - t}`
    this.project()
    for (const group of this.plot.querySelectorAll(".scatterlayer .trace")) {
      const own = rows[group.__data__[0].trace.index].filter((row) => row >= 0), move = (row) => `translate(${spot(row)})`
      group.querySelectorAll(".point").forEach((mark, place) => mark.setAttribute("transform", move(own[place] ?? own[0] ?? 0)))
      group.querySelector(".js-line")?.setAttribute("d", own.map((row, place) => (place % 2 ? "L" : "M") + spot(row)).join(""))
    }
  }
  // The points in pixels from the corner of the plot.
  project() {
    const { xaxis, yaxis, scene, _size: { l, t, w, h } } = this.plot._fullLayout, [x, y, z] = this.at
    const across = (at, { range: [low, high] }) => (at - low) / (high - low)
    if (!z) return Object.assign(this, { x: x.map((at) => l + w * across(at, xaxis)), y: y.map((at) => t + h - h * across(at, yaxis)) })
    const { glplot: { cameraParams: { projection, view, model } }, dataScale } = scene._scene
    const seen = times(projection, times(view, model).map((number, i) => number * (dataScale[i >> 2] ?? 1)))
    const sum = (line, row) => seen[line] * x[row] + seen[line + 4] * y[row] + seen[line + 8] * z[row] + seen[line + 12]
    this.x = x.map((_, row) => l + (w * (1 + sum(0, row) / sum(3, row))) / 2)
    this.y = x.map((_, row) => t + (h * (1 - sum(1, row) / sum(3, row))) / 2)
  }
  least(measure) {
    return (this.x ?? []).reduce((best, _, row) => { const far = measure(row); return far < best[1] ? [row, far] : best }, [-1, Infinity])[0]
  }
  // The shown point at a place, or the picture.
  hit([x, y], shown, reach) {
    const { l, t, w, h } = this.room, inside = x >= l && x <= l + w && y >= t && y <= t + h
    return this.least((row) => {
      const far = Math.hypot(this.x[row] - x, this.y[row] - y)
      return inside && shown(row) && far < (this.framed.has(row) ? this.side : reach) ? far : Infinity
    })
  }
  // The next shown point in a direction.
  toward(from, right, down, shown) {
    return this.least((row) => {
      const dx = this.x[row] - this.x[from], dy = this.y[row] - this.y[from]
      const ahead = dx * right + dy * down, aside = Math.abs(dx * down) + Math.abs(dy * right)
      return ahead > 0 && ahead >= aside / 2 && shown(row) ? ahead + 2 * aside : Infinity
    })
  }
  // Which pictures have room: those that come first, and on the way those that had it before.
  thin(rows, first) {
    const before = this.framed, weight = (row) => 2 * first(row) + (this.time % 1 && before.has(row)), room = 1.9 * this.side
    const apart = (a, b) => Math.abs(this.x[a] - this.x[b]) >= room || Math.abs(this.y[a] - this.y[b]) >= room
    this.framed = new Set()
    for (const row of rows.sort((a, b) => weight(b) - weight(a)))
      if (first(row) > 2 || [...this.framed].every((other) => apart(row, other))) this.framed.add(row)
  }
}
