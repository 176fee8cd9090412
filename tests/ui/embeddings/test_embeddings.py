"""The Embeddings page run without a browser: what it sends to the map, its controls, and what can be taken home."""

import base64
import csv
import hashlib
import io
import json
import re
import shutil
import time
import zipfile
from itertools import combinations
from pathlib import Path
from urllib.parse import parse_qsl

import numpy as np
import pytest

import semsearch
from semsearch.data import datasets
from semsearch.data.datasets import Dataset, Item
from semsearch.maps import figure, palette
from semsearch.models.catalog import FeatureSpec, model
from semsearch.ranking.projection import Trust
from semsearch.results import experiments
from semsearch.store import artifacts
from semsearch.store.experiment import Experiment
from tests import ROOT
from tests.ui.embeddings.map_page import open_map as open_page
from tests.worlds import small_world
from tests.worlds.files.bitmaps import write_bmp
from ui import map_payload, pictures
from ui.choice import Choice
from ui.embeddings import choice as map_choice
from ui.embeddings import export as map_export
from ui.embeddings.choice import Look

KEY = "map_of_world"


@pytest.fixture
def store(home, computed_world, tmp_path, monkeypatch):
    """The store of the small world, its pictures in ``world``."""
    small_world.add(tmp_path / "world")
    monkeypatch.setenv("SEMSEARCH_PRECOMPUTED", str(computed_world))
    monkeypatch.setattr(pictures, "FOLDER", tmp_path / "static")
    return experiments.open_store(computed_world)


def scene(app):
    """What the map was sent."""
    components = [json.loads(element.proto.json) for element in app.get("bidi_component")]
    return next(data for data in components if "panels" in data)


def select(app, ids):
    app.session_state[KEY] = {"selected": ids}
    return app.run()


def words(app):
    return " ".join(text.value for text in [*app.markdown, *app.caption]).replace("\\", "")


def numbers(packed):
    """An array as Plotly spells it."""
    return np.frombuffer(base64.b64decode(packed["bdata"]), packed["dtype"])


def places(frame):
    """Those of all items, one trace after the other: (n, 2 or 3)."""
    axes = [axis for axis in "xyz" if axis in frame["data"][0]]
    return np.column_stack([np.concatenate([numbers(trace[axis]) for trace in frame["data"]]) for axis in axes])


def test_the_map_gets_the_places_of_every_layer_scaled_to_one_square(store):
    data = scene(open_page(model="vgg16", method="pca", q=3))
    [panel] = data["panels"]
    assert data["ids"] == [0, 1, 2, 3, 4, 5] and data["labels"] == [0, 0, 0, 1, 1, 1]
    assert data["starts"] == [0, 3, 6] and data["traces"] == data["labels"]
    assert panel["layers"] == [layer.name for layer in model("vgg16").layers] and panel["layer"] == 7
    assert [frame["name"] for frame in panel["figure"]["frames"]] == panel["layers"]
    for frame, extent, kept in zip(panel["figure"]["frames"], panel["extents"], panel["kept"], strict=True):
        found = store.map("world", FeatureSpec("vgg16", frame["name"], "avg"), "pca2")
        low, span = found.coordinates.min(0), np.ptp(found.coordinates, 0)
        expected = [
            [65534 * (value - low[axis] - span[axis] / 2) / max(span) for axis, value in enumerate(row)]
            for row in found.coordinates.tolist()
        ]
        assert np.abs(places(frame) - np.array(expected)).max() <= 1
        longest = places(frame)[:, int(np.argmax(span))]
        assert (longest.min(), longest.max()) == (-32767, 32767)
        assert extent == np.maximum(np.abs(places(frame)).max(0), 3276.7).tolist()
        assert numbers(kept).tolist() == found.trust.kept_neighbours.tolist()


