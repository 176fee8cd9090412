"""The report opened from disk in a real browser without a network: points, pictures, names as text."""

import json
import re

import numpy as np
import plotly.graph_objects as go
import pytest

from semsearch.data import datasets
from semsearch.maps import report
from semsearch.maps.figure import map_figure
from semsearch.models.catalog import FeatureSpec, model
from semsearch.store.experiment import Experiment
from semsearch.store.store import Store
from tests.browser.screen import until
from tests.worlds import tiny_store
from tests.worlds.files.bitmaps import write_bmp

pytestmark = pytest.mark.browser

CLASSES = ("<b>pear<!--", "<script>alert(1)", "apple")
"""By label: names that folders can have."""
PLACE = """(gd, id) => {
  const trace = gd._fullData.find((one) => (one.customdata ?? []).some((told) => (told?.[0] ?? told) === id))
  const row = [...trace.customdata].findIndex((told) => (told?.[0] ?? told) === id)
  const { xaxis, yaxis } = gd._fullLayout, box = gd.getBoundingClientRect()
  return [box.left + xaxis._offset + xaxis.d2p(trace.x[row]), box.top + yaxis._offset + yaxis.d2p(trace.y[row])]
}"""


def drawn_by_webgl(*arguments, **words):
    """The figure with its points drawn as those of thousands are."""
    told = json.loads(map_figure(*arguments, **words).to_json())
    return go.Figure(told | {"data": [trace | {"type": "scattergl"} for trace in told["data"]]})


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The folder of reports of a world whose names are markup: with pictures, without, and drawn as a large one."""
    folder = tmp_path_factory.mktemp("report")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEMSEARCH_HOME", str(folder / "home"))
        features = []
        for label, name in enumerate(CLASSES):
            for number in range(3):
                write_bmp(folder / "pictures" / name / f"{number}.bmp", (90 * label, 80 * number, 60))
                features.append((10 * label + number, (number * 7 + label) % 5))
        dataset = datasets.add("named", folder / "pictures")
        root = tiny_store.write_store(folder / "store", "named", np.array(features, np.float32), dataset.labels)
        spec = FeatureSpec(tiny_store.MODEL, model(tiny_store.MODEL).layer_names[-1], "avg")
        experiment = Experiment("named", spec, "euclidean")

        def write(name):
            (folder / f"{name}.html").write_text(report.page(experiment, store=Store(root)), encoding="utf-8")

        write("with")
        for item in dataset.items:
            dataset.place(item.id).unlink()
        write("without")
        patch.setattr(report, "map_figure", drawn_by_webgl)
        write("large")
    return folder


@pytest.fixture
def alone(chromium):
    """A page that cannot reach anything, and what it asked for and complained of."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, offline=True)
    page = context.new_page()
    page.asked, page.broken = [], []
    page.on(
        "request", lambda one: page.asked.append(one.url) if one.url.split(":")[0] not in ("data", "blob") else None
    )
    page.on("pageerror", lambda error: page.broken.append(str(error)))
    page.on("console", lambda said: page.broken.append(said.text) if said.type == "error" else None)
    page.on("dialog", lambda dialog: (page.broken.append(dialog.message), dialog.dismiss()))
    yield page
    context.close()


def opened(page, path):
    page.goto(path.as_uri())
    page.locator("#map[data-drawn]").wait_for()
    page.asked.remove(path.as_uri())
    return page


def point_at(page, item):
    page.mouse.move(5, 5)
    page.mouse.move(*page.locator("#map").evaluate(PLACE, item))
    page.locator("#card").wait_for(state="visible")
    return page.locator("#card")


@pytest.mark.parametrize("width", [360, 1280])
def test_every_point_shows_its_picture_with_the_network_off(alone, written, width):
    alone.set_viewport_size({"width": width, "height": 800})
    page = opened(alone, written / "with.html")
    for item in (0, 4, 8):
        card = point_at(page, item)
        name = f"{CLASSES[item // 3]}, picture {item}"
        until(page, lambda card=card, name=name: card.inner_text().strip() == name, name)
        image = card.locator("img")
        until(page, lambda image=image: image.evaluate("one => one.complete && one.naturalWidth > 0"), "its picture")
        box = card.bounding_box()
        assert 0 <= box["x"] and box["x"] + box["width"] <= width
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert not page.asked and not page.broken


def test_no_tool_of_the_map_sends_it_anywhere(alone, written):
    """Plotly has one that uploads the chart, on by default."""
    page = opened(alone, written / "with.html")
    tools = page.locator(".modebar-btn").evaluate_all("all => all.map(one => one.dataset.title)")
    assert "Download plot as a PNG" in tools and not [name for name in tools if re.search("share|cloud", name, re.I)]


def test_names_stay_names(alone, written):
    page = opened(alone, written / "with.html")
    cells = page.locator("td").all_inner_texts()
    assert {*CLASSES} <= {*cells} and page.locator("main img, b").count() == 0
    legend = " ".join(page.locator(".legendtext").all_text_contents())
    assert all(name in legend for name in ("<b>pear<!--", "apple"))
    assert not page.broken


def test_without_pictures_points_say_their_names(alone, written):
    page = opened(alone, written / "without.html")
    assert page.get_by_text("points show their names alone").is_visible()
    card = point_at(page, 8)
    assert card.inner_text().strip().endswith(", picture 8") and not card.locator("img").is_visible()
    assert not page.asked and not page.broken


def test_a_map_of_thousands_is_drawn_too(alone, written):
    """WebGL needs programs that Plotly.js makes while it runs: the page's policy has to allow them."""
    page = opened(alone, written / "large.html")
    assert page.get_by_text("WebGL is not supported").count() == 0
    assert point_at(page, 4).inner_text().strip() == f"{CLASSES[1]}, picture 4"
    assert not page.asked and not page.broken


def test_the_report_and_its_map_are_in_the_colours_of_the_reader(alone, written):
    """Dark where the reader's system is, and light again once that changes; marks are outlined in the ink."""
    alone.emulate_media(color_scheme="dark")
    page = opened(alone, written / "with.html")

    def colours():
        return page.evaluate(
            """() => { const map = document.getElementById("map"), body = getComputedStyle(document.body)
              const { paper_bgcolor, font } = map._fullLayout, text = map.querySelector(".legendtext")
              return [body.backgroundColor, body.color, paper_bgcolor, font.color, getComputedStyle(text).fill,
                map._fullData[0].marker.line.color] }"""
        )

    def shades(ink, ground):
        return [ground, ink, ground, ink, ink, ink]

    dark, light = ("rgb(232, 233, 241)", "rgb(18, 19, 26)"), ("rgb(18, 20, 29)", "rgb(255, 255, 255)")
    assert colours() == shades(*dark)
    page.emulate_media(color_scheme="light")
    until(page, lambda: colours() == shades(*light), "the light theme")
    point_at(page, 4)
    assert page.locator("#card").is_visible()
