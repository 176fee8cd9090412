// The maps of one or two configurations, side by side and linked. `data` in; out come the states `selected` (ids)
// and `hidden` (labels of classes), and the triggers `picked` (id) and `settled` (layer). Everything in `data` is
// shown as text, never as markup.

const PICTURES = "app/static/pictures/"
const PACE = 0.7 // layers per second at speed 1
const ROWS = 500
const scenes = new WeakMap()

class Scene {
  constructor(root) {
    this.root = root
    this.part = (name) => root.querySelector(name)
    Object.assign(this, { panels: [], images: new Map(), hidden: new Set(), selected: new Set(), hover: -1, time: 0 })
    Object.assign(this, { mode: "move", playing: false, target: 0, stamp: "", count: 0, trace: null, fingers: new Map() })
    this.watch = new ResizeObserver(() => this.paint())
    this.tools()
    this.player()
    this.part(".table").ontoggle = () => this.table()
  }

  close() { this.watch.disconnect(); this.closed = true }

  update(data, setStateValue, setTriggerValue) {
    Object.assign(this, { data, setStateValue, setTriggerValue, closed: false })
    Object.assign(this, { count: data.ids.length, pictures: data.points === "pictures", query: data.ids.indexOf(data.query) })
    const style = getComputedStyle(this.part(".map")), theme = (name) => style.getPropertyValue(name).trim()
    this.ink = theme("--st-text-color")
    this.accent = theme("--st-primary-color")
    this.figures(data.panels)
    const [first] = data.panels, slider = this.part(".layer")
    slider.max = first.layers.length - 1
    if (data.stamp !== this.stamp) {
      Object.assign(this, { stamp: data.stamp, time: first.layer, target: first.layer, settled: first.layer, playing: false })
      this.hidden = new Set(data.hidden)
    } else if (first.layer !== this.settled) {
      this.settled = first.layer
      if (!this.playing) this.travel(first.layer)
    }
    const row = new Map(data.ids.map((id, place) => [id, place]))
    this.selected = new Set(data.selected.map((id) => row.get(id)).filter((place) => place !== undefined))
    this.legend()
    this.table()
    this.paint()
  }

  figures(panels) {
    const place = this.part(".panels")
    place.dataset.count = panels.length
    while (this.panels.length > panels.length) { this.panels.pop(); place.lastElementChild.remove() }
    while (this.panels.length < panels.length) {
      const figure = document.createElement("figure"), canvas = document.createElement("canvas")
      canvas.tabIndex = 0
      canvas.setAttribute("role", "application")
      figure.append(canvas, document.createElement("figcaption"))
      place.append(figure)
      const panel = new Panel(figure)
      this.panels.push(panel)
      this.watch.observe(canvas)
      this.listen(panel)
      canvas.where = (id) => { const row = this.data.ids.indexOf(id); return [panel.x[row], panel.y[row]] }
      canvas.framed = () => [...panel.framed].map((row) => this.data.ids[row])
    }
    panels.forEach((data, number) => {
      this.panels[number].load(data, this.count)
      this.panels[number].canvas.setAttribute("aria-label", data.spoken)
    })
  }

  // What a panel asks while it draws. The slider moves the first map; the second stays at its own layer.
  timeOf(panel) { return panel === this.panels[0] ? this.time : 0 }
  layerOf(panel) { return Math.round(this.timeOf(panel)) }
  shown(row) { return !this.hidden.has(this.data.labels[row]) }
  symbol(row) { return this.data.classes[this.data.labels[row]].symbol }
  colour(panel, row) {
    if (this.data.colour === "class") return this.data.classes[this.data.labels[row]].colour
    return this.data.ramp[Math.min(this.data.ramp.length - 1, panel.keptNeighbours[this.layerOf(panel)][row])]
  }

  address(row) {
    const name = this.data.pictures[row]
    return name ? PICTURES + this.data.folder + "/" + name : ""
  }

  image(row) {
    const source = this.address(row)
    if (!source) return null
    if (!this.images.has(source)) {
      const image = new Image()
      image.onload = () => this.paint()
      image.src = source
      this.images.set(source, image)
    }
    const image = this.images.get(source)
    return image.complete && image.naturalWidth ? image : null
  }

  paint() {
    if (this.waiting || this.closed) return
    this.waiting = requestAnimationFrame(() => {
      this.waiting = 0
      if (this.data) for (const panel of this.panels) panel.draw(this)
      this.words()
    })
  }

