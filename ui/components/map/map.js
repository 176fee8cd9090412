// The maps of one or two configurations, side by side and linked, drawn by Plotly. `data` in; out come the states
// `selected` (ids) and `muted` (labels of classes), and the trigger `picked` (id). Everything in `data` is shown as
// text, never as markup. The player tells where between the layers the first map is.
const HOME = { zoom: 1, x: 0, y: 0 }, FAINT = 0.12, CLOSE = 3
const scenes = new WeakMap()

class Scene {
  constructor(root) {
    const all = [...root.querySelectorAll("figure")].map((figure) => new Panel(figure))
    const card = root.querySelector(".card"), watch = new ResizeObserver(() => this.draw())
    Object.assign(this, { root, all, card, watch, panels: [], turn: 0, stop: new AbortController() })
    this.on(window, "semsearch-layer", ({ detail }) => this.travel(all[0], detail))
    for (const panel of all) {
      panel.plot.where = (id) => [panel.x[this.row.get(id)], panel.y[this.row.get(id)]]
      panel.plot.framed = () => [...panel.framed].map((row) => this.data.ids[row])
      watch.observe(panel.plot)
      listen(this, panel)
    }
  }
  on(target, kind, act) { target.addEventListener(kind, act, { capture: true, signal: this.stop.signal }) }
  close() {
    this.stop.abort()
    this.watch.disconnect()
    this.panels = []
    for (const { plot } of this.all) window.Plotly?.purge(plot)
  }
  async update(data, setStateValue, setTriggerValue) {
    const row = new Map(data.ids.map((id, place) => [id, place])), panels = this.all.slice(0, data.panels.length)
    const selected = new Set(data.selected.map((id) => row.get(id))), { flight: [flight, found] } = data
    if (data.stamp !== this.data?.stamp)
      Object.assign(this, { view: HOME, muted: new Set(data.muted), hover: -1, flight })
    Object.assign(this, { data, setStateValue, setTriggerValue, row, panels, selected, query: row.get(data.query) })
    this.all[1].figure.hidden = !panels[1]
    panels.forEach((panel, number) => panel.load(data.panels[number]))
    this.words()
    this.ready = await import(new URL(data.plotly, document.baseURI)).then(() => true, () => false)
    if (!this.ready) for (const { plot } of panels) plot.textContent = data.failed
    if (this.drawn === this.key()) this.lay()
    else this.draw()
    if (this.ready && flight !== this.flight) this.fly(row.get(found))
    this.flight = flight
  }
  // All of what is drawn that a run of the page may change.
  key() {
    const near = this.panels.map(({ data }) => [data.stamp, data.near]), { color } = getComputedStyle(this.root)
    return JSON.stringify([this.data.colour, color, this.query, [...this.selected].sort(), near])
  }
  address(row) { return this.data.pictures[row] && this.data.folder + this.data.pictures[row] }
  shown(row) { return row < this.data.traces.length && !this.muted.has(this.data.traces[row]) }
  near(panel) { return (panel.data.near[panel.layer] ?? []).map((id) => this.row.get(id)) }
  name(row) { return `${this.data.classes[this.data.labels[row]]}, picture ${this.data.ids[row]}` }
  say(text) { this.root.querySelector(".spoken").textContent = text }
  pick(row) { this.setTriggerValue("picked", this.data.ids[row]) }
  select(rows) {
    this.selected = new Set(rows)
    this.say(`${this.selected.size} selected`)
    return this.tell("selected", Array.from(this.selected, (row) => this.data.ids[row]))
  }
  // Mute a class, or no longer; or all others, and where they are muted already, none.
  mute(label, others) {
    const rest = [...this.data.starts.keys()].slice(0, -1).filter((one) => one !== label), muted = new Set(this.muted)
    if (others) this.muted = new Set(muted.size === rest.length && !muted.has(label) ? [] : rest)
    else this.muted = muted.delete(label) ? muted : muted.add(label)
    return this.tell("muted", [...this.muted])
  }
  tell(state, values) {
    this.setStateValue(state, values)
    requestAnimationFrame(() => this.draw()) // what Plotly itself has drawn of it is seen before
    return false
  }
  draw() {
    if (!this.ready) return
    for (const panel of this.panels) {
      const layout = this.layout(panel)
      panel.place()
      Plotly.react(panel.plot, this.traces(panel), layout, (panel.tools ??= panel.config(this.data.config, this)))
      panel.heard ??= hear(this, panel)
      legend(this, panel)
    }
    this.drawn = this.key()
    this.lay()
  }
  layout(panel) {
    const { plot, data: { figure: { layout } } } = panel, { clientWidth: width, clientHeight: height } = plot
    const { zoom, x, y, camera = layout.scene?.camera } = this.view, look = getComputedStyle(plot)
    const beside = this.data.legends[width > 520 ? "wide" : "narrow"], { l, r, t, b } = beside.margin
    const range = (middle, size) => [middle - size / 2 / zoom, middle + size / 2 / zoom]
    const { w, h } = (panel.room = { l, r, t, b, w: width - l - r, h: height - t - b })
    const axes = camera ? { scene: { ...layout.scene, camera } }
      : { xaxis: { ...layout.xaxis, range: range(x, w) }, yaxis: { ...layout.yaxis, range: range(y, h) } }
    const font = { color: look.color, family: look.fontFamily }
    return { ...layout, ...beside, ...axes, font, width, height, selectionrevision: ++this.turn }
  }
  // Places and colours of all traces, those of lines with a gap after each: what differs from layer to layer.
  moved(panel) {
    const { starts, ramp } = this.data, lines = this.near(panel).flatMap((row) => [this.query, row, -1])
    const each = (values) => starts.slice(1).map((end, trace) => values.subarray(starts[trace], end))
    const moved = ramp ? { "marker.color": [...each(panel.kept[panel.layer]), undefined, undefined] } : {}
    panel.at.forEach((axis, number) => {
      moved["xyz"[number]] = [...each(axis), lines.map((row) => axis[row] ?? null), [axis[this.query]]]
    })
    return moved
  }
  traces(panel) {
    const { plot, data: { figure, dims } } = panel, ink = getComputedStyle(plot).color, moved = this.moved(panel)
    const { starts } = this.data, some = this.selected.size
    return figure.data.map(({ marker, line, ...trace }, number) => {
      const [x, y, z, color = marker.color] = ["x", "y", "z", "marker.color"].map((name) => moved[name]?.[number])
      const own = { ...marker, color, line: { ...marker.line, color: ink } }, drawn = { ...trace, x, y, z, marker: own }
      if (number >= starts.length - 1) return { ...drawn, line: { ...line, color: ink } }
      const chosen = Array.from(x, (_, place) => this.selected.has(starts[number] + place))
      if (dims === 3 && some) own.size = chosen.map((one) => marker.size * (one ? 1.6 : 0.5))
      if (this.muted.has(number)) own.opacity = FAINT
      return { ...drawn, selectedpoints: dims === 2 && some ? [...chosen.keys()].filter((n) => chosen[n]) : null }
    })
  }
  travel(panel, time) {
    panel.time = time
    this.words()
    if (!panel.heard) return
    panel.place()
    if (time % 1 && panel.data.dims === 2) panel.push(this.moved(panel))
    else Plotly.restyle(panel.plot, this.moved(panel))
    this.lay()
  }
  // What lies over the plots: pictures where they have room, a ring round the point that is pointed at, and its card.
  lay() {
    this.laying ??= requestAnimationFrame(() => {
      this.laying = null
      for (const panel of this.panels) if (panel.heard) this.cover(panel)
    })
  }
  cover(panel) {
    const { plot, lid, data, room: { l, r, t, b, w, h } } = panel, { zoom } = this.view
    const near = new Set(this.near(panel)), few = (row) => (this.selected.has(row) ? 2 : Number(near.has(row)))
    const first = (row) => (row === this.hover ? 4 : row === this.query ? 3 : few(row))
    const drawn = (row) => this.address(row) && this.shown(row) && (!this.selected.size || first(row) > 1)
    const colour = (row) => data.figure.data[this.data.traces[row]].marker.color
    const look = (row) => ({
      src: this.address(row),
      borderColor: this.data.ramp?.[panel.kept[panel.layer][row]] ?? colour(row),
      large: [1, 1, 1, 1.5, 2.2][first(row)],
    })
    panel.project()
    panel.side = Math.min(128, Math.max(28, Math.sqrt((w * h) / panel.x.length) * 0.7 * zoom ** 0.8)) / 2
    const rows = this.data.points === "pictures" ? [...this.row.values()].filter(drawn) : []
    panel.frame(rows, first, look, !Number.isInteger(panel.time))
    plot.classList.toggle("near", data.dims === 3 || zoom > 1.05 || plot._fullLayout.dragmode !== "pan")
    lid.style.clipPath = `inset(${t}px ${r}px ${b}px ${l}px)`
    panel.put(Object.assign(lid.firstElementChild, { hidden: this.hover < 0 }), this.hover)
    this.card.hidden = this.hover < 0
    if (this.hover >= 0 && panel === this.pointed) panel.tell(this.card, this.hover, this.about(panel, this.hover))
  }
  // All maps as one of them is looked at.
  look(view = HOME) {
    const same = JSON.stringify(view) === JSON.stringify(this.view)
    this.view = view
    return same ? this.lay() : this.draw()
  }
  zoom(panel, ...how) { this.look(panel.zoomed(this.view, ...how)) }
  // To a picture: into the middle and close, and marked; where the map can be turned, marked alone.
  fly(row) {
    const [panel] = this.panels, [x, y, z] = panel.at
    this.point(panel, row)
    if (!z) this.look({ zoom: Math.max(CLOSE, this.view.zoom), x: x[row], y: y[row] })
  }
  words() {
    for (const { data: { title, captions }, layer, caption: { children: [name, text] } } of this.panels)
      [name.textContent, text.textContent] = [title, captions[layer].join(". ")]
  }
  note(panel, row) {
    const near = this.near(panel), { neighbours } = this.data, place = near.indexOf(row) + 1
    const nearest = near.slice(0, 5).map((one) => this.name(one)).join("; ")
    const trust = neighbours ? `${panel.kept[panel.layer][row]} of its ${neighbours} nearest are near it here.` : ""
    if (row === this.query) return `The query. ${trust}${nearest && ` Nearest: ${nearest}.`}`
    return `${place ? `Match ${place} of the query. ` : ""}${trust}`
  }
  about(panel, row) { return { src: this.address(row), name: this.name(row), note: this.note(panel, row) } }
  point(panel, row) {
    if (row === this.hover) return
    Object.assign(this, { hover: row, pointed: panel })
    panel.plot.classList.toggle("over", row >= 0)
    this.lay()
  }
}

export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  if (!scenes.has(parentElement)) scenes.set(parentElement, new Scene(parentElement))
  const scene = scenes.get(parentElement)
  scene.update(data, setStateValue, setTriggerValue)
  return () => scene.close()
}
