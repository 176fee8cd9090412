// The maps of one or two configurations, side by side and linked, drawn by Plotly. `data` in; out come the states
// `selected` (ids) and `hidden` (labels of classes), and the trigger `picked` (id). Everything in `data` is shown as
// text, never as markup. The player tells where between the layers the first map is.

const HOME = { zoom: 1, x: 0, y: 0 }, CLEAR = "rgba(0,0,0,0)"
const scenes = new WeakMap()

class Scene {
  constructor(root) {
    const part = (name) => root.querySelector(name), all = [...root.querySelectorAll("figure")].map((figure) => new Panel(figure))
    Object.assign(this, { root, part, all, panels: [], hover: -1, turn: 0, watch: new ResizeObserver(() => this.draw()) })
    this.shown = (row) => !this.hidden.has(this.data.traces[row])
    this.address = (row) => this.data.pictures[row] && `app/static/pictures/${this.data.folder}/${this.data.pictures[row]}`
    this.say = (text) => { part(".spoken").textContent = text }
    window.addEventListener("semsearch-layer", (this.follow = ({ detail }) => this.travel(all[0], detail)))
    for (const panel of all) { this.watch.observe(panel.plot); listen(this, panel) }
  }
  close() {
    Object.assign(this, { closed: true }).watch.disconnect()
    window.removeEventListener("semsearch-layer", this.follow)
    for (const { plot } of this.all) window.Plotly?.purge(plot)
  }
  async update(data, setStateValue, setTriggerValue) {
    const row = new Map(data.ids.map((id, place) => [id, place])), panels = this.all.slice(0, data.panels.length), same = data.stamp === this.stamp
    const selected = new Set(data.selected.map((id) => row.get(id)))
    Object.assign(this, { data, setStateValue, setTriggerValue, row, panels, selected, query: row.get(data.query), closed: false })
    if (!same) Object.assign(this, { stamp: data.stamp, view: HOME, hidden: new Set(data.hidden) })
    this.part(".panels").dataset.count = panels.length
    this.all.forEach(({ plot }, number) => { plot.parentElement.hidden = !panels[number] })
    panels.forEach((panel, number) => panel.load(data.panels[number], data.starts))
    if (!same) panels[0].time = data.panels[0].layer
    this.words()
    this.script ??= import(new URL(data.plotly, document.baseURI)).then(() => dress(this.root), () => { this.script = null })
    await this.script
    this.ready = Boolean(this.script)
    if (!this.ready) for (const { plot } of panels) plot.textContent = "The map could not be loaded. Reload the page; the table below holds the same."
    this.draw()
    if (this.hover >= 0) this.card(panels[0])
  }
  near(panel) { return (panel.data.near[panel.layer] ?? []).map((id) => this.row.get(id)) }
  name(row) { return `${this.data.classes[this.data.labels[row]]}, picture ${this.data.ids[row]}` }
  pick(row) { this.setTriggerValue("picked", this.data.ids[row]) }
  select(rows) { this.selected = new Set(rows); this.say(`${this.selected.size} selected`); this.tell("selected", this.selected, (row) => this.data.ids[row]) }
  hide(labels) { this.hidden = new Set(labels); this.tell("hidden", this.hidden, Number) }
  tell(state, values, name) {
    this.setStateValue(state, [...values].map((value) => name(value)))
    requestAnimationFrame(() => this.draw()) // what Plotly itself has drawn of it is seen before
  }
  draw() {
    for (const panel of this.ready && !this.closed ? this.panels : []) {
      const layout = this.layout(panel)
      panel.place()
      Plotly.react(panel.plot, this.traces(panel), layout, (panel.config ??= config(this, panel)))
      panel.heard ??= hear(this, panel)
      legend(this, panel)
    }
    this.lay()
  }
  layout(panel) {
    const { plot, data: { figure: { layout }, dims } } = panel, { clientWidth: width, clientHeight: height } = plot, { zoom, x, y, camera } = this.view
    const look = getComputedStyle(plot), theme = (name) => look.getPropertyValue(name).trim(), beside = this.data.legends[width > 520 ? "wide" : "narrow"]
    const margin = { ...layout.margin, ...beside.margin }, w = width - margin.l - margin.r, h = height - margin.t - margin.b
    const range = (middle, size) => [middle - size / 2 / zoom, middle + size / 2 / zoom]
    const axes = dims === 3 ? { scene: { ...layout.scene, ...(camera && { camera }) } }
      : { xaxis: { ...layout.xaxis, range: range(x, w) }, yaxis: { ...layout.yaxis, range: range(y, h) } }
    panel.room = { ...margin, w, h }
    return { ...layout, ...axes, width, height, margin, legend: { ...layout.legend, ...beside.legend }, uirevision: this.stamp, selectionrevision: ++this.turn,
      modebar: { bgcolor: CLEAR, color: look.color, activecolor: theme("--st-primary-color") }, plot_bgcolor: CLEAR,
      font: { color: look.color, family: look.fontFamily }, paper_bgcolor: theme("--st-background-color") }
  }
  // The points of each trace, -1 for a gap in a line, and what of each changes from layer to layer.
  rows(panel) {
    const near = this.near(panel).filter(this.shown), here = this.shown(this.query) ? [this.query] : []
    return [...panel.members, here.flatMap((query) => near.flatMap((row) => [query, row, -1])), here]
  }
  moved(panel) {
    const kept = this.data.ramp && panel.kept[panel.layer], pick = (rows, values) => values && rows.map((row) => values[row] ?? null), { at: [x, y, z] } = panel
    return this.rows(panel).map((rows, trace) => ({ x: pick(rows, x), y: pick(rows, y), z: pick(rows, z), color: panel.members[trace] && pick(rows, kept) }))
  }
  traces(panel) {
    const { data: { figure, dims }, plot, members } = panel, ink = getComputedStyle(plot).color, moved = this.moved(panel), some = this.selected.size
    return figure.data.map(({ marker, line, ...trace }, number) => {
      const { x, y, z, color } = moved[number], own = { ...marker, color: color ?? marker.color, line: { ...marker.line, color: ink } }
      if (!members[number]) return { ...trace, x, y, z, marker: line ? { ...own, color: ink } : own, line: { ...line, color: ink } }
      const chosen = members[number].map((row) => this.selected.has(row))
      if (dims === 3 && some) own.size = chosen.map((one) => marker.size * (one ? 1.6 : 0.5))
      const selectedpoints = dims === 2 && some ? chosen.flatMap((one, place) => (one ? [place] : [])) : null
      return { ...trace, x, y, z, marker: own, selectedpoints, visible: this.hidden.has(number) ? "legendonly" : true }
    })
  }
  travel(panel, time) {
    panel.time = time
    this.words()
    if (!this.ready || this.closed) return
    panel.place()
    if (time % 1 && panel.data.figure.data[0].type === "scatter") { panel.push(this.rows(panel)); return this.lay() }
    const moved = this.moved(panel), all = (name) => moved.map((trace) => trace[name])
    Plotly.restyle(panel.plot, { x: all("x"), y: all("y"), z: all("z"), ...(this.data.ramp && { "marker.color": all("color") }) })
  }
  // What lies over the plots: pictures where they have room, and a ring round the point that is pointed at.
  lay() { this.laying ??= requestAnimationFrame(() => { this.laying = null; for (const panel of this.panels) if (panel.heard && !this.closed) this.cover(panel) }) }
  cover(panel) {
    const { plot, over, images } = panel, { _size: { l, t, w, h }, dragmode } = plot._fullLayout, near = new Set(this.near(panel)), ring = over.firstElementChild
    const first = (row) => (row === this.hover ? 4 : row === this.query ? 3 : this.selected.has(row) ? 2 : Number(near.has(row)))
    const drawn = (row) => this.address(row) && this.shown(row) && (!this.selected.size || first(row) > 1)
    panel.project()
    panel.side = Math.min(128, Math.max(28, Math.sqrt((w * h) / panel.x.length) * 0.7 * this.view.zoom ** 0.8)) / 2
    panel.thin(this.data.points === "pictures" ? [...this.row.values()].filter(drawn) : [], first)
    plot.classList.toggle("near", panel.data.dims === 3 || this.view.zoom > 1.05 || dragmode !== "pan")
    const put = (element, row, more) => Object.assign(element.style, { left: `${panel.x[row] - l}px`, top: `${panel.y[row] - t}px`, ...more })
    Object.assign(over.style, { inset: `${t}px auto auto ${l}px`, width: `${w}px`, height: `${h}px` })
    put(Object.assign(ring, { hidden: this.hover < 0 }), this.hover)
    for (const [row, image] of images) if (!panel.framed.has(row)) { image.remove(); images.delete(row) }
    for (const row of panel.framed) {
      if (!images.has(row)) images.set(row, over.appendChild(Object.assign(new Image(), { alt: "", src: this.address(row) })))
      const borderColor = this.data.ramp?.[panel.kept[panel.layer][row]] ?? panel.data.figure.data[this.data.traces[row]].marker.color
      const side = `${2 * panel.side * [1, 1, 1, 1.5, 2.2][first(row)]}px`
      put(images.get(row), row, { maxWidth: side, maxHeight: side, zIndex: first(row), borderColor })
    }
  }
  // All maps as one of them is looked at, or as told.
  look({ _fullLayout: { xaxis, yaxis, scene, _size: { w } } }, view) {
    const middle = ({ range: [low, high] }) => (low + high) / 2, flat = () => ({ zoom: w / (xaxis.range[1] - xaxis.range[0]), x: middle(xaxis), y: middle(yaxis) })
    const seen = view ?? (scene ? { ...HOME, camera: scene.camera } : flat())
    const same = JSON.stringify(seen) === JSON.stringify(this.view)
    this.view = seen
    return same ? this.lay() : this.draw()
  }
  zoom({ plot, room: { l, t, w, h }, data: { figure } }, factor, x = l + w / 2, y = t + h / 2, dx = 0, dy = 0) {
    const { zoom, camera = figure.layout.scene?.camera } = this.view, nearer = Math.min(40, Math.max(0.5, zoom * factor))
    const eye = camera && Object.fromEntries(Object.entries(camera.eye).map(([axis, far]) => [axis, far / factor])), px = x - l - w / 2, py = y - t - h / 2
    const moved = { zoom: nearer, x: this.view.x + (px - dx) / zoom - px / nearer, y: this.view.y - (py - dy) / zoom + py / nearer }
    this.look(plot, camera ? { ...HOME, camera: { ...camera, eye } } : moved)
  }
  words() {
    for (const { data: { title, captions }, layer, caption: { children: [name, text] } } of this.panels)
      [name.textContent, text.textContent] = [title, captions[layer].join(". ")]
  }
  note(panel, row) {
    const near = this.near(panel), { neighbours } = this.data, place = near.indexOf(row) + 1, nearest = near.slice(0, 5).map((one) => this.name(one)).join("; ")
    const trust = neighbours ? `${panel.kept[panel.layer][row]} of its ${neighbours} nearest are near it here.` : ""
    return row === this.query ? `The query. ${trust}${nearest && ` Nearest: ${nearest}.`}` : `${place ? `Match ${place} of the query. ` : ""}${trust}`
  }
  point(panel, row) {
    panel.plot.classList.toggle("over", row >= 0)
    if (row !== this.hover) { this.hover = row; this.lay(); this.card(panel) }
  }
  card(panel) {
    const box = this.part(".card"), [image, name, note] = box.children, row = this.hover
    const [frame, own] = [this.part(".map"), panel.plot].map((element) => element.getBoundingClientRect())
    const x = own.left - frame.left + panel.x?.[row], y = own.top - frame.top + panel.y?.[row]
    box.hidden = row < 0
    if (row < 0) return
    ;[image.src, name.textContent, note.textContent] = [this.address(row), this.name(row), this.note(panel, row)]
    box.style.left = `${Math.max(0, x + 190 > frame.width ? x - 186 : x + 18)}px`
    box.style.top = `${Math.max(0, Math.min(y - 40, own.bottom - frame.top - 210))}px`
  }
}
export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  if (!scenes.has(parentElement)) scenes.set(parentElement, new Scene(parentElement))
  const scene = scenes.get(parentElement)
  scene.update(data, setStateValue, setTriggerValue)
  return () => scene.close()
}
