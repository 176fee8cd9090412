// Small curves: `data.curves` are [title, labels, shares from 0 to 1]; everything is shown as text, never as markup.

const SVG = "http://www.w3.org/2000/svg"
const [WIDTH, HEIGHT, EDGE, ABOVE, BELOW] = [136, 84, 16, 16, 18]

function part(parent, name, attributes, words = "") {
  const made = parent.appendChild(document.createElementNS(SVG, name))
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value)
  made.textContent = words
  return made
}

function curve([title, labels, shares]) {
  const item = document.createElement("li"), head = item.appendChild(document.createElement("div"))
  const percent = shares.map((share) => `${Math.round(100 * share)} %`)
  Object.assign(head, { className: "title", textContent: title })
  const drawing = part(item, "svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img" })
  drawing.setAttribute("aria-label", `${title}: ${percent.map((value, place) => `${labels[place]} ${value}`.trim()).join(", ")}`)
  const x = (place) => EDGE + ((place + 0.5) * (WIDTH - 2 * EDGE)) / shares.length
  const y = (share) => ABOVE + (1 - share) * (HEIGHT - ABOVE - BELOW)
  for (const share of [0, 1]) part(drawing, "line", { class: "axis", x1: 0, x2: WIDTH, y1: y(share), y2: y(share) })
  const points = shares.map((share, place) => `${x(place)},${y(share)}`)
  part(drawing, "polyline", { class: "line", points: points.join(" ") })
  shares.forEach((share, place) => {
    part(drawing, "circle", { class: "dot", cx: x(place), cy: y(share), r: 3 })
    part(drawing, "text", { class: "value", x: x(place), y: y(share) - 6 }, Math.round(100 * share))
    part(drawing, "text", { x: x(place), y: HEIGHT - 5 }, labels[place])
  })
  return item
}

export default function ({ data, parentElement }) {
  const list = parentElement.querySelector("ul")
  list.setAttribute("aria-label", data.label)
  list.replaceChildren(...data.curves.map(curve))
}
