"""The Embeddings page in a real browser: hover, click, lasso, export, the journey through the layers, links."""

import csv
import json
import urllib.request
import zipfile
from contextlib import contextmanager

import numpy as np
import pytest

from semsearch import images
from semsearch.results import precompute
from tests.browser.screen import asked, drag, drawn, is_stranger, selection, until, where
from tests.worlds import small_world
from tests.worlds.servers.app_server import serving
from ui import pictures

pytestmark = pytest.mark.browser


@contextmanager
def moving_maps():
    """Maps that differ from layer to layer, so that the journey can be seen."""
    draw = np.random.default_rng(0)
    yield lambda method, distances, start: draw.normal(size=start.shape).astype(np.float32)


@pytest.fixture(scope="module")
def server(tmp_path_factory, chromium):
    """A server of the small world with moving UMAP and t-SNE maps; PCA is the line of the pictures."""
    folder = tmp_path_factory.mktemp("maps")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEMSEARCH_HOME", str(folder / "home"))
        small_world.add(folder / "pictures")
        tools = precompute.Tools(extractor=small_world.Line, project=moving_maps, digest=lambda model: "0" * 64)
        precompute.precompute(["world"], small_world.MODELS, root=folder / "store", tools=tools)
    with serving(folder / "home", folder / "store") as running:
        first = chromium.new_page()  # Streamlit knows the pages by their addresses after the first run of a server
        first.goto(running.url)
        first.get_by_role("heading", name="Search", exact=True).wait_for()
        first.close()
        yield running


@pytest.fixture
def page(chromium):
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.broken, page.strangers = [], []
    page.on("pageerror", lambda error: page.broken.append(str(error)))
    page.on("request", lambda one: page.strangers.append(one.url) if is_stranger(one.url) else None)
    yield page
    assert not page.broken and not page.strangers
    context.close()


def open_map(page, server, **address):
    page.goto(server.url + "map?" + "&".join(f"{name}={value}" for name, value in address.items()))
    page.locator(".panels canvas").first.wait_for()
    until(page, lambda: drawn(page), "points on the map")


def box_round(page, items):
    """Draw a box round the items, from corner to corner."""
    page.get_by_role("button", name="Box", exact=True).click()  # this may scroll: look where they are after it
    spots = np.array([where(page, item) for item in items])
    drag(page, [(spots.min(0) - 12).tolist(), (spots.max(0) + 12).tolist()])


def test_hover_shows_the_picture_and_a_click_makes_it_the_query(page, server):
    open_map(page, server, method="pca", q=3, metric="euclidean")
    page.mouse.move(*where(page, 2))
    card = page.locator(".card")
    card.wait_for()
    assert "<b>pear, picture 2" in card.inner_text() and "Match 5 of the query." in card.inner_text()
    shown = card.locator("img")
    until(page, lambda: shown.evaluate("one => one.complete && one.naturalWidth > 0"), "the picture")
    found = pictures.FOLDER / "world" / shown.get_attribute("src").rsplit("/", 1)[1]
    with urllib.request.urlopen(server.url + shown.get_attribute("src"), timeout=5) as answer:
        assert answer.read() == found.read_bytes()
    page.mouse.click(*where(page, 2))
    until(page, lambda: asked(page, "q") == "2", "picture 2 as the query")
    page.get_by_role("link", name="Search", exact=True).click()
    until(page, lambda: asked(page, "q") == "2" and page.locator("ol.query img").count() == 1, "the Search page")
    assert page.locator("ol.query img").get_attribute("alt") == "<b>pear, picture 2"


def test_box_and_lasso_select_and_the_selection_goes_home(page, server, tmp_path):
    open_map(page, server, method="pca")
    box_round(page, (3, 4, 5))
    until(page, lambda: selection(page) == [3, 4, 5], "the apples in the box")
    assert page.get_by_text("Selection: 3 of 6").is_visible() and page.get_by_text("apple (3)").first.is_visible()
    with page.expect_download() as taken:
        page.get_by_role("button", name="Download table").click()
    taken.value.save_as(tmp_path / "s.csv")
    lines = list(csv.DictReader((tmp_path / "s.csv").read_text(encoding="utf-8-sig").splitlines()))
    assert [(line["picture"], line["class"]) for line in lines] == [("3", "apple"), ("4", "apple"), ("5", "apple")]
    with page.expect_download() as taken:
        page.get_by_role("button", name="Download pictures").click()
    taken.value.save_as(tmp_path / "s.zip")
    with zipfile.ZipFile(tmp_path / "s.zip") as archive:
        assert [name.split("/")[0] for name in archive.namelist()] == [line["class"] for line in lines]
    assert "like.3%2Clike.4%2Clike.5" in page.get_by_role("link", name="Search with all 3").get_attribute("href")
    page.get_by_role("button", name="Lasso").click()
    x, y = where(page, 1)
    drag(page, [(x - 9, y - 30), (x + 9, y - 30), (x + 9, y + 30), (x - 9, y + 30)])
    until(page, lambda: selection(page) == [1], "the one in the lasso")
    page.get_by_role("button", name="Clear selection").click()
    until(page, lambda: page.get_by_text("Selection: 0 of 6").count() == 1, "nothing selected")


