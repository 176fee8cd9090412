"""The Search page run without a browser, on a small world whose answers are known by hand."""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pages.shared import pictures, resources, texts, tiles
from pages.shared.choice import K_RANGE, WAYS, Choice, Offers
from semsearch import catalog, datasets, metrics
from semsearch.errors import PicturesUnavailable
from tests import small_world

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def computed(tmp_path_factory):
    """The store of the small world, computed once."""
    folder = tmp_path_factory.mktemp("computed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEMSEARCH_HOME", str(folder / "home"))
        small_world.add(folder / "pictures")
        small_world.compute(folder / "store")
    return folder / "store"


@pytest.fixture
def photos(tmp_path):
    """The folder of the pictures of the small world."""
    return tmp_path / "world"


@pytest.fixture
def store(home, photos, computed, tmp_path, monkeypatch):
    """A store of the small world and its pictures, for one test to use and spoil."""
    small_world.add(photos)
    shutil.copytree(computed, tmp_path / "store")
    monkeypatch.setenv("SEMSEARCH_PRECOMPUTED", str(tmp_path / "store"))
    monkeypatch.setattr(pictures, "FOLDER", tmp_path / "static")
    return tmp_path / "store"


def open_app(**address):
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30)
    for name, value in address.items():
        app.query_params[name] = str(value)
    return app.run()


def shown(app, look="matches"):
    """The data of the gallery of that look."""
    galleries = [json.loads(element.proto.json) for element in app.get("bidi_component")]
    return next(data for data in galleries if data["look"] == look)


def ranking(app):
    return [(tile["id"], float(tile["distance"])) for tile in shown(app)["tiles"]]


def numbers(app):
    return {metric.label: metric.value for metric in app.metric}


@pytest.mark.parametrize("model", small_world.MODELS)
def test_the_page_shows_the_known_ranking(store, model):
    app = open_app(model=model, metric="euclidean", q=3)
    assert not app.exception and not app.error and not app.warning
    found, expected = ranking(app), small_world.RANKINGS[model]
    assert [item for item, _ in found] == [item for item, _ in expected]
    assert [distance for _, distance in found] == pytest.approx([distance for _, distance in expected], abs=0.25)
    assert shown(app, "query")["tiles"][0]["id"] == 3


@pytest.mark.parametrize(
    ("model", "score", "average"), [("mobilenetv2", "60.0", "1.00"), ("vgg16", "33.3", "0.42")], ids=small_world.MODELS
)
def test_the_numbers_of_a_query_are_those_counted_by_hand(store, model, score, average):
    app = open_app(model=model, metric="euclidean", q=3)
    assert numbers(app) == {
        "Score": score,
        "Same class": "2 of 5",
        "Precision@5": "0.40",
        "Recall@5": "1.00",
        "Avg precision": average,
    }
    how = next(text.value for text in app.markdown if "A match is right when" in text.value)
    assert ("earn 5 + 4 = 9 of 15" if model == "mobilenetv2" else "earn 3 + 2 = 5 of 15") in how
    assert f"so {score} of 100" in how


def test_a_tile_says_all_in_words(store):
    tile = shown(open_app(model="vgg16", metric="euclidean", q=3))["tiles"][0]
    assert (tile["name"], tile["rank"], tile["right"], tile["verdict"]) == ("<b>pear", "1", False, "other class")
    assert (tile["bar"], tile["similarity"], tile["distance"]) == (1.0, "100 %", "0")
    assert tile["spoken"].startswith("Rank 1: <b>pear, other class, similarity 100 %, distance 0.")
    assert tile["alt"] == "<b>pear, picture 0"


@pytest.mark.parametrize("metric", metrics.METRICS)
def test_bars_shrink_with_rank_for_every_metric(store, metric):
    bars = [tile["bar"] for tile in shown(open_app(metric=metric, q=3))["tiles"]]
    assert len(bars) == 5 and bars == sorted(bars, reverse=True)
    assert bars[0] > 0 and all(0 <= bar <= 1 for bar in bars)


def test_the_address_carries_the_whole_choice_and_restores_it(store):
    app = open_app()
    app.selectbox(key="model").select("vgg16").run()
    app.selectbox(key="metric").select("manhattan").run()
    app.slider(key="k").set_value(7).run()
    app.button(key="search_next").click().run()
    address = {name: app.query_params[name] for name in app.query_params}
    expected = Choice("world", "vgg16", small_world.LAST["vgg16"], "avg", "manhattan", 7, 1)
    assert address == expected.address()
    again = open_app(**address)
    assert not again.warning
    assert ranking(again) == ranking(app)
    assert again.selectbox(key="model").value == "vgg16"
    assert again.slider(key="k").value == 7


