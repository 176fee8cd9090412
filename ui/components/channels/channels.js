// Channels as cards: `data` in, the id of the card that was pressed out as the trigger `picked`. Pictures come from
// sheets, photos from addresses of our own; everything else is shown as text. Cards are kept and refilled, so that
// nothing flickers and the keyboard focus stays where it is.

const SOURCES = ["app/static/pictures/", "data:image/jpeg;base64,", "data:image/webp;base64,"]
const known = (address) => typeof address === "string" && SOURCES.some((one) => address.startsWith(one))

function resize(list, template, count, clickable) {
  while (list.children.length > count) list.lastElementChild.remove()
  while (list.children.length < count) {
    const item = template.content.cloneNode(true).querySelector("li")
    const card = document.createElement(clickable ? "button" : "div")
    card.className = "card"
    if (clickable) card.type = "button"
    card.append(...item.childNodes)
    item.append(card)
    list.append(item)
  }
}

function drawMade(part, made) {
  part.hidden = !made || !known(made.sheet)
  if (part.hidden) return
  const { sheet, place, columns, rows } = made
  const share = (at, count) => (count > 1 ? (100 * at) / (count - 1) : 0)
  part.style.backgroundImage = `url("${encodeURI(sheet)}")`
  part.style.backgroundSize = `${100 * columns}% ${100 * rows}%`
  part.style.backgroundPosition = `${share(place % columns, columns)}% ${share(Math.floor(place / columns), rows)}%`
}

function drawPhoto(frame, photo) {
  const image = frame.firstElementChild
  if (known(photo.src) && image.getAttribute("src") !== photo.src) image.src = photo.src
  image.alt = photo.alt
  const [left, top, width, height] = photo.box.map((share) => `${100 * share}%`)
  Object.assign(frame.lastElementChild.style, { left, top, width, height })
}

function drawPhotos(part, photos) {
  while (part.children.length > photos.length) part.lastElementChild.remove()
  while (part.children.length < photos.length) {
    const frame = document.createElement("span")
    frame.className = "photo"
    const image = document.createElement("img")
    image.loading = "lazy"
    image.decoding = "async"
    const box = document.createElement("span")
    box.className = "box"
    frame.append(image, box)
    part.append(frame)
  }
  photos.forEach((photo, place) => drawPhoto(part.children[place], photo))
}

function fill(item, card, data) {
  const root = item.querySelector(".card")
  const text = (name, value) => {
    const part = item.querySelector("." + name)
    part.textContent = value
    part.hidden = value === ""
  }
  drawMade(item.querySelector(".made"), card.made)
  drawPhotos(item.querySelector(".photos"), card.photos)
  text("title", card.title)
  text("note", card.note)
  root.dataset.id = card.id
  if (root.tagName !== "BUTTON") return
  root.setAttribute("aria-label", card.spoken)
  if (card.id === data.current) root.setAttribute("aria-current", "true")
  else root.removeAttribute("aria-current")
}

export default function ({ data, parentElement, setTriggerValue }) {
  const list = parentElement.querySelector("ol")
  list.className = data.look
  list.setAttribute("aria-label", data.label)
  resize(list, parentElement.querySelector("template"), data.cards.length, data.clickable)
  data.cards.forEach((card, place) => fill(list.children[place], card, data))
  list.onclick = (event) => {
    const button = event.target.closest("button")
    if (button) setTriggerValue("picked", Number(button.dataset.id))
  }
}
