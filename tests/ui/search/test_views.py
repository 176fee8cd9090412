"""The views of one query everywhere and of a whole dataset, run without a browser on stores made here."""

import base64
import csv
import io
import json
import re
import shutil
import statistics
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from semsearch.data import datasets
from semsearch.models import catalog
from semsearch.models.catalog import READOUTS, FeatureSpec
from semsearch.ranking import metrics
from semsearch.results import experiments, latencies, leaderboard
from semsearch.store.experiment import Experiment
from tests.worlds import small_world
from tests.worlds.tiny_store import write_store
from ui import charts, configurations, pictures, resources

ROWS = 8 * len(READOUTS) * len(metrics.METRICS)


@pytest.fixture(scope="module")
def computed(tmp_path_factory):
    """A store of iconic200 with features made up, one model."""
    folder = tmp_path_factory.mktemp("views")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEMSEARCH_HOME", str(folder / "home"))
        labels = datasets.load("iconic200").labels
        draw = np.random.default_rng(2)
        points = draw.normal(size=(10, 4))[labels] + draw.normal(size=(200, 4)) * [1, 1, 1, 4]
        write_store(folder / "store", "iconic200", points.astype(np.float32), labels, name="vgg16")
    return folder / "store"


@pytest.fixture
def store(computed, home, tmp_path, monkeypatch):
    shutil.copytree(computed, tmp_path / "store")
    monkeypatch.setenv("SEMSEARCH_PRECOMPUTED", str(tmp_path / "store"))
    monkeypatch.setattr(pictures, "FOLDER", tmp_path / "static")
    return tmp_path / "store"


@pytest.fixture
def world(computed_world, home, tmp_path, monkeypatch):
    small_world.add(tmp_path / "world")
    monkeypatch.setenv("SEMSEARCH_PRECOMPUTED", str(computed_world))
    monkeypatch.setattr(pictures, "FOLDER", tmp_path / "static")


def everywhere_page():
    import time

    import streamlit as st

    from ui import offers, sidebar
    from ui.search import everywhere as view_everywhere

    sidebar.show(offers.computable())
    started = time.perf_counter()
    view_everywhere.show(sidebar.current())
    st.session_state["seconds"] = time.perf_counter() - started


def dataset_page():
    import time

    import streamlit as st

    from ui import offers, sidebar
    from ui.search.whole import dataset as view_dataset

    sidebar.show(offers.computable())
    started = time.perf_counter()
    view_dataset.show(sidebar.current())
    st.session_state["seconds"] = time.perf_counter() - started


def open_page(page, **address):
    app = AppTest.from_function(page, default_timeout=30)
    for name, value in address.items():
        app.query_params[name] = str(value)
    app.run()
    assert not app.exception and not app.error and not app.warning
    return app


def open_part(part, **address):
    return open_page(dataset_page, part=part, **address)


def figure(app, number=0):
    return json.loads(app.get("plotly_chart")[number].proto.spec)


def numbers(values):
    """A column of a figure, which Plotly may have packed."""
    if isinstance(values, dict):
        shape = [int(size) for size in str(values.get("shape", "")).split(",") if size]
        flat = np.frombuffer(base64.b64decode(values["bdata"]), np.dtype(values["dtype"]))
        return flat.reshape(shape or -1)
    return np.array(values)


def table(app, number=0):
    return app.dataframe[number].value


def said(app):
    return " ".join(text.value.replace("\\", "") for text in [*app.markdown, *app.caption])


def test_every_cell_is_the_score_of_the_query(store):
    app = open_page(everywhere_page, q=17, metric="manhattan", pooling="gem")
    shown = experiments.open_store(store)
    layers = [layer.name for layer in catalog.model("vgg16").layers]
    each = dict(experiments.everywhere(shown, "iconic200", 17))
    expected = [each[Experiment("iconic200", FeatureSpec("vgg16", name, "gem"), "manhattan")] for name in layers]
    cells, targets = figure(app)["data"]
    assert numbers(cells["z"])[0] == pytest.approx(expected)
    assert (cells["zmin"], cells["zmax"]) == (0, 100)
    written = [(word["x"], word["y"], word["text"].split("<br>")[0]) for word in figure(app)["layout"]["annotations"]]
    assert written == [(column, 0, str(int(value + 0.5))) for column, value in enumerate(expected)]
    assert table(app).iloc[0].tolist() == ["VGG16", *(pytest.approx(value) for value in expected)]
    board = resources.board("iconic200")
    rows = [int(custom[0]) for custom in targets["customdata"]]
    assert [board.experiment(row).spec.layer for row in rows] == layers
    assert {board.metrics[row] for row in rows} == {"manhattan"}