def test_previous_and_next_go_round(store):
    app = open_app(q=0)
    app.button(key="search_previous").click().run()
    assert app.query_params["q"] == "5"
    app.button(key="search_next").click().run()
    assert app.query_params["q"] == "0"


def test_a_layer_the_new_model_lacks_becomes_its_last(store):
    app = open_app(model="mobilenetv2")
    app.selectbox(key="model").select("vgg16").run()
    assert app.selectbox(key="layer").value == small_world.LAST["vgg16"]
    assert not app.exception and not app.error


def test_a_layer_that_both_models_have_stays(store):
    layer = "block1_conv1"
    assert Offers(["d"], lambda name: ["vgg16", "xception"], lambda name: [0], {}).settle(
        Choice("d", "xception", layer)
    ) == Choice("d", "xception", layer)


@pytest.mark.parametrize(
    ("name", "value", "instead"),
    [
        ("dataset", "nowhere", "world"),
        ("model", "resnet999", "mobilenetv2"),
        ("layer", "block9", small_world.LAST["mobilenetv2"]),
        ("pooling", "sum", "avg"),
        ("metric", "hamming", "cosine"),
        ("k", "4", "15"),
        ("k", "many", "15"),
        ("k", "９", "15"),
        ("q", "6", "0"),
        ("q", "-1", "0"),
        ("q", "1e1", "0"),
    ],
)
def test_a_part_of_a_link_that_cannot_be_met_is_told_and_replaced(store, name, value, instead):
    app = open_app(**{name: value})
    assert not app.exception and not app.error
    [warning] = app.warning
    assert re.match(rf"- {name}: .*(expected|unknown)", warning.value.replace("\\", ""))
    assert app.query_params[name] == instead
    assert len(shown(app)["tiles"]) == 5
    assert not app.run().warning


def test_a_link_cannot_bring_markup_onto_the_page(store):
    app = open_app(model="[win](https://evil.example) :red[x] www.evil.example <b>")
    text = app.warning[0].value.replace("\\", "")
    assert not re.search(r"https:|www\.|\[win\]\(|:red\[|<b>", text)


def test_published_names_lead_to_todays(store):
    assert open_app(metric="sqeuclidean").query_params["metric"] == "euclidean"
    aliased = [(m.name, layer) for m in catalog.models().values() for layer in m.layers if layer.alias]
    model, layer = aliased[0]
    offers = Offers(["d"], lambda name: [model], lambda name: [0], {})
    assert offers.read({"model": model, "layer": layer.alias})[0].layer == layer.name


def test_every_choice_survives_the_way_through_an_address():
    models = tuple(catalog.models())
    offers = Offers(["groceries200", "x"], lambda name: models, lambda name: range(200), {})
    for model in models:
        for layer in catalog.model(model).layers:
            for pooling in WAYS:
                for metric in metrics.METRICS:
                    choice = Choice("x", model, layer.name, pooling, metric, K_RANGE[-1], 199)
                    assert offers.read(choice.address()) == (choice, [])


def test_ways_are_the_stored_ones():
    assert tuple((way.pooling, way.preset) for way in WAYS.values()) == catalog.WAYS


def test_a_hostile_browser_gets_the_first_query(store):
    app = open_app(q=2)
    for lie in (999, -1, "2", [2], None, {"a": 1}, 1.5):
        app.session_state["q"] = lie
        app.run()
        assert not app.exception and app.query_params["q"] == "0"


def test_browsing_shows_all_pictures_and_those_of_one_class(store):
    app = open_app()
    app.button(key="search_browse").click().run()
    tiles_shown = shown(app, "pictures")["tiles"]
    assert [tile["id"] for tile in tiles_shown] == [0, 1, 2, 3, 4, 5]
    assert [tile["id"] for tile in tiles_shown if tile["current"]] == [0]
    assert app.selectbox(key="search_browse_class").options == ["All classes", "<b>pear", "apple"]
    app.button(key="search_browse").click()
    app.session_state["search_browse_class"] = 1
    assert [tile["id"] for tile in shown(app.run(), "pictures")["tiles"]] == [3, 4, 5]


def test_pictures_that_are_not_here_are_told_and_the_way_to_get_them(store, photos):
    shutil.rmtree(photos)
    app = open_app(q=3)
    assert not app.exception and not app.error
    assert all(tile["src"] is None for tile in shown(app)["tiles"])
    assert len(shown(app)["tiles"]) == 5
    app.button(key="fetch").click().run()
    [error] = app.error
    assert "semsearch datasets add world" in error.value.replace("\\", "")
    assert app.code[0].value == "semsearch datasets add world --from FOLDER"
    assert len(shown(app)["tiles"]) == 5


