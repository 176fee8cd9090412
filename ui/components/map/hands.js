// What hands do on a map: drag, wheel, click, keys.

function zoomed(panel, factor, x = panel.canvas.clientWidth / 2, y = panel.canvas.clientHeight / 2) {
  const zoom = Math.min(40, Math.max(0.5, panel.zoom * factor)), grown = zoom / panel.zoom
  const [dx, dy] = [x - panel.canvas.clientWidth / 2, y - panel.canvas.clientHeight / 2]
  panel.panX = dx - (dx - panel.panX) * grown
  panel.panY = dy - (dy - panel.panY) * grown
  panel.zoom = zoom
  panel.canvas.classList.toggle("near", zoom > 1.05)
}

Scene.prototype.listen = function (panel) {
  const { canvas } = panel, at = (event) => [event.offsetX, event.offsetY]
  canvas.onpointerdown = (event) => {
    if (event.button) return
    this.fingers.set(event.pointerId, at(event))
    this.down = this.fingers.size === 1 ? { x: event.offsetX, y: event.offsetY, moved: false } : null
    canvas.setPointerCapture(event.pointerId)
  }
  canvas.onpointermove = (event) => {
    if (this.fingers.size === 2 && this.fingers.has(event.pointerId)) this.pinch(panel, event.pointerId, at(event))
    else if (this.down) this.drag(panel, event)
    else if (event.pointerType !== "touch") this.point(panel, panel.hit(this, ...at(event)))
  }
  canvas.onpointerup = (event) => { this.fingers.delete(event.pointerId); this.release(panel, event) }
  canvas.onpointercancel = (event) => { this.fingers.delete(event.pointerId); this.down = this.trace = null; this.paint() }
  canvas.onpointerleave = (event) => { if (!this.down && event.pointerType !== "touch") this.point(panel, -1) }
  canvas.onwheel = (event) => {
    if (this.root.activeElement !== canvas && !event.ctrlKey) return
    event.preventDefault()
    zoomed(panel, Math.exp(-event.deltaY * 0.0015), ...at(event))
    this.paint()
  }
  canvas.onkeydown = (event) => this.key(panel, event)
}

// Two fingers: the map follows them, and grows as they part.
Scene.prototype.pinch = function (panel, finger, place) {
  const spread = () => {
    const [[ax, ay], [bx, by]] = [...this.fingers.values()]
    return [(ax + bx) / 2, (ay + by) / 2, Math.max(1, Math.hypot(ax - bx, ay - by))]
  }
  const [x, y, wide] = spread()
  this.fingers.set(finger, place)
  const [nextX, nextY, wider] = spread()
  panel.panX += nextX - x
  panel.panY += nextY - y
  zoomed(panel, wider / wide, nextX, nextY)
  this.paint()
}

Scene.prototype.drag = function (panel, event) {
  const { down } = this, [x, y] = [event.offsetX, event.offsetY]
  down.moved ||= Math.hypot(x - down.x, y - down.y) > 4
  if (!down.moved) return
  this.point(panel, -1)
  this.tracing = panel
  if (this.mode === "box") this.trace = [[down.x, down.y], [x, down.y], [x, y], [down.x, y]]
  else if (this.mode === "lasso") (this.trace ??= [[down.x, down.y]]).push([x, y])
  else {
    const [dx, dy] = [x - (down.lastX ?? down.x), y - (down.lastY ?? down.y)]
    const turn = panel.data.dims === 3 && !event.shiftKey
    if (turn) { panel.yaw += dx * 0.008; panel.pitch = Math.min(1.5, Math.max(-1.5, panel.pitch + dy * 0.008)) }
    else { panel.panX += dx; panel.panY += dy }
    Object.assign(down, { lastX: x, lastY: y })
  }
  this.paint()
}

Scene.prototype.release = function (panel, event) {
  const { down, trace } = this
  this.down = this.trace = null
  if (!down) return
  if (!down.moved) {
    const touch = event.pointerType === "touch", row = panel.hit(this, event.offsetX, event.offsetY, touch ? 9 : 0)
    if (touch) this.point(panel, row) // there is no hover: the tap shows the picture too
    if (row >= 0) this.pick(row)
  } else if (trace) {
    const rows = this.data.ids.map((_, row) => row)
    const inLasso = rows.filter((row) => this.shown(row) && inside(trace, panel.x[row], panel.y[row]))
    this.select(new Set(event.shiftKey ? [...this.selected, ...inLasso] : inLasso))
  }
  this.paint()
}

// Arrow keys go from point to point, so that the map can be read and used without a mouse.
Scene.prototype.key = function (panel, event) {
  const here = this.hover >= 0 ? this.hover : this.query
  const ways = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }
  const acts = {
    Enter: () => this.pick(here),
    " ": () => { const rows = new Set(this.selected); if (!rows.delete(here)) rows.add(here); this.select(rows) },
    "+": () => zoomed(panel, 1.4),
    "-": () => zoomed(panel, 1 / 1.4),
    0: () => panel.home(),
    Escape: () => this.select(new Set()),
  }
  if (event.key in ways) {
    const next = this.toward(panel, here, ...ways[event.key])
    if (next >= 0) {
      this.point(panel, next)
      this.say(`${this.name(next)}, picture ${this.data.ids[next]}. ${this.note(panel, next)}`)
    }
  } else if (event.key in acts && !event.ctrlKey && !event.metaKey && !event.altKey) acts[event.key]()
  else return
  event.preventDefault()
  this.paint()
}

Scene.prototype.toward = function (panel, from, right, down) {
  let best = -1, least = Infinity
  for (let row = 0; row < this.count; row++) {
    const [dx, dy] = [panel.x[row] - panel.x[from], panel.y[row] - panel.y[from]]
    const ahead = dx * right + dy * down, aside = Math.abs(dx * down) + Math.abs(dy * right)
    if (row === from || !this.shown(row) || ahead <= 0 || ahead < aside * 0.5) continue
    if (ahead + 2 * aside < least) [best, least] = [row, ahead + 2 * aside]
  }
  return best
}
