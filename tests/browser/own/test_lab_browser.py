"""The Index lab in a real browser, on fake networks: measured, read, and an index taken to Live search."""

import re
import sys

import pytest

from semsearch.data import datasets
from tests.browser.screen import until
from tests.worlds import small_world
from tests.worlds.files.bitmaps import write_bmp
from tests.worlds.servers import serve_live
from tests.worlds.servers.app_server import environment, free_port, running

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server that has a dataset of 70 pictures beside the small world."""
    folder = tmp_path_factory.mktemp("lab")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEMSEARCH_HOME", str(folder / "home"))
        small_world.add(folder / "pictures")
        small_world.compute(folder / "store")
        for place in range(70):
            write_bmp(folder / "many" / f"class{place // 35}" / f"{place}.bmp", (90, 3 * place, 90))
        datasets.add("many", folder / "many")
    places = {"SEMSEARCH_HOME": str(folder / "home"), "SEMSEARCH_PRECOMPUTED": str(folder / "store")}
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    command = [sys.executable, serve_live.__file__, str(port), "0"]
    with running(command, environment(**places, HOME=str(folder)), url):
        yield url


def test_an_index_is_measured_and_taken_to_live_search(server, page):
    page.goto(f"{server}indices?dataset=many&metric=euclidean")
    page.get_by_role("button", name="Measure").click()
    page.get_by_role("button", name="Measure again").wait_for()
    page.get_by_text("Exact finds 100.0% of the ten nearest").wait_for()
    until(page, lambda: page.locator(".js-plotly-plot .point").count() == 5, "five indices on the chart")
    rows = page.locator("table tbody tr")
    assert rows.count() == 5 and "1.000 · 1.000" in rows.nth(2).inner_text()
    again = page.context.new_page()  # everybody sees it
    again.goto(f"{server}indices?dataset=many&metric=euclidean")
    again.get_by_role("button", name="Measure again").wait_for()
    page.get_by_role("button", name="Use RaBitQ").click()
    page.get_by_role("heading", name="Live search").wait_for()
    until(page, lambda: re.search(r"[?&]index=RaBitQ", page.url), "the index in the address")
    page.locator("ol.matches button.tile").first.wait_for()
    page.get_by_role("button", name="Settings").click()
    assert page.get_by_role("radio", name="RaBitQ").is_checked()
    assert not page.strangers