def test_pictures_that_are_here_have_thumbnails(store):
    app = open_app(q=3)
    assert not [button for button in app.button if button.key == "fetch"]
    for tile in shown(app)["tiles"]:
        assert tile["src"].startswith("app/static/pictures/world/")
        assert (pictures.FOLDER / "world" / Path(tile["src"]).name).read_bytes().startswith(b"\xff\xd8")


def test_a_store_that_is_not_there_is_told(home, tmp_path, monkeypatch):
    monkeypatch.setenv("SEMSEARCH_PRECOMPUTED", str(tmp_path / "nothing"))
    app = open_app()
    assert not app.exception
    assert "semsearch precompute" in app.error[0].value


def test_a_damaged_layer_file_is_told_and_names_the_file(store):
    layer = small_world.LAST["mobilenetv2"]
    path = store / "world" / "mobilenetv2" / f"{layer}.npz"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    app = open_app()
    assert not app.exception
    assert path.name in app.error[0].value.replace("\\", "")


def test_a_dataset_that_changed_is_not_shown_with_old_results(store, photos):
    small_world.write_bmp(photos / "apple" / "7.bmp", (1, 2, 3))
    datasets.add("world", photos)
    app = open_app()
    assert not app.exception
    assert "semsearch precompute world" in app.error[0].value.replace("\\", "")


def test_a_store_sealed_anew_is_opened_anew(store, photos):
    before = resources.store()
    assert resources.store() is before and len(resources.queries("world")) == 6
    small_world.write_bmp(photos / "apple" / "7.bmp", (1, 2, 3))
    datasets.add("world", photos)
    small_world.compute(store)
    assert resources.store() is not before and len(resources.queries("world")) == 7


def test_thumbnails_are_written_once_and_small(store):
    dataset = datasets.load("world")
    pictures.ensure_thumbnails(dataset, [3])
    assert list(pictures.addresses(dataset)) == [3]
    pictures.ensure_thumbnails(dataset)
    files = {path: path.stat().st_mtime_ns for path in (pictures.FOLDER / "world").iterdir()}
    assert len(files) == len(pictures.addresses(dataset)) == 6
    assert all(path.stat().st_size <= 20_000 for path in files)
    pictures.ensure_thumbnails(dataset)
    assert {path: path.stat().st_mtime_ns for path in (pictures.FOLDER / "world").iterdir()} == files


def test_a_picture_that_cannot_be_read_has_no_thumbnail_and_stops_nothing(store):
    dataset = datasets.load("world")
    dataset.path(1).write_bytes(b"no picture")
    pictures.ensure_thumbnails(dataset)
    assert sorted(pictures.addresses(dataset)) == [0, 2, 3, 4, 5]


def test_a_folder_that_cannot_be_written_is_named(store, tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setattr(pictures, "FOLDER", tmp_path / "file")
    with pytest.raises(PicturesUnavailable, match="make that folder writable"):
        pictures.ensure_thumbnails(datasets.load("world"))


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.1, "0.100"), (0.05731, "0.0573"), (1.234, "1.23"), (12.34, "12.3"), (100.2, "100"), (0.9996, "1.00")]
    + [(999.9, "1,000"), (12345.6, "12,346"), (0.00012, "1.2e-04"), (3.2e7, "3.2e+07")],
)
def test_distances_have_three_digits(value, text):
    assert texts.distance(value) == text


@pytest.mark.parametrize(
    ("number", "text"), [(7, "7"), (999, "999"), (1280, "1.28 k"), (2257984, "2.26 M"), (14714688, "14.7 M")]
)
def test_counts_have_three_digits(number, text):
    assert texts.count(number) == text


def test_classes_without_pictures_differ_in_colour(store):
    hues = {tiles.item_tile(datasets.load("world"), item, {})["hue"] for item in range(6)}
    assert len(hues) == 2


def test_the_component_never_makes_markup_of_data():
    source = (ROOT / "pages" / "shared" / "gallery.js").read_text()
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|Function\(", source)


def test_showing_results_imports_no_heavy_library(store):
    heavy = "tensorflow keras umap sklearn numba scipy openvino faiss h5py requests torch matplotlib".split()
    code = f"""
import sys
from streamlit.testing.v1 import AppTest
from pages.shared import pictures
from pathlib import Path
pictures.FOLDER = Path({str(pictures.FOLDER)!r})
app = AppTest.from_file("app.py", default_timeout=30).run()
assert not app.exception and not app.error and app.metric, (app.exception, app.error)
print(sorted(set({heavy!r}) & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_default_choice_is_settled_on_what_is_there():
    offers = Offers(["groceries200"], lambda name: ["vgg16", "mobilenetv2"], lambda name: [4, 7], {})
    layer = catalog.model("mobilenetv2").layers[-1].name
    assert offers.settle(Choice()) == Choice(layer=layer, q=4)
    assert offers.settle(replace(Choice(), model="nasnetmobile")).model == "vgg16"
