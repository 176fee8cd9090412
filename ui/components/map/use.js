// What hands do on a map beside Plotly's own modes, and what Plotly tells of those.
// Plotly writes its styles into the document, where they do not reach a shadow root.
function dress(root) {
  const rules = [...document.getElementById("plotly.js-style-global").sheet.cssRules].map((rule) => rule.cssText)
  root.prepend(Object.assign(document.createElement("style"), { textContent: rules.join("\n") }))
}
function config(scene, panel) {
  const button = (name, icon, click) => ({ name, title: name, icon: Plotly.Icons[icon], click }), save = (format) => () => keep(scene, panel, format)
  return { ...scene.data.config, plotGlPixelRatio: devicePixelRatio, modeBarButtonsToAdd: [button("Clear selection", "eraseshape", () => scene.select([])),
    button("Save as PNG", "camera", save("png")), button("Save as SVG", "disk", save("svg"))] }
}
// The map as a file, with its caption, and with the pictures that lie over it.
function keep({ address, view, say }, { plot, at: [x, y, z], framed, side, caption }, format) {
  const size = (2 * side) / view.zoom, place = { xref: "x", yref: "y", sizex: size, sizey: size, xanchor: "center", yanchor: "middle" }
  const images = [...framed].map((row) => ({ ...place, source: new URL(address(row), document.baseURI).href, x: x[row], y: y[row] }))
  const layout = { ...plot.layout, images: z ? [] : images, title: { text: caption.textContent, font: { size: 13 }, x: 0.01, y: 0.99, yanchor: "top" } }
  const file = { format, width: plot.clientWidth, height: plot.clientHeight, scale: 3, filename: "semsearch_map" }
  Plotly.downloadImage({ data: plot.data, layout }, file).then(() => say("Image saved"))
}
function hear(scene, panel) {
  const { plot } = panel, row = ({ curveNumber, pointNumber }) => panel.members[curveNumber]?.[pointNumber] ?? []
  plot.on("plotly_selected", (event) => { if (event) scene.select([...(scene.adding ? scene.selected : []), ...event.points.flatMap(row)]) })
  plot.on("plotly_deselect", () => scene.select([]))
  const off = () => [...plot.data.keys()].filter((label) => plot.data[label].visible === "legendonly")
  plot.on("plotly_restyle", ([change]) => change.visible && scene.hide(off()))
  plot.on("plotly_relayout", () => scene.look(plot))
  for (const event of ["plotly_relayouting", "plotly_afterplot"]) plot.on(event, () => scene.lay())
  return true
}
// The legend is Plotly's; here it is given to the keyboard and to screen readers.
function legend(scene, { plot }) {
  for (const entry of plot.querySelectorAll(".legend .traces")) {
    const { index, name } = entry.__data__[0].trace, on = !scene.hidden.has(index), others = [...scene.hidden].filter((one) => one !== index)
    Object.assign(entry, { tabIndex: 0, role: "button", ariaPressed: on, ariaLabel: name })
    entry.onkeydown = (event) => [" ", "Enter"].includes(event.key) && (event.preventDefault(), scene.hide(on ? [...others, index] : others))
  }
}
function listen(scene, panel) {
  const { plot } = panel, fingers = new Map(), on = (target, kind, does) => target.addEventListener(kind, does, true), touch = ({ pointerType }) => pointerType === "touch"
  const at = ({ clientX, clientY }) => { const { left, top } = plot.getBoundingClientRect(); return [clientX - left, clientY - top] }
  let down = null
  plot.where = (id) => [panel.x?.[scene.row.get(id)], panel.y?.[scene.row.get(id)]]
  plot.framed = () => [...panel.framed].map((row) => scene.data.ids[row])
  plot.onkeydown = (event) => { if (event.target === plot) key(scene, panel, event) }
  const hover = (event, row) => { if (!touch(event) && !event.buttons) scene.point(panel, row(event)) }
  plot.onpointerleave = (event) => hover(event, () => -1)
  plot.onpointermove = (event) => {
    if (fingers.size === 2 && fingers.has(event.pointerId)) pinch(scene, panel, fingers, event.pointerId, at(event))
    else hover(event, () => panel.hit(at(event), scene.shown, 9))
  }
  on(plot, "pointerdown", (event) => {
    if (event.target.closest(".modebar, .legend")) return
    plot.focus({ preventScroll: true })
    fingers.set(event.pointerId, at(event))
    down = fingers.size === 1 && !event.button && at(event)
    scene.adding = event.shiftKey
  })
  on(window, "pointercancel", (event) => fingers.delete(event.pointerId))
  on(window, "pointerup", (event) => {
    const [x, y] = at(event), held = fingers.delete(event.pointerId)
    if (!held || !down || Math.hypot(x - down[0], y - down[1]) > 4) return
    const row = panel.hit([x, y], scene.shown, touch(event) ? 18 : 9)
    if (touch(event)) scene.point(panel, row) // there is no hover: the tap shows the picture too
    if (row >= 0) scene.pick(row)
  })
  on(plot, "wheel", (event) => { if (scene.root.activeElement !== plot && !event.ctrlKey) event.stopPropagation() })
  // The page scrolls under a finger while nothing is zoomed; two fingers are ours.
  const ours = (event) => { if (event.touches.length > 1 || !plot.classList.contains("near")) event.stopPropagation() }
  for (const kind of ["touchstart", "touchmove"]) on(plot, kind, ours)
}
// Two fingers: the map follows them, and grows as they part.
function pinch(scene, panel, fingers, finger, place) {
  const spread = ([[ax, ay], [bx, by]]) => [(ax + bx) / 2, (ay + by) / 2, Math.max(1, Math.hypot(ax - bx, ay - by))]
  const [x, y, wide] = spread([...fingers.values()]), [nextX, nextY, wider] = spread([...fingers.set(finger, place).values()])
  scene.zoom(panel, wider / wide, nextX, nextY, nextX - x, nextY - y)
}
function key(scene, panel, event) {
  const here = scene.hover >= 0 ? scene.hover : scene.query, rows = new Set(scene.selected), zoom = (by) => () => scene.zoom(panel, by)
  const go = (...way) => () => {
    const next = panel.toward(here, ...way, scene.shown)
    scene.point(panel, next < 0 ? here : next)
    scene.say(`${scene.name(scene.hover)}. ${scene.note(panel, scene.hover)}`)
  }
  const acts = { ArrowRight: go(1, 0), ArrowLeft: go(-1, 0), ArrowUp: go(0, -1), ArrowDown: go(0, 1), "+": zoom(1.4), "-": zoom(1 / 1.4),
    0: () => scene.look(panel.plot, HOME), Escape: () => scene.select([]), Enter: () => scene.pick(here),
    " ": () => scene.select(rows.delete(here) ? rows : rows.add(here)) }
  if (event.ctrlKey || event.metaKey || event.altKey || !acts[event.key]) return
  event.preventDefault()
  acts[event.key]()
}
