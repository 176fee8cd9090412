// One map: a plot whose points travel from layer to layer.
const HALF = 32767, mix = (from, to, part) => from + (to - from) * part
const bytes = ({ bdata }) => Uint8Array.from(atob(bdata), (letter) => letter.charCodeAt(0))
const numbers = (packed) => [...new Int16Array(bytes(packed).buffer)]
const join = ({ data }, axis) => Int16Array.from(data.flatMap((trace) => numbers(trace[axis])))

class Panel extends Plot {
  get layer() { return Math.round(this.time) }
  load(data) {
    if (data.stamp !== this.data?.stamp) {
      const axes = [..."xyz"].slice(0, data.dims), { figure: { frames }, layer: time, kept } = data
      const places = frames.map((frame) => axes.map((axis) => join(frame, axis)))
      Object.assign(this, { time, places, kept: kept.map(bytes) })
    }
    this.data = data
    this.plot.setAttribute("aria-label", data.spoken)
  }
  // How much a layer is enlarged so that it fills the frame: while nothing is zoomed, a unit of the axes is a pixel.
  fit(layer) {
    const [wide, high] = this.data.extents[layer], { w, h } = this.room
    return this.data.dims === 3 ? HALF / wide : Math.min((w / 2 - 24) / wide, (h / 2 - 24) / high)
  }
  place() {
    const from = Math.floor(this.time), to = Math.ceil(this.time), next = this.places[to]
    const way = this.time - from, part = way * way * (3 - 2 * way), fit = mix(this.fit(from), this.fit(to), part)
    const between = (axis, n) => Float32Array.from(axis, (at, row) => fit * mix(at, next[n][row], part))
    this.at = this.places[from].map(between)
  }
}

// What Plotly tells of its tools and of its legend.
function hear(scene, panel) {
  const { plot } = panel, own = (row) => (scene.shown(row) ? [row] : [])
  const rows = ({ points }) => points.flatMap((point) => own(scene.data.starts[point.curveNumber] + point.pointNumber))
  const add = (event) => event && scene.select([...(scene.adding ? scene.selected : []), ...rows(event)])
  const mute = (others) => ({ curveNumber }) => scene.mute(curveNumber, others)
  plot.on("plotly_selected", add)
  plot.on("plotly_deselect", () => scene.select([]))
  plot.on("plotly_legendclick", mute(false))
  plot.on("plotly_legenddoubleclick", mute(true)) // after two clicks, which undo one another
  plot.on("plotly_relayout", () => scene.look(panel.view()))
  for (const event of ["plotly_relayouting", "plotly_afterplot"]) plot.on(event, () => scene.lay())
  return true
}
