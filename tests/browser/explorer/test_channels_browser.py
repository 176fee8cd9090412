"""Channels in a real browser, with what is shipped and real weights: grid, channel, a picture made on request."""

import time

import pytest

from semsearch.data import datasets
from semsearch.models import weights
from semsearch.settings import settings
from tests.browser.screen import asked, until
from tests.worlds.servers.app_server import serving

pytestmark = [pytest.mark.browser, pytest.mark.real]
HEAVY = {"tensorflow", "keras", "umap"}
WAITS = 120_000
"""Milliseconds in which the process that makes pictures has loaded its network, on a machine with other work."""


@pytest.fixture(scope="module")
def server():
    """A server of what is shipped, with the weights of the default model."""
    weights.pull("mobilenetv2")
    datasets.fetch("groceries200")
    with serving(settings().home) as started:
        yield started


def cards(page):
    return page.locator("ol.grid[aria-label='Channels of the layer'] button")


def opened(page, server, address):
    page.goto(f"{server.url}model_explorer?{address}")
    cards(page).first.wait_for(timeout=60_000)


def test_from_the_grid_to_a_channel_and_its_photos_without_tensorflow(page, server):
    opened(page, server, "model=mobilenetv2&layer=block_12_expand")
    count = cards(page).count()
    assert count >= 6
    until(
        page,
        lambda: cards(page).nth(1).locator("img").evaluate_all("all => all.every(one => one.naturalWidth)"),
        "photos",
    )
    sheet = cards(page).nth(1).locator(".made").evaluate("one => getComputedStyle(one).backgroundImage")
    assert "app/static/pictures/_channels/" in sheet
    size = page.evaluate(
        "sheet => new Promise(done => { const image = new Image(); image.onload = () => done(image.naturalWidth); "
        "image.src = sheet.slice(5, -2) })",
        sheet,
    )
    assert size == 6 * 128
    number = cards(page).nth(1).get_attribute("data-id")
    cards(page).nth(1).click()
    until(page, lambda: asked(page, "channel") == number, "the channel in the address")
    until(page, lambda: cards(page).nth(1).get_attribute("aria-current") == "true", "the card is marked")
    assert page.get_by_text(f"Channel {number} looks for").count() == 1
    assert page.locator("ol.photos .box").count() == 12
    page.go_back()
    until(page, lambda: asked(page, "channel") != number, "one step back")
    assert not server.modules() & HEAVY and not page.strangers


def test_a_picture_is_made_cancelled_and_found_again(page, server):
    seed = int(time.time()) % 10_000  # one that no run before has made: pictures are kept
    opened(page, server, f"model=mobilenetv2&layer=Conv1&channel=5&make_size=96&make_steps=64&make_seed={seed}")
    page.get_by_text("Make a picture with your own settings").click()
    page.get_by_role("button", name="Make the picture").click()
    started = time.monotonic()
    page.get_by_role("button", name="Cancel").wait_for()
    assert time.monotonic() - started < 5
    page.get_by_role("button", name="Cancel").click()
    page.get_by_text("The last picture was cancelled").wait_for(timeout=WAITS)
    page.get_by_role("button", name="Make the picture").click()
    page.get_by_text("after 64 steps").wait_for(timeout=WAITS)
    with page.expect_download() as download:
        page.get_by_test_id("stDownloadButton").get_by_role("button").click()
    assert download.value.suggested_filename == "mobilenetv2.Conv1.5.png"
    page.reload()
    cards(page).first.wait_for()
    page.get_by_text("Make a picture with your own settings").click()
    page.get_by_text("after 64 steps").wait_for()
    assert not server.modules() & HEAVY, "it is made in a process of its own"
