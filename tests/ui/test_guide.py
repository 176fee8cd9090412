"""The Guide and the orientation, without a browser: every number against plain Python on features known here."""

import ast
import json
import math
import re
import subprocess
import sys

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from semsearch.data import datasets
from semsearch.explain import channels
from semsearch.models import catalog
from semsearch.models.catalog import READOUTS
from semsearch.store import artifacts, units
from tests import ROOT
from tests.ui import pressing
from tests.worlds import channels_world, tiny_store
from tests.worlds.files.bitmaps import write_bmp
from ui import offers, pictures, resources
from ui.choice import Choice
from ui.guide import panel as guide_panel
from ui.guide import reference

CLASSES = {"<b>pear": 7, "apple": 8, "plum": 6}
LABELS = [label for label, count in enumerate(CLASSES.values()) for _ in range(count)]
LAYERS = [layer.name for layer in catalog.model(tiny_store.MODEL).layers]
FEATURES = {
    (layer, readout.pooling): np.random.default_rng([place, turn]).normal(
        np.eye(3)[LABELS] * place / 4, 1.0, (len(LABELS), 3)
    )
    for place, layer in enumerate(LAYERS)
    for turn, readout in enumerate(READOUTS.values())
}
"""(21, 3) by layer and pooling: noise in the first layer, and classes that part more and more."""


