"""The Model explorer run without a browser: what it tells of a layer, and all that can be pressed on it."""

import json
import re

import pytest

from semsearch.models import catalog, layers, weights
from semsearch.models.weights import WeightsStatus
from semsearch.results import experiments, latencies
from semsearch.results.latencies import Latency
from tests import ROOT
from tests.ui import pressing
from tests.ui.explorer.explorer_page import data, open_explorer
from ui.explorer import about

NAMES = catalog.model("mobilenetv2").layer_names


def told(app):
    return app.subheader[0].value, app.markdown[1].value


def lit(app):
    """The layers of the lit box and line."""
    [box] = [box for box in data(app, "explorer_network")["boxes"] if box["lit"]]
    return box["title"].split(":")[0], layers.table(app.query_params["model"])[data(app, "explorer_table")["lit"]].name


def test_a_layer_is_told_of_in_words_in_the_table_and_on_the_drawing(store):
    app = open_explorer()
    assert not app.exception and not app.error and app.title[0].value == "Model explorer"
    heading, words = told(app)
    assert heading == r"block\_5\_expand" and "192 maps of 28 × 28 units" in words
    assert "sees **a square of 43 px** of the picture's 224 × 224" in words and "8 px further" in words
    assert "number 3 of the 8 layers" in words
    assert lit(app) == ("block_5_expand", "block_5_expand")
    table = data(app, "explorer_table")
    assert len(table["lines"]) == 154 and len(table["marked"]) == 8 and table["lit"] in table["marked"]
    line = dict(zip(table["columns"], table["lines"][table["lit"]][1:], strict=True))
    assert line["Layer"] == "block_5_expand" and line["Experiment layer"] == ["3 of 8", 3]
    assert (line["Output"], line["Sees, px"], line["Step, px"]) == (["28 × 28 × 192", 784], ["43", 43], ["8", 8])
    assert (line["Parameters"], line["Multiply-adds"]) == (["6,144", 6144], ["4.82 M", 4816896])
    assert "ms" not in line


def test_milliseconds_of_every_model_are_shipped():
    measured = latencies.read(ROOT / "precomputed" / latencies.EACH_LAYER)
    assert measured.models.keys() >= {model.name for model in catalog.models().values() if not model.added}
    for model, taken in measured.models.items():
        assert taken.keys() <= {row.name for row in layers.table(model)} and min(taken.values()) > 0


def test_measured_milliseconds_are_a_column(store):
    times = Latency("some machine", {"mobilenetv2": {"Conv1": 0.25}})
    latencies.write(store / latencies.EACH_LAYER, times)
    table = data(open_explorer(), "explorer_table")
    of = [dict(zip(table["columns"], line[1:], strict=True))["ms"] for line in table["lines"]]
    assert of[1] == ["0.25", 0.25] and of[2] == ["–", None]
    assert "ms" not in data(open_explorer(model="vgg16"), "explorer_table")["columns"]


def test_a_line_of_the_table_is_looked_at(store):
    app = open_explorer()
    pressing.tell(app, "explorer_table", "picked", 3)
    assert told(app)[0] == r"Conv1\_relu" and lit(app) == ("Conv1", "Conv1_relu")
    assert (app.query_params["layer"], app.query_params["at"]) == ("block_5_expand", "Conv1_relu")


def test_a_box_of_the_drawing_is_looked_at(store):
    app = open_explorer()
    pressing.tell(app, "explorer_network", "picked", 1)
    assert lit(app) == ("Conv1", "Conv1")
    assert (app.query_params["layer"], app.query_params["at"]) == ("Conv1", "Conv1"), "one of the eight"


def test_the_address_restores_layer_and_channel_and_the_sidebar_takes_over(store):
    app = open_explorer(at="block_1_pad", channel=7)
    assert lit(app)[1] == "block_1_pad" and app.query_params["channel"] == "7" and not app.warning
    app.selectbox(key="layer").set_value("Conv_1").run()
    assert lit(app) == ("Conv_1", "Conv_1") and "channel" not in app.query_params
    app.selectbox(key="model").set_value("vgg16").run()
    assert lit(app) == ("block5_conv3", "block5_conv3")


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ({"at": "block5_conv3"}, "There is no such layer in this model; showing block_5_expand."),
        ({"channel": "192"}, "must be 0–191"),
        ({"channel": "-1"}, "must be 0–191"),
        ({"channel": "<b>"}, "must be 0–191"),
    ],
)
def test_a_link_to_what_there_is_not_is_told(store, address, words):
    app = open_explorer(**address)
    assert words in re.sub(r"\\(.)", r"\1", app.warning[0].value)
    assert lit(app)[1] == "block_5_expand" and "channel" not in app.query_params


def test_a_hostile_browser_looks_at_nothing_else(store):
    app = open_explorer()
    for key, lie in (("table", 154), ("table", -1), ("table", "Conv1"), ("network", [1]), ("network", True)):
        pressing.tell(app, f"explorer_{key}", "picked", lie)
        assert not app.exception and lit(app)[1] == "block_5_expand", lie
    worth(app)
    pressing.click_mark(app, "explorer_pareto", 10_000)
    assert not app.exception and lit(app)[1] == "block_5_expand"


def worth(app):
    """Open the drawer with the chart."""
    app.session_state["explorer_worth"] = True
    return app.run()


def test_a_layer_is_chosen_by_its_score_and_cost(store):
    app = worth(open_explorer())
    app.segmented_control(key="explorer_cost").set_value("parameters").run()
    figure = json.loads(pressing.proto(app, "plotly_chart", "explorer_pareto").spec)
    [trace] = [trace for trace in figure["data"] if trace.get("name") == "MobileNetV2"]
    assert figure["layout"]["xaxis"]["title"]["text"] == "Parameters up to the layer"
    assert trace["x"] == [layers.facts("mobilenetv2", name).cumulative_parameters for name in NAMES]
    pressing.click_mark(app, "explorer_pareto", trace["customdata"][1][0])
    assert lit(app)[1] == NAMES[1] == app.query_params["layer"]


def test_without_results_the_score_is_not_drawn(store, monkeypatch):
    monkeypatch.setattr(experiments, "layer_means", lambda *_: {})
    app = open_explorer()
    assert not app.get("plotly_chart") and not [info for info in app.info if "no stored" in info.value]
    worth(app)
    assert not app.exception and not app.get("plotly_chart") and "no stored results" in app.info[-1].value


def test_without_weights_the_way_to_them_is_named(store, monkeypatch):
    monkeypatch.setattr(weights, "status", lambda model: WeightsStatus(False, "not here", "run a command"))
    app = open_explorer(model="resnet50", layer="conv2_block1_1_conv")
    [link] = app.get("page_link")
    assert link.proto.label == "Get the weights in Live search" and "model=resnet50" in link.proto.query_string
    assert "ResNet50 are not on this machine" in app.info[0].value and len(data(app, "explorer_table")["lines"]) == 175


@pytest.mark.parametrize(
    ("model", "layer", "words"),
    [
        ("inceptionv3", "conv2d_35", "a rectangle of 255 × 159 px"),
        ("efficientnetb0", "block2a_se_squeeze", "depends on **the whole picture** of 224 × 224 px"),
        ("vgg16", "input_layer", "the picture (InputLayer)"),
    ],
)
def test_words_about_layers(model, layer, words):
    assert words in " ".join(about.sentences(model, layers.facts(model, layer)))
