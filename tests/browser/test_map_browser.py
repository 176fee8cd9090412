"""The Embeddings page in a real browser: hover, click, lasso, export, the journey through the layers, links."""

import csv
import urllib.request
import zipfile
from contextlib import contextmanager

import numpy as np
import pytest

from semsearch import images
from semsearch.maps import palette
from semsearch.results import precompute
from semsearch.results.extent import FULL
from tests.browser.screen import PLOT, asked, drag, drawn, is_stranger, rest, selection, until, where
from tests.worlds import small_world
from tests.worlds.servers.app_server import serving
from ui import pictures

pytestmark = pytest.mark.browser
CAPTION = "figure:not([hidden]) figcaption"


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
        precompute.precompute(["world"], small_world.MODELS, root=folder / "store", how_much=FULL, tools=tools)
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
    page.locator(PLOT).first.wait_for()
    until(page, lambda: drawn(page), "points on the map")


def tool(page, name):
    """Press a button of the mode bar of the first map."""
    page.get_by_role("button", name=name).first.click()


def entry(page, name):
    """The first map's legend entry of a class, counted from its name on."""
    return page.locator(PLOT).first.locator(".legend .traces").filter(has_text=name)


def box_round(page, items):
    """Draw a box round the items, from corner to corner."""
    tool(page, "Box Select")  # this may scroll: look where they are after it
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
    tool(page, "Lasso Select")
    x, y = where(page, 1)
    drag(page, [(x - 9, y - 30), (x + 9, y - 30), (x + 9, y + 30), (x - 9, y + 30)])
    until(page, lambda: selection(page) == [1], "the one in the lasso")
    page.get_by_role("button", name="Clear selection").click()
    until(page, lambda: page.get_by_text("Selection: 0 of 6").count() == 1, "nothing selected")


def test_the_map_is_saved_as_a_picture(page, server, tmp_path):
    """The file is the map as it is on screen, points in their colours, with its legend and what stands below it."""
    open_map(page, server, method="pca")
    plot = page.locator(PLOT)
    with page.expect_download() as taken:
        tool(page, "Save as PNG")
    taken.value.save_as(tmp_path / "map.png")
    saved = images.load(tmp_path / "map.png")
    wide, tall = (plot.evaluate(f"one => one.client{side}") for side in ("Width", "Height"))
    assert saved.shape[:2] == (3 * tall, 3 * wide)
    x, y = plot.evaluate("one => one.where(0)")
    colour = palette.class_colour(0)
    shown = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
    assert saved[round(3 * (y + 4)), round(3 * x)].tolist() == pytest.approx(shown, abs=24)
    with page.expect_download() as taken:
        tool(page, "Save as SVG")
    taken.value.save_as(tmp_path / "map.svg")
    drawing = (tmp_path / "map.svg").read_text(encoding="utf-8")
    assert taken.value.suggested_filename == "semsearch_map.svg" and drawing.count('class="point"') >= 6 + 1
    assert "&#60;b&#62;pear (3)" in drawing and "apple (3)" in drawing and "MobileNetV2, layer 8 of 8" in drawing


def test_a_muted_class_stays_and_is_not_selected_and_the_link_mutes_it_too(page, server):
    """By the legend of Plotly, with a pointer and with keys."""
    open_map(page, server, method="pca")
    apple = entry(page, "apple")
    apple.focus()
    page.keyboard.press("Enter")
    until(
        page, lambda: apple.get_attribute("aria-pressed") == "false" and asked(page, "muted") == "1", "muted by a key"
    )
    page.keyboard.press("Enter")
    until(page, lambda: apple.get_attribute("aria-pressed") == "true" and not asked(page, "muted"), "as before")
    apple.click()
    until(page, lambda: apple.get_attribute("aria-pressed") == "false", "muted by a click")
    box_round(page, range(6))
    until(page, lambda: selection(page) == [0, 1, 2] and asked(page, "muted") == "1", "pears alone")
    page.goto(page.url)
    until(page, lambda: drawn(page) and apple.get_attribute("aria-pressed") == "false", "muted by the link")


def test_a_double_click_mutes_all_other_classes_at_every_layer(page, server):
    """They stay where they are, faint; a second one gives all their voice again."""
    open_map(page, server, method="umap")
    apple, pear = entry(page, "apple"), entry(page, "pear")
    marks = page.locator(".scatterlayer .trace").nth(0).locator(".point")
    apple.dblclick()
    until(page, lambda: pear.get_attribute("aria-pressed") == "false" and asked(page, "muted") == "0", "pears muted")
    assert apple.get_attribute("aria-pressed") == "true" and marks.count() == 3
    assert float(marks.first.evaluate("one => getComputedStyle(one).opacity")) < 0.2
    page.locator(".layer").fill("2")
    until(page, lambda: "layer 3 of 8" in page.locator(CAPTION).inner_text(), "another layer")
    rest(page)
    assert pear.get_attribute("aria-pressed") == "false" and asked(page, "muted") == "0"
    page.mouse.move(*where(page, 0))
    page.wait_for_timeout(200)
    assert not page.locator(".card").is_visible(), "a muted point is not pointed at"
    apple.dblclick()
    until(page, lambda: pear.get_attribute("aria-pressed") == "true" and not asked(page, "muted"), "all as before")


