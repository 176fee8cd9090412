"""Why a match is one, in a browser on fake networks: opened, pointed at, walked by keyboard, closed by one Back."""

import sys

import pytest

from tests.browser.screen import TILES, asked, rest, until
from tests.worlds.servers import serve_live
from tests.worlds.servers.app_server import environment, free_port, running

pytestmark = pytest.mark.browser

SHIFTS = """() => { window.shifted = 0
                    const add = (list) => { for (const one of list.getEntries()) window.shifted += one.value }
                    new PerformanceObserver(add).observe({ type: "layout-shift" }) }"""
PAINTED = "all => all.map(one => [...one.getContext('2d').getImageData(0, 0, one.width, one.height).data].join())"


@pytest.fixture(scope="module")
def server(small_folder):
    places = {"SEMSEARCH_HOME": str(small_folder / "home"), "SEMSEARCH_PRECOMPUTED": str(small_folder / "store")}
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    with running([sys.executable, serve_live.__file__, str(port), "1"], environment(**places), url):
        yield url


def visit(page, address):
    page.goto(address)
    page.locator(TILES).first.wait_for()
    rest(page)


def question(page):
    """Ask about the first match."""
    page.locator(TILES).first.hover()
    page.get_by_role("button", name="Why is it a match? apple, picture 4").click()
    page.locator(".stage").nth(1).wait_for()
    rest(page)


def said(page):
    return page.locator(".said").inner_text()


def test_a_match_is_explained_pointed_at_and_closed_by_one_back(page, server):
    visit(page, server + "?q=3&metric=euclidean")
    page.evaluate(SHIFTS)
    question(page)
    until(page, lambda: asked(page, "why") == "4", "the question in the address")
    assert page.evaluate("window.shifted") <= 0.02
    whole = page.locator("canvas").evaluate_all(PAINTED)
    box = page.locator(".stage").first.bounding_box()
    page.mouse.move(box["x"] + 0.75 * box["width"], box["y"] + 0.25 * box["height"])
    until(page, lambda: "row 1, column 2: adds 25 % to the distance" in said(page), "what the region says")
    assert page.locator("canvas").evaluate_all(PAINTED)[0] == whole[0]
    page.mouse.move(1, 1)
    until(page, lambda: "most in" in said(page), "the whole again")
    link = page.get_by_role("link", name="Channel 0 ")
    assert "model=mobilenetv2&layer=Conv_1&channel=0" in link.get_attribute("href")
    page.go_back()
    until(page, lambda: page.get_by_role("dialog").count() == 0, "no dialog")
    assert asked(page, "why") == "" and asked(page, "q") == "3"
    page.go_forward()
    page.locator(".stage").nth(1).wait_for()


def test_the_keyboard_opens_walks_and_closes(page, server):
    visit(page, server + "?q=3&metric=euclidean")
    page.locator(TILES).first.focus()
    page.keyboard.press("w")
    page.locator(".stage").nth(1).focus()
    for key, place in (("Down", "row 2, column 2"), ("Up", "row 1, column 2"), ("Left", "row 1, column 1")):
        page.keyboard.press(f"Arrow{key}")
        page.locator(".said").get_by_text(place).wait_for()
    assert page.locator("[role=dialog] .spoken").first.text_content() == said(page)
    page.keyboard.press("Escape")
    until(page, lambda: "most in" in said(page), "the whole again")
    page.keyboard.press("Escape")
    until(page, lambda: page.get_by_role("dialog").count() == 0, "no dialog")
    rest(page)
    until(page, lambda: asked(page, "why") == "", "an address without the question")


def test_a_link_compares_two_matches_on_live_search(page, server):
    visit(page, server + "live?dataset=world&q=3&metric=euclidean&why=4&than=5")
    page.locator(".stage").nth(2).wait_for()
    page.get_by_text("is nearer than").wait_for()
    assert page.locator(".stage img").evaluate_all("all => all.every(one => one.complete && one.naturalWidth > 0)")


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 360), ("dark", 2560)])
def test_the_dialog_can_be_read(chromium, server, axe, scheme, width):
    context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    visit(page, server + "?q=3&metric=cosine&why=4&than=0")
    page.locator(".stage").nth(2).wait_for()
    page.wait_for_timeout(300)
    page.evaluate(axe)
    found = page.evaluate("axe.run('[role=dialog]', {resultTypes: ['violations']})")
    assert not [(rule["id"], node["target"]) for rule in found["violations"] for node in rule["nodes"]]
    assert page.locator("[role=dialog]").evaluate("one => one.scrollWidth <= one.clientWidth")
    context.close()
