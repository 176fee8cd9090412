// A plot of Plotly's and what lies over it: where its points are on the screen, which of them is meant, pictures where
// they have room, and the whole as a file. `at` are the places of all points by axis, `room` is that of the axes.
const times = (a, b) => b.map((_, i) => [0, 1, 2, 3].reduce((sum, k) => sum + a[k * 4 + (i % 4)] * b[(i & ~3) + k], 0))

class Plot {
  constructor(figure) {
    const [plot, lid, caption] = figure.children
    Object.assign(this, { figure, plot, lid, caption, x: [], y: [], room: {}, framed: new Set(), images: new Map() })
  }
  // How it is looked at: pixels for a unit of the axes and the place in the middle, or a camera.
  view() {
    const { xaxis, yaxis, scene, _size: { w } } = this.plot._fullLayout
    const middle = ({ range: [low, high] }) => (low + high) / 2
    if (scene) return { zoom: 1, x: 0, y: 0, camera: scene.camera }
    return { zoom: w / (xaxis.range[1] - xaxis.range[0]), x: middle(xaxis), y: middle(yaxis) }
  }
  // The points in pixels from the corner of the plot, by Plotly's own axes or by the matrices of its camera.
  project() {
    const { xaxis, yaxis, scene } = this.plot._fullLayout, [x, y, z] = this.at, { l, t, w, h } = this.room
    if (!z) return Object.assign(this, { x: x.map((at) => l + xaxis.c2p(at)), y: y.map((at) => t + yaxis.c2p(at)) })
    const { glplot: { cameraParams: { projection, view, model } }, dataScale } = scene._scene
    const seen = times(projection, times(view, model).map((number, i) => number * (dataScale[i >> 2] ?? 1)))
    const sum = (line, row) => seen[line] * x[row] + seen[line + 4] * y[row] + seen[line + 8] * z[row] + seen[line + 12]
    this.x = x.map((_, row) => l + (w * (1 + sum(0, row) / sum(3, row))) / 2)
    this.y = x.map((_, row) => t + (h * (1 - sum(1, row) / sum(3, row))) / 2)
  }
  // Move Plotly's own marks to places by trace, without telling it: to tell it anew takes ten times as long.
  push({ x, y }) {
    const { xaxis, yaxis, _plots, _glcanvas: canvases } = this.plot._fullLayout, { xy: { _scene: gl } } = _plots
    const spot = (...at) => `${xaxis.c2p(at[0])},${yaxis.c2p(at[1])}`
    for (const group of this.plot.querySelectorAll(".scatterlayer .trace")) {
      const { index } = group.__data__[0].trace, xs = x[index], ys = y[index]
      const spots = [...xs.keys()].flatMap((n) => (xs[n] === null ? [] : spot(xs[n], ys[n])))
      const move = (mark, n) => mark.setAttribute("transform", `translate(${spots[n] ?? spots[0] ?? "0,0"})`)
      group.querySelectorAll(".point").forEach(move)
      const way = (n) => (spots.length > 2 * n ? `M${spots[2 * n]}L${spots[2 * n + 1]}` : "")
      group.querySelectorAll(".js-line").forEach((line, n) => line.setAttribute("d", way(n))) // one for each pair
    }
    if (!gl) return
    const drawn = this.plot.calcdata.map(([{ trace }]) => trace).filter(({ type }) => type === "scattergl")
    const passes = drawn.map(({ index }) => ({ positions: [...x[index]].flatMap((at, n) => [at, y[index][n]]) }))
    canvases.each(({ regl }) => regl?.clear({ color: true, depth: true }))
    for (const layer of [gl.scatter2d, gl.select2d]) if (layer) layer.update(passes)
    gl.draw()
  }
  // A view by a factor closer, in which what is at (x, y) stays there, or was at (x - dx, y - dy).
  zoomed(seen, factor, x = this.room.l + this.room.w / 2, y = this.room.t + this.room.h / 2, dx = 0, dy = 0) {
    const { l, t, w, h } = this.room, { scene } = this.plot._fullLayout, px = x - l - w / 2, py = y - t - h / 2
    if (scene) {
      const { camera } = this.view(), eye = Object.entries(camera.eye).map(([axis, far]) => [axis, far / factor])
      return { ...seen, camera: { ...camera, eye: Object.fromEntries(eye) } }
    }
    const zoom = Math.min(40, Math.max(0.5, seen.zoom * factor))
    const right = (px - dx) / seen.zoom - px / zoom, down = (py - dy) / seen.zoom - py / zoom
    return { zoom, x: seen.x + right, y: seen.y - down }
  }
  least(measure) {
    let [least, best] = [Infinity, -1]
    this.x.forEach((_, row) => {
      const far = measure(row)
      if (far < least) [least, best] = [far, row]
    })
    return best
  }
  // The shown point at a place, or the picture; -1 for none.
  hit([x, y], shown, reach) {
    const { l, t, w, h } = this.room, inside = x >= l && x <= l + w && y >= t && y <= t + h
    return this.least((row) => {
      const far = Math.hypot(this.x[row] - x, this.y[row] - y)
      return inside && far < (this.framed.has(row) ? this.side : reach) && shown(row) ? far : Infinity
    })
  }
  // The next shown point in a direction; -1 for none.
  toward(from, right, down, shown) {
    return this.least((row) => {
      const dx = this.x[row] - this.x[from], dy = this.y[row] - this.y[from]
      const ahead = dx * right + dy * down, aside = Math.abs(dx * down) + Math.abs(dy * right)
      return ahead > 0 && ahead >= aside / 2 && shown(row) ? ahead + 2 * aside : Infinity
    })
  }
  put(element, row, style) {
    Object.assign(element.style, { left: `${this.x[row]}px`, top: `${this.y[row]}px` }, style)
  }
  // The card beside a point: its picture, its name and a note.
  tell(card, row, { src, name, note }) {
    const { figure, plot, x, y } = this, [image, ...texts] = card.children
    const beside = x[row] < plot.clientWidth / 2 ? 18 : -186
    if (card.parentNode !== figure) figure.append(card)
    if (image.getAttribute("src") !== src) image.src = src
    ;[name, note].forEach((text, place) => { texts[place].textContent = text })
    card.style.left = `max(0px, min(${x[row] + beside}px, 100% - 168px))`
    card.style.top = `${Math.max(0, Math.min(y[row] - 40, plot.clientHeight - 210))}px`
  }
  // Frame those pictures that have room, first those that come first, and while on the way those that had it before.
  // `look` tells of a row where its picture is, in which colour its frame is, and how many times as large it is.
  frame(rows, first, look, onTheWay) {
    const weight = (row) => 2 * first(row) + (onTheWay && this.images.has(row)), room = 1.9 * this.side
    const apart = (a, b) => Math.abs(this.x[a] - this.x[b]) >= room || Math.abs(this.y[a] - this.y[b]) >= room
    this.framed = new Set()
    for (const row of rows.sort((a, b) => weight(b) - weight(a)))
      if (first(row) > 2 || [...this.framed].every((other) => apart(row, other))) this.framed.add(row)
    for (const [row, image] of this.images) if (!this.framed.has(row)) this.images.delete(row, image.remove())
    for (const row of this.framed) {
      const { src, borderColor, large } = look(row), side = `${2 * this.side * large}px`
      const image = () => this.lid.appendChild(Object.assign(new Image(), { alt: "", src }))
      if (!this.images.has(row)) this.images.set(row, image())
      this.put(this.images.get(row), row, { maxWidth: side, maxHeight: side, zIndex: first(row), borderColor })
    }
  }
  // The plot as a file, with its caption, and with the pictures that lie over it.
  save(format, { filename, title }) {
    const { plot, at: [x, y, z], images, side, caption } = this, size = (2 * side) / this.view().zoom
    const place = { xref: "x", yref: "y", sizex: size, sizey: size, xanchor: "center", yanchor: "middle" }
    const pictures = [...images].map(([row, { src }]) => ({ ...place, source: src, x: x[row], y: y[row] }))
    const ground = getComputedStyle(plot).getPropertyValue("--st-background-color"), text = caption.textContent
    const layout = { ...plot.layout, images: z ? [] : pictures, title: { ...title, text }, paper_bgcolor: ground }
    const file = { format, filename, width: plot.clientWidth, height: plot.clientHeight, scale: 3 }
    return Plotly.downloadImage({ data: plot.data, layout }, file)
  }
  // How Plotly's tools are set up, with three more.
  config(given, scene) {
    const button = (name, icon, click) => ({ name, title: name, icon: Plotly.Icons[icon], click })
    const save = (format) => () => this.save(format, scene.data.saved).then(() => scene.say("Image saved"))
    const own = [
      button("Clear selection", "eraseshape", () => scene.select([])),
      button("Save as PNG", "camera", save("png")),
      button("Save as SVG", "disk", save("svg")),
    ]
    return { ...given, plotGlPixelRatio: devicePixelRatio, modeBarButtonsToAdd: own }
  }
}
