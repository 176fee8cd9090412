"""Every page in a real browser, in both themes: axe-core's rules, the walk by keyboard, the orientation bar."""

import pytest

from tests.browser.screen import TILES, drawn, focused, query_of, ranking, until
from tests.worlds.servers.app_server import serving

PAGES = {
    "matches": "",
    "all models": "?view=All+models",
    "layers": "?view=All+models&cells=Layer+by+layer",
    "dataset": "?view=Whole+dataset",
    "compared": "?b_model=vgg16",
    "live": "live",
    "map": "map",
    "indices": "indices",
    "explorer": "model_explorer",
    "guide": "learn",
}
GRAVE = ("serious", "critical")
EXCLUDED: dict[str, str] = {}
"""Selectors of Streamlit's own parts that break a rule, and the reason why we cannot mend them: none today."""

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def server(small_folder):
    """A server of the small world that has been asked for its first page."""
    with serving(small_folder / "home", small_folder / "store") as started:
        yield started


@pytest.fixture
def page(chromium, server):
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    opened.goto(server.url + "?q=3&metric=euclidean")
    opened.locator(TILES).first.wait_for()
    yield opened
    context.close()


def settled(page):
    """Wait until the script has run to its end and nothing is drawn any more."""
    page.locator("h1").first.wait_for()
    until(page, lambda: page.locator("[data-test-script-state=notRunning]").count() == 1, "the end of the run")
    page.wait_for_timeout(500)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("address", PAGES.values(), ids=PAGES)
def test_no_grave_violation(chromium, server, page, axe, address, scheme):
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, color_scheme=scheme)
    opened = context.new_page()
    opened.goto(server.url + address)
    settled(opened)
    if address == "map":
        until(opened, lambda: drawn(opened), "points on the map")
    assert opened.locator("[data-testid=stException], [role=dialog]").count() == 0
    opened.evaluate(axe)
    found = opened.evaluate("leave => axe.run({exclude: leave}, {resultTypes: ['violations']})", list(EXCLUDED))
    grave = [
        (rule["id"], node["target"], node["failureSummary"])
        for rule in found["violations"]
        if rule["impact"] in GRAVE
        for node in rule["nodes"]
    ]
    assert not grave
    assert len(found["passes"]) >= 15, "axe saw hardly anything"
    context.close()


def test_the_tab_key_reaches_the_first_match_and_enter_makes_it_the_query(page):
    first = ranking(page)[0]
    for _ in range(60):
        page.keyboard.press("Tab")
        if focused(page) == str(first):
            break
    assert focused(page) == str(first)
    page.keyboard.press("Enter")
    until(page, lambda: query_of(page) == [str(first)], "the first match as the query")
    until(page, lambda: first not in ranking(page), "its ranking")


def test_the_choice_is_kept_from_page_to_page(page):
    page.get_by_role("link", name="Guide").click()
    page.get_by_role("heading", name="Guide", level=1).wait_for()
    until(page, lambda: query_of(page) == ["3"] and "metric=euclidean" in page.url, "the choice in the address")
    page.get_by_role("link", name="Search", exact=True).click()
    until(page, lambda: page.locator(TILES).count() == 5, "the matches")
    assert query_of(page) == ["3"] and ranking(page) == [4, 5, 0, 1, 2]


def test_a_picture_of_the_guide_leads_to_search_with_its_configuration(page):
    page.get_by_role("link", name="Guide").click()
    page.get_by_role("list", name="First layer: the first matches, nearest first").wait_for()
    panel = page.get_by_role("list", name="First layer: the first matches, nearest first")
    item = panel.locator(".tile").nth(1).get_attribute("data-id")
    panel.locator(".tile").nth(1).click()
    page.get_by_role("heading", name="Search", level=1).wait_for()
    until(
        page, lambda: query_of(page) == [item] and "layer=Conv1&" in page.url + "&", "that picture at the first layer"
    )
    assert page.locator("ol.query .tile").get_attribute("data-id") == item


def test_a_link_of_the_guide_leads_to_search_with_its_configuration(page):
    page.get_by_role("link", name="Guide").click()
    page.get_by_role("link", name="Open this in Search").first.click()
    page.get_by_role("heading", name="Search", level=1).wait_for()
    until(page, lambda: "layer=Conv1&" in page.url + "&", "the first layer")


def test_the_orientation_moves_nothing_and_comes_back(page):
    def places():
        return [page.locator(one).first.bounding_box() for one in ("h1", "ol.query", "ol.matches", TILES)]

    close, again = page.get_by_role("button", name="Got it"), page.get_by_role("button", name="Introduction")
    close.wait_for()
    settled(page)
    before = places()
    close.click()
    until(page, lambda: close.count() == 0, "no bar")
    settled(page)
    assert places() == before
    page.reload()
    page.locator(TILES).first.wait_for()
    settled(page)
    assert close.count() == 0, "put away stays away"
    again.click()
    close.wait_for()
    assert places() == before


@pytest.mark.parametrize("width", [360, 1280, 2560])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_guide_fits_every_width(chromium, server, page, width, scheme):
    context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    opened = context.new_page()
    opened.goto(server.url + "learn")
    settled(opened)
    assert opened.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    main = opened.locator("[data-testid=stMain]")
    assert main.evaluate("one => one.scrollWidth <= one.clientWidth")
    context.close()
