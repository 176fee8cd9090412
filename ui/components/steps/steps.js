// One entry in the browser's history for each step of a hand, so that one press of Back undoes it.
//
// Streamlit makes an entry for each message about the address: two for a page, none for a control that is bound to the
// address. Here the first writing after a hand did something makes one; all further ones, and those on arrival, go into
// the entry that is there.

const HANDS = ["pointerdown", "keydown", "click", "change", "paste", "drop"]
const QUIET = ["welcome"] // of what is no step
const STEP = { step: true }

function meaning(url) {
  const { pathname, searchParams } = new URL(url, location.href)
  for (const name of QUIET) searchParams.delete(name)
  searchParams.sort()
  return `${pathname}?${searchParams}`
}

function keepSteps() {
  const push = history.pushState.bind(history), replace = history.replaceState.bind(history)
  const first = location.href
  let acted = false

  const write = (_state, _title, url = location.href) => {
    const step = acted && meaning(url) !== meaning(location.href)
    if (step) acted = false
    ;(step ? push : replace)(STEP, "", url)
  }
  history.pushState = write
  history.replaceState = write
  replace(STEP, "", first)
  for (const kind of HANDS) window.addEventListener(kind, () => { acted = true }, true)
  window.addEventListener("popstate", (event) => {
    acted = false
    if (event.state?.step || location.hash) return
    event.stopImmediatePropagation() // an address that was not yet complete on arrival: nothing is seen there
    replace({}, "", first)
    history.back()
  }, true)
  return true
}

export default function () {
  window.semsearchSteps ??= keepSteps()
}