def test_the_page_draws_the_figure_that_a_notebook_gets(store):
    """Two traces of classes, the lines and the query; only places, words and the player differ."""
    [panel] = scene(open_page(model="vgg16", method="tsne", dims=3, colour="kept", q=3))["panels"]
    spec = FeatureSpec("vgg16", small_world.LAST["vgg16"], "avg")
    drawn = semsearch.map_figure(
        Experiment("world", spec, "cosine"),
        method="tsne",
        dims=3,
        query=3,
        k=5,
        colour="kept",
        store=store,
        layers=True,
    )
    whole = json.loads(drawn.to_json())
    assert [frame["name"] for frame in whole["frames"]] == panel["layers"]
    for mine, theirs in zip(panel["figure"]["frames"], whole["frames"], strict=True):
        assert places(mine).tolist() == places(theirs | {"data": theirs["data"][:2]}).tolist()
    for mine, theirs in zip(panel["figure"]["data"], whole["data"], strict=True):
        for name in ("type", "mode", "name"):
            assert mine[name] == theirs[name]
        assert mine["marker"] == {name: value for name, value in theirs["marker"].items() if name in mine["marker"]}
    assert panel["figure"]["layout"]["coloraxis"] == whole["layout"]["coloraxis"]


@pytest.mark.parametrize("name", small_world.MODELS)
def test_lines_lead_to_the_known_neighbours_in_every_layer(store, name):
    [panel] = scene(open_page(model=name, metric="euclidean", q=3))["panels"]
    assert panel["near"] == [[item for item, _ in small_world.RANKINGS[name]]] * 8
    data = scene(open_page(model=name, metric="euclidean", q=3, k=5))
    assert data["query"] == 3 and data["neighbours"] == 2 and data["ramp"] is None
    kept = scene(open_page(model=name, colour="kept"))
    assert kept["ramp"] == palette.sequential(3)
    assert kept["panels"][0]["figure"]["layout"]["coloraxis"]["cmax"] == 2


def test_figures_of_trust_are_the_stored_ones_of_the_layer(store):
    app = open_page(model="vgg16", method="tsne", dims=3)
    spec = FeatureSpec("vgg16", small_world.LAST["vgg16"], "avg")
    trust = store.map("world", spec, "tsne3").trust
    assert {metric.label: metric.value for metric in app.metric} == {
        "Trustworthiness": f"{trust.trustworthiness:.2f}",
        "Continuity": f"{trust.continuity:.2f}",
        "Neighbour overlap@2": f"{trust.overlap:.2f}",
        "Silhouette by class": f"{trust.silhouette:.2f}",
    }
    *_, says = scene(app)["panels"][0]["captions"][-1]
    assert says == f"{100 * trust.overlap:.0f} % of nearest neighbours are preserved."


@pytest.mark.parametrize(("name", "values"), [(name, tuple(valid)) for name, valid in map_choice.VALID.items()])
def test_every_control_changes_the_map_and_the_address(store, name, values):
    app = open_page()
    for value in (*values[1:], values[0]):
        app.segmented_control(key=f"map_{name}").set_value(value).run()
        assert not app.exception and app.query_params[name] == value
        data = scene(app)
        assert data["panels"][0]["dims"] == (int(value) if name == "dims" else 2)
        if name in ("colour", "points"):
            assert data[name] == value


def test_a_link_restores_the_look(store):
    app = open_page(method="tsne", dims="3", colour="kept", points="pictures")
    data = scene(app)
    assert (data["colour"], data["points"], data["panels"][0]["dims"]) == ("kept", "pictures", 3)
    assert app.segmented_control(key="map_method").value == "tsne" and not app.warning
    again = open_page(**{name: app.query_params[name] for name in app.query_params})
    assert scene(again) == data


def test_a_part_of_a_link_that_cannot_be_met_is_told(store):
    app = open_page(method="[x](https://evil.example)", dims="4", colour="kept")
    text = app.warning[0].value.replace("\\", "")
    assert "- method: unknown" in text and "- dims: unknown" in text and "https:" not in text
    assert (app.query_params["method"], app.query_params["dims"]) == ("umap", "2")
    assert scene(app)["colour"] == "kept"
    assert not app.run().warning


def test_every_look_survives_the_way_through_an_address():
    for method in map_choice.VALID["method"]:
        for dims in map_choice.VALID["dims"]:
            look = Look(method, dims, "kept", "pictures")
            assert map_choice.read(look.address()) == (look, [])
            assert look.kind in artifacts.KINDS


