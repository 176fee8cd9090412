// Lines of text: `data` in, the id of the line whose button was pressed out as the trigger `picked`. Everything in
// `data` is shown as text, never as markup.

function line(name, cells) {
  const row = document.createElement("tr")
  for (const text of cells) {
    const cell = row.appendChild(document.createElement(name))
    if (name === "th") cell.scope = "col"
    cell.append(text)
  }
  return row
}

export default function ({ data, parentElement, setTriggerValue }) {
  const lines = data.lines.map(([id, first, ...rest]) => {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: first })
    button.onclick = () => setTriggerValue("picked", id)
    return line("td", [button, ...rest])
  })
  parentElement.querySelector(".scroll").setAttribute("aria-label", data.label)
  parentElement.querySelector("thead").replaceChildren(line("th", data.columns))
  parentElement.querySelector("tbody").replaceChildren(...lines)
}
