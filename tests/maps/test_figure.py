"""The map as a figure: what it holds, that it is valid for Plotly, and what it refuses."""

import json

import numpy as np
import pytest

import semsearch
from semsearch.data.datasets import Dataset, Item
from semsearch.errors import InputError, UnknownName
from semsearch.maps import figure, palette
from semsearch.models.catalog import FeatureSpec
from semsearch.ranking.projection import Trust
from semsearch.results import experiments
from semsearch.store.artifacts import Map
from semsearch.store.experiment import Experiment
from tests.worlds import small_world

EXPERIMENT = Experiment("world", FeatureSpec("vgg16", small_world.LAST["vgg16"], "avg"), "euclidean")


@pytest.fixture
def store(home, computed_world, tmp_path):
    small_world.add(tmp_path / "world")
    return experiments.open_store(computed_world)


def test_each_class_is_a_trace_that_knows_its_items(store):
    drawn = semsearch.map_figure(EXPERIMENT, method="pca", store=store)
    found = store.map("world", EXPERIMENT.spec, "pca2")
    assert [trace.name for trace in drawn.data] == ["&lt;b&gt;pear (3)", "apple (3)"]
    assert [trace.marker.symbol for trace in drawn.data] == list(palette.CLASS_SYMBOLS[:2])
    for trace, items in zip(drawn.data, ((0, 1, 2), (3, 4, 5)), strict=True):
        assert trace.customdata.tolist() == [[item, int(found.trust.kept_neighbours[item])] for item in items]
        places = np.column_stack([trace.x, trace.y]).astype(float)
        apart = np.linalg.norm(places[:, None] - places, axis=-1)
        there = found.coordinates[list(items)].astype(float)
        real = np.linalg.norm(there[:, None] - there, axis=-1)
        scale = 2 * figure.HALF / np.ptp(found.coordinates, axis=0).max()
        assert np.abs(apart - real * scale).max() < 2
    assert not drawn.frames and set(drawn.data[0].text) == {"&lt;b&gt;pear"}


@pytest.mark.parametrize("dims", [2, 3])
def test_lines_lead_from_the_query_to_its_known_neighbours(store, dims):
    drawn = semsearch.map_figure(EXPERIMENT, dims=dims, query=3, k=5, store=store)
    places = {
        int(item): tuple(getattr(trace, axis)[row] for axis in "xyz"[:dims])
        for trace in drawn.data[:2]
        for row, (item, _) in enumerate(trace.customdata)
    }
    lines, query = drawn.data[2:]
    ends = list(zip(*(getattr(lines, axis) for axis in "xyz"[:dims]), strict=True))
    near = [item for item, _ in small_world.RANKINGS["vgg16"]]
    assert ends[0::3] == [places[3]] * 5 and ends[1::3] == [places[item] for item in near]
    assert all(gap == (None,) * dims for gap in ends[2::3])
    assert [getattr(query, axis)[0] for axis in "xyz"[:dims]] == list(places[3])
    assert {trace.type for trace in drawn.data} == {"scatter" if dims == 2 else "scatter3d"}


def test_the_layers_are_frames_with_a_slider_and_begin_at_the_own(store):
    """What is seen first is the frame of the experiment's own layer; each frame has all traces."""
    spec = FeatureSpec("vgg16", "block3_conv3", "avg")
    experiment = Experiment("world", spec, "euclidean")
    drawn = semsearch.map_figure(experiment, query=3, k=5, colour="kept", store=store, layers=True)
    names = [frame.name for frame in drawn.frames]
    at = names.index(spec.layer)
    assert [step.label for step in drawn.layout.sliders[0].steps] == names and drawn.layout.sliders[0].active == at
    assert drawn.layout.updatemenus[0].buttons[0].label == "Play"
    for name, frame in zip(names, drawn.frames, strict=True):
        kept = store.map("world", FeatureSpec("vgg16", name, "avg"), "umap2").trust.kept_neighbours
        assert len(frame.data) == len(drawn.data) == 4
        assert [*frame.data[0].marker.color, *frame.data[1].marker.color] == kept.tolist()
    for seen, own in zip(drawn.data, drawn.frames[at].data, strict=True):
        assert list(seen.x) == list(own.x) and list(seen.y) == list(own.y)
    assert drawn.layout.coloraxis.cmax == 2 and drawn.data[0].marker.coloraxis == "coloraxis"