  words() {
    const slider = this.part(".layer"), here = Math.round(this.time)
    this.panels.forEach((panel) => {
      const data = panel.data, [place, name, says] = data.captions[this.layerOf(panel)]
      const title = document.createElement("b")
      title.textContent = data.title
      const text = `${place} · ${name}. ${says}`
      if (panel.caption.textContent !== data.title + text) panel.caption.replaceChildren(title, text)
    })
    if (this.root.activeElement !== slider || this.playing) slider.value = here
    slider.setAttribute("aria-valuetext", this.data.panels[0].captions[here].slice(0, 2).join(", "))
    const play = this.part(".play")
    play.textContent = this.playing ? "❚❚ Pause" : "▶ Play"
    play.setAttribute("aria-label", this.playing ? "Pause" : "Play through the layers")
    this.part("[data-act=clear]").disabled = !this.selected.size
  }

  // The journey: `time` goes to `target`, at the chosen speed while playing, quickly after a move of the slider.
  travel(target) {
    this.target = target
    if (matchMedia("(prefers-reduced-motion: reduce)").matches && !this.playing) this.time = target
    if (!this.moving) { this.moving = true; this.before = 0; requestAnimationFrame((now) => this.frame(now)) }
  }

  frame(now) {
    const gone = this.before ? Math.min(0.1, (now - this.before) / 1000) : 0
    this.before = now
    const away = this.target - this.time
    const pace = this.playing ? PACE * Number(this.part(".speed").value) : Math.max(1.6, Math.abs(away) * 2.5)
    this.time += Math.sign(away) * Math.min(Math.abs(away), gone * pace)
    this.paint()
    if (this.time !== this.target && !this.closed) return requestAnimationFrame((next) => this.frame(next))
    this.moving = false
    this.playing = false
    this.settle()
  }

  settle() {
    clearTimeout(this.pending)
    this.pending = setTimeout(() => {
      const layer = Math.round(this.time)
      if (this.moving || this.closed || layer === this.settled) return
      this.settled = layer
      this.setTriggerValue("settled", layer)
    }, 350)
  }

  player() {
    const slider = this.part(".layer")
    slider.oninput = () => { this.playing = false; this.travel(Number(slider.value)) }
    this.part(".play").onclick = () => {
      const last = this.data.panels[0].layers.length - 1
      if (this.playing) { this.playing = false; return this.travel(Math.round(this.time)) }
      if (this.time === last) this.time = 0
      this.playing = true
      this.travel(last)
    }
  }

  tools() {
    const modes = [...this.root.querySelectorAll("[data-mode]")]
    const choose = (mode) => {
      this.mode = mode
      modes.forEach((one) => one.setAttribute("aria-pressed", String(one.dataset.mode === mode)))
      this.part(".panels").dataset.mode = mode
    }
    modes.forEach((one) => { one.onclick = () => choose(one.dataset.mode) })
    choose("move")
    const act = (name, does) => { this.part(`[data-act=${name}]`).onclick = () => { does(); this.paint() } }
    act("in", () => this.panels.forEach((panel) => zoomed(panel, 1.4)))
    act("out", () => this.panels.forEach((panel) => zoomed(panel, 1 / 1.4)))
    act("home", () => this.panels.forEach((panel) => panel.home()))
    act("clear", () => this.select(new Set()))
    act("save", () => save(this))
  }

  select(rows) {
    this.selected = rows
    this.setStateValue("selected", [...rows].sort((a, b) => a - b).map((row) => this.data.ids[row]))
    this.say(`${rows.size} selected`)
    this.paint()
  }

  pick(row) { this.setTriggerValue("picked", this.data.ids[row]) }

  say(text) { this.part(".spoken").textContent = text }

  name(row) { return this.data.classes[this.data.labels[row]].name }

  note(panel, row) {
    const neighbours = panel.keptNeighbours[this.layerOf(panel)][row], rank = (panel.data.near[this.layerOf(panel)] ?? []).indexOf(row)
    const place = row === this.query ? "The query. " : rank >= 0 ? `Match ${rank + 1} of the query. ` : ""
    return this.data.neighbours ? `${place}${neighbours} of its ${this.data.neighbours} nearest are near it here.` : place.trim()
  }

  point(panel, row) {
    panel.canvas.classList.toggle("over", row >= 0)
    if (row === this.hover) return
    this.hover = row
    const card = this.part(".card")
    card.hidden = row < 0
    if (row >= 0) this.card(card, panel, row)
    this.paint()
  }

