"""What the Embeddings page offers beside its map, run without a browser: movers, artefacts, the report, a search."""

import json
import shutil

from semsearch.data import datasets
from semsearch.maps import artefacts
from semsearch.models import catalog
from semsearch.models.catalog import FeatureSpec
from tests.ui import pressing
from tests.ui.embeddings.map_page import open_map, opened, shown
from tests.worlds import live_page, small_world
from tests.worlds.files.bitmaps import write_bmp
from ui.embeddings import find as map_find

VGG = FeatureSpec("vgg16", small_world.LAST["vgg16"], "avg")
COMPARED = {"metric": "euclidean", "b_model": "vgg16", "b_metric": "euclidean"}


def words(app):
    return " ".join(text.value for text in [*app.markdown, *app.caption, *app.info]).replace("\\", "")


def test_the_pictures_that_moved_most_are_listed_with_their_nearest_in_a_and_b(store):
    """By hand: of the two nearest, three apples keep none and three pears one."""
    app = open_map(**COMPARED)
    assert not shown(app, "strip"), "nothing is computed before the section is opened"
    rows = [[tile["id"] for tile in strip["tiles"]] for strip in shown(opened(app, "map_movers"), "strip")]
    assert rows[:6] == [[3, 4, 5], [3, 0, 1], [4, 3, 5], [4, 1, 0], [5, 4, 3], [5, 2, 1]]
    assert rows[6:] == [[0, 1, 2], [0, 3, 1], [1, 0, 2], [1, 4, 0], [2, 1, 0], [2, 5, 1]]
    first, second = shown(app, "strip")[6:8]
    assert [tile.get("badge") for tile in first["tiles"]] == [None, "both", None]
    assert [tile.get("linked") for tile in second["tiles"]] == [None, False, True]
    assert (first["tiles"][0]["note"], second["tiles"][0]["note"]) == ("A", "B")
    assert "apple, picture 3** · 0 of 2 in common" in words(app)
    assert "<b>pear, picture 0** · 1 of 2 in common" in words(app)


def test_layers_that_see_alike_move_nothing(store):
    app = opened(open_map(), "map_movers")
    assert "every picture has the same nearest under Layer 1 and under Layer 8" in words(app)
    assert not shown(app, "strip")


def test_a_layer_is_compared_with_the_current_one(store):
    layers = catalog.model("mobilenetv2").layer_names
    app = opened(open_map(layer=layers[3]), "map_movers")
    select = app.selectbox(key="map_movers_layers")
    assert select.options[0] == "Layer 1 and layer 8" and len(select.options) == 8
    assert f"Layer 2 · {layers[1]} and layer 4, the current one" in select.options
    select.set_value(layers[1]).run()
    assert "under Layer 2 and under Layer 4" in words(app)


def test_a_layer_that_the_model_has_not_is_left(store):
    """As after a change of the model, or to the layer that was compared with."""
    app = opened(open_map(), "map_movers")
    layer = catalog.model("mobilenetv2").layer_names[1]
    app.selectbox(key="map_movers_layers").set_value(layer).run()
    for key, value in (("layer", layer), ("model", "vgg16")):
        app.selectbox(key=key).set_value(value).run()
        assert app.selectbox(key="map_movers_layers").value == "ends" and not app.exception


def test_a_picture_that_moved_becomes_the_query(store):
    app = opened(open_map(**COMPARED), "map_movers")
    pressing.tell(app, "map_mover_2_b", "picked", 5)
    assert app.query_params["q"] == "5" and shown(app, "strip")


def test_identical_pictures_that_form_a_ring_are_named(store, monkeypatch):
    parts = (("ring", range(9)), ("ring", range(9, 12)), ("line", range(12, 13)))
    rings = [artefacts.Shape(kind, tuple(items)) for kind, items in parts]
    monkeypatch.setattr(artefacts, "shapes", lambda store, dataset, spec, kind: rings[: 3 if spec == VGG else 1])
    said = words(open_map(**COMPARED))
    assert "On map A, 9 pictures that this layer cannot tell apart form a ring" in said
    assert "On map B, 13 pictures that this layer cannot tell apart form a line and 2 rings" in said
    assert "On this map, 9 pictures" in words(open_map())
    assert "cannot tell apart" not in words(open_map(method="pca"))


