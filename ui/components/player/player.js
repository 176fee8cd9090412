// The journey through the layers: `data` in, the layer where it ended out as the trigger `settled`. On the way each
// frame is told to whatever on the page follows it, as an event with the layer, a fraction between two of them.

const PACE = 0.7 // layers a second at speed 1
const players = new WeakMap()

class Player {
  constructor(root) {
    Object.assign(this, { root, time: 0, playing: false, moving: false })
    for (const name of ["layer", "play", "speed"]) this[name] = root.querySelector(`.${name}`)
    this.layer.oninput = () => { this.playing = false; this.travel(Number(this.layer.value)) }
    this.play.onclick = () => this.turn(!this.playing)
  }

  update(data, setTriggerValue) {
    const same = this.stamp === data.stamp, { stamp, layer } = data, asked = layer !== this.settled
    Object.assign(this, { data, stamp, setTriggerValue, settled: layer, last: data.layers.length - 1, closed: false })
    if (!same) Object.assign(this, { time: layer, target: layer, playing: false })
    else if (asked && !this.playing) this.travel(layer)
    this.words()
  }

  turn(on) {
    if (on && this.time === this.last) this.time = 0
    this.playing = on
    this.travel(on ? this.last : Math.round(this.time))
  }

  // `time` goes to `target`, at the chosen speed while playing, quickly after a move of the slider: there in few steps
  // where a frame takes long, and with one at once.
  travel(target) {
    this.target = target
    if (matchMedia("(prefers-reduced-motion: reduce)").matches && !this.playing) this.time = target
    if (this.moving) return
    Object.assign(this, { moving: true, before: performance.now() - 50 })
    requestAnimationFrame((now) => this.step(now))
  }

  step(now) {
    const gone = Math.min(this.playing ? 0.1 : 0.25, (now - this.before) / 1000), away = this.target - this.time
    const pace = this.playing ? PACE * Number(this.speed.value) : Math.max(3, Math.abs(away) * 2.5)
    this.before = now
    this.time += Math.sign(away) * Math.min(Math.abs(away), gone * pace)
    window.dispatchEvent(new CustomEvent("semsearch-layer", { detail: this.time }))
    this.moving = this.time !== this.target && !this.closed
    this.playing &&= this.moving
    this.words()
    if (this.moving) return requestAnimationFrame((next) => this.step(next))
    clearTimeout(this.pending)
    this.pending = setTimeout(() => this.settle(Math.round(this.time)), 350)
  }

  settle(layer) {
    if (this.moving || this.closed || layer === this.settled) return
    this.settled = layer
    this.setTriggerValue("settled", layer)
  }

  words() {
    const here = Math.round(this.time)
    this.layer.max = this.last
    if (this.root.activeElement !== this.layer || this.playing) this.layer.value = here
    this.layer.setAttribute("aria-valuetext", this.data.layers[here])
    this.play.textContent = this.playing ? "❚❚ Pause" : "▶ Play"
    this.play.setAttribute("aria-label", this.playing ? "Pause" : "Play through the layers")
  }
}

export default function ({ data, parentElement, setTriggerValue }) {
  if (!players.has(parentElement)) players.set(parentElement, new Player(parentElement))
  const player = players.get(parentElement)
  player.update(data, setTriggerValue)
  return () => { player.closed = true }
}
