// Pictures from the clipboard: by keyboard while the page has the focus (not in a field), or by the button where the
// browser allows it. Out goes the trigger `pasted`, a list of {name, data in base64}.

const MOST = 8
const HEIC = /\.(heic|heif|hif)$/i // browsers that cannot show such a picture say no type
const listeners = new WeakMap()

function base64(file) {
  return new Promise((done, failed) => {
    const reader = new FileReader()
    reader.onload = () => done(reader.result.slice(reader.result.indexOf(",") + 1))
    reader.onerror = () => failed(reader.error)
    reader.readAsDataURL(file)
  })
}

async function send(files, limit, say, setTriggerValue) {
  const pictures = files.filter((file) => file.type.startsWith("image/") || HEIC.test(file.name)).slice(0, MOST)
  if (!pictures.length) return say("There is no picture in the clipboard. Copy one first, then paste again.")
  const small = pictures.filter((file) => file.size <= limit)
  if (!small.length) return say(`That picture is larger than ${limit / 1e6} MB. Make it smaller.`)
  say(small.length < pictures.length ? `Pictures larger than ${limit / 1e6} MB were left out.` : "Pasted.")
  const rows = []
  for (const file of small) rows.push({ name: file.name || "Pasted picture", data: await base64(file) })
  setTriggerValue("pasted", rows)
}

async function read() {
  const pictures = []
  for (const item of await navigator.clipboard.read()) {
    const type = item.types.find((one) => one.startsWith("image/"))
    if (type) pictures.push(new File([await item.getType(type)], "Pasted picture", { type }))
  }
  return pictures
}

const isField = (target) => target instanceof Element && Boolean(target.closest("input, textarea, [contenteditable=true]"))

export default function ({ data, parentElement, setTriggerValue }) {
  const status = parentElement.querySelector(".said")
  const say = (words) => { status.textContent = words }
  const button = parentElement.querySelector(".read")
  button.hidden = !(navigator.clipboard && navigator.clipboard.read)
  button.onclick = async () => {
    try {
      await send(await read(), data.limit, say, setTriggerValue)
    } catch {
      say("The browser does not allow this page to read the clipboard. Press Ctrl+V instead.")
    }
  }
  const paste = (event) => {
    if (isField(event.composedPath()[0])) return
    event.preventDefault()
    send([...event.clipboardData.files], data.limit, say, setTriggerValue)
  }
  if (listeners.has(parentElement)) document.removeEventListener("paste", listeners.get(parentElement))
  document.addEventListener("paste", paste)
  listeners.set(parentElement, paste)
  return () => {
    document.removeEventListener("paste", listeners.get(parentElement))
    listeners.delete(parentElement)
  }
}
