// Lines of text: `data` in, the id of the line whose button was pressed out as the trigger `picked`. Everything in
// `data` is shown as text, never as markup. A cell is its text, or [text, number to sort by]. Lines stay while they
// are the same, so that the focus and the order chosen by a click on a column stay too.

const kept = new WeakMap()

const text = (cell) => (Array.isArray(cell) ? cell[0] : cell)
const value = (cell) => (Array.isArray(cell) ? cell[1] : cell)

function line(name, cells) {
  const row = document.createElement("tr")
  for (const content of cells) {
    const cell = row.appendChild(document.createElement(name))
    if (name === "th") cell.scope = "col"
    cell.append(content)
  }
  return row
}

function button(content, press) {
  const made = Object.assign(document.createElement("button"), { type: "button", textContent: content })
  made.onclick = press
  return made
}

// What is not known comes last in either direction; lines that are equal stay in the order in which they came.
function sort(lines, column, direction) {
  const known = (entry) => value(entry.cells[column]) !== null
  const order = (a, b) => {
    if (!known(a) || !known(b)) return known(b) - known(a)
    const one = value(a.cells[column]), other = value(b.cells[column])
    return direction * (typeof one === "number" ? one - other : one.localeCompare(other, undefined, { numeric: true }))
  }
  return [...lines].sort(order)
}

function arrange(state, column) {
  const next = { none: "ascending", ascending: "descending", descending: "none" }
  state.heads.forEach((head, place) => {
    const now = place === column ? next[head.getAttribute("aria-sort") ?? "none"] : "none"
    head.setAttribute("aria-sort", now)
    if (place !== column) return
    const sorted = now === "none" ? state.lines : sort(state.lines, column, now === "ascending" ? 1 : -1)
    state.body.replaceChildren(...sorted.map((entry) => entry.row))
  })
}

function build(scroll, data) {
  const state = { body: scroll.querySelector("tbody") }
  state.lines = data.lines.map(([id, ...cells]) => {
    const press = button(text(cells[0]), () => state.pick(id))
    return { id, cells, press, row: line("td", [press, ...cells.slice(1).map(text)]) }
  })
  const names = data.columns.map((name, column) => (data.sortable ? button(name, () => arrange(state, column)) : name))
  const head = line("th", names)
  state.heads = [...head.children]
  scroll.querySelector("thead").replaceChildren(head)
  state.body.replaceChildren(...state.lines.map((entry) => entry.row))
  return state
}

function light(scroll, state, data) {
  for (const { id, row, press } of state.lines) {
    row.classList.toggle("marked", data.marked.includes(id))
    row.classList.toggle("lit", id === data.lit)
    if (id === data.lit) press.setAttribute("aria-current", "true")
    else press.removeAttribute("aria-current")
  }
  const lit = state.lines.find((entry) => entry.id === data.lit)?.row
  if (!lit || state.shown === data.lit) return
  state.shown = data.lit
  const row = lit.getBoundingClientRect(), seen = scroll.getBoundingClientRect()
  const head = state.heads[0].getBoundingClientRect().height
  if (row.top < seen.top + head || row.bottom > seen.bottom) scroll.scrollTop += row.top - seen.top - seen.height / 2
}

export default function ({ data, parentElement, setTriggerValue }) {
  const scroll = parentElement.querySelector(".scroll")
  scroll.setAttribute("aria-label", data.label)
  scroll.classList.toggle("sortable", data.sortable)
  const content = JSON.stringify([data.columns, data.lines])
  let state = kept.get(scroll)
  if (state?.content !== content) {
    state = build(scroll, data)
    state.content = content
    kept.set(scroll, state)
  }
  state.pick = (id) => setTriggerValue("picked", id)
  light(scroll, state, data)
}
