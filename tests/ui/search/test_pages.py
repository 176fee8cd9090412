"""The Search page run without a browser, on a small world whose answers are known by hand."""

import csv
import gc
import io
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest

from semsearch import images
from semsearch.data import datasets
from semsearch.errors import UnknownName
from semsearch.models import catalog
from semsearch.models.catalog import READOUTS
from semsearch.ranking import closeness, metrics
from semsearch.results import experiments
from tests import ROOT
from tests.ui.search_page import COMPARED, open_app, ranking, shown, sides
from tests.worlds import small_world
from tests.worlds.files.bitmaps import write_bmp
from tests.worlds.shipped import shipped
from ui import pictures, resources, sidebar, texts, tiles
from ui.charts import export
from ui.choice import K_RANGE, PARTS, Choice, Offers, other_address
from ui.filters import Sieve
from ui.search import matches as view_matches
from ui.search.matches import Side


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
        "Precision@5": "0.40",
        "Recall@5": "1.00",
        "Avg precision": average,
    }
    assert "### 2 of 5 are apple" in [text.value for text in app.markdown]
    how = next(text.value for text in app.markdown if "A match is right when" in text.value)
    assert ("earn 5 + 4 = 9 of 15" if model == "mobilenetv2" else "earn 3 + 2 = 5 of 15") in how
    assert f"so {score} of 100" in how


def test_a_tile_says_all_in_words(store):
    tile = shown(open_app(model="vgg16", metric="euclidean", q=3))["tiles"][0]
    assert (tile["name"], tile["rank"], tile["right"], tile["verdict"]) == ("<b>pear", "1", False, "other class")
    assert (tile["bar"], tile["similarity"], tile["distance"]) == (0.4, "40 %", "0")
    assert tile["spoken"].startswith("Rank 1: <b>pear, other class, similarity 40 %, distance 0.")
    assert tile["hint"] == (
        "<b>pear, picture 0. Of 25 pairs as close as this one, 40 % are of one class. Click to search with it"
    )
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
    told = {"k": "Matches shown must be 5–50; showing 15.", "q": f"There is no picture {value}; showing picture 0."}
    usual = f"There is no {name} '{value}'; showing {instead}."
    assert warning.value.replace("\\", "") == f"- {told.get(name, usual)}".replace("９", "９")
    assert app.query_params[name] == instead
    assert len(shown(app)["tiles"]) == 5
    assert not app.run().warning


@pytest.mark.parametrize(("name", "value"), [("dataset", "groceries"), ("model", "resnet50")])
def test_what_has_no_results_is_kept_and_the_page_offers_to_compute_them(store, name, value):
    app = open_app(**{name: value})
    assert not app.exception and not app.error and not app.warning
    assert app.query_params[name] == value and app.button(key="job_begin").label == "Compute results"


def test_the_guide_calls_what_it_cannot_tell_of_by_its_name(store):
    app = open_app().switch_page("pages/guide.py")
    app.query_params["model"] = "resnet50"
    [warning] = app.run().warning
    assert warning.value.replace("\\", "").startswith(
        "- this page cannot tell of resnet50; the others can use it. Show"
    )


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
            for pooling in READOUTS:
                for metric in metrics.METRICS:
                    choice = Choice("x", model, layer.name, pooling, metric, K_RANGE[-1], 199)
                    assert offers.read(choice.address()) == (choice, [])


def test_readouts_are_in_the_order_in_which_scores_are_stored():
    pairs = [(readout.pooling, readout.preset) for readout in READOUTS.values()]
    assert pairs == [("avg", "default"), ("max", "default"), ("gem", "default"), ("flatten", "published")]
    assert [spec.readout for spec in catalog.grid("vgg16")[:4]] == list(READOUTS.values())


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
    assert app.session_state["fetch_watched"].finished.exception(20)
    [error] = app.run().error
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
    write_bmp(photos / "apple" / "7.bmp", (1, 2, 3))
    datasets.add("world", photos)
    app = open_app(dataset="world")
    assert not app.exception and not app.error
    assert any("world has changed since its results were computed" in text.value for text in app.markdown)
    assert app.button(key="job_begin").label == "Compute results"