def test_a_selection_shows_counts_pictures_and_ways_to_take_it_home(store):
    app = open_page()
    assert "Selection: 0 of 6" in words(app)
    assert app.button(key="map_use").disabled
    select(app, [5, 1, 3])
    assert "Selection: 3 of 6" in words(app)
    assert ":gray-badge[apple (2)]" in words(app) and ":gray-badge[<b>pear (1)]" in words(app)
    galleries = [json.loads(element.proto.json) for element in app.get("bidi_component")]
    tiles = next(data["tiles"] for data in galleries if data.get("look") == "pictures")
    assert [tile["id"] for tile in tiles] == [1, 3, 5] == scene(app)["selected"]


def test_how_to_select_is_told_for_each_number_of_dimensions(store):
    """Plotly has neither box nor lasso in 3-D."""
    told = {dims: " ".join(one.value for one in open_page(dims=dims).caption) for dims in (2, 3)}
    assert "Lasso Select" in told[2] and "in 2-D" not in told[2]
    assert "Lasso Select" not in told[3] and "Select points on the map in 2-D" in told[3]


def test_a_selection_of_one_becomes_the_query(store):
    app = select(open_page(), [4])
    app.button(key="map_use").click().run()
    assert app.query_params["q"] == "4" and scene(app)["query"] == 4


def test_a_selection_of_several_is_searched_with_live(store):
    """All of it was selected, and the first alone searched with."""
    app = select(open_page(q=3, metric="euclidean"), [5, 1, 3])
    [link] = [one.proto for one in app.get("page_link") if one.proto.page.endswith("live")]
    assert link.label == "Search with all 3" and not link.disabled
    address = dict(parse_qsl(link.query_string))
    assert address["with"] == "like.1,like.3,like.5" and (address["metric"], address["dataset"]) == (
        "euclidean",
        "world",
    )
    assert "map_use" not in {button.key for button in app.button}


def test_classes_that_are_muted_are_in_the_link(store):
    app = open_page()
    app.session_state[KEY] = {"muted": [1, 7, True, "0"]}
    assert scene(app.run())["muted"] == [1] and app.query_params["muted"] == "1"
    assert scene(open_page(muted="1"))["muted"] == [1]
    for lie in ("x", "-1", "0.", "9", "1" * 400):
        assert scene(open_page(muted=lie))["muted"] == []


def test_a_link_carries_the_selection(store):
    app = select(open_page(), [5, 1, 3])
    address = {name: app.query_params[name] for name in app.query_params}
    again = open_page(**address)
    assert scene(again)["selected"] == [1, 3, 5] and "Selection: 3 of 6" in words(again)
    assert "chosen" not in select(again, []).query_params
    assert scene(open_page(chosen="no!"))["selected"] == []


@pytest.mark.parametrize("n", [1, 6, 8, 9, 200, 1399])
def test_every_selection_survives_the_way_through_an_address(n):
    items = list(range(5, 5 + 2 * n, 2))
    for chosen in (items, items[:1], items[::3], items[-1:]):
        assert map_choice.chosen_items(map_choice.chosen_text(chosen, items), items) == chosen
    for lie in ("", "x", "é" * 4, "A" * 5000, "=" * 8):
        assert map_choice.chosen_items(lie, items) == []


@pytest.mark.parametrize("lie", [[7, -1, "2", None, 1.0, True, [3], 2], "x", {"a": 1}, 5, None])
def test_a_hostile_browser_selects_nothing_that_is_not_there(store, lie):
    app = select(open_page(), lie)
    assert not app.exception
    assert scene(app)["selected"] == ([2] if isinstance(lie, list) else [])


def test_two_configurations_are_two_maps_of_the_same_pictures(store):
    app = open_page(q=3, metric="euclidean", b_model="vgg16", b_metric="euclidean")
    one, two = scene(app)["panels"]
    assert (one["title"], two["title"]) == ("A:", "B:")
    assert (len(one["figure"]["frames"]), len(two["figure"]["frames"])) == (8, 1)
    assert one["near"][-1] == [item for item, _ in small_world.RANKINGS["mobilenetv2"]]
    assert two["near"] == [[item for item, _ in small_world.RANKINGS["vgg16"]]]
    assert len(app.metric) == 8


