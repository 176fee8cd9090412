"""Which pictures moved most, by hand, and identical pictures that a map draws as a shape."""

import numpy as np
import pytest

from semsearch.errors import InputError, SpecMismatch
from semsearch.maps import artefacts, movers
from semsearch.maps.movers import Mover
from semsearch.models.catalog import FeatureSpec
from semsearch.results import experiments
from semsearch.store.artifacts import Map, Ranking
from semsearch.store.experiment import Experiment
from tests.worlds import small_world

A, B = (Experiment("world", FeatureSpec(name, layer, "avg"), "euclidean") for name, layer in small_world.LAST.items())


@pytest.fixture
def store(home, computed_world, tmp_path):
    small_world.add(tmp_path / "world")
    return experiments.open_store(computed_world)


class Fake:
    """A store of rankings given by hand, (n, k) ids by experiment; its pictures are 0, 1, 2 … or those given."""

    def __init__(self, rankings, items=None):
        self._rankings, self._items = rankings, items or {}

    def items(self, dataset, model):
        n = len(next(iter(self._rankings.values())))
        return np.array(self._items.get(model, range(n)), np.int32)

    queries = items

    def ranking(self, experiment):
        ids = np.array(self._rankings[experiment], np.int32)
        return Ranking(ids, np.zeros(ids.shape, np.float32), 1.0)


def test_the_pictures_with_the_fewest_common_neighbours_come_first(store):
    """By hand, from the places of the small world: three apples keep none of their two nearest, three pears one."""
    found = movers.movers(store, A, B, k=2, most=4)
    apples = [Mover(3, (4, 5), (0, 1)), Mover(4, (3, 5), (1, 0)), Mover(5, (4, 3), (2, 1))]
    assert found == [*apples, Mover(0, (1, 2), (3, 1))]
    assert [sorted(mover.common) for mover in found] == [[], [], [], [1]]


def test_an_experiment_and_itself_have_all_in_common(store):
    found = movers.movers(store, A, A, k=2, most=10)
    assert [mover.item for mover in found] == [0, 1, 2, 3, 4, 5]
    assert all(mover.nearest_a == mover.nearest_b and len(mover.common) == 2 for mover in found)


def test_of_equals_those_with_the_fewest_common_matches_further_down_come_first():
    rows = [[10, 11, 12, 13]] * 3
    store = Fake({A: rows, B: [[10, 9, 12, 13], [10, 9, 8, 13], [10, 9, 8, 7]]})
    assert [mover.item for mover in movers.movers(store, A, B, k=2, most=3)] == [2, 1, 0]


def test_pictures_that_one_of_the_two_could_not_read_are_left_out():
    store = Fake({A: [[1], [0], [0]], B: [[2], [3], [2]]}, {A.spec.model: [0, 2, 3], B.spec.model: [2, 3, 4]})
    assert movers.movers(store, A, B, k=1, most=9) == [Mover(2, (0,), (2,)), Mover(3, (0,), (3,))]


def test_what_cannot_be_compared_is_refused(store):
    with pytest.raises(SpecMismatch, match="two experiments on one dataset"):
        movers.movers(store, A, Experiment("other", B.spec, B.metric), k=2, most=1)
    with pytest.raises(InputError, match="k of at least 1"):
        movers.movers(store, A, B, k=0, most=1)


def test_a_map_of_one_place_has_no_shape():
    assert artefacts.shape(np.ones((9, 2), np.float32), 0.0) is None


def circle(n, noise=0.0):
    turns = np.linspace(0, 2 * np.pi, n, endpoint=False)
    return np.stack([np.cos(turns), np.sin(turns)], 1) + noise * np.random.default_rng(0).normal(size=(n, 2))


def disc(n):
    draw = np.random.default_rng(1)
    turns, radii = draw.uniform(0, 2 * np.pi, n), np.sqrt(draw.uniform(size=n))
    return np.stack([radii * np.cos(turns), radii * np.sin(turns)], 1)


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        (circle(12), "ring"),
        (circle(30, 0.1), "ring"),
        (np.stack([np.arange(9), 3 * np.arange(9)], 1), "line"),
        (np.stack([np.arange(9), np.zeros(9), np.zeros(9)], 1), "line"),
        (np.pad(circle(12), ((0, 0), (0, 1))), "ring"),
        (disc(40), "cloud"),
        (np.random.default_rng(2).normal(size=(40, 3)), "cloud"),
        (np.ones((9, 2)), None),
        (circle(12) / 1_000, None),
    ],
    ids=[
        "ring",
        "rough ring",
        "line",
        "line in space",
        "ring in space",
        "disc",
        "cloud in space",
        "point",
        "too small to see",
    ],
)
def test_rings_lines_and_clouds_are_told_apart(places, expected):
    assert artefacts.shape(places.astype(np.float32), 10) == expected


class Copies:
    """A store of twelve pictures with ids 5, 7, 9 …: ten identical ones on a ring or elsewhere, and two others."""

    def __init__(self, places, nearest=0.0):
        self._places, self._nearest = places, nearest

    def items(self, dataset, model):
        return np.arange(5, 29, 2, dtype=np.int32)

    queries = items

    def ranking(self, experiment):
        assert experiment.metric == "cosine", "the distances that the maps were drawn from"
        items = self.items("", "")
        ids = np.array([[other for other in items if other != item] for item in items])
        ids[10:] = ids[10:, ::-1]
        distances = np.full(ids.shape, 0.5, np.float32)
        distances[:10, :9] = self._nearest
        return Ranking(ids, distances, 1.0)

    def map(self, dataset, spec, kind):
        assert kind == "umap2"
        return Map(np.concatenate([self._places, [[9, 9], [-9, 0]]]).astype(np.float32), None)


def test_identical_pictures_on_a_ring_are_named():
    [found] = artefacts.shapes(Copies(circle(10)), "d", A.spec, "umap2")
    assert found == artefacts.Shape("ring", tuple(range(5, 25, 2)))


def test_pictures_that_differ_or_are_in_one_place_are_not_named():
    assert artefacts.shapes(Copies(circle(10), nearest=0.01), "d", A.spec, "umap2") == []
    assert artefacts.shapes(Copies(np.ones((10, 2))), "d", A.spec, "umap2") == []