def test_the_best_cell_and_the_chosen_one_are_framed_and_named(world):
    app = open_page(everywhere_page, q=3, metric="euclidean", model="vgg16")
    frames = {
        frame["line"]["color"]: (frame["y0"] + 0.46, frame["x0"] + 0.48) for frame in figure(app)["layout"]["shapes"]
    }
    assert frames[charts.MARK] == pytest.approx((0, 7))
    text = [word["text"] for word in figure(app)["layout"]["annotations"]]
    assert sum("best" in cell for cell in text) == 8, "all layers of MobileNetV2 are equally good"
    assert sum("here" in cell for cell in text) == 1
    assert [frame["line"]["color"] for frame in figure(app)["layout"]["shapes"]].count(charts.BEST) == 8
    assert "<b>pear" not in json.dumps(figure(app))
    assert re.search(r"apple, picture 3.*best \*\*60\.0\*\* of 100 in 8 of 16 cells", said(app))


def test_the_best_of_both_is_at_least_any_other(store):
    app = open_page(everywhere_page, q=5)
    values = {}
    for how in ("chosen", "pooling", "metric", "both"):
        app.session_state["best"] = how
        values[how] = numbers(figure(app.run())["data"][0]["z"])
    assert (values["pooling"] >= values["chosen"]).all() and (values["metric"] >= values["chosen"]).all()
    assert (values["both"] == np.maximum(values["pooling"], values["metric"])).all(), "all ways are alike in this store"
    each = experiments.everywhere(experiments.open_store(store), "iconic200", 5)
    assert values["both"].max() == pytest.approx(max(score for _, score in each))


def test_the_leaderboard_shows_all_experiments_best_first(store):
    app = open_part("Leaderboard", layer="block5_conv3")
    whole = table(app)
    board = leaderboard.board(experiments.open_store(store), "iconic200")
    assert whole["Use"].tolist() == ["A", *[""] * (ROWS - 1)] and whole["Layer name"][0] == "block5_conv3"
    found = whole.sort_values("Score", ascending=False, kind="stable")
    assert len(found) == ROWS and whole["Score"].tolist()[1:] == sorted(whole["Score"].tolist()[1:], reverse=True)
    better = [int((board.score.round(6) > round(score, 6)).sum()) for score in found["Score"]]
    assert found["Rank"].tolist() == [more + 1 for more in better]
    assert found["As good as the best"].tolist()[0] and int(found["As good as the best"].sum()) == board.not_worse.sum()
    first = found.iloc[0]
    row = int(np.argmax(board.score))
    assert (first["mAP"], first["Low"], first["Recall@15"]) == pytest.approx(
        (board.mean_average_precision[row], board.low[row], board.recall[row])
    )
    sizes = {layer.name: layer.channels for layer in catalog.model("vgg16").layers}
    pooled = found[found["Pooling"] != "Published"]
    assert pooled["Vector length"].tolist() == [sizes[name] for name in pooled["Layer name"]]
    assert pooled["Bytes"].tolist() == [np.zeros(sizes[name], np.float32).nbytes for name in pooled["Layer name"]]
    assert "ms" not in found.columns
    assert f"{ROWS} of {ROWS} configurations" in said(app)


def test_published_scores_stand_beside_ours(store):
    found = table(open_part("Leaderboard"))
    known = found[found["Published score"].notna()]
    assert (
        len(known) == 16 and set(known["Pooling"]) == {"Published"} and set(known["Metric"]) == {"Cosine", "Euclidean"}
    )
    own = known[(known["Layer name"] == "block5_conv3") & (known["Metric"] == "Cosine")]["Published score"].item()
    spec = FeatureSpec("vgg16", "block5_conv3", "flatten", "published")
    assert own == leaderboard.published("iconic200", spec, "cosine")
    assert found[found["Pooling"] == "Published"]["Vector length"].isna().all()


def test_nothing_is_called_published_where_nothing_was(world):
    app = open_part("Leaderboard")
    assert "Published score" not in table(app).columns and "as published by others" not in said(app)


def test_measured_latencies_give_a_column_and_a_cost(store):
    path = store / latencies.FILE
    latencies.write(path, latencies.Latency("two cores", {"vgg16": {"block5_conv3": 91.5}}))
    app = open_part("Leaderboard")
    assert set(table(app)["ms"].dropna()) == {91.5}
    app.session_state["cost"] = "milliseconds"
    assert "two cores" in said(app.run())
    assert f"{ROWS - 18} configurations of unknown cost" in said(app)


