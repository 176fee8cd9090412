// The maps as they are on screen, with their captions and the legend of the shown classes, as a PNG file that prints well.

const GAP = 16, LINE = 22, SCALE = 3

// Where each shown class goes in the legend, in rows no wider than `width`: [label, x, row].
function legendPlaces(context, scene, width) {
  const shown = scene.data.classes.map((_, label) => label).filter((label) => !scene.hidden.has(label))
  let x = GAP, row = 0
  return shown.map((label) => {
    const wide = context.measureText(scene.data.classes[label].name).width + 36
    if (x > GAP && x + wide > width) [x, row] = [GAP, row + 1]
    x += wide
    return [label, x - wide, row]
  })
}

function sheet(scene) {
  const boards = scene.panels.map((panel) => panel.canvas)
  const width = boards.reduce((sum, board) => sum + board.clientWidth + GAP, GAP)
  const tall = Math.max(...boards.map((board) => board.clientHeight))
  const page = document.createElement("canvas"), context = page.getContext("2d")
  const font = `14px ${getComputedStyle(scene.part(".map")).fontFamily}`
  context.font = font
  const places = legendPlaces(context, scene, width), rows = 1 + Math.max(0, ...places.map(([, , row]) => row))
  page.width = Math.round(width * SCALE)
  page.height = Math.round((tall + LINE * (rows + 1) + 3 * GAP) * SCALE)
  context.setTransform(SCALE, 0, 0, SCALE, 0, 0)
  context.fillStyle = getComputedStyle(scene.part(".map")).getPropertyValue("--st-background-color") || "#fff"
  context.fillRect(0, 0, width, page.height)
  context.font = font
  boards.reduce((left, board, number) => {
    inset(context, scene, scene.panels[number], left)
    context.fillStyle = scene.ink
    const { data } = scene.panels[number], [place, name] = data.captions[scene.layerOf(scene.panels[number])]
    context.fillText([data.title, place, name].filter(Boolean).join(" · "), left, tall + GAP + LINE, board.clientWidth)
    return left + board.clientWidth + GAP
  }, GAP)
  for (const [label, x, row] of places) mark(context, scene, label, x, tall + GAP + LINE * (row + 2) + 4)
  return page
}

// One map, cut where its frame ends.
function inset(context, scene, panel, left) {
  context.save()
  context.translate(left, GAP)
  context.beginPath()
  context.rect(0, 0, panel.canvas.clientWidth, panel.canvas.clientHeight)
  context.clip()
  panel.render(context, scene)
  context.restore()
}

function mark(context, scene, label, x, y) {
  const { name, symbol, colour } = scene.data.classes[label]
  context.save()
  context.translate(x + 7, y - 5)
  context.scale(5.5, 5.5)
  context.fillStyle = scene.data.colour === "class" ? colour : "transparent"
  Object.assign(context, { strokeStyle: scene.ink, lineWidth: 0.15 })
  context.fill(PATHS[symbol])
  context.stroke(PATHS[symbol])
  context.restore()
  context.fillStyle = scene.ink
  context.fillText(name, x + 18, y)
}

function save(scene) {
  sheet(scene).toBlob((blob) => {
    const link = document.createElement("a")
    link.href = URL.createObjectURL(blob)
    link.download = "semsearch_map.png"
    link.click()
    setTimeout(() => URL.revokeObjectURL(link.href), 1000)
    scene.say("Image saved")
  }, "image/png")
}
