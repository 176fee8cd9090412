"""What the Embeddings page offers beside its map in a real browser: movers, the sheet, a search, the report."""

import numpy as np
import pytest

from tests.browser.screen import PLOT, asked, drawn, rest, until, where
from tests.worlds.servers.app_server import serving

pytestmark = pytest.mark.browser

COMPARED = "q=3&metric=euclidean&b_model=vgg16&b_metric=euclidean"
IDS = "all => all.map(one => Number(one.dataset.id))"


@pytest.fixture(scope="module")
def server(small_folder, chromium):
    with serving(small_folder / "home", small_folder / "store") as running:
        first = chromium.new_page()  # Streamlit knows the pages by their addresses after the first run of a server
        first.goto(running.url)
        first.get_by_role("heading", name="Search", exact=True).wait_for()
        first.close()
        yield running


def opened(page, server, address, *sections):
    page.goto(f"{server.url}map?{address}")
    for name in sections:
        page.get_by_text(name, exact=True).click()
    rest(page)
    return page


def test_a_picture_that_moved_becomes_the_query_where_it_stands(page, server, axe):
    opened(page, server, COMPARED, "What moved most", "Contact sheet")
    strips = page.locator("ol.strip")
    until(page, lambda: strips.count() == 12, "two rows of six pictures")
    assert strips.nth(1).locator("button.tile").evaluate_all(IDS) == [3, 0, 1]
    until(page, lambda: strips.nth(1).locator("img").first.evaluate("one => one.naturalWidth > 0"), "its picture")
    page.wait_for_timeout(500)  # until nothing fades in any more
    page.evaluate(axe)
    found = page.evaluate("axe.run('[data-testid=stMain]', {resultTypes: ['violations']})")
    grave = [rule for rule in found["violations"] if rule["impact"] in ("serious", "critical")]
    assert [(rule["id"], node["target"], node["failureSummary"]) for rule in grave for node in rule["nodes"]] == []
    strips.nth(1).evaluate("one => { one.marked = true }")
    strips.nth(1).locator("button.tile").nth(2).scroll_into_view_if_needed()
    before = strips.nth(1).bounding_box()
    strips.nth(1).locator("button.tile").nth(2).click()
    until(page, lambda: asked(page, "q") == "1", "picture 1 as the query")
    rest(page)
    assert strips.nth(1).evaluate("one => one.marked") and strips.nth(1).bounding_box() == before
    assert not page.strangers


@pytest.mark.parametrize("width", [360, 1280])
def test_the_sheet_fits_and_leads_to_a_query(page, server, width):
    page.set_viewport_size({"width": width, "height": 800})
    opened(page, server, "q=3", "Contact sheet")
    sheet = page.locator("ol.sheet")
    tiles = sheet.locator("button.tile")
    until(page, lambda: tiles.count() == 6, "six pictures")
    boxes = [tile.bounding_box() for tile in tiles.all()]
    assert len({box["y"] for box in boxes}) == 2 and len({box["x"] for box in boxes}) == 3
    assert min(box["width"] for box in boxes) >= 40 and boxes[0]["x"] >= 0
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    ids = tiles.evaluate_all(IDS)
    tiles.first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    until(page, lambda: asked(page, "q") == str(ids[3]), "the picture below the first as the query")


@pytest.mark.parametrize("dims", [2, 3])
def test_the_map_flies_to_a_picture_that_is_found(page, server, dims):
    """It comes to the middle of the plot, and is marked; where the map can be turned it is marked alone."""
    opened(page, server, f"q=3&method=pca&dims={dims}")
    until(page, lambda: drawn(page), "the points")
    apart = np.ptp([where(page, item) for item in range(6)], axis=0).max()
    page.get_by_role("button", name="Find a picture").click()
    box = page.get_by_label("Class, file name or number")
    box.fill("11.bmp")
    box.press("Enter")
    card = page.locator(".card")
    until(page, lambda: card.is_visible() and "picture 1" in card.inner_text(), "its card")
    ring = page.locator(".ring").first.bounding_box()
    assert (ring["x"] + 11, ring["y"] + 11) == pytest.approx(where(page, 1), abs=1.5)
    if dims == 2:
        plot = page.locator(PLOT).bounding_box()
        room = page.locator(PLOT).evaluate("one => one._fullLayout._size")
        middle = (plot["x"] + 1 + room["l"] + room["w"] / 2, plot["y"] + 1 + room["t"] + room["h"] / 2)
        assert where(page, 1) == pytest.approx(middle, abs=1.5)
        assert np.ptp([where(page, item) for item in range(6)], axis=0).max() == pytest.approx(3 * apart, rel=0.02)


def test_a_picture_is_found_and_becomes_the_query(page, server):
    opened(page, server, "q=3")
    page.get_by_role("button", name="Find a picture").click()
    box = page.get_by_label("Class, file name or number")
    box.fill("11.bmp")
    box.press("Enter")
    until(page, lambda: page.locator("ol.pictures button.tile").evaluate_all(IDS) == [1], "the one of that file")
    page.locator("ol.pictures button.tile").click()
    until(page, lambda: asked(page, "q") == "1", "it as the query")


def test_pictures_are_browsed_in_order_of_likeness(page, server):
    page.goto(server.url + "?q=3")
    page.get_by_role("button", name="Browse").click()
    shown = page.get_by_role("dialog").locator("ol.pictures button.tile")
    until(page, lambda: shown.evaluate_all(IDS) == [0, 1, 2, 3, 4, 5], "by number")
    page.get_by_role("dialog").get_by_text("In order of likeness").click()
    until(page, lambda: shown.evaluate_all(IDS) != [0, 1, 2, 3, 4, 5], "another order")
    assert sorted(shown.evaluate_all(IDS)) == [0, 1, 2, 3, 4, 5]


def test_the_report_is_saved_and_opens_from_disk(page, server, chromium, tmp_path):
    opened(page, server, "q=3")
    with page.expect_download() as taken:
        page.get_by_role("button", name="Report").click()
    assert taken.value.suggested_filename == "world-report.html"
    taken.value.save_as(tmp_path / "report.html")
    context = chromium.new_context(offline=True)
    saved = context.new_page()
    saved.goto((tmp_path / "report.html").as_uri())
    saved.locator("#map[data-drawn]").wait_for()
    assert (
        saved.locator("h1").inner_text() == "world" and saved.locator("#items").text_content().count("image/jpeg") == 6
    )
    context.close()
