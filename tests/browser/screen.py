"""What is on screen in Chromium, and what a hand does there."""

from urllib.parse import parse_qs, urlsplit

TILES = "ol.matches li button.tile"
PLOT = ".panels figure:not([hidden]) .plot"
"""Each map."""


def is_stranger(url):
    return urlsplit(url).scheme in ("http", "https", "ws", "wss") and urlsplit(url).hostname != "127.0.0.1"


def ranking(page):
    return [int(item) for item in page.locator(TILES).evaluate_all("all => all.map(one => one.dataset.id)")]


def distances(page):
    return page.locator("ol.matches .distance").all_inner_texts()


def loaded(page):
    """How many pictures among the matches really have pixels."""
    script = "all => all.filter(one => !one.hidden && one.complete && one.naturalWidth > 0).length"
    return page.locator("ol.matches img").evaluate_all(script)


def until(page, condition, message):
    for _ in range(150):
        if condition():
            return
        page.wait_for_timeout(100)
    raise AssertionError(message)


def rest(page):
    """Wait until the server has drawn all that it has to draw."""
    app = page.get_by_test_id("stApp")
    until(page, lambda: app.get_attribute("data-test-script-state") == "notRunning", "the end of a run")


def query_of(page):
    return parse_qs(urlsplit(page.url).query).get("q")


def focused(page):
    return page.evaluate(
        """() => { let here = document.activeElement
                   while (here.shadowRoot?.activeElement) here = here.shadowRoot.activeElement
                   return here.dataset.id ?? here.textContent }"""
    )


WHERE = """(plot, id) => { const box = plot.getBoundingClientRect(), [x, y] = plot.where(id)
                           return [box.left + x, box.top + y] }"""


def drawn(page, number=0):
    plot = page.locator(PLOT).nth(number)
    return plot.evaluate("one => Boolean(one.where) && one.clientWidth > 300 && one.where(0)[0] > 0")


def where(page, item, number=0):
    return page.locator(PLOT).nth(number).evaluate(WHERE, item)


def asked(page, name):
    return parse_qs(urlsplit(page.url).query).get(name, [""])[0]


def drag(page, places):
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=4)
    page.mouse.up()


def selection(page):
    return page.locator("ol.pictures li button.tile").evaluate_all("all => all.map(one => Number(one.dataset.id))")