def test_the_map_is_saved_as_a_picture(page, server, tmp_path):
    """The file is a PNG of the map as it is on screen, points in their colours, and of what stands below it."""
    open_map(page, server, method="pca")
    with page.expect_download() as taken:
        page.get_by_role("button", name="Save image").click()
    taken.value.save_as(tmp_path / "map.png")
    saved = images.load(tmp_path / "map.png")
    canvas = page.locator("figure canvas").first
    wide, tall = (canvas.evaluate(f"one => one.client{side}") for side in ("Width", "Height"))
    assert saved.shape[1] > 3 * wide and saved.shape[0] > 3 * tall
    x, y = canvas.evaluate("one => one.where(0)")
    own = canvas.evaluate("(one, [x, y]) => [...one.getContext('2d').getImageData(x, y, 1, 1).data]", [x, y])
    assert saved[round(3 * (y + 16)), round(3 * (x + 16))].tolist() == pytest.approx(own[:3], abs=24)
    assert saved[3 * (tall + 16) :].std() > 1, "captions and legend stand below"


def test_a_hidden_class_is_not_selected_and_the_link_hides_it_too(page, server):
    open_map(page, server, method="pca")
    apple = page.locator(".legend button", has_text="apple")
    apple.click()
    assert apple.get_attribute("aria-pressed") == "false"
    box_round(page, range(6))
    until(page, lambda: selection(page) == [0, 1, 2] and asked(page, "hidden") == "1", "pears alone")
    page.goto(page.url)
    until(page, lambda: drawn(page) and apple.get_attribute("aria-pressed") == "false", "hidden by the link")


@pytest.mark.parametrize("method", ["umap", "pca"])
def test_all_of_the_map_is_in_view_and_fills_its_frame(page, server, method):
    """At 1280 x 800 legend and Play were below the fold, and a map that is flat in all layers filled half its frame."""
    page.set_viewport_size({"width": 1280, "height": 800})
    open_map(page, server, method=method)
    for part in (".play", ".legend button >> nth=-1", ".panels canvas"):
        box = page.locator(part).bounding_box()
        assert box["y"] > 0 and box["y"] + box["height"] <= 800, part
    for layer in range(8):
        page.locator(".layer").fill(str(layer))
        until(
            page, lambda layer=layer: f"layer {layer + 1} of 8" in page.locator("figcaption").inner_text(), "the layer"
        )
        page.wait_for_timeout(600)
        frame = page.locator(".panels canvas").bounding_box()
        low, high = np.min(spots := [where(page, item) for item in range(6)], 0), np.max(spots, 0)
        fills = (high - low) / (frame["width"] - 48, frame["height"] - 48)
        assert fills.max() == pytest.approx(1, abs=0.03), layer


