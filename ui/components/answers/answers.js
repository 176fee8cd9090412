// Channels as small copies of one picture with a heat map each: `data` in, the number of the channel that was chosen out as
// the trigger `picked`. Everything in `data` is shown as text, never as markup.

const SOURCE = "data:image/jpeg;base64,"
const STOPS = [[0, [34, 34, 34, 0]], [0.3, [160, 56, 6, 70]], [0.6, [232, 113, 10, 150]], [0.85, [255, 200, 50, 200]], [1, [255, 240, 170, 230]]]

function colour(value) {
  const after = Math.max(1, STOPS.findIndex(([place]) => place >= value))
  const [[low, from], [high, to]] = [STOPS[after - 1], STOPS[after]]
  return from.map((each, place) => each + ((value - low) / (high - low)) * (to[place] - each))
}

const COLOURS = Array.from({ length: 256 }, (_, value) => colour(value / 255))

function paint(canvas, [rows, columns], packed) {
  canvas.width = columns
  canvas.height = rows
  const picture = new ImageData(columns, rows)
  Array.from(atob(packed), (letter, place) => picture.data.set(COLOURS[letter.charCodeAt(0)], 4 * place))
  canvas.getContext("2d").putImageData(picture, 0, 0)
}

export default function ({ data, parentElement, setTriggerValue }) {
  const list = parentElement.querySelector("ul"), template = parentElement.querySelector("template")
  list.setAttribute("aria-label", data.label)
  while (list.children.length > data.channels.length) list.lastElementChild.remove()
  while (list.children.length < data.channels.length) list.append(template.content.cloneNode(true))
  data.channels.forEach(([number, packed, value], place) => {
    const item = list.children[place], button = item.querySelector("button"), image = item.querySelector("img")
    if (data.src.startsWith(SOURCE) && image.getAttribute("src") !== data.src) image.src = data.src
    paint(item.querySelector("canvas"), data.shape, packed)
    item.querySelector(".name").textContent = `Channel ${number}`
    item.querySelector(".value").textContent = value
    button.setAttribute("aria-label", `Channel ${number}, largest answer ${value}`)
    if (number === data.lit) button.setAttribute("aria-current", "true")
    else button.removeAttribute("aria-current")
    button.onclick = () => setTriggerValue("picked", number)
  })
}
