// Two pictures or three, the query first, with a heat map over each. `data.pictures` are what is drawn, `data.pairs` what each
// pair of regions of the query and of one of the others adds. A region that is pointed at lights those that answer to it.

const SOURCE = "data:image/jpeg;base64,"
const WARM = [[0, [34, 34, 34, 0]], [0.3, [160, 56, 6, 45]], [0.6, [232, 113, 10, 110]], [0.85, [255, 200, 50, 160]], [1, [255, 240, 170, 190]]]
const COLD = [[0, [34, 34, 34, 0]], [0.4, [20, 92, 163, 75]], [0.75, [63, 157, 240, 140]], [1, [191, 227, 255, 190]]]
const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }

const bytes = (text) => Int8Array.from(atob(text), (letter) => letter.charCodeAt(0))
const between = (value, low, high) => Math.min(high, Math.max(low, value))
const percent = (share) => `${Math.abs(share).toFixed(Math.abs(share) < 10 ? 1 : 0)} %`

function colour(value) {
  const stops = value < 0 ? COLD : WARM, size = Math.min(1, Math.abs(value))
  const after = Math.max(1, stops.findIndex(([place]) => place >= size))
  const [[low, from], [high, to]] = [stops[after - 1], stops[after]]
  const part = (size - low) / (high - low)
  return from.map((each, place) => each + part * (to[place] - each))
}

function paint(canvas, values, [rows, columns]) {
  canvas.width = columns
  canvas.height = rows
  const picture = new ImageData(columns, rows)
  const most = Math.max(1, ...values.map(Math.abs))
  values.forEach((value, place) => picture.data.set(colour(value / most), 4 * place))
  canvas.getContext("2d").putImageData(picture, 0, 0)
}

// What the regions of picture `there` add together with region `cell` of picture `here`; null where the two are not paired.
function answers(data, pairs, here, cell, there) {
  if (here !== 0 && there !== 0) return null
  const pair = pairs[Math.max(here, there) - 1]
  const [inner, outer] = [data.pictures[there].grid, data.pictures[here].grid].map(([rows, columns]) => rows * columns)
  return Array.from({ length: inner }, (_, place) => (here === 0 ? pair[cell * inner + place] : pair[place * outer + cell]))
}

function named(picture, cell) {
  return `row ${Math.floor(cell / picture.grid[1]) + 1}, column ${(cell % picture.grid[1]) + 1}`
}

function sentence(data, pairs, here, cell) {
  const picture = data.pictures[here], share = picture.shares[cell]
  const adds = share < 0 ? `takes ${percent(share)} away from` : `adds ${percent(share)} to`
  const best = data.pictures.flatMap((other, there) => {
    const found = there !== here && answers(data, pairs, here, cell, there)
    if (!found || Math.max(...found) <= 0) return []
    return [`${named(other, found.indexOf(Math.max(...found)))} of ${other.name}`]
  })
  const most = best.length ? ` It answers most to ${best.join(" and to ")}.` : ""
  return `${picture.name}, ${named(picture, cell)}: ${adds} ${data.noun}.${most}`
}

function hottest(data) {
  return data.pictures.map((picture) => {
    const place = picture.shares.indexOf(Math.max(...picture.shares))
    return `${picture.name}: most in ${named(picture, place)}, ${percent(picture.shares[place])}.`
  }).join(" ")
}

function figures(parent, count) {
  const list = parent.querySelector(".pictures"), template = parent.querySelector("template")
  while (list.children.length > count) list.lastElementChild.remove()
  while (list.children.length < count) list.append(template.content.cloneNode(true))
  return [...list.children]
}