def test_filters_keep_what_they_say(world):
    app = open_part("Leaderboard")
    app.multiselect(key="models").select("vgg16").run()
    app.multiselect(key="poolings").select("max").run()
    app.multiselect(key="metrics").select("cosine").run()
    assert len(table(app)) == 9
    app.toggle(key="last").set_value(True).run()
    first, row = table(app).to_dict("records")
    assert (first["Use"], first["Model"], row["Use"]) == ("A", "MobileNetV2", ""), "A passes all filters"
    assert (row["Model"], row["Layer"], row["Pooling"], row["Metric"]) == ("VGG16", 8, "Max", "Cosine")
    assert "1 of 384 configurations" in said(app)
    assert not app.exception


def test_the_front_in_the_chart_is_the_front(store):
    app = open_part("Leaderboard")
    board = leaderboard.board(experiments.open_store(store), "iconic200")
    front = leaderboard.front(board.parameters, board.score)
    *groups, steps, ring = figure(app)["data"]
    assert numbers(steps["x"]).tolist() == board.parameters[front].tolist()
    assert numbers(steps["y"]) == pytest.approx(board.score[front])
    shown = [number for group in groups for [number] in group["customdata"]]
    places = {(board.specs[row].layer, board.parameters[row]) for row in range(ROWS)}
    assert len(shown) == len(places) == 8, "one mark for each layer at its cost"
    for row in shown:
        same = [other for other in range(ROWS) if board.specs[other].layer == board.specs[row].layer]
        assert board.score[row] == board.score[same].max()
    assert ring["name"] == "Chosen"


def test_the_export_has_all_rows_and_no_formula(store):
    from ui.charts import export
    from ui.search.whole import leaderboard as dataset_board

    board = leaderboard.board(experiments.open_store(store), "iconic200")
    order = np.argsort(-board.score, kind="stable")
    columns = dataset_board.table(board, order)
    columns["Model"] = ["=cmd()", *columns["Model"][1:]]
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    read = list(csv.DictReader(io.StringIO(export.csv_bytes(rows).decode("utf-8-sig"))))
    assert len(read) == ROWS and read[0]["Model"] == "'=cmd()"
    assert [float(row["Score"]) for row in read] == board.score[order].tolist()
    assert read[0]["Parameters"] == str(int(board.parameters[order[0]]))


def test_the_chosen_configuration_in_depth(store):
    app = open_part("Details", q=3, metric="euclidean")
    opened = experiments.open_store(store)
    experiment = Experiment("iconic200", FeatureSpec("vgg16", "block5_conv3", "avg"), "euclidean")
    each = [experiments.query_score(opened, experiment, query).score for query in range(200)]
    strip, cells = figure(app, 0)["data"], figure(app, 1)["data"][0]
    marks = {
        custom[0]: x for trace in strip[:-1] for custom, x in zip(trace["customdata"], numbers(trace["x"]), strict=True)
    }
    assert [marks[query] for query in range(200)] == pytest.approx(each, rel=1e-5)
    assert numbers(strip[-1]["x"])[0] == pytest.approx(each[3], rel=1e-5)
    expected = 100 * leaderboard.confusion(opened, experiment, 10)
    assert numbers(cells["z"]) == pytest.approx(expected)
    assert table(app).iloc[:, 1:].to_numpy() == pytest.approx(expected)
    shown = [json.loads(element.proto.json) for element in app.get("bidi_component")]
    worst, best, matches = ([tile["id"] for tile in data["tiles"]] for data in shown if "tiles" in data)
    assert matches == [3, *(match.item for match in experiments.matches(opened, experiment, 3, k=15))]
    ordered = sorted(each)
    assert [each[item] for item in worst] == pytest.approx(ordered[:12])
    assert [each[item] for item in best] == pytest.approx(ordered[::-1][:12])


def test_a_table_with_names_of_classes_saves_no_formula(store, monkeypatch):
    """A table has a button of its own that saves it as it is."""
    real = resources.dataset("iconic200")
    monkeypatch.setattr(resources, "dataset", lambda _: replace(real, classes=("=1+1", *real.classes[1:])))
    depth = table(open_part("Details"))
    assert depth.iloc[0, 0] == "'=1+1" and list(depth.iloc[1:, 0]) == list(real.classes[1:])
    assert depth.columns[1] == "1 =1+1"
    assert "'=1+1" in list(table(open_part("A vs B"))["Class"])