def test_without_pictures_the_map_still_works(store, tmp_path):
    shutil.rmtree(tmp_path / "world")
    app = select(open_page(points="pictures"), [0, 3])
    data = scene(app)
    assert data["pictures"] == [""] * 6 and data["folder"] == "" and data["selected"] == [0, 3]
    [link] = [one.proto for one in app.get("page_link") if one.proto.page.endswith("live")]
    assert app.button(key="fetch") and link.disabled
    assert "Dots are shown" in app.info[0].value


def test_pictures_are_named_for_the_browser(store):
    data = scene(open_page())
    assert data["folder"] == "app/static/pictures/world/"
    assert [(pictures.FOLDER / "world" / name).is_file() for name in data["pictures"]] == [True] * 6


def test_the_csv_holds_what_was_selected(store):
    dataset, found = datasets.load("world"), store.map("world", FeatureSpec("vgg16", "block1_conv1", "avg"), "pca2")
    lines = list(csv.DictReader(io.StringIO(map_export.as_csv(dataset, [1, 4], range(6), found).decode("utf-8-sig"))))
    assert [(line["picture"], line["class"], line["file"]) for line in lines] == [
        ("1", "<b>pear", dataset.items[1].file),
        ("4", "apple", dataset.items[4].file),
    ]
    for line, row in zip(lines, (1, 4), strict=True):
        assert [float(line["x"]), float(line["y"])] == pytest.approx(found.coordinates[row].tolist(), rel=1e-4)
        assert (line["neighbours_kept"], line["sha256"]) == (
            str(found.trust.kept_neighbours[row]),
            dataset.items[row].sha256,
        )


def test_no_word_in_the_csv_is_a_formula(tmp_path):
    items = (Item(0, 0, "＝cmd/a.jpg", "0" * 64),)
    dataset = Dataset("d", "d", "", "", (" =1+1",), items, "", tmp_path)
    found = artifacts.Map(np.zeros((1, 2), np.float32), Trust(1, 1, 1, 1, np.zeros(1, np.uint8)))
    written = map_export.as_csv(dataset, [0], [0], found)
    [line] = csv.DictReader(io.StringIO(written.decode("utf-8-sig")))
    assert written.startswith(b"\xef\xbb\xbfpicture,class,file,sha256,x,y,neighbours_kept")
    assert (line["class"], line["file"]) == ("' =1+1", "'＝cmd/a.jpg")


def test_the_zip_holds_the_original_files_and_names_the_missing(store):
    """One that was replaced under its name is missing too."""
    dataset = datasets.load("world")
    dataset.path(4).unlink()
    dataset.path(2).write_bytes(dataset.path(1).read_bytes())
    with zipfile.ZipFile(io.BytesIO(map_export.as_zip(dataset, [1, 2, 4]))) as archive:
        assert archive.read("_b_pear/11.bmp") == dataset.path(1).read_bytes()
        assert archive.read("MISSING.txt").decode().split() == [dataset.items[2].file, dataset.items[4].file]
        assert len(archive.namelist()) == 2


@pytest.mark.parametrize("name", ["..", "a/../../b", "CON:", "", "a\\b", "Ä/é"])
def test_the_zip_is_a_dataset_again_and_leads_nowhere_else(tmp_path, name):
    """Classes keep apart even where their names become one folder, and files of one name in one class."""
    items = [Item(3, 2, "gone.bmp", "0" * 64)]
    for number, (label, file) in enumerate([(0, "x/1.bmp"), (0, "y/1.bmp"), (1, "1.bmp")]):
        write_bmp(tmp_path / file, (number, 9, 9))
        digest = hashlib.sha256((tmp_path / file).read_bytes()).hexdigest()
        items.insert(number, Item(number, label, file, digest))
    dataset = Dataset("d", "d", "", "", (name, name.replace("/", "_"), "plain"), tuple(items), "", tmp_path)
    with zipfile.ZipFile(io.BytesIO(map_export.as_zip(dataset, range(4)))) as archive:
        *names, missing = archive.namelist()
    assert missing == "MISSING.txt" and len({place.casefold() for place in names}) == 3
    folders = [place.split("/") for place in names]
    assert {len(parts) for parts in folders} == {2} and not {"..", ".", ""} & {
        part for parts in folders for part in parts
    }
    assert folders[0][0] == folders[1][0] != folders[2][0]


def test_a_map_of_one_place_is_in_the_middle():
    assert figure.unit(np.ones((3, 2), np.float32)).tolist() == [[0, 0]] * 3


