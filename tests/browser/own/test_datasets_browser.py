"""A dataset of one's own in a real browser, on fake networks: from a zip file to an export, across a closed tab."""

import sys
import zipfile

import pytest

from semsearch.data import datasets
from semsearch.own import edits
from tests import ROOT
from tests.browser.screen import rest, until
from tests.worlds import rest_world, small_world
from tests.worlds.servers import serve_live
from tests.worlds.servers.app_server import environment, free_port, running

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Home, the store of the small world, a zip of seven pictures and a bad one, and a dataset without classes."""
    folder = tmp_path_factory.mktemp("own")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEMSEARCH_HOME", str(folder / "home"))
        small_world.add(folder / "pictures")
        small_world.compute(folder / "store")
        (folder / "flat").mkdir()
        for place in range(5):
            (folder / "flat" / f"{place}.bmp").write_bytes(rest_world.at(place))
        edits.create("flat", folder / "flat")
    with zipfile.ZipFile(folder / "holiday.zip", "w") as archive:
        for place in range(7):
            archive.writestr(f"holiday/{'beach' if place < 4 else 'hills'}/{place}.bmp", rest_world.at(place))
        archive.writestr("holiday/beach/bad.bmp", b"BM but no picture")
    return folder


@pytest.fixture(scope="module")
def server(folder):
    """A server over them, at which anybody may change datasets."""
    places = {"SEMSEARCH_HOME": str(folder / "home"), "SEMSEARCH_PRECOMPUTED": str(folder / "store")}
    more = {"SEMSEARCH_EDITORS": "all", "PYTHONPATH": str(ROOT), "HOME": str(folder)}
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    command = [sys.executable, serve_live.__file__, str(port), "0"]
    with running(command, environment(**places, **more), url):
        yield url


def press(page, name):
    page.get_by_role("button", name=name).first.click()


def part(page, name):
    page.get_by_role("radio", name=name, exact=True).click()


def says(page, words):
    page.get_by_text(words).first.wait_for()


def contents(folder, monkeypatch):
    monkeypatch.setenv("SEMSEARCH_HOME", str(folder / "home"))
    dataset = datasets.load("holiday")
    return sorted((dataset.classes[item.label], item.shown) for item in dataset.items)


def test_a_dataset_from_a_zip_to_an_export(folder, server, page, monkeypatch):
    page.goto(f"{server}datasets?dataset=world")
    part(page, "New")
    page.get_by_role("textbox", name="Name").fill("holiday")
    page.get_by_role("textbox", name="Folder or zip file on this computer").fill(str(folder / "holiday.zip"))
    page.keyboard.press("Tab")
    press(page, "Create dataset")
    says(page, "holiday is here: 7 pictures of 2 classes; 1 file left out.")
    context = page.context
    page.close()
    page = context.new_page()  # the tab was closed, and somebody comes back
    page.goto(f"{server}datasets?dataset=holiday")
    page.get_by_text("1 file left out").first.click()
    until(page, lambda: "bad.bmp" in page.content(), "the bad file by its name")
    part(page, "Add")
    page.locator("input[type=file]").first.set_input_files(
        [{"name": f"{place}.bmp", "mimeType": "image/bmp", "buffer": rest_world.at(place)} for place in (8, 9)]
    )
    says(page, "2 pictures taken into holiday.")
    tiles = page.locator("ol.pictures button.tile")
    until(page, lambda: tiles.count() == 9, "nine pictures")
    tiles.nth(0).click()
    press(page, "Take out")
    says(page, "1 picture taken out of holiday; no file was deleted.")
    press(page, "Undo")
    says(page, "Took back: removed 0.bmp.")
    until(page, lambda: tiles.count() == 9, "it is back")
    tiles.nth(0).click()
    says(page, "1 picture chosen")
    page.get_by_role("combobox", name="Class").first.click()
    page.get_by_role("option", name="hills").click()
    press(page, "Give this class")
    says(page, "1 picture of the class hills now.")
    assert ("hills", "0.bmp") in contents(folder, monkeypatch) and len(contents(folder, monkeypatch)) == 9
    press(page, "Export")
    with page.expect_download() as download:
        press(page, "List as CSV")
    assert "0.bmp,hills" in download.value.path().read_text(encoding="utf-8-sig")
    page.goto(f"{server}live?dataset=holiday&model=mobilenetv2&metric=euclidean")
    page.locator("ol.matches button.tile").first.wait_for()
    _compared(folder, server, page)


def _compared(folder, server, page):
    """Two models computed, one of them paused meanwhile; compared, and a map offered to be drawn."""
    (folder / "home" / "slow").write_text("7")
    page.goto(f"{server}?dataset=holiday&model=mobilenetv2")
    press(page, "Compute results")
    press(page, "Pause")
    says(page, "Paused")
    press(page, "Resume")
    says(page, "7 of 100")
    (folder / "home" / "slow").unlink()
    page.locator("ol.matches button.tile").first.wait_for()
    page.goto(f"{server}?dataset=holiday&model=vgg16")
    press(page, "Compute results")
    page.locator("ol.matches button.tile").first.wait_for()
    page.goto(f"{server}?dataset=holiday&model=mobilenetv2&b_model=vgg16&b_pooling=avg")
    until(page, lambda: page.locator("ol.matches").count() == 2, "both sides")
    page.goto(f"{server}embeddings?dataset=holiday&model=mobilenetv2")
    page.get_by_role("button", name="Draw").first.wait_for()


@pytest.mark.parametrize("address", ["", "live", "embeddings", "datasets", "indices"])
def test_a_dataset_without_classes_is_shown_on_every_page(server, page, address):
    page.goto(f"{server}{address}?dataset=flat&model=mobilenetv2")
    page.get_by_role("heading", level=1).first.wait_for()
    rest(page)
    assert not page.get_by_text("This cannot be shown").count() and not page.get_by_text("Traceback").count()
    assert not page.strangers
