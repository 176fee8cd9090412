// What hands do on a plot beside Plotly's own modes. The `scene` is told of it: it points at a row, picks it, selects
// rows, zooms and speaks; it knows which rows are shown and selected, and which one keys begin from.
function listen(scene, panel) {
  const { plot } = panel, fingers = new Map(), touch = ({ pointerType }) => pointerType === "touch"
  const at = ({ clientX, clientY }, { left, top } = plot.getBoundingClientRect()) => [clientX - left, clientY - top]
  const hit = (event) => panel.hit(at(event), (row) => scene.shown(row), touch(event) ? 18 : 9)
  let down = null
  plot.onkeydown = (event) => { if (event.target === plot) key(scene, panel, event) }
  plot.onpointerleave = (event) => { if (!touch(event)) scene.point(panel, -1) }
  plot.onpointermove = (event) => {
    if (fingers.size === 2 && fingers.has(event.pointerId)) pinch(scene, panel, fingers, event.pointerId, at(event))
    else if (!touch(event) && !event.buttons) scene.point(panel, hit(event))
  }
  scene.on(plot, "pointerdown", (event) => {
    if (event.target.closest(".modebar, .legend")) return
    plot.focus({ preventScroll: true })
    fingers.set(event.pointerId, at(event))
    down = fingers.size === 1 && !event.button && at(event)
    scene.adding = event.shiftKey
  })
  scene.on(window, "pointercancel", (event) => fingers.delete(event.pointerId))
  scene.on(window, "pointerup", (event) => {
    const [x, y] = at(event), held = fingers.delete(event.pointerId)
    if (!held || !down || Math.hypot(x - down[0], y - down[1]) > 4) return
    const row = hit(event)
    if (touch(event)) scene.point(panel, row) // there is no hover: the tap shows the picture too
    if (row >= 0) scene.pick(row)
  })
  // The wheel turns the page, but over a legend, with Ctrl, or once the plot was clicked.
  const own = ({ target, ctrlKey }) => ctrlKey || document.activeElement === plot || target.closest(".legend")
  scene.on(plot, "wheel", (event) => { if (!own(event)) event.stopPropagation() })
  // The page scrolls under a finger while nothing is zoomed; two fingers are ours.
  const ours = (event) => { if (event.touches.length > 1 || !plot.classList.contains("near")) event.stopPropagation() }
  for (const kind of ["touchstart", "touchmove"]) scene.on(plot, kind, ours)
}

// Two fingers: the plot follows them, and grows as they part.
function pinch(scene, panel, fingers, finger, place) {
  const spread = ([[ax, ay], [bx, by]]) => [(ax + bx) / 2, (ay + by) / 2, Math.max(1, Math.hypot(ax - bx, ay - by))]
  const [x, y, wide] = spread([...fingers.values()])
  const [nextX, nextY, wider] = spread([...fingers.set(finger, place).values()])
  scene.zoom(panel, wider / wide, nextX, nextY, nextX - x, nextY - y)
}

function key(scene, panel, event) {
  const here = scene.hover >= 0 ? scene.hover : scene.query, rows = new Set(scene.selected)
  const go = (...way) => {
    const next = panel.toward(here, ...way, (row) => scene.shown(row))
    scene.point(panel, next < 0 ? here : next)
    scene.say(`${scene.name(scene.hover)}. ${scene.note(panel, scene.hover)}`)
  }
  const acts = {
    ArrowRight: () => go(1, 0),
    ArrowLeft: () => go(-1, 0),
    ArrowUp: () => go(0, -1),
    ArrowDown: () => go(0, 1),
    "+": () => scene.zoom(panel, 1.4),
    "-": () => scene.zoom(panel, 1 / 1.4),
    0: () => scene.look(),
    Escape: () => scene.select([]),
    Enter: () => scene.pick(here),
    " ": () => scene.select(rows.delete(here) ? rows : rows.add(here)),
  }
  if (event.ctrlKey || event.metaKey || event.altKey || !acts[event.key]) return
  event.preventDefault()
  acts[event.key]()
}

// The legend is Plotly's; here it is given to the keyboard and to screen readers. A long one is wheeled to the entry
// that has the focus.
function legend(scene, { plot }) {
  for (const entry of plot.querySelectorAll(".legend .traces")) {
    const { index } = entry.__data__[0].trace, ariaPressed = !scene.muted.has(index)
    Object.assign(entry, { tabIndex: 0, role: "button", ariaPressed, ariaLabel: entry.textContent })
    entry.onfocus = () => {
      const room = entry.closest(".legend").querySelector(".bg").getBoundingClientRect()
      for (let turn = 0; turn < 200; turn += 1) {
        const { top, bottom } = entry.getBoundingClientRect(), deltaY = 60 * ((bottom > room.bottom) - (top < room.top))
        if (deltaY) entry.dispatchEvent(new WheelEvent("wheel", { deltaY, bubbles: true }))
      }
    }
    entry.onkeydown = (event) => {
      if (event.key !== " " && event.key !== "Enter") return
      event.preventDefault()
      scene.mute(index, event.shiftKey)
    }
  }
}
