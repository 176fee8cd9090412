"""The button that fetches pictures, pressed in a real browser on a started server, with a picture server beside it."""

import os
import sys
from contextlib import contextmanager

import pytest

from semsearch.data import datasets
from tests.browser.screen import loaded, ranking, until
from tests.worlds import fetch_world
from tests.worlds.servers import serve_fetch
from tests.worlds.servers.app_server import free_port, running
from tests.worlds.servers.local_http import site
from ui import pictures
from ui.pictures import fetching

pytestmark = pytest.mark.browser


def thumbnails():
    """Where the started server writes those of this dataset: beside the app, where other pictures may be."""
    items = datasets.load("iconic200").items
    return [pictures.FOLDER / "iconic200" / pictures.name(item) for item in items]


@contextmanager
def serving(folder):
    """A started app without the pictures, and the picture server it asks, which answers nobody yet."""
    with pytest.MonkeyPatch.context() as patch, site() as web:
        patch.setenv("SEMSEARCH_HOME", str(folder / "home"))
        patch.setattr(datasets, "FACTS", folder / "facts")
        fetch_world.write_card(folder / "facts")
        fetch_world.write_results(folder / "store")
        places = {"HOME": str(folder), "SEMSEARCH_HOME": str(folder / "home"), "SEMSEARCH_MIRROR": web.address}
        places["SEMSEARCH_PRECOMPUTED"] = str(folder / "store")
        port = free_port()
        url, command = (
            f"http://127.0.0.1:{port}/",
            [sys.executable, serve_fetch.__file__, str(port), str(folder / "facts")],
        )
        remove(thumbnails())
        try:
            with running(command, os.environ | places, url):
                yield f"{url}?dataset=iconic200&q=3&welcome=no", web
        finally:
            remove(thumbnails())


def remove(files):
    for file in files:
        file.unlink(missing_ok=True)


def hang_up(handler):
    """As a server that is gone in the midst of it."""
    handler.close_connection = True


def test_pictures_are_fetched_after_a_failure_and_appear_by_themselves(chromium, page, tmp_path):
    with serving(tmp_path) as (address, web):
        web.pages = dict.fromkeys(fetch_world.pages(), hang_up)
        page.goto(address)
        page.get_by_role("button", name="Fetch pictures").click()
        page.get_by_text(fetching.UNREACHED).wait_for()
        assert not page.get_by_text("RemoteDisconnected").is_visible() and loaded(page) == 0
        slow = fetch_world.Slow(web)
        other = chromium.new_context().new_page()
        other.goto(address)
        page.get_by_role("button", name="Fetch pictures").click()
        for one in (page, other):
            one.get_by_text("11 of 12 pictures fetched").wait_for()
            assert one.get_by_role("button", name="Fetching …").is_disabled() and len(ranking(one)) == 11
        assert not page.get_by_text(fetching.UNREACHED).is_visible()
        slow.go.set()
        for one in (page, other):
            until(one, lambda one=one: loaded(one) == 11, "the pictures did not appear by themselves")
            assert one.get_by_role("button", name="Fetch").count() == 0
        other.context.close()


def test_a_callback_that_fails_on_a_server_says_so_and_leads_back(page, tmp_path):
    with serving(tmp_path) as (address, _):
        page.goto(address)
        page.locator(f"ol.matches li button.tile[data-id='{serve_fetch.BROKEN}']").click()
        page.get_by_text("the disk is full").wait_for()
        assert not page.get_by_text("Traceback").count() and not page.get_by_test_id("stException").count()
        page.get_by_role("button", name="Start again").click()
        until(page, lambda: len(ranking(page)) == 11, "the page did not come back")
        assert not page.get_by_text("the disk is full").count()