@pytest.mark.parametrize("theme", figure.THEMES)
def test_the_theme_gives_ink_and_ground(store, theme):
    ink, ground = figure.THEMES[theme]
    drawn = semsearch.map_figure(EXPERIMENT, query=3, store=store, theme=theme)
    assert drawn.layout.template.layout.font.color == ink and drawn.layout.template.layout.paper_bgcolor == ground
    assert {trace.marker.line.color for trace in drawn.data[:2]} == {ink} == {drawn.data[2].line.color}


@pytest.mark.parametrize("wrong", [{"method": "lda"}, {"colour": "red"}, {"theme": "blue"}, {"query": 99}])
def test_what_is_not_there_is_refused_by_name(store, wrong):
    with pytest.raises(UnknownName, match=str(next(iter(wrong.values())))):
        semsearch.map_figure(EXPERIMENT, store=store, **wrong)


def test_dims_are_two_or_three(store):
    with pytest.raises(InputError, match="2 or 3 dimensions, got 4"):
        semsearch.map_figure(EXPERIMENT, dims=4, store=store)


def world(tmp_path, count, classes):
    items = tuple(Item(item, item % classes, f"{item}.jpg", f"{item:064x}") for item in range(count))
    titles = tuple(f"class {label}" for label in range(classes))
    drawn = np.random.default_rng(0).normal(size=(count, 2)).astype(np.float32)
    maps = {"last": Map(drawn, Trust(1, 1, 1, 1, np.zeros(count, np.uint8)))}
    return Dataset("many", "Many", "", "", titles, items, "", tmp_path), range(count), maps


def test_too_many_classes_are_one_trace_of_all_their_colours(tmp_path):
    most = figure.MOST
    assert len(figure.parts(*world(tmp_path, 2 * most, most))["data"]) == most
    [trace] = figure.parts(*world(tmp_path, 2 * most + 2, most + 1))["data"]
    labels = sorted(2 * list(range(most + 1)))
    assert trace["marker"]["color"] == [palette.class_colour(label) for label in labels]
    assert trace["customdata"][:3].tolist() == [[0], [most + 1], [1]] and trace["name"] == "Pictures (402)"


def test_many_points_are_left_to_webgl_and_a_class_without_any_keeps_its_place(tmp_path):
    sharp = figure.SHARP
    kinds = [figure.parts(*world(tmp_path, count, 3))["data"][0]["type"] for count in (sharp, sharp + 1)]
    assert kinds == ["scatter", "scattergl"]
    dataset, _, maps = world(tmp_path, 8, 4)
    ids = [0, 1, 3, 4, 5, 7]  # none of the third class
    parts = figure.parts(dataset, ids, {"last": Map(maps["last"].coordinates[ids], maps["last"].trust)})
    assert [len(trace["customdata"]) for trace in parts["data"]] == [2, 2, 0, 2]
    assert [len(trace["x"]) for trace in parts["frames"][0]["data"]] == [2, 2, 0, 2]


@pytest.mark.parametrize("name", ["<b>bold</b>", "<a href='javascript:1'>x</a>", "%{x}", "&lt;i&gt;", "a" * 99])
def test_a_name_is_no_markup(tmp_path, name):
    items = (Item(0, 0, "0.jpg", "0" * 64),)
    dataset = Dataset("d", "d", "", "", (name,), items, "", tmp_path)
    one = Map(np.zeros((1, 2), np.float32), Trust(1, 1, 1, 1, np.zeros(1, np.uint8)))
    said = json.dumps(figure.parts(dataset, [0], {"last": one})["data"][0]["name"])
    assert "<" not in said and len(said) < 80 and figure.literal(name)[:3] in said