def test_a_store_sealed_anew_is_opened_anew(store, photos):
    before = resources.store()
    assert resources.store() is before and len(resources.queries("world")) == 6
    write_bmp(photos / "apple" / "7.bmp", (1, 2, 3))
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


def test_the_component_never_makes_markup_of_data():
    source = (ROOT / "ui" / "components" / "gallery" / "gallery.js").read_text()
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|Function\(", source)


def test_showing_results_imports_no_heavy_library(store):
    heavy = "tensorflow keras umap sklearn numba scipy openvino faiss h5py requests torch matplotlib".split()
    heavy += ["pandas", "pyarrow"]
    code = f"""
import sys
from streamlit.testing.v1 import AppTest
from ui import pictures
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


def written(app, beginning):
    return next(text.value for text in app.markdown if text.value.startswith(beginning))


def test_two_configurations_are_shown_side_by_side(store):
    a, b = sides(open_app(**COMPARED))
    assert [tile["id"] for tile in a] == [item for item, _ in small_world.RANKINGS["mobilenetv2"]]
    assert [tile["id"] for tile in b] == [item for item, _ in small_world.RANKINGS["vgg16"]]


def test_the_same_picture_is_linked_and_its_change_of_rank_told(store):
    a, b = sides(open_app(**COMPARED))
    assert [tile["badge"] for tile in a] == ["3 in B", "4 in B", "1 in B", "2 in B", "5 in B"]
    assert [tile["badge"] for tile in b] == ["3 in A", "4 in A", "1 in A", "2 in A", "5 in A"]
    assert all(tile["linked"] for tile in a + b)
    assert (a[0]["note"], b[0]["note"]) == (None, None), "the badge says it"
    assert a[0]["spoken"].startswith("Rank 3 in B. Rank 1: apple, same class")


def test_matches_of_one_side_alone_say_where_they_stand_on_the_other(store):
    dataset = datasets.load("world")
    drawn = [tiles.item_tile(dataset, item, {}) | {"rank": "1"} for item in (4, 1)]
    here, there = tiles.linked(drawn, {4}, {4: 2, 1: 3}, side="A"), tiles.linked(drawn, {4}, {4: 2}, side="B")
    assert [(tile["linked"], tile["badge"], tile["note"]) for tile in here] == [
        (True, "2 in B", None),
        (False, "only in A", "rank 3 in B"),
    ]
    assert [(tile["linked"], tile["badge"], tile["note"]) for tile in there] == [
        (True, "2 in A", None),
        (False, "only in B", "not in A's first 1"),
    ]


def test_the_numbers_of_a_comparison_are_those_counted_by_hand(store):
    app = open_app(**COMPARED)
    cells = [text.value.replace("\u00a0", " ") for text in app.markdown if "\nA **" in text.value]
    found = [
        re.fullmatch(r":small\[(.*)\]  \nA \*\*(.*)\*\*  \nB \*\*(.*)\*\*  \n:small\[A − B: (.*)\]", cell)
        for cell in cells
    ]
    assert [cell.groups() for cell in found[:5]] == [
        ("Score", "60.0", "33.3", "+26.7"),
        ("Same class", "2 of 5", "2 of 5", "+0"),
        ("Precision@5", "0.40", "0.40", "+0.00"),
        ("Recall@5", "1.00", "1.00", "+0.00"),
        ("Avg precision", "1.00", "0.42", "+0.58"),
    ]
    assert found[5][1] == "Mean score" and len(found) == 6
    means = [float(number.replace("−", "-")) for number in found[5].groups()[1:]]
    assert means[2] == pytest.approx(means[0] - means[1], abs=0.11)
    line, said = written(app, "**5 of 5** shared"), written(app, "- **Shared**")
    # agreement 0/1, 0/2, 2/3, 4/4, 5/5: (0.1 / 0.9) (0.9³ · 2/3 + 0.9⁴ + 0.9⁵) + 0.9⁵ = 0.783
    assert "so the first ranks count most: 0.78" in said
    assert f"(A\u00a0−\u00a0B **{means[2]:+.1f}**)".replace("-", "−") in line
    assert "5 of the 5 matches of A are also among those of B, wherever they stand (overlap 1.00)" in said


def test_a_configuration_beside_itself_scores_alike(store):
    last = small_world.LAST["vgg16"]
    app = open_app(model="vgg16", q=3, b_model="vgg16", b_layer=last, b_pooling="avg", b_metric="cosine")
    line = written(app, "**5 of 5** shared").replace("\u00a0", " ")
    assert line.endswith("A and B score alike on every query (A − B **+0.0**)")


def test_the_switch_opens_a_comparison_and_closes_it_again(store):
    app = open_app(q=3)
    assert len(sides(app)) == 1 and not [key for key in app.query_params if key.startswith("b_")]
    app.toggle(key="compare").set_value(True).run()
    assert len(sides(app)) == 2 and not app.exception and not app.warning
    layers = [layer.name for layer in catalog.model("mobilenetv2").layers]
    assert (app.query_params["b_model"], app.query_params["b_layer"]) == ("mobilenetv2", layers[4])
    app.selectbox(key="b_model").select("vgg16").run()
    assert app.query_params["b_layer"] == small_world.LAST["vgg16"]
    app.toggle(key="compare").set_value(False).run()
    assert len(sides(app)) == 1 and not [key for key in app.query_params if key.startswith("b_")]
    app.toggle(key="compare").set_value(True).run()
    assert app.selectbox(key="b_model").value == "vgg16"


def test_b_is_begun_at_another_layer_than_a():
    offers = Offers(["d"], lambda name: ["vgg16"], lambda name: [0], {})
    for layer in catalog.model("vgg16").layers:
        choice = Choice("d", "vgg16", layer.name)
        rival = offers.rival(choice)
        assert rival.layer != layer.name and replace(rival, layer=layer.name) == choice
        assert offers.settle(rival) == rival


def test_a_link_restores_a_and_b(store):
    app = open_app(**COMPARED)
    app.selectbox(key="b_layer").select("block3_conv3").run()
    app.segmented_control(key="b_pooling").set_value("gem").run()
    app.selectbox(key="b_metric").select("manhattan").run()
    app.slider(key="k").set_value(6).run()
    address = {name: app.query_params[name] for name in app.query_params}
    a = Choice("world", "mobilenetv2", small_world.LAST["mobilenetv2"], "avg", "euclidean", 6, 3)
    b = replace(a, model="vgg16", layer="block3_conv3", pooling="gem", metric="manhattan")
    assert address == a.address() | other_address(b)
    again = open_app(**address)
    assert not again.warning and sides(again) == sides(app)
    assert {name: again.query_params[name] for name in again.query_params} == address
    for part in ("model", "layer", "metric"):
        assert again.selectbox(key=f"b_{part}").value == getattr(b, part)


def test_every_pair_survives_the_way_through_an_address():
    models = tuple(catalog.models())
    offers = Offers(["x"], lambda name: models, lambda name: range(200), {})
    a = offers.settle(Choice("x", "vgg16", q=199))
    assert offers.read_other(a.address(), a) == (None, [])
    for model in models:
        for layer in catalog.model(model).layers:
            for pooling in READOUTS:
                for metric in metrics.METRICS:
                    b = replace(a, model=model, layer=layer.name, pooling=pooling, metric=metric)
                    assert offers.read_other(a.address() | other_address(b), a) == (b, [])


@pytest.mark.parametrize(
    ("name", "value", "instead"),
    [
        ("b_model", "resnet999", "mobilenetv2"),
        ("b_layer", "block9", catalog.model("mobilenetv2").layers[4].name),
        ("b_pooling", "sum", "avg"),
        ("b_metric", "hamming", "cosine"),
    ],
)
def test_a_part_of_b_that_cannot_be_met_is_told_and_replaced(store, name, value, instead):
    app = open_app(**{name: value})
    assert not app.exception and not app.error
    [warning] = app.warning
    assert warning.value.replace("\\", "") == f"- There is no {name[2:]} '{value}' for B; showing {instead}."
    assert app.query_params[name] == instead and len(sides(app)) == 2
    assert not app.run().warning


@pytest.mark.parametrize("key", ["b_model", "b_layer", "b_pooling", "b_metric"])
@pytest.mark.parametrize("lie", ["../x", None, ["vgg16"], 7])
def test_a_hostile_browser_gets_a_settled_b(store, key, lie):
    app = open_app(q=3)
    app.session_state[key] = lie
    app.toggle(key="compare").set_value(True).run()
    assert not app.exception and not app.error and len(sides(app)) == 2


def test_a_and_b_can_be_swapped(store):
    app = open_app(**COMPARED)
    before = [[tile["id"] for tile in side] for side in sides(app)]
    app.button(key="swap").click().run()
    assert [[tile["id"] for tile in side] for side in sides(app)] == before[::-1]
    assert (app.query_params["model"], app.query_params["b_model"]) == ("vgg16", "mobilenetv2")


def test_go_takes_the_names_of_a_link_and_no_others():
    assert {OTHER for OTHER in sidebar.OTHER_KEYS} == {f"b_{name}" for name in PARTS}
    with pytest.raises(UnknownName, match="unknown part of the choice 'colour'"):
        sidebar.go(colour="red")


def test_the_classes_chosen_are_shown_and_no_others(store):
    app = open_app(**COMPARED)
    app.multiselect(key="classes").set_value([1]).run()
    assert [[tile["id"] for tile in side] for side in sides(app)] == [[4, 5], [4, 5]]
    assert [tile["rank"] for tile in sides(app)[1]] == ["3", "4"], "ranks stay those of all"
    assert [text.value for text in app.caption if "pass the filter" in text.value] == [
        ":material/filter_alt: 2 of 5 matches pass the filter."
    ] * 2
    app.button(key="show_all").click().run()
    assert [len(side) for side in sides(app)] == [5, 5]


def test_matches_less_alike_than_asked_for_are_hidden(store, monkeypatch):
    monkeypatch.setattr(closeness, "PAIRS", 1)
    app = open_app(**COMPARED)
    bars = [tile["bar"] for tile in sides(app)[0]]
    app.slider(key="least").set_value(50).run()
    assert [tile["bar"] for tile in sides(app)[0]] == [bar for bar in bars if bar >= 0.5] != bars
    app.slider(key="least").set_value(100).run()
    assert [len(side) for side in sides(app)] == [2, 0], "the two apples beside an apple"


def test_near_duplicates_can_be_folded(store):
    app = open_app(**COMPARED)
    assert len(sides(app)[1]) == 5
    app.toggle(key="fold").set_value(True).run()
    assert [[tile["id"] for tile in side] for side in sides(app)] == [[4, 5, 0, 1, 2], [0, 1, 5, 2]]
    address = {name: values[0] for name, values in parse_qs(urlsplit(app.code[0].value).query).items()}
    again = open_app(**address)
    assert again.toggle(key="fold").value is True
    assert sides(again) == sides(app)


def test_a_link_restores_the_filter(store):
    app = open_app(**COMPARED)
    app.multiselect(key="classes").set_value([0]).run()
    app.slider(key="least").set_value(30).run()
    [code] = app.code
    address = {name: values[0] for name, values in parse_qs(urlsplit(code.value).query).items()}
    assert (address["classes"], address["least"]) == ("<b>pear", "30")
    again = open_app(**address)
    assert sides(again) == sides(app)
    assert again.multiselect(key="classes").value == [0] and again.slider(key="least").value == 30


@pytest.mark.parametrize(
    ("name", "value"), [("classes", "nothing"), ("least", "many"), ("least", "900"), ("view", "x")]
)
def test_a_filter_or_view_that_is_not_there_is_left_out(store, name, value):
    app = open_app(**{name: value})
    assert not app.exception and not app.error
    assert len(sides(app)[0]) == 5


def test_the_matches_on_screen_can_be_taken_along(store):
    app = open_app(**COMPARED)
    assert [button.label for button in app.get("download_button")] == ["Matches as CSV"]
    choice = Choice("world", "vgg16", small_world.LAST["vgg16"], "avg", "euclidean", 5, 3)
    found = experiments.matches(resources.store(), choice.experiment, 3, k=5)
    score = experiments.query_score(resources.store(), choice.experiment, 3, k=5)
    side = Side("B", choice, found, score, score)
    rows = view_matches.table(datasets.load("world"), side, Sieve(frozenset([1])))
    read = list(csv.DictReader(io.StringIO(export.csv_bytes(rows).decode("utf-8-sig"))))
    assert [(row["rank"], row["item"], row["class"], row["same_class"]) for row in read] == [
        ("3", "4", "apple", "True"),
        ("4", "5", "apple", "True"),
    ]
    assert {name: read[0][name] for name in ("configuration", "model", "query", "query_class")} == {
        "configuration": "B",
        "model": "vgg16",
        "query": "3",
        "query_class": "apple",
    }
    assert [float(row["distance"]) for row in read] == pytest.approx([1, 3], abs=0.25)


@pytest.mark.parametrize("view", ["Matches", "All models", "Whole dataset"])
def test_the_view_is_in_the_link_and_restored_by_it(store, view):
    app = open_app(q=3)
    app.segmented_control(key="view").set_value(view).run()
    assert not app.exception and not app.error
    again = open_app(q=3, view=view)
    assert again.segmented_control(key="view").value == view and not again.exception and not again.error
    assert bool(again.get("download_button")) == bool(app.get("download_button"))


FORMULAS = ["=1+1", "+1", "-1", "@x", " =1", "\t1", "\r1", "\n1"]
FORMULAS += ["＝1+1", "＋1", "－1", "＠x", "﹦1", "﹢1", "﹣1", "﹫x", "⁼1", "⁺1", "⁻1", "\u22121"]
BEFORE = [
    "\x00",
    "\x1f",
    "\x0b",
    "\x85",
    "\xa0",
    "\u2009",
    "\u200b",
    "\u200e",
    "\u202e",
    "\u2028",
    "\u3000",
    "\ufeff",
    "\xad",
]
FORMULAS += [f"{unseen}=1" for unseen in (*BEFORE, '"', "'", "\"' ")]


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_is_a_formula(text):
    written = export.csv_bytes([{text: text, "plain": "a=b; c -1", "number": -1.5, "none": None}]).decode("utf-8-sig")
    [head, row] = csv.reader(io.StringIO(written, newline=""))
    assert head == [f"'{text}", "plain", "number", "none"]
    assert row == [f"'{text}", "a=b; c -1", "-1.5", ""]


PARTED = {"a;=1": "a;'=1", "a;b; @x": "a;b;' @x", "a\t=1": "a\t'=1", "a\r\n+1": "a\r'\n'+1"}
PARTED |= {"\t=1": "'\t'=1", "\r=1": "'\r'=1", "\n=1": "'\n'=1"}


@pytest.mark.parametrize("text", PARTED)
def test_what_another_parting_makes_a_cell_is_no_formula(text):
    """Where the comma is for decimals, spreadsheets part at the semicolon, quotes or not."""
    written = export.csv_bytes([{"class": text}]).decode("utf-8-sig")
    assert list(csv.reader(io.StringIO(written, newline="")))[1:] == [[PARTED[text]]]


def test_numbers_stay_numbers_and_all_else_is_text():
    rows = [{"path": Path("=a"), "numpy": np.float32(-2), "whole": np.int64(-3), "right": True}]
    assert export.csv_bytes(rows).decode("utf-8-sig").splitlines()[1] == "'=a,-2.0,-3,True"


def test_csv_has_one_writer():
    for path in shipped():
        if path.name != "spreadsheets.py":
            assert not re.search(r"csv\.(writer|DictWriter)|to_csv|write_csv", path.read_text(encoding="utf-8")), path


def test_a_table_without_rows_is_empty():
    assert export.csv_bytes([]) == "".encode("utf-8-sig")


@pytest.mark.parametrize(
    ("asked", "view", "shown_first"),
    [
        ({"view": "Everywhere"}, "All models", "Show"),
        ({"view": "Everywhere", "best": "Both"}, "All models", "With"),
        ({"view": "This dataset", "part": "In depth"}, "Whole dataset", "What to show of this dataset"),
    ],
)
def test_links_of_earlier_versions_lead_where_they_led(store, asked, view, shown_first):
    app = open_app(q=3, **asked)
    assert not app.exception and not app.error and not app.warning
    assert app.segmented_control(key="view").value == view
    assert shown_first in [control.label for control in app.segmented_control]
    if "best" in asked:
        assert app.segmented_control(key="best").value == "both"
    if "part" in asked:
        assert app.segmented_control(key="part").value == "experiment"


def test_what_stays_in_memory_is_not_looked_through_after_each_run(store):
    resources.settle.clear()
    gc.unfreeze()
    app = open_app()
    frozen = gc.get_freeze_count()
    assert frozen > 10 * len(gc.get_objects()) and not app.exception
    app.run()
    assert gc.get_freeze_count() <= frozen


def test_query_layer_and_model_can_be_stepped_through(store):
    app = open_app(q=0)
    layers = [layer.name for layer in catalog.model("mobilenetv2").layers]
    for key, name, expected in [
        ("next_query", "q", "1"),
        ("previous_query", "q", "0"),
        ("previous_query", "q", "5"),
        ("previous_layer", "layer", layers[-2]),
        ("next_layer", "layer", layers[-1]),
        ("next_layer", "layer", layers[0]),
        ("next_model", "model", "vgg16"),
        ("previous_model", "model", "mobilenetv2"),
    ]:
        app.button(key=key).click().run()
        assert app.query_params[name] == expected and not app.exception
    shortcuts = [button.proto.shortcut for button in app.button if button.proto.shortcut]
    assert len(shortcuts) == len(set(shortcuts)) == 6


@pytest.mark.parametrize("how", ["delete", "cut", "flip", "swap", "folder", "whole folder"])
def test_a_damaged_thumbnail_is_noticed_and_written_anew(store, how):
    """Also a flip that keeps time and size, the whole thumbnail of another picture, and things of another kind."""
    dataset = datasets.load("world")
    pictures.ensure_thumbnails(dataset)
    file, other = (pictures.FOLDER / "world" / pictures.name(dataset.items[id]) for id in (3, 0))
    whole, before = file.read_bytes(), file.stat()
    if how == "whole folder":
        shutil.rmtree(file.parent)
        file.parent.write_text("no folder")
    elif how == "flip":
        with file.open("r+b") as out:
            out.seek(200)
            out.write(bytes([whole[200] ^ 1]))
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    elif how == "cut":
        os.truncate(file, 100)
    elif how == "swap":
        shutil.copyfile(other, file)
    else:
        file.unlink()
        if how == "folder":
            file.mkdir()
    assert 3 not in pictures.addresses(dataset)
    pictures.ensure_thumbnails(dataset, [3])
    assert file.read_bytes() == whole and 3 in pictures.addresses(dataset)
    assert images.load(whole).shape == (8, 8, 3)


def test_a_picture_replaced_under_its_name_gets_no_thumbnail(store):
    dataset = datasets.load("world")
    dataset.path(1).write_bytes(dataset.path(2).read_bytes())
    pictures.ensure_thumbnails(dataset)
    assert sorted(pictures.addresses(dataset)) == [0, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("dataset", "kind"),
    [("groceries200", "Watermelon"), ("iconic200", "Ferrari yellow"), ("fashion200", "Men's shirts")],
)
def test_a_newcomer_sees_a_query_whose_matches_are_right(home, dataset, kind):
    """It began with the first picture, of which three of fifteen were right, and the first three wrong."""
    app = open_app(dataset=dataset)
    assert [text.value for text in app.markdown if text.value.startswith("### ")] == [f"### 15 of 15 are {kind}"]
    assert [tile["right"] for tile in shown(app)["tiles"]] == [True] * 15
    assert app.metric[0].label == "Score" and float(app.metric[0].value) == 100


def test_a_link_that_names_a_query_shows_it(home):
    assert shown(open_app(q=0), "query")["tiles"][0]["id"] == 0
