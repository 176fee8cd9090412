// One map on one canvas: where each point is at a moment of the journey through the layers, and how it is drawn.
// A coordinate is 0 … 1 on the map; all maps of the journey come at once.

const SYMBOLS = {
  circle: "M1 0A1 1 0 1 1 -1 0A1 1 0 1 1 1 0Z",
  square: "M-.88 -.88H.88V.88H-.88Z",
  diamond: "M0 -1.2L1.05 0L0 1.2L-1.05 0Z",
  "triangle-up": "M0 -1.15L1.1 .85H-1.1Z",
  "triangle-down": "M0 1.15L1.1 -.85H-1.1Z",
  cross: "M-.38 -1.1H.38V-.38H1.1V.38H.38V1.1H-.38V.38H-1.1V-.38H-.38Z",
  x: "M0 -.5L.6 -1.1L1.1 -.6L.5 0L1.1 .6L.6 1.1L0 .5L-.6 1.1L-1.1 .6L-.5 0L-1.1 -.6L-.6 -1.1Z",
  star: "M0 -1.25L.33 -.42L1.2 -.38L.52 .17L.75 1.02L0 .54L-.75 1.02L-.52 .17L-1.2 -.38L-.33 -.42Z",
  hourglass: "M-.95 -1.05H.95L.2 0L.95 1.05H-.95L-.2 0Z",
  bowtie: "M-1.05 -.95V.95L0 .2L1.05 .95V-.95L0 -.2Z",
  "triangle-left": "M-1.15 0L.85 -1.1V1.1Z",
  "triangle-right": "M1.15 0L-.85 -1.1V1.1Z",
}
const PATHS = Object.fromEntries(Object.entries(SYMBOLS).map(([name, path]) => [name, new Path2D(path)]))

const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))
const ease = (part) => { const p = Math.min(1, Math.max(0, (part - 0.12) / 0.76)); return p * p * (3 - 2 * p) }

// How wide and high a map is; one that turns has the same reach in every direction.
function extent(map, dims) {
  let wide = 0, high = 0
  for (let at = 0; at < map.length; at += dims) {
    const [x, y, z] = [0, 1, 2].map((axis) => (axis < dims ? map[at + axis] / 65535 - 0.5 : 0))
    wide = Math.max(wide, 2 * (dims === 3 ? Math.hypot(x, y, z) : Math.abs(x)))
    high = Math.max(high, 2 * (dims === 3 ? Math.hypot(x, y, z) : Math.abs(y)))
  }
  return [Math.max(0.1, wide), Math.max(0.1, high)]
}

class Panel {
  constructor(figure) {
    this.canvas = figure.querySelector("canvas")
    this.caption = figure.querySelector("figcaption")
    this.framed = new Set()
    this.home()
  }

  home() {
    Object.assign(this, { zoom: 1, panX: 0, panY: 0, yaw: 0.6, pitch: 0.35 })
    this.canvas.classList.remove("near")
  }

  load(data, count) {
    const same = this.data && this.data.places.join() === data.places.join()
    this.data = data
    this.keptNeighbours = data.kept.map(bytes)
    if (same) return
    this.places = data.places.map((text) => new Uint16Array(bytes(text).buffer))
    this.extents = this.places.map((map) => extent(map, data.dims))
    for (const name of ["x", "y", "depth"]) this[name] = new Float32Array(count)
    this.home()
  }

