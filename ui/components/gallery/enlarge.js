// A picture of the list as large as it is kept, with its class, its file and a link to it.

const KEPT = ["model", "layer", "pooling", "metric", "k"]

function linkTo(tile) {
  const link = new URL("./", document.baseURI), now = new URLSearchParams(location.search)
  link.searchParams.set("dataset", tile.dataset)
  for (const name of KEPT) if (now.has(name)) link.searchParams.set(name, now.get(name))
  link.searchParams.set("q", tile.id)
  return link.href
}

async function copy(field, button) {
  field.select()
  try {
    await navigator.clipboard.writeText(field.value)
    button.textContent = "Copied"
  } catch {
    button.textContent = "Press Ctrl+C" // only a secure page may write to the clipboard; the link is selected
  }
}

// `use` is called when the picture is to be searched with; without it there is no such button.
function enlarge(dialog, item, tile, use) {
  const part = (name) => dialog.querySelector("." + name)
  const shown = item.querySelector("img"), image = dialog.querySelector("img")
  image.hidden = shown.hidden
  image.alt = tile.alt
  if (shown.hidden) image.removeAttribute("src")
  else image.src = shown.src
  part("standin").textContent = tile.name
  part("standin").hidden = !shown.hidden
  part("class").textContent = tile.name
  part("file").textContent = tile.file ?? ""
  part("link").value = tile.file ? linkTo(tile) : ""
  part("link").hidden = part("copy").hidden = !tile.file
  part("copy").textContent = "Copy link"
  part("copy").onclick = () => copy(part("link"), part("copy"))
  part("use").hidden = !use
  part("use").onclick = () => { dialog.close(); use() }
  part("close").onclick = () => dialog.close()
  dialog.onclick = (event) => { if (event.target === dialog) dialog.close() }
  dialog.onkeydown = (event) => event.stopPropagation()
  dialog.showModal()
}