@pytest.mark.parametrize("method", ["umap", "pca"])
def test_all_of_the_map_is_in_view_and_fills_its_frame(page, server, method):
    """At 1280 x 800 legend and Play were below the fold, and a map that is flat in all layers filled half its frame."""
    page.set_viewport_size({"width": 1280, "height": 800})
    open_map(page, server, method=method)
    for part in (".play", ".legend .traces >> nth=-1", PLOT):
        box = page.locator(part).bounding_box()
        assert box["y"] > 0 and box["y"] + box["height"] <= 800, part
    for layer in range(8):
        page.locator(".layer").fill(str(layer))
        until(page, lambda layer=layer: f"layer {layer + 1} of 8" in page.locator(CAPTION).inner_text(), "the layer")
        page.wait_for_timeout(600)
        room = page.locator(PLOT).evaluate("one => [one._fullLayout._size.w, one._fullLayout._size.h]")
        low, high = np.min(spots := [where(page, item) for item in range(6)], 0), np.max(spots, 0)
        fills = (high - low) / (np.array(room) - 48)
        assert fills.max() == pytest.approx(1, abs=0.03), layer


def test_a_tap_shows_the_picture_and_two_fingers_zoom(chromium, server):
    context = chromium.new_context(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    page = context.new_page()
    open_map(page, server, method="pca", q=3)
    page.locator(PLOT).scroll_into_view_if_needed()
    page.touchscreen.tap(*where(page, 2))
    until(page, lambda: asked(page, "q") == "2", "picture 2 as the query")
    card = page.locator(".card")
    until(page, lambda: card.is_visible() and "picture 2" in card.inner_text(), "the picture")
    before = spread(page)
    box = page.locator(PLOT).bounding_box()
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
    plot = page.locator(PLOT)
    until(page, lambda: plot.evaluate("one => one.framed().length") > 1, "pictures")
    framed = plot.evaluate("one => one.framed()")
    spots = np.array([where(page, item) for item in framed])
    apart = np.abs(spots[:, None] - spots).max(-1)[~np.eye(len(spots), dtype=bool)]
    assert 3 in framed and len(framed) < 6 and apart.min() > 26
    for _ in range(6):
        tool(page, "Zoom in")
    until(page, lambda: len(plot.evaluate("one => one.framed()")) == 6, "all of them where there is room")


def test_points_travel_without_a_run_per_frame(page, server):
    """Play moves points through places between the layers; the server hears of it when the journey ends."""
    open_map(page, server, method="umap")
    frames = []
    page.locator(".speed").select_option("2")
    page.get_by_role("button", name="Play through the layers").click()
    for _ in range(14):
        frames.append((tuple(np.round(where(page, 2), 1)), asked(page, "layer")))
        page.wait_for_timeout(70)
    assert len({place for place, _ in frames}) >= 8
    assert len({layer for _, layer in frames}) == 1
    page.get_by_role("button", name="Pause").click()
    until(page, lambda: asked(page, "layer") != small_world.LAST["mobilenetv2"], "the layer where it was paused")
    caption = page.locator(CAPTION).inner_text()
    assert asked(page, "layer") in caption
    rest = where(page, 2)
    page.wait_for_timeout(400)
    assert where(page, 2) == rest


def test_lines_lead_from_the_query_to_its_nearest_on_the_way_too(page, server):
    """Plotly draws a path for each: all but the first stayed where they were until the journey ended."""
    open_map(page, server, method="umap", q=3, metric="euclidean")
    plot = page.locator(PLOT)
    plot.evaluate("window.dispatchEvent(new CustomEvent('semsearch-layer', { detail: 6.5 }))")
    page.wait_for_timeout(200)
    box, lines = plot.bounding_box(), page.locator(".scatterlayer .js-line")
    paths = lines.evaluate_all("all => all.map(one => one.getAttribute('d').match(/-?[\\d.]+/g).map(Number))")
    corner = plot.evaluate("one => [one._fullLayout._size.l, one._fullLayout._size.t]")
    ends = np.array(paths).reshape(-1, 2, 2) + corner + [box["x"], box["y"]]
    assert ends[:, 0] == pytest.approx(np.array([where(page, 3)] * 5), abs=1)
    assert ends[:, 1] == pytest.approx(np.array([where(page, item) for item in (4, 5, 0, 1, 2)]), abs=1)


def test_the_layer_slider_by_keyboard(page, server):
    open_map(page, server, method="umap")
    before = where(page, 2)
    page.locator(".layer").focus()
    page.keyboard.press("ArrowLeft")
    until(page, lambda: "layer 7 of 8" in page.locator(CAPTION).inner_text(), "layer 7")
    until(page, lambda: asked(page, "layer") == page.locator(CAPTION).inner_text().split()[6].strip("."), "its link")
    assert where(page, 2) != before


def test_two_maps_are_linked(page, server):
    open_map(page, server, method="pca", b_model="vgg16", q=3)
    until(page, lambda: page.locator(PLOT).count() == 2 and drawn(page, 1), "two maps")
    box_round(page, (3, 4, 5))
    until(page, lambda: selection(page) == [3, 4, 5], "the apples")
    ring = page.locator(".ring").nth(1)
    page.mouse.move(*where(page, 2))
    until(page, lambda: ring.is_visible(), "the point under the pointer lit in B")
    box = ring.bounding_box()
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert middle == pytest.approx(where(page, 2, 1), abs=1.5)
    near = [abs(where(page, 0, number)[0] - where(page, 5, number)[0]) for number in (0, 1)]
    tool(page, "Zoom in")
    until(
        page,
        lambda: all(abs(where(page, 0, at)[0] - where(page, 5, at)[0]) > 1.3 * near[at] for at in (0, 1)),
        "both closer",
    )
    entry(page, "apple").click()
    faded = page.locator(PLOT).nth(1).locator(".legend .traces").filter(has_text="apple")
    until(page, lambda: faded.get_attribute("aria-pressed") == "false", "muted on both")


def test_keys_alone_choose_select_and_zoom(page, server):
    open_map(page, server, method="pca", q=4)
    left, right = sorted((0, 5), key=lambda item: where(page, item)[0])
    page.locator(PLOT).focus()
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
    rows = page.get_by_role("region", name="The map as a table").locator("tbody tr")
    until(page, lambda: rows.count() == 6, "six rows")
    ids = [row.split(":")[0] for row in rows.all_inner_texts()]
    assert ids == [f"Picture {item}" for item in (3, 4, 5, 0, 1, 2)]
    rows.nth(1).get_by_role("button").click()
    until(page, lambda: asked(page, "q") == "4", "picture 4 as the query")


def test_without_plotly_the_page_says_so_and_the_table_is_there(page, server):
    """The page is readable before the script has come, and also where it never does."""
    page.route("**/plotly-*.js", lambda route: route.abort())
    page.goto(server.url + "map?q=3")
    until(page, lambda: "could not be loaded" in page.locator(PLOT).inner_text(), "why there is no map")
    assert "layer 8 of 8" in page.locator(CAPTION).inner_text()
    page.get_by_text("The map as a table").click()
    rows = page.get_by_role("region", name="The map as a table").locator("tbody tr")
    until(page, lambda: rows.count() == 6, "six rows")


def test_a_link_restores_the_view(page, chromium, server):
    open_map(page, server, q=3)
    tool(page, "Box Select")
    area = page.locator(".nsewdrag").bounding_box()
    drag(page, [(area["x"] + 3, area["y"] + 3), (area["x"] + area["width"] - 3, area["y"] + area["height"] - 3)])
    until(page, lambda: selection(page) == [0, 1, 2, 3, 4, 5] and asked(page, "chosen"), "all selected")
    for name in ("t-SNE", "3-D", "Neighbours kept", "Pictures"):
        page.get_by_role("radio", name=name).or_(page.get_by_role("button", name=name)).first.click()
        page.wait_for_timeout(300)
    wanted = {"method": "tsne", "dims": "3", "colour": "kept", "points": "pictures"}
    until(page, lambda: all(asked(page, name) == value for name, value in wanted.items()), "the look in the address")
    page.wait_for_timeout(500)
    fresh = chromium.new_context(viewport={"width": 1280, "height": 900}).new_page()
    fresh.goto(page.url)
    fresh.locator(PLOT).wait_for()
    until(fresh, lambda: drawn(fresh) and selection(fresh) == [0, 1, 2, 3, 4, 5], "the map and what is selected")
    places = [[where(one, item) for item in range(6)] for one in (page, fresh)]
    assert np.abs(np.subtract(*places)).max() < 0.5
    fresh.context.close()


@pytest.mark.parametrize("width", [360, 1280, 2560])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_overflows(chromium, server, width, scheme):
    context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    open_map(page, server, b_model="vgg16", colour="kept")
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    context.close()