def layer_results(layer):
    found = artifacts.LayerResults({}, {}, {})
    for readout in READOUTS.values():
        own = tiny_store.results(FEATURES[layer, readout.pooling].astype(np.float32), np.array(LABELS))
        for kept, given in zip(vars(found).values(), vars(own).values(), strict=True):
            kept |= {key: value for key, value in given.items() if key[0] == readout}
    return found


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A sealed store whose layers and poolings all differ, its pictures, and the settings that lead there."""
    folder = tmp_path_factory.mktemp("guide")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEMSEARCH_HOME", str(folder / "home"))
        patch.setenv("SEMSEARCH_PRECOMPUTED", str(folder / "store"))
        patch.setattr(pictures, "FOLDER", folder / "static")
        for kind, count in CLASSES.items():
            for place in range(count):
                write_bmp(folder / "pictures" / kind / f"{place}.bmp", (20 * place, 9 * len(kind), 90))
        hash_now = datasets.add("world", folder / "pictures").content_hash
        unit = folder / "store" / "world" / tiny_store.MODEL
        for layer in LAYERS:
            artifacts.write_layer(unit, layer, layer_results(layer))
        facts = {"key": "k", "dataset": "world", "dataset_hash": hash_now, "model": tiny_store.MODEL}
        units.write_unit(unit, {**facts, "items": list(range(len(LABELS))), "schema": artifacts.SCHEMA})
        units.seal(folder / "store")
        yield folder


def distance(x, y, metric):
    gaps = [abs(float(a) - float(b)) for a, b in zip(x, y, strict=True)]
    if metric == "cosine":
        return 1 - sum(float(a) * float(b) for a, b in zip(x, y, strict=True)) / (math.hypot(*x) * math.hypot(*y))
    return {"euclidean": math.hypot(*gaps), "manhattan": sum(gaps), "chebyshev": max(gaps)}[metric]


def order(query, layer=LAYERS[-1], pooling="avg", metric="cosine"):
    features = FEATURES[layer, pooling].astype(np.float32)
    others = [item for item in range(len(LABELS)) if item != query]
    return sorted(others, key=lambda item: (distance(features[query], features[item], metric), item))[:15]


def score(query, *configuration, **parts):
    hits = [LABELS[item] == LABELS[query] for item in order(query, *configuration, **parts)]
    return 100 * sum(15 - rank for rank, hit in enumerate(hits) if hit) / sum(range(16))


def telling():
    gains = [score(query, LAYERS[-1]) - score(query, LAYERS[0]) for query in range(len(LABELS))]
    return max(range(len(LABELS)), key=lambda query: (round(gains[query], 3), -query))


def open_guide(world, **address):
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30)
    for name, value in address.items():
        app.query_params[name] = str(value)
    app.run()
    app.switch_page("pages/guide.py").run()
    assert not app.exception and not app.error and not app.warning
    return app


def words(app):
    return "\n".join(text.value for text in app.markdown).replace("\\", "")


def panel(app, title):
    """The line below the title of a panel."""
    return re.search(rf"^\*\*{re.escape(title)}\*\*  \n(.*)$", words(app), re.M)[1]


def test_the_story_is_told_with_the_query_that_gains_most(world):
    galleries = [json.loads(element.proto.json) for element in open_guide(world).get("bidi_component")]
    assert galleries[0]["tiles"][0]["note"] == f"Query, picture {telling()}"
    choice = Choice("world", tiny_store.MODEL, LAYERS[-1])
    assert guide_panel.telling(choice) == telling()


def test_the_scores_of_the_three_depths(world):
    app = open_guide(world)
    for title, layer in (("First layer", LAYERS[0]), ("Middle layer", LAYERS[4]), ("Last layer", LAYERS[-1])):
        assert panel(app, title) == f"`{layer}` · score {score(telling(), layer):.1f}"


def test_the_table_of_all_depths(world):
    text = words(open_guide(world))
    for layer in LAYERS:
        mean = sum(score(query, layer) for query in range(len(LABELS))) / len(LABELS)
        assert f"| {layer} | {score(telling(), layer):.1f} | {mean:.1f} |" in text


def test_the_cards_say_what_the_catalogue_and_the_store_say(world):
    text, model = words(open_guide(world, metric="manhattan")), catalog.model(tiny_store.MODEL)
    layer, features = model.layers[-1], FEATURES[LAYERS[-1], "avg"].astype(np.float32)
    assert f"{model.size} × {model.size} pixels" in text and f"{model.size * model.size * 3:,} numbers" in text
    assert f"through {model.layer_count} layers" in text
    assert f"a list: {layer.channels:,} numbers, one for each channel" in text
    near, typical = map(
        float, re.search(r"nearest other one is at ([\d.]+); a typical pair is ([\d.]+)", text).groups()
    )
    query = telling()
    pairs = [distance(x, y, "manhattan") for i, x in enumerate(features) for y in features[:i]]
    first = order(query, metric="manhattan")[0]
    assert near == pytest.approx(distance(features[query], features[first], "manhattan"), rel=0.02)
    assert typical == pytest.approx(float(np.median(pairs)), rel=0.01)


def test_a_unit_cannot_see_more_than_the_whole_picture(world):
    """It saw 491 px of the 224 px that the picture is wide."""
    app, model = open_guide(world), catalog.model(tiny_store.MODEL)
    text = words(app)
    first, last = model.layers[0].receptive_field, model.layers[-1].receptive_field
    assert first < model.size < last
    assert f"first layer sees a square of {first} px of {model.size} px" in text
    assert "One unit of the last sees the whole picture" in text
    assert any("channels that see the whole picture" in caption.value for caption in app.caption)
    assert f"{last} px" not in text


@pytest.mark.parametrize("part", ["pooling", "metric"])
def test_other_measures_and_how_many_matches_they_share(world, part):
    app = open_guide(world)
    app.segmented_control(key="guide_varied").set_value(part).run()
    query = telling()
    own = order(query)
    titles = {"avg": "Avg", "max": "Max", "gem": "GeM", "flatten": "Published"}
    if part == "metric":
        titles = {"cosine": "Cosine", "euclidean": "Euclidean", "manhattan": "Manhattan", "chebyshev": "Chebyshev"}
    for value, title in titles.items():
        note, found = panel(app, title), order(query, **{part: value})
        assert note.startswith(f"score {score(query, **{part: value}):.1f} · ")
        same = value in ("avg", "cosine")
        assert note.endswith("the sidebar's choice" if same else f"shares {len({*own} & {*found})} of its first 15 "
                             "with the sidebar's choice")  # fmt: skip


def test_the_sum_of_the_score(world):
    text = words(open_guide(world))
    scores = [score(query) for query in range(len(LABELS))]
    mean = sum(scores) / len(scores)
    query = min(range(len(LABELS)), key=lambda query: (round(abs(scores[query] - mean), 3), query))
    names, earned = list(CLASSES), 0
    for rank, item in enumerate(order(query), 1):
        points = 16 - rank if LABELS[item] == LABELS[query] else 0
        earned += points
        assert f"| {rank} | {names[LABELS[item]]} | {points} of {16 - rank} |" in text
    hits = sum(LABELS[item] == LABELS[query] for item in order(query))
    assert f"**{earned} of 120 points: score {scores[query]:.1f}**, with {hits} of 15 matches right." in text
    random = sum(LABELS.count(label) - 1 for label in LABELS) / len(LABELS) / (len(LABELS) - 1)
    assert f"Random matches would score {100 * random:.1f}." in text
    low, high = map(float, re.search(rf"\*\*{mean:.1f}\*\* \(95 % interval ([\d.]+) to ([\d.]+)", text).groups())
    draws = np.random.default_rng(7).choice(scores, (4000, len(scores))).mean(1)
    assert [low, high] == pytest.approx(np.quantile(draws, [0.025, 0.975]), abs=1.0)


def test_the_trust_in_the_map(world):
    """The stored map of this world is its first two features as they are; neighbours are those of euclidean."""
    from sklearn.manifold import trustworthiness

    text, features = words(open_guide(world)), FEATURES[LAYERS[-1], "avg"].astype(np.float32)
    near = (len(LABELS) - 1) // 2  # all that the formula of trustworthiness allows below 31 items

    def nearest(points, item):
        others = [other for other in range(len(LABELS)) if other != item]
        return set(sorted(others, key=lambda other: math.dist(points[item], points[other]))[:near])

    kept = [len(nearest(features, item) & nearest(features[:, :2], item)) for item in range(len(LABELS))]
    assert f"of the {near} nearest neighbours of each picture **{100 * sum(kept) / near / len(LABELS):.0f} %**" in text
    assert f"of the example picture, {kept[telling()]} of {near}" in text
    real = trustworthiness(features, features[:, :2], n_neighbors=near)
    together = trustworthiness(features[:, :2], features, n_neighbors=near)
    assert f"neighbours on the map real ones?) is {real:.2f}" in text
    assert f"together on the map?) is {together:.2f}" in text


def test_the_most_confused_pair_and_its_worst_query(world):
    text, names = words(open_guide(world)), list(CLASSES)
    shares = {}
    for kind in range(3):
        found = [LABELS[item] for query in range(len(LABELS)) if LABELS[query] == kind for item in order(query)]
        shares |= {(kind, other): found.count(other) / len(found) for other in range(3)}
    kind, other = max((pair for pair in shares if pair[0] != pair[1]), key=shares.__getitem__)
    counts = {
        query: sum(LABELS[item] == other for item in order(query))
        for query in range(len(LABELS))
        if LABELS[query] == kind
    }
    worst = max(counts, key=lambda query: (counts[query], -query))
    assert f"most often taken for another is **{names[kind]}**" in text
    assert f"{100 * shares[kind, other]:.0f} % are **{names[other]}** and {100 * shares[kind, kind]:.0f} % are" in text
    assert f"The worst case is picture {worst}: {counts[worst]} of its first 15 matches are {names[other]}" in text


def test_my_query_tells_the_story_too(world):
    app = open_guide(world, q=5)
    app.segmented_control(key="guide_example").set_value("query").run()
    assert panel(app, "First layer") == f"`{LAYERS[0]}` · score {score(5, LAYERS[0]):.1f}"


def test_no_number_of_the_guide_is_typed():
    """Digits in its sentences come out of braces; names such as `umap2` hold no blank."""
    for path in sorted((ROOT / "ui" / "guide").glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        documentation = {
            id(node.value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        }
        texts = [
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation
        ]
        assert not [text for text in texts if " " in text and re.search(r"\d", text)], path.name


def test_what_layers_look_for_is_shown_from_the_first_to_the_last(world, monkeypatch):
    model = catalog.model(tiny_store.MODEL)
    stored = {name: channels_world.layer_of(model.layer(name).channels, (0, 3)) for name in model.layer_names}
    monkeypatch.setattr(channels, "layers_of", lambda name: iter(stored if name == model.name else ()))
    monkeypatch.setattr(resources, "channels_of", lambda name, layer: stored[layer])
    app = open_guide(world)
    for place, layer in enumerate((LAYERS[0], LAYERS[len(LAYERS) // 2], LAYERS[-1])):
        shown = json.loads(pressing.proto(app, "bidi_component", f"guide_looks_{place}").json)
        assert [card["id"] for card in shown["cards"]] == [0, 3] and layer in shown["label"]
    assert "activation maximisation" in words(app)


def test_without_stored_channels_the_guide_names_the_page_that_makes_them(world):
    app = open_guide(world)
    assert any("No such pictures are stored for MobileNetV2 yet" in text.value for text in app.caption)
    assert "model_explorer" in str([link.proto for link in app.get("page_link")])


def test_the_words_of_the_field_are_explained():
    asked = (
        "model layer pooling features query gallery index k distance match score precision@k recall@k mAP projection "
        "activation channel".split()
        + ["activation maximisation"]
    )
    known = {word.lower() for word in reference.GLOSSARY}
    assert {word.lower() for word in asked} <= known
    assert sorted(known) == [word.lower() for word in reference.GLOSSARY]


def test_links_of_the_guide_carry_the_configuration(world):
    links = [link.proto for link in open_guide(world).get("page_link")]
    assert f"layer={LAYERS[0]}&" in str(links) and f"q={telling()}" in str(links)


def test_a_click_sets_the_choice_and_leaves(world):
    app = open_guide(world)
    app.session_state["guide_leaving"] = True
    app.session_state["q"] = 4
    app.run()
    assert [title.value for title in app.title] == ["Search"]
    assert app.query_params["q"] == "4"


def test_the_choice_is_kept_across_pages(world):
    address = Choice("world", tiny_store.MODEL, LAYERS[2], "max", "manhattan", 9, 6).address()
    app = open_guide(world, **address)
    assert {name: app.query_params[name] for name in address} == address
    assert app.selectbox(key="layer").value == LAYERS[2]
    app.selectbox(key="metric").select("chebyshev").run()
    app.switch_page("pages/search.py").run()
    assert {name: app.query_params[name] for name in address} == address | {"metric": "chebyshev"}


def open_search(world, **address):
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30)
    for name, value in address.items():
        app.query_params[name] = value
    return app.run()


def greeted(app):
    return any("New here?" in text.value for text in app.markdown)


@pytest.mark.parametrize(
    ("view", "words"),
    [("Matches", "Click any picture"), ("All models", "Each cell"), ("Whole dataset", "Every way to compare")],
)
def test_the_orientation_speaks_of_what_is_on_screen(world, view, words):
    [bar] = [text.value for text in open_search(world, view=view).markdown if "New here?" in text.value]
    assert bar.startswith(f"**New here?** {words}")


def test_the_orientation_can_be_put_away_and_called_back(world):
    app = open_search(world)
    assert greeted(app)
    app.button(key="welcome_close").click().run()
    assert not greeted(app) and app.query_params["welcome"] == "no"
    app.button(key="search_next").click().run()
    assert not greeted(app)
    app.button(key="welcome_again").click().run()
    assert greeted(app) and "welcome" not in app.query_params


def test_the_orientation_stays_away_by_its_link_and_comes_back_from_the_guide(world):
    app = open_search(world, welcome="no")
    assert not greeted(app)
    app.switch_page("pages/guide.py").run()
    assert not greeted(app)
    app.button(key="welcome_reopen").click().run()
    assert [title.value for title in app.title] == ["Search"] and greeted(app)


def test_the_guide_imports_no_heavy_library(world):
    heavy = "tensorflow keras umap sklearn numba scipy openvino faiss h5py requests torch matplotlib PIL".split()
    code = f"""
import sys
from pathlib import Path
from streamlit.testing.v1 import AppTest
from ui import pictures
pictures.FOLDER = Path({str(pictures.FOLDER)!r})
before = set(sys.modules)
app = AppTest.from_file("app.py", default_timeout=30).run()
app.switch_page("pages/guide.py").run()
assert not app.exception and not app.error and app.header, (app.exception, app.error)
print(sorted(set({heavy!r}) & (set(sys.modules) - before)))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_without_results_of_every_kind_the_guide_says_what_to_do(store, monkeypatch):
    monkeypatch.setattr(offers, "_is_full", lambda *_: False)
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30).run()
    app.switch_page("pages/guide.py").run()
    assert not app.exception and not app.error and "semsearch precompute --full" in app.info[0].value
