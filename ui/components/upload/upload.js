// Pictures of a visitor: chosen, dropped or pasted anywhere on the page. Out goes the trigger `uploaded`, a list of
// {name, data in base64}; in comes `data.refused`, why the server did not take some of the last ones.

const LARGE = 500_000 // bytes from which a photo is made smaller before it travels
const SIDE = 1600 // pixels of its longer side then: a third of it is more than most networks look at
const QUALITY = 0.9
const listeners = new WeakMap()

function base64(blob) {
  return new Promise((done, failed) => {
    const reader = new FileReader()
    reader.onload = () => done(reader.result.slice(reader.result.indexOf(",") + 1))
    reader.onerror = () => failed(reader.error)
    reader.readAsDataURL(blob)
  })
}

// A smaller copy, upright and on white as the server would have it; the file itself where the browser cannot read it.
async function reduced(file) {
  const bitmap = await createImageBitmap(file).catch(() => null)
  if (!bitmap) return file
  const scale = SIDE / Math.max(bitmap.width, bitmap.height)
  if (scale >= 1) return file
  const canvas = document.createElement("canvas")
  canvas.width = Math.max(1, Math.round(bitmap.width * scale))
  canvas.height = Math.max(1, Math.round(bitmap.height * scale))
  const pen = canvas.getContext("2d")
  pen.fillStyle = "#fff"
  pen.fillRect(0, 0, canvas.width, canvas.height)
  pen.imageSmoothingQuality = "high"
  pen.drawImage(bitmap, 0, 0, canvas.width, canvas.height)
  bitmap.close()
  const copy = await new Promise((done) => { canvas.toBlob(done, "image/jpeg", QUALITY) })
  return copy && copy.size < file.size ? copy : file
}

async function packed(files, { limit, most, room }) {
  const rows = []
  const refused = files.slice(most).map((file) => `${file.name}: at most ${most} pictures are taken at once.`)
  let left = room
  for (const file of files.slice(0, most)) {
    const blob = file.size > LARGE ? await reduced(file) : file
    const data = blob.size <= Math.min(limit, left) ? await base64(blob).catch(() => null) : ""
    if (data === null) refused.push(`${file.name} cannot be read from this device.`)
    else if (blob.size > limit) refused.push(`${file.name}: larger than ${limit / 1e6} MB, and this browser cannot make it smaller. Save it as a smaller JPEG or PNG.`)
    else if (blob.size > left) refused.push(`${file.name}: at most ${room / 1e6} MB are taken at once.`)
    else {
      left -= blob.size
      rows.push({ name: file.name || "Pasted picture", data })
    }
  }
  return [rows, refused]
}

async function clipboard() {
  const pictures = []
  for (const item of await navigator.clipboard.read()) {
    const type = item.types.find((one) => one.startsWith("image/"))
    if (type) pictures.push(new File([await item.getType(type)], "Pasted picture", { type }))
  }
  return pictures
}

const isField = (target) => target instanceof Element && Boolean(target.closest("input, textarea, [contenteditable=true]"))
const carriesFiles = (event) => Boolean(event.dataTransfer?.types.includes("Files"))

function listen(parentElement, kinds) {
  forget(parentElement)
  for (const [kind, listener] of Object.entries(kinds)) document.addEventListener(kind, listener)
  listeners.set(parentElement, kinds)
}

function forget(parentElement) {
  for (const [kind, listener] of Object.entries(listeners.get(parentElement) ?? {})) document.removeEventListener(kind, listener)
  listeners.delete(parentElement)
}

export default function ({ data, parentElement, setTriggerValue }) {
  const part = (name) => parentElement.querySelector(name)
  const busy = (is) => {
    part(".choose").disabled = is
    part(".choose").textContent = is ? "Reading …" : "Upload picture"
  }
  const refuse = (sentences) => { // over all else, for it must neither move the page nor be cut off
    const box = part(".refused"), place = part(".upload").getBoundingClientRect()
    if (!sentences.length) return box.hidePopover()
    box.showPopover()
    Object.assign(box.style, { left: `${place.left}px`, top: `${Math.max(0, place.bottom) + 4}px` })
    part("strong").textContent = sentences.length === 1 ? "This picture could not be used" : "These pictures could not be used"
    part("ul").replaceChildren(...sentences.map((sentence) => {
      const line = document.createElement("li")
      line.textContent = sentence
      return line
    }))
  }
  const send = async (files) => {
    if (!files.length) return
    refuse([])
    busy(true)
    const [rows, refused] = await packed(files, data)
    busy(false)
    if (refused.length) refuse(refused)
    if (rows.length) setTriggerValue("uploaded", { rows, refused })
  }
  const paste = (files) => (files.length ? send(files) : refuse(["There is no picture in the clipboard. Copy one, then paste again."]))
  const over = (shown) => { part(".over").hidden = !shown }

  refuse(data.refused)
  part(".choose").onclick = () => part("input").click()
  part("input").onchange = async (event) => {
    const files = [...event.target.files]
    event.target.value = ""
    await send(files)
  }
  part(".close").onclick = () => refuse([])
  part(".read").hidden = !navigator.clipboard?.read
  part(".read").onclick = async () => {
    try {
      await paste(await clipboard())
    } catch {
      refuse(["The browser does not let this page read the clipboard. Press Ctrl+V (on a Mac Cmd+V) instead."])
    }
  }
  listen(parentElement, {
    paste: (event) => {
      if (isField(event.composedPath()[0])) return
      event.preventDefault()
      paste([...event.clipboardData.files])
    },
    dragover: (event) => {
      if (!carriesFiles(event)) return
      event.preventDefault()
      over(true)
    },
    dragleave: (event) => { if (!event.relatedTarget) over(false) },
    drop: (event) => {
      over(false)
      if (!carriesFiles(event)) return
      event.preventDefault()
      send([...event.dataTransfer.files])
    },
  })
  return () => forget(parentElement)
}