  // Screen position of every point, in CSS pixels, at layer `time` (a fraction is on the way to the next).
  place(time) {
    const { dims } = this.data, last = this.places.length - 1
    const before = Math.min(last, Math.floor(time)), after = Math.min(last, Math.ceil(time))
    const from = this.places[before], to = this.places[after]
    const part = ease(time - Math.floor(time)), at = (index) => (from[index] + (to[index] - from[index]) * part) / 65535 - 0.5
    const w = this.canvas.clientWidth, h = this.canvas.clientHeight
    const fits = (layer) => { const [wide, high] = this.extents[layer]; return Math.min((w - 48) / wide, (h - 48) / high) }
    const unit = this.zoom * (fits(before) + (fits(after) - fits(before)) * part)
    const [cy, sy, cp, sp] = [Math.cos(this.yaw), Math.sin(this.yaw), Math.cos(this.pitch), Math.sin(this.pitch)]
    for (let row = 0; row < this.x.length; row++) {
      let x = at(row * dims), y = at(row * dims + 1), z = 0
      if (dims === 3) {
        const deep = at(row * 3 + 2)
        ;[x, z] = [x * cy + deep * sy, deep * cy - x * sy]
        ;[y, z] = [y * cp - z * sp, z * cp + y * sp]
      }
      this.x[row] = w / 2 + this.panX + x * unit
      this.y[row] = h / 2 + this.panY - y * unit
      this.depth[row] = z
    }
  }

  // Half the side of a picture, or of a dot, in CSS pixels.
  size(scene, picture = false) {
    const room = Math.sqrt(this.canvas.clientWidth * this.canvas.clientHeight / scene.count)
    if (picture) return Math.min(128, Math.max(28, room * 0.7 * this.zoom ** 0.8)) / 2
    return Math.min(9, Math.max(2.2, room * 0.11)) * Math.min(2, this.zoom ** 0.3)
  }

  hit(scene, x, y, finger = 0) {
    let best = -1, least = Infinity
    for (let row = 0; row < scene.count; row++) {
      if (!scene.shown(row)) continue
      const framed = this.framed.has(row), reach = framed ? this.size(scene, true) : Math.max(9 + finger, this.size(scene) + 3)
      const far = Math.hypot(this.x[row] - x, this.y[row] - y)
      if (far < reach && far - (framed ? 1000 : 0) < least) [best, least] = [row, far - (framed ? 1000 : 0)]
    }
    return best
  }

  // Which pictures have room: those on top first, on the way those that had it before; all others are dots.
  frame(scene, order, top) {
    const side = 1.9 * this.size(scene, true), taken = new Map()
    const before = Number.isInteger(scene.timeOf(this)) ? new Set() : this.framed
    const weight = (row) => 2 * top(row) + before.has(row)
    this.framed = new Set()
    for (const row of order.toReversed().sort((a, b) => weight(b) - weight(a))) {
      const [i, j] = [Math.floor(this.x[row] / side), Math.floor(this.y[row] / side)]
      const near = [-1, 0, 1].flatMap((a) => [-1, 0, 1].map((b) => taken.get(`${i + a} ${j + b}`)))
      const covers = (other) => Math.abs(this.x[other] - this.x[row]) < side && Math.abs(this.y[other] - this.y[row]) < side
      if (top(row) < 3 && near.some((other) => other !== undefined && covers(other))) continue
      taken.set(`${i} ${j}`, row)
      this.framed.add(row)
    }
  }

  draw(scene) {
    const { canvas } = this, dot = window.devicePixelRatio || 1
    const [w, h] = [canvas.clientWidth, canvas.clientHeight]
    if (!w || !h) return
    if (canvas.width !== Math.round(w * dot) || canvas.height !== Math.round(h * dot)) {
      canvas.width = Math.round(w * dot)
      canvas.height = Math.round(h * dot)
    }
    const context = canvas.getContext("2d")
    context.setTransform(dot, 0, 0, dot, 0, 0)
    context.clearRect(0, 0, w, h)
    this.place(scene.timeOf(this))
    this.render(context, scene)
    if (scene.trace && scene.tracing === this) this.trace(context, scene)
  }