def test_class_names_are_text_in_every_chart(world):
    app = open_part("Details")
    for number in (0, 1):
        words = json.dumps(figure(app, number))
        assert "<b>pear" not in words and "&lt;b&gt;pear" in words
    app = open_part("A vs B")
    assert "<b>pear" not in json.dumps(figure(app))


def test_a_against_b_by_class(world):
    app = open_part("A vs B", model="vgg16", metric="euclidean")
    board = leaderboard.board(resources.store(), "world")
    app.session_state["rival"] = int(np.argmax(board.score))
    app.run()
    rival = board.experiment(int(np.argmax(board.score)))
    own = Experiment("world", FeatureSpec("vgg16", small_world.LAST["vgg16"], "avg"), "euclidean")
    expected = leaderboard.differences(resources.store(), own, rival, 2)
    found = table(app)
    assert found["A − B"].tolist() == [each.mean for each in expected]
    assert found["Class"].tolist() == ["All classes", "<b>pear", "apple"]
    assert found["Queries"].tolist() == [6, 3, 3]
    assert set(found["Verdict"][1:]) == {"not significant"}, "three queries prove nothing"
    assert "2 comparisons" in said(app)


def test_b_of_the_sidebar_is_taken(world):
    app = open_part("A vs B", model="vgg16", b_model="mobilenetv2", b_pooling="max", b_metric="cosine")
    assert not [box for box in app.selectbox if box.key == "rival"]
    assert re.search(r"\*\*B\*\*: MobileNetV2 · layer 8, Conv_1 · Max · Cosine", said(app))


def test_the_same_twice_is_told(world):
    last = small_world.LAST["vgg16"]
    app = open_part("A vs B", model="vgg16", b_model="vgg16", b_layer=last, b_pooling="avg", b_metric="cosine")
    assert "same configuration" in app.info[0].value


def test_a_click_carries_its_number_and_a_lie_is_ignored(monkeypatch, store):
    state, seen, kept = {}, [], {}
    theme = SimpleNamespace(theme=SimpleNamespace(type="light"))
    fake = SimpleNamespace(
        session_state=state, context=theme, plotly_chart=lambda shown, **options: kept.update(options)
    )
    monkeypatch.setattr(charts, "st", fake)
    charts.draw({"data": []}, key="chart", alt="", on_click=seen.append)
    for points in ([{"customdata": [7]}], [], [{}], [{"customdata": None}], [{"customdata": ["7"]}]):
        state["chart"] = SimpleNamespace(selection=SimpleNamespace(points=points))
        kept["on_select"]()
    assert seen == [7]


def test_going_to_a_row_sets_the_whole_configuration(monkeypatch, store):
    board, asked = leaderboard.board(experiments.open_store(store), "iconic200"), []
    monkeypatch.setattr(configurations.sidebar, "go", lambda **parts: asked.append(parts))
    row = board.row(Experiment("iconic200", FeatureSpec("vgg16", "block4_conv1", "flatten", "published"), "chebyshev"))
    for number in (row, -1, ROWS):
        configurations.go_to(board, number)
    assert asked == [{"model": "vgg16", "layer": "block4_conv1", "pooling": "published", "metric": "chebyshev"}]


@pytest.mark.parametrize("text", ["<a href='https://evil.example'>x</a>", "a & b", "<br>", "x" * 500])
def test_text_for_a_chart_is_literal_and_short(text):
    shown = charts.literal(text)
    assert "<" not in shown and len(shown) <= 26 * 5


@pytest.mark.alone
@pytest.mark.parametrize("part", ["everywhere", "Leaderboard", "Details", "A vs B"])
def test_a_view_is_there_in_300_milliseconds(store, part):
    app = open_page(everywhere_page) if part == "everywhere" else open_part(part)
    taken = []
    for query in range(9):
        app.session_state["q"] = query
        app.run()
        taken.append(app.session_state["seconds"])
    assert not app.exception and statistics.median(taken) <= 0.3, taken


def test_new_latencies_are_shown_and_no_interval_is_sought_again(store, monkeypatch):
    """Each time the file of latencies was touched, all intervals of the leaderboard were."""
    resources.board("iconic200")
    monkeypatch.setattr(leaderboard, "intervals", None)
    latencies.write(store / latencies.FILE, latencies.Latency("this", {"vgg16": {"block5_conv3": 7.5}}))
    try:
        board = resources.board("iconic200")
    finally:
        (store / latencies.FILE).unlink()
    assert board.machine == "this" and 7.5 in board.milliseconds
    assert resources.board("iconic200").machine == ""