function channels(parent, data) {
  const most = Math.max(...data.channels.map((one) => Math.abs(one.share)), 0.01)
  const rows = data.channels.map(({ number, share }) => {
    const item = document.createElement("li"), link = document.createElement("a"), part = document.createElement("span")
    const address = new URL("model_explorer", document.baseURI)
    for (const [key, value] of Object.entries({ model: data.model, layer: data.layer, channel: number })) address.searchParams.set(key, value)
    Object.assign(link, { href: address.href, target: "_blank", rel: "noopener", textContent: `Channel ${number}` })
    link.style.setProperty("--share", Math.abs(share) / most)
    part.textContent = `${share < 0 ? "−" : ""}${percent(share)}`
    link.append(part)
    item.append(link)
    return item
  })
  parent.querySelector(".channels").replaceChildren(...rows)
}

export default function ({ data, parentElement }) {
  const part = (name) => parentElement.querySelector(name)
  const pairs = data.pairs.map(bytes), heats = data.pictures.map((picture) => bytes(picture.heat))
  const drawn = figures(parentElement, data.pictures.length)
  let kept = null

  const whole = () => {
    drawn.forEach((figure, place) => {
      paint(figure.querySelector("canvas"), [...heats[place]], data.pictures[place].fine)
      figure.querySelector(".cell").hidden = true
    })
    part(".said").textContent = hottest(data)
  }
  const light = (here, cell, aloud) => {
    drawn.forEach((figure, there) => {
      const { grid: [rows, columns], fine } = data.pictures[there], frame = figure.querySelector(".cell")
      const found = there === here ? null : answers(data, pairs, here, cell, there)
      if (found) paint(figure.querySelector("canvas"), found, [rows, columns])
      else paint(figure.querySelector("canvas"), [...heats[there]], fine)
      const shown = there === here ? cell : found && Math.max(...found) > 0 ? found.indexOf(Math.max(...found)) : -1
      frame.hidden = shown < 0
      const place = [Math.floor(shown / columns) / rows, (shown % columns) / columns, 1 / rows, 1 / columns]
      ;["top", "left", "height", "width"].forEach((side, at) => { frame.style[side] = `${100 * place[at]}%` })
    })
    part(".said").textContent = sentence(data, pairs, here, cell)
    if (aloud) part(".spoken").textContent = part(".said").textContent
  }
  const show = () => (kept ? light(...kept, true) : whole())

  drawn.forEach((figure, here) => {
    const { src, name, grid: [rows, columns] } = data.pictures[here]
    const stage = figure.querySelector(".stage"), image = figure.querySelector("img")
    figure.querySelector("figcaption").textContent = name
    stage.setAttribute("aria-label", `${name}, in ${rows} by ${columns} regions`)
    if (src.startsWith(SOURCE) && image.getAttribute("src") !== src) image.src = src
    const at = (event) => {
      const area = stage.getBoundingClientRect()
      const row = between(Math.floor((rows * (event.clientY - area.top)) / area.height), 0, rows - 1)
      return row * columns + between(Math.floor((columns * (event.clientX - area.left)) / area.width), 0, columns - 1)
    }
    const keep = (cell) => {
      kept = kept && kept[0] === here && kept[1] === cell ? null : [here, cell]
      show()
    }
    stage.onpointermove = (event) => light(here, at(event), false)
    stage.onpointerleave = show
    stage.onclick = (event) => keep(at(event))
    stage.onkeydown = (event) => {
      if (event.key === "Escape" && kept) kept = null
      else if (event.key in STEPS) {
        const before = kept?.[0] === here ? kept[1] : Math.floor(rows / 2) * columns + Math.floor(columns / 2)
        const [down, across] = kept?.[0] === here ? STEPS[event.key] : [0, 0]
        const row = between(Math.floor(before / columns) + down, 0, rows - 1)
        kept = [here, row * columns + between((before % columns) + across, 0, columns - 1)]
      } else return
      event.preventDefault()
      event.stopPropagation()
      show()
    }
  })
  const signed = data.pictures.some((picture) => picture.shares.some((share) => share < -0.5))
  part(".legend").classList.toggle("signed", signed)
  part(".cold").textContent = signed ? data.signs[1] : "nothing"
  part(".warm").textContent = data.signs[0]
  channels(parentElement, data)
  whole()
  part(".why").hidden = false // all of it at once, so that nothing moves
  part(".spoken").textContent = part(".said").textContent
}