  card(card, panel, row) {
    const [image, standin] = [card.querySelector("img"), card.querySelector(".standin")], source = this.address(row)
    image.onerror = () => { image.hidden = true; standin.hidden = false }
    image.hidden = !source
    standin.hidden = Boolean(source)
    if (source) image.src = source
    standin.textContent = "Picture not here"
    card.querySelector(".name").textContent = `${this.name(row)}, picture ${this.data.ids[row]}`
    card.querySelector(".note").textContent = this.note(panel, row)
    const frame = this.part(".map").getBoundingClientRect(), own = panel.canvas.getBoundingClientRect()
    const x = own.left - frame.left + panel.x[row], y = own.top - frame.top + panel.y[row]
    card.style.left = `${Math.max(0, x + 190 > frame.width ? x - 186 : x + 18)}px`
    card.style.top = `${Math.max(0, Math.min(y - 40, own.bottom - frame.top - 210))}px`
  }

  legend() {
    const place = this.part(".legend"), { classes, labels } = this.data
    const counts = classes.map(() => 0)
    labels.forEach((label) => counts[label]++)
    while (place.children.length > classes.length) place.lastElementChild.remove()
    classes.forEach((kind, label) => {
      const button = place.children[label] ?? place.appendChild(chip())
      button.querySelector("path").setAttribute("d", SYMBOLS[kind.symbol])
      button.querySelector("path").setAttribute("fill", this.data.colour === "class" ? kind.colour : "none")
      button.lastElementChild.textContent = `${kind.name} (${counts[label]})`
      button.setAttribute("aria-pressed", String(!this.hidden.has(label)))
      button.title = "Click to hide or show; double-click for this class alone"
      button.onclick = () => this.filter(this.hidden.has(label) ? [...this.hidden].filter((one) => one !== label) : [...this.hidden, label])
      button.ondblclick = () => this.filter(classes.map((_, other) => other).filter((other) => other !== label))
    })
    this.part(".scale").hidden = this.data.colour === "class" || !this.data.neighbours
    this.part(".high").textContent = this.data.neighbours
    this.part(".ramp").style.background = `linear-gradient(90deg, ${this.data.ramp.join(",")})`
  }

  filter(hidden) {
    this.hidden = new Set(hidden)
    this.setStateValue("hidden", [...this.hidden])
    this.legend()
    this.paint()
  }

  table() {
    if (!this.part(".table").open) return
    const [panel] = this.panels, near = panel.data.near[this.layerOf(panel)] ?? []
    panel.place(this.timeOf(panel))
    const rank = (row) => (row === this.query ? 0 : near.includes(row) ? near.indexOf(row) + 1 : Infinity)
    const rows = this.data.ids.map((_, row) => row).filter((row) => this.shown(row))
    rows.sort((a, b) => rank(a) - rank(b) || this.data.labels[a] - this.data.labels[b] || a - b)
    this.part(".cut").textContent = `${Math.min(ROWS, rows.length)} of ${rows.length} pictures: the query, its matches, then by class.`
    this.part("tbody").replaceChildren(...rows.slice(0, ROWS).map((row) => this.line(panel, row, rank(row))))
  }

  line(panel, row, rank) {
    const neighbours = panel.keptNeighbours[this.layerOf(panel)][row], { dims } = panel.data, button = document.createElement("button")
    button.type = "button"
    button.textContent = `Picture ${this.data.ids[row]}: search with it`
    button.onclick = () => this.pick(row)
    const at = Array.from(panel.places[this.layerOf(panel)].slice(row * dims, row * dims + dims)).map((step) => (step / 65535).toFixed(2))
    const rest = [this.name(row), at.join(", "), this.data.neighbours ? `${neighbours} of ${this.data.neighbours}` : "–", rank === Infinity ? "" : rank || "query"]
    const line = document.createElement("tr")
    for (const value of [button, ...rest]) { const cell = document.createElement("td"); cell.append(value); line.append(cell) }
    return line
  }
}

function chip() {
  const button = document.createElement("button"), space = "http://www.w3.org/2000/svg"
  const icon = document.createElementNS(space, "svg")
  icon.setAttribute("viewBox", "-1.4 -1.4 2.8 2.8")
  icon.setAttribute("aria-hidden", "true")
  icon.append(document.createElementNS(space, "path"))
  Object.assign(button, { type: "button", className: "kind" })
  button.append(icon, document.createElement("span"))
  return button
}

export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  if (!scenes.has(parentElement)) scenes.set(parentElement, new Scene(parentElement))
  const scene = scenes.get(parentElement)
  scene.update(data, setStateValue, setTriggerValue)
  return () => scene.close()
}
