"""The Model explorer in a real browser, on fake networks: drawing, table, keyboard, a picture, and every width."""

import re
import sys

import pytest

from tests.browser.screen import until
from tests.worlds import small_world
from tests.worlds.servers import serve_live
from tests.worlds.servers.app_server import environment, free_port, running

pytestmark = pytest.mark.browser
LAYER = small_world.LAST["mobilenetv2"]


@pytest.fixture(scope="module")
def server(small_folder):
    """A server of the small world on fake networks."""
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    places = {"SEMSEARCH_HOME": str(small_folder / "home"), "SEMSEARCH_PRECOMPUTED": str(small_folder / "store")}
    command = [sys.executable, serve_live.__file__, str(port), "0"]
    with running(command, environment(**places, HOME=str(small_folder)), url):
        yield url


def opened(page, server, address=f"?model=mobilenetv2&layer={LAYER}&q=4"):
    page.goto(f"{server}model_explorer{address}")
    page.get_by_role("heading", name="All layers").wait_for()
    return page


def looks_at(page, layer, **address):
    """Wait until the heading, the lit box, the lit line and the address are those of a layer."""
    page.get_by_role("heading", name=layer, exact=True).wait_for()
    until(page, lambda: re.search(rf"[?&]at={layer}(&|$)", page.url), f"{layer} in the address")
    line = page.locator("tr.lit button")
    until(page, lambda: line.all_inner_texts() == [layer], f"{layer} lit in the table")
    assert page.locator("g.lit").count() == 1


def test_a_layer_is_chosen_on_the_drawing_in_the_table_and_by_keyboard(server, page):
    opened(page, server)
    looks_at(page, LAYER)
    page.get_by_role("button", name=re.compile("^block_1_expand: ")).click()
    looks_at(page, "block_1_expand")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    looks_at(page, "block_1_depthwise")
    page.get_by_role("button", name="Conv1_relu", exact=True).click()
    looks_at(page, "Conv1_relu")
    assert page.get_by_role("button", name="Conv1_relu", exact=True).evaluate("one => one.matches(':focus')")
    page.go_back()
    looks_at(page, "block_1_depthwise")
    assert not page.strangers


def test_the_table_is_sorted_by_a_column_and_stays_so(server, page):
    opened(page, server)
    head = page.get_by_role("columnheader", name="Parameters", exact=True)
    first = page.locator("tbody tr").first.locator("button")
    head.get_by_role("button").click()
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "descending" and first.inner_text() == LAYER
    page.get_by_role("button", name="out_relu", exact=True).click()
    looks_at(page, "out_relu")
    assert head.get_attribute("aria-sort") == "descending" and first.inner_text() == LAYER
    head.get_by_role("button").click()
    assert first.inner_text() == "input_layer"


def test_a_picture_goes_through_the_network_to_a_channel(server, page):
    opened(page, server)
    page.get_by_role("button", name="Picture 4 of the dataset").click()
    tile = page.get_by_role("button", name="Channel 0, largest answer 1.00")
    tile.click()
    until(page, lambda: "channel=0" in page.url, "the channel in the address")
    until(page, lambda: tile.get_attribute("aria-current") == "true", "the channel lit")
    painted = "one => [...one.getContext('2d').getImageData(0, 0, one.width, one.height).data].some(Boolean)"
    assert tile.locator("canvas").evaluate(painted)
    assert not page.strangers


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (2560, "light")])
def test_nothing_is_wider_than_the_screen(chromium, server, width, scheme):
    context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = opened(context.new_page(), server, "?model=nasnetmobile")
    page.locator("svg g.lit").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.get_by_test_id("stMain").evaluate("one => one.scrollWidth") <= width
    context.close()
