// Boxes and wires: `data` in, the id of the box that was chosen out as the trigger `picked`. One box is reached by the Tab
// key, the others from there by the arrows. Everything in `data` is shown as text, never as markup. What is drawn stays
// while it is the same network: only what is lit changes.

const CELL = 16, FACE = 10, TOP = 14
const drawn = new WeakMap()

function make(parent, name, attributes, text) {
  const element = parent.appendChild(document.createElementNS("http://www.w3.org/2000/svg", name))
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value)
  if (text !== undefined) element.textContent = text
  return element
}

const middle = (box) => ({ x: (box.x + 0.5) * CELL, y: TOP + (box.y + 0.5) * CELL })

// A way round what lies between two boxes of one lane; else straight, with a bend where the lane changes.
function way(from, to) {
  const a = middle(from), b = middle(to)
  if (from.y === to.y && to.x - from.x > 1) {
    const up = a.y - Math.min(CELL * 0.8, CELL * (0.3 + 0.1 * (to.x - from.x)))
    return `M${a.x} ${a.y} C${a.x + 4} ${up} ${a.x + 4} ${up} ${a.x + 10} ${up} L${b.x - 10} ${up} C${b.x - 4} ${up} ${b.x - 4} ${up} ${b.x} ${b.y}`
  }
  const bend = from.y < to.y ? a.x + CELL / 2 : b.x - CELL / 2
  return from.y === to.y ? `M${a.x} ${a.y} L${b.x} ${b.y}` : `M${a.x} ${a.y} L${bend} ${a.y} L${bend} ${b.y} L${b.x} ${b.y}`
}

function draw(svg, data) {
  const columns = Math.max(...data.boxes.map((box) => box.x)) + 1, lanes = Math.max(...data.boxes.map((box) => box.y)) + 1
  const width = columns * CELL, height = TOP + lanes * CELL
  svg.replaceChildren()
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`)
  svg.style.width = `max(${width}px, min(100%, ${2 * width}px))`
  data.bands.forEach(([column, word], place) => {
    make(svg, "line", { class: "band", x1: column * CELL, x2: column * CELL, y1: 0, y2: height })
    const next = data.bands[place + 1]
    if (!next || next[0] - column > 1) make(svg, "text", { x: column * CELL + 2, y: 8 }, word)
  })
  for (const [from, to] of data.wires) make(svg, "path", { class: "wire", d: way(data.boxes[from], data.boxes[to]) })
  return data.boxes.map((box) => {
    const group = make(svg, "g", { class: `box ${box.kind}`, role: "button", "aria-label": box.title })
    const { x, y } = middle(box)
    make(group, "title", {}, box.title)
    make(group, "rect", { class: "hand", x: x - CELL / 2, y: y - CELL / 2, width: CELL, height: CELL })
    make(group, "rect", { class: "face", x: x - FACE / 2, y: y - FACE / 2, width: FACE, height: FACE, rx: 2 })
    return group
  })
}

function light(scroll, groups, boxes) {
  const lit = Math.max(boxes.findIndex((box) => box.lit), 0)
  groups.forEach((group, place) => {
    group.classList.toggle("lit", boxes[place].lit)
    group.classList.toggle("marked", boxes[place].marked)
    group.setAttribute("tabindex", place === lit ? 0 : -1)
    group.setAttribute("aria-pressed", boxes[place].lit)
  })
  const at = groups[lit].getBoundingClientRect(), seen = scroll.getBoundingClientRect()
  if (at.left < seen.left || at.right > seen.right) scroll.scrollLeft += at.left - seen.left - seen.width / 2
}

export default function ({ data, parentElement, setTriggerValue }) {
  const scroll = parentElement.querySelector(".scroll"), svg = scroll.querySelector("svg")
  scroll.setAttribute("aria-label", data.label)
  const shape = JSON.stringify([data.boxes.map((box) => [box.id, box.x, box.y, box.title]), data.wires])
  const kept = drawn.get(svg)
  const groups = kept?.shape === shape ? kept.groups : draw(svg, data)
  drawn.set(svg, { shape, groups })
  light(scroll, groups, data.boxes)
  groups.forEach((group, place) => {
    group.onclick = () => setTriggerValue("picked", data.boxes[place].id)
    group.onkeydown = (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key]
      if (event.key === "Enter" || event.key === " ") group.onclick()
      else if (step) groups[place + step]?.focus()
      else return
      event.preventDefault()
    }
  })
}