def test_a_tap_shows_the_picture_and_two_fingers_zoom(chromium, server):
    context = chromium.new_context(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    page = context.new_page()
    open_map(page, server, method="pca", q=3)
    page.locator(".panels canvas").scroll_into_view_if_needed()
    page.touchscreen.tap(*where(page, 2))
    until(page, lambda: asked(page, "q") == "2", "picture 2 as the query")
    card = page.locator(".card")
    until(page, lambda: card.is_visible() and "picture 2" in card.inner_text(), "the picture")
    before = spread(page)
    box = page.locator(".panels canvas").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    session = context.new_cdp_session(page)
    for kind, apart in (("touchStart", 30), ("touchMove", 50), ("touchMove", 70), ("touchMove", 90)):
        fingers = [{"x": x - apart, "y": y, "id": 0}, {"x": x + apart, "y": y, "id": 1}]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": fingers})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    until(page, lambda: spread(page) > 1.5 * before, "closer")
    context.close()


def spread(page):
    return float(np.ptp([where(page, item) for item in range(6)], axis=0).max())


def test_pictures_have_room(page, server):
    """Piled up they hid one another: those without room are dots until there is."""
    open_map(page, server, method="pca", points="pictures", q=3)
    canvas = page.locator(".panels canvas")
    until(page, lambda: canvas.evaluate("one => one.framed().length") > 1, "pictures")
    framed = canvas.evaluate("one => one.framed()")
    spots = np.array([where(page, item) for item in framed])
    apart = np.abs(spots[:, None] - spots).max(-1)[~np.eye(len(spots), dtype=bool)]
    assert 3 in framed and len(framed) < 6 and apart.min() > 26
    for _ in range(6):
        page.get_by_role("button", name="Zoom in").click()
    until(page, lambda: len(canvas.evaluate("one => one.framed()")) == 6, "all of them where there is room")


def test_points_travel_without_a_run_per_frame(page, server):
    """Play moves points through places between the layers; the server hears of it when the journey ends."""
    open_map(page, server, method="umap")
    frames = []
    page.locator(".speed").select_option("4")
    page.get_by_role("button", name="Play through the layers").click()
    for _ in range(14):
        frames.append((tuple(np.round(where(page, 2), 1)), asked(page, "layer")))
        page.wait_for_timeout(70)
    assert len({place for place, _ in frames}) >= 8
    assert len({layer for _, layer in frames}) == 1
    page.get_by_role("button", name="Pause").click()
    until(page, lambda: asked(page, "layer") != small_world.LAST["mobilenetv2"], "the layer where it was paused")
    caption = page.locator("figcaption").inner_text()
    assert asked(page, "layer") in caption
    rest = where(page, 2)
    page.wait_for_timeout(400)
    assert where(page, 2) == rest


def test_the_layer_slider_by_keyboard(page, server):
    open_map(page, server, method="umap")
    before = where(page, 2)
    page.locator(".layer").focus()
    page.keyboard.press("ArrowLeft")
    until(page, lambda: "layer 7 of 8" in page.locator("figcaption").inner_text(), "layer 7")
    until(
        page, lambda: asked(page, "layer") == page.locator("figcaption").inner_text().split()[6].strip("."), "its link"
    )
    assert where(page, 2) != before


def test_two_maps_are_linked(page, server):
    open_map(page, server, method="pca", b_model="vgg16", q=3)
    until(page, lambda: page.locator(".panels canvas").count() == 2 and drawn(page, 1), "two maps")
    box_round(page, (3, 4, 5))
    until(page, lambda: selection(page) == [3, 4, 5], "the apples")
    second = page.locator(".panels canvas").nth(1)
    before = second.screenshot()
    page.mouse.move(*where(page, 2))
    until(page, lambda: second.screenshot() != before, "the point under the pointer lit in B")


def test_keys_alone_choose_select_and_zoom(page, server):
    open_map(page, server, method="pca", q=4)
    left, right = sorted((0, 5), key=lambda item: where(page, item)[0])
    page.locator(".panels canvas").focus()
    for _ in range(6):
        page.keyboard.press("ArrowRight")
    end = max(range(6), key=lambda item: where(page, item)[0])
    assert f"picture {end}." in page.locator(".map .spoken").text_content()
    page.keyboard.press("Space")
    until(page, lambda: selection(page) == [end], "one selected")
    near = abs(where(page, left)[0] - where(page, right)[0])
    page.keyboard.press("+")
    until(page, lambda: abs(where(page, left)[0] - where(page, right)[0]) > 1.3 * near, "closer")
    page.keyboard.press("Enter")
    until(page, lambda: asked(page, "q") == str(end), "the query")


def test_the_table_holds_the_map(page, server):
    open_map(page, server, method="pca", q=3, metric="euclidean")
    page.get_by_text("The map as a table").click()
    rows = page.locator(".table tbody tr")
    until(page, lambda: rows.count() == 6, "six rows")
    ids = [row.split(":")[0] for row in rows.all_inner_texts()]
    assert ids == [f"Picture {item}" for item in (3, 4, 5, 0, 1, 2)]
    rows.nth(1).get_by_role("button").click()
    until(page, lambda: asked(page, "q") == "4", "picture 4 as the query")


def test_a_link_restores_the_view(page, chromium, server):
    open_map(page, server, q=3)
    for name in ("t-SNE", "3-D", "Neighbours kept", "Pictures"):
        page.get_by_role("radio", name=name).or_(page.get_by_role("button", name=name)).first.click()
        page.wait_for_timeout(300)
    wanted = {"method": "tsne", "dims": "3", "colour": "kept", "points": "pictures"}
    until(page, lambda: all(asked(page, name) == value for name, value in wanted.items()), "the look in the address")
    page.get_by_role("button", name="Box", exact=True).click()
    area = page.locator(".panels canvas").bounding_box()
    drag(page, [(area["x"] + 3, area["y"] + 3), (area["x"] + area["width"] - 3, area["y"] + area["height"] - 3)])
    until(page, lambda: selection(page) == [0, 1, 2, 3, 4, 5] and asked(page, "chosen"), "all selected")
    page.wait_for_timeout(500)
    fresh = chromium.new_context(viewport={"width": 1280, "height": 900}).new_page()
    fresh.goto(page.url)
    fresh.locator(".panels canvas").wait_for()
    until(fresh, lambda: drawn(fresh) and selection(fresh) == [0, 1, 2, 3, 4, 5], "the map and what is selected")
    places = [[where(one, item) for item in range(6)] for one in (page, fresh)]
    assert json.dumps(places[0]) == json.dumps(places[1])
    fresh.context.close()


@pytest.mark.parametrize("width", [360, 1280, 2560])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_overflows(chromium, server, width, scheme):
    context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    open_map(page, server, b_model="vgg16", colour="kept")
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    context.close()