@pytest.mark.alone
def test_ten_thousand_pictures_are_ready_in_a_second():
    """All that the page computes for one map of eight layers, without the reading of the store."""
    n, layers = 10_000, model("vgg16").layers
    draw = np.random.default_rng(0)

    class Big:
        def items(self, dataset, model):
            return np.arange(n)

        def map(self, dataset, spec, kind):
            kept = draw.integers(0, 16, n).astype(np.uint8)
            return artifacts.Map(draw.normal(size=(n, 3)).astype(np.float32), Trust(0.9, 0.9, 0.5, 0.1, kept))

    items = tuple(Item(item, item % 10, f"{item}.jpg", f"{item:064x}") for item in range(n))
    dataset = Dataset("big", "Big", "", "", tuple("abcdefghij"), items, "", Path())
    choice = Choice("big", "vgg16", layers[-1].name)
    addresses = {item: f"app/static/pictures/big/{item:016x}.jpg" for item in range(n)}
    started = time.perf_counter()
    maps = map_payload.travel(Big(), map_payload.specs(choice), dataset, "umap3")
    data = map_payload.scene(dataset, range(n), addresses, [map_payload.panel(choice, maps, [[1, 2]] * 8, "")])
    sent = json.dumps(data)
    assert time.perf_counter() - started < 0.5
    assert len(sent) < 1_500_000
    assert data["panels"][0]["dims"] == 3 and places(data["panels"][0]["figure"]["frames"][0]).shape == (n, 3)


def test_no_two_of_144_classes_look_alike_and_the_first_twelve_share_nothing():
    """Of ten classes the ninth and the tenth had the symbols of the first two."""
    looks = [(palette.class_colour(label), palette.class_symbol(label)) for label in range(144)]
    assert len(set(looks)) == 144
    assert all(len(set(half)) == 12 for half in zip(*looks[:12], strict=True))
    from plotly.validator_cache import ValidatorCache

    known = ValidatorCache.get_validator("scatter.marker", "symbol").values
    assert set(palette.CLASS_SYMBOLS) <= set(known)


@pytest.mark.parametrize(
    "sight",
    [
        ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
        ((0.152, 1.053, -0.205), (0.115, 0.786, 0.099), (-0.004, -0.048, 1.052)),
        ((0.367, 0.861, -0.228), (0.280, 0.673, 0.047), (-0.012, 0.043, 0.969)),
    ],
    ids=["all colours", "protanopia", "deuteranopia"],
)
def test_ten_classes_differ_in_colour_or_symbol_for_every_eye(sight):
    """Colours seen as after Machado, Oliveira and Fernandes (2009); near ones must have other symbols."""
    seen = {}
    for label in range(10):
        channels = np.array([int(palette.class_colour(label)[at : at + 2], 16) / 255 for at in (1, 3, 5)])
        linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
        seen[label] = np.clip(np.array(sight) @ linear, 0, 1) ** (1 / 2.2)
    for one, other in combinations(seen, 2):
        near = np.abs(seen[one] - seen[other]).max() < 0.08
        assert not near or palette.class_symbol(one) != palette.class_symbol(other), (one, other)


def test_the_sequence_runs_from_dark_to_light():
    shades = [sum(int(colour[at : at + 2], 16) for at in (1, 3, 5)) for colour in palette.sequential(16)]
    assert len(shades) == 16 and shades == sorted(shades)
    assert palette.sequential(6) == list(palette.SEQUENTIAL)


def test_ink_is_read_on_every_colour_of_the_sequence():
    for place, colour in enumerate(palette.sequential(101)):
        linear = [luminance(int(colour[at : at + 2], 16)) for at in (1, 3, 5)]
        ground = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
        light, dark = sorted((ground, {"#ffffff": 1.0, "#000000": 0.0}[palette.ink(place / 100)]), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5


def luminance(channel):
    share = channel / 255
    return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4


def test_the_component_never_makes_markup_of_data():
    folders = [ROOT / "ui" / "components" / name for name in ("map", "plot", "player", "table")]
    source = "\n".join(path.read_text() for folder in folders for path in sorted(folder.glob("*.js")))
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|Function\(|https?://(?!www\.w3)", source
    )
