"""What is on the first screen, without a click, on phones and desks: an answer that is right, and nothing before it."""

import re
import urllib.request

import pytest

from benchmarks import weight
from semsearch.data import datasets
from tests.browser.screen import TILES, loaded, until
from tests.worlds.files import cut_fonts
from tests.worlds.servers.app_server import serving
from tests.worlds.waiting import soon
from ui.web import fonts

pytestmark = pytest.mark.browser

SCREENS = {360: 740, 768: 1024, 1280: 800, 1920: 1080}
JARGON = ("score", "precision", "recall", "interval", "configuration", "metric", "pooling", "layer", "cosine")
"""What is only known to whoever has read the Guide."""
PHONE = (
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Mobile Safari/537.36"
)
SEEN = """(tile) => {
  const reached = (x, y) => {
    let here = document.elementFromPoint(x, y)
    while (here?.shadowRoot?.elementFromPoint(x, y) && here.shadowRoot.elementFromPoint(x, y) !== here) {
      here = here.shadowRoot.elementFromPoint(x, y)
    }
    return tile.contains(here)
  }
  return [".frame", ".class"].every((part) => {
    const box = tile.querySelector(part).getBoundingClientRect(), x = (box.left + box.right) / 2
    return reached(x, box.top + 2) && reached(x, box.bottom - 2)
  })
}"""
WORDS = """() => {
  const walker = document.createTreeWalker(document.querySelector("[data-testid=stMain]"), NodeFilter.SHOW_TEXT)
  const words = []
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const range = document.createRange()
    range.selectNodeContents(node)
    const box = range.getBoundingClientRect()
    if (box.width && box.bottom > 0 && box.top < innerHeight) words.push(node.textContent)
  }
  return words.join(" ")
}"""
DRAWN = """async ({ fonts, words, weight, most }) => {
  document.fonts.clear()
  for (const [family, address] of Object.entries(fonts)) {
    document.fonts.add(await new FontFace(family, `url(${address})`, { weight: "100 900" }).load())
  }
  const canvas = Object.assign(document.createElement("canvas"), { width: 700, height: 40 })
  const context = canvas.getContext("2d", { willReadFrequently: true })
  const drawn = (family, word) => {
    context.clearRect(0, 0, 700, 40)
    context.font = `${weight} 30px ${family}`
    context.fillText(word, 2, 32)
    return `${context.measureText(word).width} ${canvas.toDataURL()}`
  }
  context.font = "30px whole"
  const narrow = words.filter((word) => Math.round(context.measureText(word).width) <= most)
  return narrow.map((word) => [word, drawn("whole", word) === drawn("cut", word)])
}"""
"""Whether two fonts, whole and cut, draw the same: for each word that the first draws in at most so many pixels."""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("first") / "home"
        patch.setenv("SEMSEARCH_HOME", str(home))
        datasets.fetch("groceries200")
        cut_fonts.cut()
        with serving(home) as running:
            yield running


@pytest.fixture(scope="module")
def cut(server):
    """The addresses of the cut fonts, once the server has them."""

    def style():
        asked = urllib.request.Request(server.url, headers={"Accept": "text/html"})
        with urllib.request.urlopen(asked) as answer:
            return re.findall(r'href="\./(\S+\.css\?\w+)"', answer.read().decode())

    soon(style, seconds=60)
    with urllib.request.urlopen(server.url + style()[0]) as answer:
        found = re.findall(r"\.\./(media/[\w.-]+\?\w+)", answer.read().decode())
    return {f"{server.url}static/{address}" for address in found}


@pytest.fixture
def screen(chromium, server):
    """Open the app as somebody does who comes for the first time."""
    opened = []

    def open_page(width, **more):
        context = chromium.new_context(viewport={"width": width, "height": SCREENS[width]}, **more)
        opened.append(context)
        page = context.new_page()
        page.goto(server.url)
        until(page, lambda: page.locator(TILES).count() == 15 and loaded(page) >= 4, "the first matches")
        page.locator("[data-test-script-state=notRunning]").wait_for(state="attached")
        return page

    yield open_page
    for context in opened:
        context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", SCREENS)