def test_the_report_is_downloaded(store, monkeypatch):
    given = pressing.downloads(monkeypatch)
    open_map(q=3, method="pca", dims=3, metric="euclidean")
    page = given["map_report"]().decode()
    assert "PCA map of 6 pictures" in page and "MobileNetV2" in page and page.count("data:image/jpeg") == 6


def test_reports_are_rationed(store, monkeypatch):
    """Seconds of the server's time each, for a press."""
    live_page.allow(monkeypatch, report=2)
    given = pressing.downloads(monkeypatch)
    open_map(q=3)
    assert given["map_report"]() == given["map_report"]()
    assert "Press Report again in a few seconds" in given["map_report"]().decode()


def test_a_report_without_pictures_says_so(store, photos, monkeypatch):
    given = pressing.downloads(monkeypatch)
    open_map(q=3)
    shutil.rmtree(photos)
    page = given["map_report"]().decode()
    assert "The pictures were not on the machine" in page and "data:image/jpeg" not in page


def looked_for(app, text):
    """What is found, by id."""
    app.text_input(key="map_find_text").set_value(text).run()
    assert not app.exception and not app.error
    return [tile["id"] for found in shown(app, "pictures") for tile in found["tiles"]]


def test_a_picture_is_found_by_class_file_and_number(store, photos):
    app = open_map(q=3)
    assert looked_for(app, " APPLE ") == [3, 4, 5] and "3 pictures found" in words(app)
    assert looked_for(app, "<b>pear/11.bmp") == looked_for(app, "pear 11") == [1], "its file, and words of both"
    assert looked_for(app, "1") == [1, 0, 2, 4], "the number first, then files with it: 11, 10, 14 and 1"
    assert looked_for(app, "") == [] and "found" not in words(app)
    write_bmp(photos / "Café 1" / "Über.bmp", (1, 2, 3))
    added = datasets.add("other", photos)
    assert map_find.fitting(added, range(7), "cafe\u0301 ÜBER") == [
        item.id for item in added.items if "ber" in item.file
    ]


def test_a_picture_that_was_found_becomes_the_query(store):
    app = open_map(q=3)
    looked_for(app, "pear")
    pressing.tell(app, "map_found", "picked", 2)
    assert app.query_params["q"] == "2" and app.text_input(key="map_find_text").value == "pear"


def test_the_map_flies_to_what_is_found(store):
    """To the first that fits, and to what is picked among them; a run for something else has it stay."""
    app = open_map(q=3)

    def flight():
        return next(data["flight"] for data in live_page.components(app) if "panels" in data)

    assert flight() == [0, 0]
    looked_for(app, "apple")
    assert flight() == [1, 3]
    looked_for(app, "nothing of that name")
    looked_for(app, "")
    assert flight() == [1, 3]
    looked_for(app, "pear")
    pressing.tell(app, "map_found", "picked", 2)
    assert flight() == [3, 2]
    for lie in (99, "2", None, [2]):
        pressing.tell(app, "map_found", "picked", lie)
    assert flight() == [3, 2] and not app.exception


def test_what_is_not_there_is_not_found(store, monkeypatch):
    app = open_map(q=3)
    assert looked_for(app, "[x](https://evil.example)") == [] and "0 pictures found" in words(app)
    monkeypatch.setattr(map_find, "MOST", 2)
    assert looked_for(app, "p") == [0, 1] and "6 pictures found; these are the first 2" in words(app)


def test_every_word_for_the_browser_is_text(store):
    """Nothing of it is markup before the component sets it as text; the class of the small world is a tag."""
    app = opened(opened(open_map(**COMPARED), "map_movers"), "map_sheet")
    assert "<b>pear" in json.dumps(shown(app, "strip")) and "<b>pear" in json.dumps(shown(app, "sheet"))
    assert not [text for text in app.markdown if "<b>pear" in text.value]
