// A box on a picture: `data.src` and `data.box` in, the four shares left, top, right, bottom out as the trigger `cropped`.

const SOURCE = "data:image/jpeg;base64,"
const WHOLE = [0, 0, 1, 1]
const CENTRE = [0.2, 0.2, 0.8, 0.8]
const LEAST = 0.04
const STEP = 0.02
const boxes = new WeakMap()

const between = (value, low, high) => Math.min(high, Math.max(low, value))
const round = (box) => box.map((share) => Math.round(share * 1000) / 1000)
const isWhole = (box) => box.every((share, place) => share === WHOLE[place])

function moved([left, top, right, bottom], dx, dy) {
  dx = between(dx, -left, 1 - right)
  dy = between(dy, -top, 1 - bottom)
  return [left + dx, top + dy, right + dx, bottom + dy]
}

function drawn(a, b) {
  const low = [Math.min(a[0], b[0]), Math.min(a[1], b[1])].map((share) => between(share, 0, 1 - LEAST))
  const high = [Math.max(a[0], b[0]), Math.max(a[1], b[1])]
  return [low[0], low[1], between(high[0], low[0] + LEAST, 1), between(high[1], low[1] + LEAST, 1)]
}

function press(event, box) {
  const steps = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] }
  if (event.key === "Escape") return isWhole(box) ? null : WHOLE
  if (!(event.key in steps)) return null
  const [dx, dy] = steps[event.key]
  if (isWhole(box)) return CENTRE
  if (!event.shiftKey) return moved(box, dx, dy)
  return [box[0], box[1], between(box[2] + dx, box[0] + LEAST, 1), between(box[3] + dy, box[1] + LEAST, 1)]
}

export default function ({ data, parentElement, setTriggerValue }) {
  const part = (name) => parentElement.querySelector(name)
  const [stage, image, frame] = [part(".stage"), part("img"), part(".box")]
  image.alt = data.label
  frame.setAttribute("aria-label", `Part of the picture to search with, ${data.label}`)
  const source = typeof data.src === "string" && data.src.startsWith(SOURCE) ? data.src : ""
  if (image.getAttribute("src") !== source) {
    image.src = source
    boxes.set(parentElement, data.box)
  }
  const show = (box) => {
    boxes.set(parentElement, round(box))
    const [left, top, right, bottom] = boxes.get(parentElement).map((share) => Math.round(share * 1000) / 10)
    Object.assign(frame.style, { left: `${left}%`, top: `${top}%`, width: `${right - left}%`, height: `${bottom - top}%` })
    frame.classList.toggle("all", isWhole(boxes.get(parentElement)))
    part(".said").textContent = isWhole(boxes.get(parentElement))
      ? "Whole picture selected."
      : `Selected: ${Math.round(left)} to ${Math.round(right)} % across, ${Math.round(top)} to ${Math.round(bottom)} % down.`
  }
  const at = (event) => {
    const area = stage.getBoundingClientRect()
    return [between((event.clientX - area.left) / area.width, 0, 1), between((event.clientY - area.top) / area.height, 0, 1)]
  }
  stage.onpointerdown = (event) => {
    event.preventDefault()
    frame.focus({ preventScroll: true })
    stage.setPointerCapture(event.pointerId)
    const start = at(event)
    const before = boxes.get(parentElement)
    const moves = event.target === frame && !isWhole(before)
    stage.onpointermove = (on) => {
      const now = at(on)
      show(moves ? moved(before, now[0] - start[0], now[1] - start[1]) : drawn(start, now))
    }
    stage.onpointerup = stage.onpointercancel = () => { stage.onpointermove = null }
  }
  const use = () => setTriggerValue("cropped", boxes.get(parentElement))
  frame.onkeydown = (event) => {
    if (event.key === "Enter") { event.preventDefault(); return use() }
    const next = press(event, boxes.get(parentElement))
    if (!next) return
    event.preventDefault()
    event.stopPropagation()
    show(next)
  }
  part(".use").onclick = use
  part(".whole").onclick = () => { show(WHOLE); use() }
  show(boxes.get(parentElement) ?? data.box)
  return () => boxes.delete(parentElement)
}
