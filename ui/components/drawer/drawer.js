// Streamlit closes the sidebar of a phone, but not that of a narrow window, and opens it where it was open before.

const NARROW = "(max-width: 767.98px)" // up to which Streamlit lays the sidebar over the page

export default function ({ data }) {
  const before = window.semsearchPage
  window.semsearchPage = data.page
  if (before === data.page || !matchMedia(NARROW).matches) return
  document.querySelector("[data-testid=stSidebarCollapseButton] button")?.click()
}