  // The points where `place` put them, on any canvas.
  render(context, scene) {
    context.imageSmoothingQuality = "high"
    const near = this.data.near[scene.layerOf(this)] ?? [], lit = new Set([scene.query, ...near])
    const order = [...this.x.keys()].filter((row) => scene.shown(row))
    if (this.data.dims === 3) order.sort((a, b) => this.depth[b] - this.depth[a])
    const top = (row) => (row === scene.hover ? 4 : row === scene.query ? 3 : scene.selected.has(row) ? 2 : lit.has(row) ? 1 : 0)
    order.sort((a, b) => top(a) - top(b))
    if (scene.pictures) this.frame(scene, order.filter((row) => !this.faint(scene, row)), top)
    else this.framed.clear()
    const lifted = order.findIndex((row) => top(row) > 0), split = lifted < 0 ? order.length : lifted
    order.slice(0, split).forEach((row) => this.point(context, scene, row, lit))
    this.lines(context, scene, near)
    order.slice(split).forEach((row) => this.point(context, scene, row, lit))
  }

  faint(scene, row) { return scene.selected.size > 0 && !scene.selected.has(row) && row !== scene.query && row !== scene.hover }

  lines(context, scene, near) {
    context.strokeStyle = scene.ink
    context.lineWidth = 1.25
    near.forEach((row, rank) => {
      if (!scene.shown(row) || !scene.shown(scene.query)) return
      context.globalAlpha = 0.85 - 0.55 * rank / near.length
      context.beginPath()
      context.moveTo(this.x[scene.query], this.y[scene.query])
      context.lineTo(this.x[row], this.y[row])
      context.stroke()
    })
    context.globalAlpha = 1
  }

  point(context, scene, row, lit) {
    const main = row === scene.query || row === scene.hover
    const image = scene.pictures && this.framed.has(row) ? scene.image(row) : null
    const grown = row === scene.hover && image ? 2.2 : main ? 1.5 : 1
    const size = this.size(scene, Boolean(image)) * grown * (this.data.dims === 3 ? 1 - this.depth[row] * 0.45 : 1)
    context.globalAlpha = this.faint(scene, row) ? 0.22 : 1
    context.save()
    context.translate(this.x[row], this.y[row])
    if (image) {
      const grow = 2 * size / Math.max(image.naturalWidth, image.naturalHeight)
      const [w, h] = [image.naturalWidth * grow, image.naturalHeight * grow]
      context.drawImage(image, -w / 2, -h / 2, w, h)
      context.lineWidth = main ? 3.5 : 2
      context.strokeStyle = scene.colour(this, row)
      context.strokeRect(-w / 2, -h / 2, w, h)
    } else {
      context.scale(size, size)
      context.fillStyle = scene.colour(this, row)
      context.strokeStyle = scene.ink
      context.lineWidth = (lit.has(row) || scene.selected.has(row) ? 1.6 : 0.7) / size
      context.fill(PATHS[scene.symbol(row)])
      context.stroke(PATHS[scene.symbol(row)])
    }
    context.restore()
    if (main) this.ring(context, scene, row, size * (image ? 1.45 : 1) + 5)
    context.globalAlpha = 1
  }

  ring(context, scene, row, radius) {
    context.beginPath()
    context.arc(this.x[row], this.y[row], radius, 0, 2 * Math.PI)
    context.lineWidth = 2.5
    context.strokeStyle = row === scene.query ? scene.accent : scene.ink
    context.stroke()
  }

  trace(context, scene) {
    context.beginPath()
    scene.trace.forEach(([x, y], place) => (place ? context.lineTo(x, y) : context.moveTo(x, y)))
    context.closePath()
    context.strokeStyle = scene.accent
    context.fillStyle = scene.accent
    context.lineWidth = 1.5
    context.stroke()
    context.globalAlpha = 0.12
    context.fill()
    context.globalAlpha = 1
  }
}

// Whether a point lies in a polygon (even-odd rule).
function inside(trace, x, y) {
  let odd = false
  trace.forEach(([ax, ay], place) => {
    const [bx, by] = trace[(place + trace.length - 1) % trace.length]
    if (ay > y !== by > y && x < (bx - ax) * (y - ay) / (by - ay) + ax) odd = !odd
  })
  return odd
}
