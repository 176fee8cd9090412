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
}
const PATHS = Object.fromEntries(Object.entries(SYMBOLS).map(([name, path]) => [name, new Path2D(path)]))

const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))
const ease = (part) => { const p = Math.min(1, Math.max(0, (part - 0.12) / 0.76)); return p * p * (3 - 2 * p) }

// How wide and high the widest and highest of the maps are.
function spans(maps, dims) {
  const span = (map, axis) => {
    let low = 65535, high = 0
    for (let at = axis; at < map.length; at += dims) { low = Math.min(low, map[at]); high = Math.max(high, map[at]) }
    return Math.max(0.1, (high - low) / 65535)
  }
  return [0, 1].map((axis) => Math.max(...maps.map((map) => span(map, axis))))
}

class Panel {
  constructor(figure) {
    this.canvas = figure.querySelector("canvas")
    this.caption = figure.querySelector("figcaption")
    this.home()
  }

  home() { Object.assign(this, { zoom: 1, panX: 0, panY: 0, yaw: 0.6, pitch: 0.35 }) }

  load(data, count) {
    const same = this.data && this.data.places.join() === data.places.join()
    this.data = data
    this.keptNeighbours = data.kept.map(bytes)
    if (same) return
    this.places = data.places.map((text) => new Uint16Array(bytes(text).buffer))
    this.spans = spans(this.places, data.dims)
    for (const name of ["x", "y", "depth"]) this[name] = new Float32Array(count)
    this.home()
  }

  // Screen position of every point, in CSS pixels, at layer `time` (a fraction is on the way to the next).
  place(time) {
    const { dims } = this.data, last = this.places.length - 1
    const from = this.places[Math.min(last, Math.floor(time))], to = this.places[Math.min(last, Math.ceil(time))]
    const part = ease(time - Math.floor(time)), at = (index) => (from[index] + (to[index] - from[index]) * part) / 65535 - 0.5
    const w = this.canvas.clientWidth, h = this.canvas.clientHeight
    const unit = (dims === 3 ? 0.8 * Math.min(w, h) : Math.min((w - 48) / this.spans[0], (h - 48) / this.spans[1])) * this.zoom
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

  size(scene) {
    const room = Math.sqrt(this.canvas.clientWidth * this.canvas.clientHeight / scene.count)
    if (scene.pictures) return Math.min(128, Math.max(18, room * 0.55 * this.zoom ** 0.8)) / 2
    return Math.min(9, Math.max(2.2, room * 0.11)) * Math.min(2, this.zoom ** 0.3)
  }

  hit(scene, x, y) {
    const reach = Math.max(9, this.size(scene) + 3)
    let best = -1, least = reach * reach
    for (let row = 0; row < scene.count; row++) {
      if (!scene.shown(row)) continue
      const far = (this.x[row] - x) ** 2 + (this.y[row] - y) ** 2
      if (far < least) [best, least] = [row, far]
    }
    return best
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
    context.imageSmoothingQuality = "high"
    this.place(scene.timeOf(this))
    const near = this.data.near[scene.layerOf(this)] ?? [], lit = new Set([scene.query, ...near])
    const order = [...this.x.keys()].filter((row) => scene.shown(row))
    if (this.data.dims === 3) order.sort((a, b) => this.depth[b] - this.depth[a])
    const top = (row) => (row === scene.hover ? 4 : row === scene.query ? 3 : scene.selected.has(row) ? 2 : lit.has(row) ? 1 : 0)
    order.sort((a, b) => top(a) - top(b))
    const lifted = order.findIndex((row) => top(row) > 0), split = lifted < 0 ? order.length : lifted
    order.slice(0, split).forEach((row) => this.point(context, scene, row, lit))
    this.lines(context, scene, near)
    order.slice(split).forEach((row) => this.point(context, scene, row, lit))
    if (scene.trace && scene.tracing === this) this.trace(context, scene)
  }

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
    const faint = scene.selected.size ? !scene.selected.has(row) : false
    const main = row === scene.query || row === scene.hover
    const size = this.size(scene) * (main ? 1.5 : 1) * (this.data.dims === 3 ? 1 - this.depth[row] * 0.45 : 1)
    context.globalAlpha = faint && !main ? 0.22 : 1
    const image = scene.pictures ? scene.image(row) : null
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
      const drawn = scene.pictures ? Math.min(size, 9) : size
      context.scale(drawn, drawn)
      context.fillStyle = scene.colour(this, row)
      context.strokeStyle = scene.ink
      context.lineWidth = (lit.has(row) || scene.selected.has(row) ? 1.6 : 0.7) / drawn
      context.fill(PATHS[scene.symbol(row)])
      context.stroke(PATHS[scene.symbol(row)])
    }
    context.restore()
    if (main) this.ring(context, scene, row, size)
    context.globalAlpha = 1
  }

  ring(context, scene, row, size) {
    context.beginPath()
    context.arc(this.x[row], this.y[row], size * (scene.pictures ? 1.45 : 1) + 5, 0, 2 * Math.PI)
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
