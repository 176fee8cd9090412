// Pictures as a list: `data` in, the id of the picture that was chosen out as the trigger `picked`; where `data.marks` asks
// for the two buttons below each picture, {id, more} as the trigger `marked`; where `data.why`, the id of one whose match is to
// be explained as the trigger `asked`.
// Everything in `data` is shown as text, never as markup. Tiles are kept and refilled, so that nothing
// flickers and the keyboard focus stays where it is. A picture that is pointed at is lit wherever else it is shown.

const SOURCES = ["app/static/pictures/", "data:image/jpeg;base64,"]
const SHOWN_ONLY = ["query", "entry", "seen"]
const POINTED = "semsearch-pointed"
const listeners = new WeakMap()

function resize(list, template, count, clickable) {
  while (list.children.length > count) list.lastElementChild.remove()
  while (list.children.length < count) {
    const item = template.content.cloneNode(true)
    if (clickable) {
      const plain = item.querySelector(".tile")
      const button = document.createElement("button")
      button.type = "button"
      button.className = "tile"
      button.append(...plain.childNodes)
      plain.replaceWith(button)
    }
    list.append(item)
  }
}

function fill(item, tile, lazy, why) {
  const part = (name) => item.querySelector("." + name)
  const text = (name, value) => {
    part(name).textContent = value ?? ""
    part(name).hidden = value === undefined || value === null || value === ""
  }
  const root = part("tile")
  if (root.dataset.id !== String(tile.id)) root.classList.remove("lit")
  root.dataset.id = tile.id
  root.classList.toggle("current", Boolean(tile.current))
  root.classList.toggle("linked", Boolean(tile.linked))
  if (root.tagName === "BUTTON") {
    root.setAttribute("aria-label", tile.spoken)
    root.setAttribute("aria-keyshortcuts", why ? "e w" : "e")
    root.title = tile.hint ?? tile.name
    if (tile.current) root.setAttribute("aria-current", "true")
    else root.removeAttribute("aria-current")
  }

  const image = item.querySelector("img")
  const source = typeof tile.src === "string" && SOURCES.some((one) => tile.src.startsWith(one)) ? tile.src : ""
  const corner = part("enlarge")
  corner.setAttribute("aria-label", `Enlarge: ${tile.alt}`)
  corner.tabIndex = root.tagName === "BUTTON" ? -1 : 0
  part("why").hidden = !why || !source
  part("why").setAttribute("aria-label", `Why is it a match? ${tile.alt}`)
  image.loading = lazy ? "lazy" : "eager"
  image.alt = tile.alt
  image.hidden = !source
  image.onerror = () => { image.hidden = true; part("standin").hidden = false }
  if (source) { if (image.getAttribute("src") !== source) image.src = source }
  else image.removeAttribute("src")
  part("standin").hidden = Boolean(source)

  text("rank", tile.rank)
  text("badge", tile.badge)
  text("class", tile.name)
  text("note", tile.note)
  text("similarity", tile.similarity)
  text("distance", tile.distance)
  text("verdict", tile.verdict)
  part("cue").hidden = !tile.verdict
  root.dataset.right = tile.verdict ? String(tile.right) : ""
  part("bar").hidden = tile.bar === undefined
  part("numbers").hidden = !tile.similarity && !tile.distance
  if (tile.bar !== undefined) part("bar").firstElementChild.style.width = `${100 * tile.bar}%`
}

function mark(item, tile, wanted) {
  let marks = item.querySelector(".marks")
  if (!wanted) return marks?.remove()
  if (!marks) {
    marks = document.createElement("span")
    marks.className = "marks"
    for (const [kind, words] of [["more", "More"], ["less", "Less"]]) {
      const button = document.createElement("button")
      button.type = "button"
      button.className = kind
      button.textContent = words
      marks.append(button)
    }
    item.append(marks)
  }
  for (const button of marks.children) {
    button.dataset.id = tile.id
    button.title = `${button.textContent} like this`
    button.setAttribute("aria-label", `${button.textContent} like this: ${tile.alt}`)
  }
}

function move(list, event) {
  const buttons = [...list.querySelectorAll("button.tile")]
  const here = buttons.indexOf(event.target.closest("button.tile"))
  if (here < 0) return
  const tops = buttons.map((button) => button.getBoundingClientRect().top)
  const row = tops.filter((top) => Math.abs(top - tops[0]) < 2).length
  const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: row, ArrowUp: -row, Home: -here, End: buttons.length - 1 - here }
  if (!(event.key in step)) return
  event.preventDefault()
  buttons[Math.min(buttons.length - 1, Math.max(0, here + step[event.key]))].focus()
}

function point(list, event) {
  const tile = event.target.closest(".tile")
  const id = tile && ["pointerover", "focusin"].includes(event.type) ? tile.dataset.id : ""
  window.dispatchEvent(new CustomEvent(POINTED, { detail: { id, from: list } }))
}

function light(list, { id, from }) {
  for (const tile of list.querySelectorAll(".tile")) {
    tile.classList.toggle("lit", from !== list && id !== "" && tile.dataset.id === id)
  }
}

function listen(parentElement, list) {
  if (listeners.has(parentElement)) return
  const listener = (event) => light(list, event.detail)
  window.addEventListener(POINTED, listener)
  listeners.set(parentElement, listener)
  for (const kind of ["pointerover", "pointerleave", "focusin", "focusout"]) {
    list.addEventListener(kind, (event) => point(list, event))
  }
}

export default function ({ data, parentElement, setTriggerValue }) {
  const list = parentElement.querySelector("ol")
  const clickable = !SHOWN_ONLY.includes(data.look)
  list.className = data.small ? `${data.look} small` : data.look
  list.classList.toggle("bare", !data.tiles.some((tile) => tile.src))
  list.style.setProperty("--columns", data.columns)
  list.setAttribute("aria-label", data.label)
  resize(list, parentElement.querySelector("template"), data.tiles.length, clickable)
  data.tiles.forEach((tile, place) => {
    fill(list.children[place], tile, ["pictures", "sheet"].includes(data.look), data.why)
    mark(list.children[place], tile, data.marks)
  })
  const spoken = parentElement.querySelector(".spoken")
  if (spoken.textContent !== data.spoken) spoken.textContent = data.spoken
  const large = (item) => {
    const tile = data.tiles[[...list.children].indexOf(item)]
    const pick = clickable && (() => setTriggerValue("picked", Number(tile.id)))
    enlarge(parentElement.querySelector("dialog"), item, tile, pick)
  }
  list.onkeydown = (event) => {
    const plain = !event.ctrlKey && !event.metaKey && !event.altKey
    if (plain && event.key.toLowerCase() === "e" && event.target.closest(".tile")) large(event.target.closest("li"))
    else if (plain && data.why && event.key.toLowerCase() === "w" && event.target.closest(".tile")) {
      setTriggerValue("asked", Number(event.target.closest(".tile").dataset.id))
    } else move(list, event)
  }
  list.onclick = (event) => {
    const button = event.target.closest("button")
    if (!button) return
    if (button.classList.contains("enlarge")) return large(button.closest("li"))
    if (button.classList.contains("why")) {
      return setTriggerValue("asked", Number(button.closest("li").querySelector(".tile").dataset.id))
    }
    const id = Number(button.dataset.id)
    if (button.classList.contains("tile")) setTriggerValue("picked", id)
    else setTriggerValue("marked", { id, more: button.classList.contains("more") })
  }
  listen(parentElement, list)
  return () => {
    window.removeEventListener(POINTED, listeners.get(parentElement))
    listeners.delete(parentElement)
  }
}