def test_the_first_screen_shows_right_matches_and_says_so(screen, width, scheme):
    page = screen(width, color_scheme=scheme)
    headline = page.locator("h3", has_text="15 of 15 are ")
    assert headline.bounding_box()["y"] + 30 < SCREENS[width]
    seen = [place for place in range(15) if page.locator(TILES).nth(place).evaluate(SEEN)]
    assert seen[: 2 if width < 600 else 4] == list(range(2 if width < 600 else 4)), "the first matches are not covered"
    assert set(page.locator("ol.matches .verdict").all_inner_texts()) == {"same class"}
    words = page.evaluate(WORDS).lower()
    assert "15 of 15" in words and "new here?" in words and not [word for word in JARGON if word in words]
    assert page.get_by_role("button", name="Got it").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("address", ["", "map", "live", "learn"])
def test_no_page_that_is_opened_by_its_address_reports_an_error(page, server, address):
    """Each asked for two addresses below its own that are not there."""
    errors = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("response", lambda answer: errors.append(answer.url) if answer.status >= 400 else None)
    page.goto(server.url + address)
    page.get_by_role("heading", level=1).wait_for()
    page.wait_for_load_state("networkidle")
    assert not errors


def test_a_first_visit_is_light_and_the_second_lighter(chromium, server, cut):
    """It weighed 3.45 MB, and every thumbnail came anew."""
    context = chromium.new_context()
    first, second = (weight.visit(context, server.url, "Search", weight.NETWORKS[0]) for _ in range(2))
    assert first.megabytes <= weight.MEGABYTES["Search"] and second.megabytes < 0.1 and second.requests < 8
    context.close()


def test_icons_and_letters_are_drawn_as_with_the_whole_fonts(page, server, cut):
    page.goto(server.url + "api/health")

    def drawn(name, words, weight, most):
        [address] = {found for found in cut if f"/{name}." in found}
        both = {"whole": address.partition("?")[0], "cut": address}
        return dict(page.evaluate(DRAWN, {"fonts": both, "words": words, "weight": weight, "most": most}))

    named = sorted(name for name in fonts.icon_names(cut_fonts.STATIC) if name == name.lower() and len(name) > 1)
    icons = drawn("MaterialSymbols-Rounded", named, 400, 30)
    assert [name for name, same in icons.items() if not same] == []
    assert len(icons) > 150 and {"image_search", "menu_book", "undo", "more_vert"} <= set(icons)
    texts = ["Affine AVATAR, Tō “fi” 10.25 %", "0123456789", "1111111111", "Größe · ×−≤… → œ ğ"]
    for strength in (400, 650):
        assert drawn("SourceSansVF-Upright.ttf", texts, strength, 700) == dict.fromkeys(texts, True)


@pytest.mark.parametrize("address", ["", "map", "live", "learn"])
def test_a_page_asks_for_cut_fonts_alone(page, server, cut, address):
    asked = []
    page.on("request", lambda request: asked.append(request.url) if ".woff2" in request.url else None)
    page.goto(server.url + address)
    page.get_by_role("heading", level=1).wait_for()
    page.wait_for_load_state("networkidle")
    assert 2 <= len(asked) == len(set(asked)) and {one for one in asked if "Code" not in one} <= cut
    boxes = [icon.bounding_box() for icon in page.get_by_test_id("stIconMaterial").all() if icon.is_visible()]
    assert boxes and all(box["width"] == box["height"] for box in boxes)


@pytest.mark.parametrize("agent", [PHONE, None], ids=["phone", "narrow window"])
def test_the_sidebar_of_a_narrow_screen_is_out_of_the_way(screen, agent):
    page = screen(360, **({"user_agent": agent} if agent else {}))
    sidebar = page.get_by_test_id("stSidebar")
    assert sidebar.get_attribute("data-collapsed") == "true"
    page.get_by_test_id("stExpandSidebarButton").click()
    until(page, lambda: sidebar.get_attribute("data-collapsed") == "false", "the sidebar")
    sidebar.get_by_role("link", name="Guide").click()
    page.get_by_role("heading", name="Guide", level=1).wait_for()
    until(page, lambda: sidebar.get_attribute("data-collapsed") == "true", "the sidebar closed by itself")
