"""Maps drawn when they are wanted: the layer that is looked at first, what is there kept, an end at any map."""

from contextlib import nullcontext

import numpy as np
import pytest

from semsearch.data import datasets
from semsearch.errors import NotComputed, SpecMismatch, UnknownName
from semsearch.maps import report
from semsearch.models import catalog
from semsearch.models.catalog import FeatureSpec
from semsearch.ranking import metrics, projection
from semsearch.results import drawing, precompute
from semsearch.results.drawing import Wanted
from semsearch.results.extent import POOLED
from semsearch.store.experiment import Experiment
from semsearch.store.store import Store
from tests.worlds import small_world
from tests.worlds.files.bitmaps import write_bmp

NAMES = catalog.model("mobilenetv2").layer_names


class Hand:
    """In place of the process that draws: gives back where a map begins, a little wider, and counts."""

    def __init__(self):
        self.calls = []

    def call(self, function, *given):
        self.calls.append(function.__name__)
        return given[-1] * np.float32(1.5)


@pytest.fixture
def root(home, tmp_path):
    """A store of the small world without maps."""
    small_world.add(tmp_path / "pictures")
    tools = precompute.Tools(extractor=small_world.Line, project=small_world.no_maps, digest=lambda model: "0" * 64)
    precompute.precompute(["world"], ["mobilenetv2"], root=tmp_path / "store", how_much=POOLED, tools=tools)
    return tmp_path / "store"


def draw(root, kind="umap2", layer=NAMES[3], told=lambda *_: None, hand=None):
    wanted = Wanted("world", "mobilenetv2", "avg", kind, layer)
    return drawing.draw(wanted, root=root, make=small_world.Line, report=told, worker=nullcontext(hand or Hand()))


def spec(layer):
    return FeatureSpec("mobilenetv2", layer, "avg")


@pytest.mark.parametrize("kind", ["umap2", "tsne3", "pca2"])
def test_all_layers_are_drawn_and_a_second_run_draws_nothing(root, kind):
    assert draw(root, kind) == 8 and draw(root, kind) == 0
    store = Store(root)
    assert all(store.has_map("world", spec(name), kind) for name in NAMES)
    found = store.map("world", spec(NAMES[3]), kind).coordinates
    matrix = metrics.pairwise(np.array([[place, 5] for place in (10, 11, 14, 0, 1, 3)], np.float32), ["euclidean"])
    expected = projection.pca(matrix["euclidean"], int(kind[-1])) * (1 if kind == "pca2" else 1.5)
    np.testing.assert_allclose(found, expected, atol=0.01)
    assert not store.has_map("world", FeatureSpec("mobilenetv2", NAMES[3], "max"), kind)


def test_the_layer_that_is_looked_at_comes_first_then_its_neighbours(root):
    seen, store = [], Store(root)

    def told(phase, done, total):
        if total == 8:
            seen.append([name for name in NAMES if store.has_map("world", spec(name), "umap2")])

    draw(root, told=told)
    assert [len(names) for names in seen] == list(range(8))
    assert seen[1] == [NAMES[3]] and seen[2] == list(NAMES[3:5]) and seen[6] == list(NAMES[2:])


def test_a_run_that_was_ended_goes_on_at_the_map_that_it_was_at(root):
    def end(phase, done, total):
        if (done, total) == (2, 8):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        draw(root, told=end)
    hand = Hand()
    assert draw(root, hand=hand) == 6 and hand.calls == ["draw_umap"] * 6


def test_large_ones_are_drawn_from_a_graph(root, monkeypatch):
    monkeypatch.setattr(drawing, "LARGE", 5)
    monkeypatch.setattr(drawing.projection, "NEIGHBOURS", 2)
    monkeypatch.setattr(drawing.graph, "NEIGHBOURS", 2)
    hand = Hand()
    assert draw(root, hand=hand) == 8 and hand.calls == ["draw"] * 8
    assert draw(root, "pca2") == 8
    assert Store(root).map("world", spec(NAMES[0]), "pca2").trust.overlap == 1


def test_a_report_of_a_map_that_is_not_drawn_says_how_to_have_it(root):
    experiment = Experiment("world", spec(NAMES[3]), "cosine")
    with pytest.raises(NotComputed, match="draw it on the page Embeddings, or all maps with .*--full"):
        report.page(experiment, store=Store(root))
    draw(root, "umap2")
    assert "UMAP map of 6 pictures" in report.page(experiment, store=Store(root))


def test_without_results_or_of_other_pictures_there_is_no_map(root, tmp_path):
    with pytest.raises(NotComputed, match="vgg16 has no results yet, and so no map; run `semsearch precompute"):
        drawing.draw(
            Wanted("world", "vgg16", "avg", "umap2", catalog.model("vgg16").layer_names[0]),
            root=root,
            make=small_world.Line,
            report=lambda *_: None,
        )
    with pytest.raises(UnknownName):
        draw(root, "umap4")
    write_bmp(tmp_path / "pictures" / "apple" / "7.bmp", (1, 2, 3))
    datasets.add("world", tmp_path / "pictures")
    with pytest.raises(SpecMismatch, match="changed since its results were computed"):
        draw(root)
