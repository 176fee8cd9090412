"""Two rankings and two experiments compared: by hand, and against plain Python written from the definitions."""

import math
import random

import numpy as np
import pytest

from semsearch.data import datasets
from semsearch.errors import InputError, SpecMismatch
from semsearch.models.catalog import FeatureSpec
from semsearch.results import compare, experiments
from semsearch.store.experiment import Experiment
from semsearch.store.store import Store
from tests.worlds import small_world
from tests.worlds.colour_world import make_world
from tests.worlds.tiny_store import MODEL, write_store

EUCLIDEAN = Experiment("world", FeatureSpec(MODEL, "Conv_1", "avg"), "euclidean")


def plain_rbo(a, b, p):
    """Equation 32 of Webber, Moffat and Zobel, sums written out."""
    short, long = sorted((list(a), list(b)), key=len)
    s, l = len(short), len(long)  # noqa: E741 - the names of the paper

    def common(depth):
        return len(set(short[:depth]) & set(long[:depth]))

    first = sum(common(d) / d * p**d for d in range(1, l + 1))
    second = sum(common(s) * (d - s) / (s * d) * p**d for d in range(s + 1, l + 1))
    return (1 - p) / p * (first + second) + ((common(l) - common(s)) / l + common(s) / s) * p**l


def endless_rbo(a, b, p, agreement_beyond, depth=5_000):
    """The definition itself, (1 − p) Σ p^(d−1) A_d, with A_d as given beyond the end of both."""
    seen = [len(set(a[:d]) & set(b[:d])) / d for d in range(1, len(a) + 1)]
    return (1 - p) * sum((seen[d] if d < len(a) else agreement_beyond) * p**d for d in range(depth))


def shuffled_pairs(count=200):
    draw = random.Random(0)
    for _ in range(count):
        items = range(draw.randint(1, 40))
        a, b = (draw.sample(items, draw.randint(1, len(items))) for _ in range(2))
        yield a, b, draw.uniform(0.05, 0.99)


def test_rbo_of_two_swapped_is_known_by_hand():
    # Agreement 0/1, 2/2, 3/3: (0.1 / 0.9) (0 + 0.81 + 0.729) + 1 · 0.729 = 0.171 + 0.729
    assert compare.rank_biased_overlap([1, 2, 3], [2, 1, 3]) == pytest.approx(0.9)


def test_rbo_of_unequal_lengths_is_known_by_hand():
    # s = 1, l = 2, p = 1/2: X = 1, 1. (1/1 · 1/2 + 1/2 · 1/4) + 1 · 1/(1 · 2) · 1/4 = 3/4, then (0/2 + 1/1) · 1/4
    assert compare.rank_biased_overlap([7], [7, 8], p=0.5) == pytest.approx(1)
    # X = 0, 1: (0 + 1/2 · 1/4) + 0 = 1/8, then ((1 − 0)/2 + 0/1) · 1/4 = 1/8
    assert compare.rank_biased_overlap([8], [7, 8], p=0.5) == pytest.approx(1 / 4)


@pytest.mark.parametrize("length", [1, 2, 15, 50])
@pytest.mark.parametrize("p", [0.1, 0.5, 0.9, 0.99])
def test_rbo_is_one_for_equal_and_zero_for_disjoint_rankings(length, p):
    here, there = list(range(length)), list(range(100, 100 + length))
    assert compare.rank_biased_overlap(here, here, p=p) == pytest.approx(1, abs=1e-12)
    assert compare.rank_biased_overlap(here, there, p=p) == 0


def test_rbo_is_that_of_the_paper():
    for a, b, p in shuffled_pairs():
        found = compare.rank_biased_overlap(a, b, p=p)
        assert found == pytest.approx(plain_rbo(a, b, p), abs=1e-12)
        assert found == compare.rank_biased_overlap(b, a, p=p)
        assert -1e-12 <= found <= 1 + 1e-12


def test_rbo_is_the_endless_sum_with_the_last_agreement_kept():
    for a, _, p in shuffled_pairs(40):
        b = random.Random(1).sample(a, len(a))
        last = len(set(a) & set(b)) / len(a)
        assert compare.rank_biased_overlap(a, b, p=p) == pytest.approx(endless_rbo(a, b, p, last), abs=1e-9)


def test_rbo_counts_the_first_ranks_most():
    items = list(range(20))
    swapped_first, swapped_last = [1, 0, *items[2:]], [*items[:18], 19, 18]
    assert compare.rank_biased_overlap(items, swapped_first) < compare.rank_biased_overlap(items, swapped_last) < 1


def test_overlap_by_hand():
    a, b = [4, 5, 0, 1, 2], [0, 1, 4, 5, 2]
    assert [compare.overlap(a, b, k=k) for k in (1, 2, 3, 4, 5)] == [0, 0, 2 / 3, 1, 1]


def test_overlap_is_that_of_sets():
    for a, b, _ in shuffled_pairs():
        for k in (1, 3, 15, 99):
            depth = min(k, len(a), len(b))
            assert compare.overlap(a, b, k=k) == sum(item in b[:depth] for item in a[:depth]) / depth


def test_more_than_there_are_is_as_many_as_there_are():
    assert compare.overlap([1, 2, 3], [3, 9, 1], k=50) == 2 / 3
    assert compare.overlap([1, 2, 3, 4], [4], k=50) == 0


def test_nothing_to_compare_is_undefined():
    assert math.isnan(compare.overlap([], [1], k=5))
    assert math.isnan(compare.rank_biased_overlap([], [1]))


@pytest.mark.parametrize("p", [0, 1, -0.1, 1.5, float("nan")])
def test_a_persistence_that_is_no_probability_is_refused(p):
    with pytest.raises(InputError, match="expected p between 0 and 1"):
        compare.rank_biased_overlap([1], [1], p=p)


def test_an_item_twice_and_no_items_are_refused():
    with pytest.raises(InputError, match="twice"):
        compare.rank_biased_overlap([1, 1], [1])
    with pytest.raises(InputError, match="twice"):
        compare.overlap([1], [2, 2], k=1)
    with pytest.raises(InputError, match="k of at least 1"):
        compare.overlap([1], [2], k=0)


@pytest.fixture
def world(home, tmp_path, computed_world):
    """The store of the small world: two models that see it differently."""
    small_world.add(tmp_path / "world")
    return Store(computed_world)


def of(model):
    return Experiment("world", FeatureSpec(model, small_world.LAST[model], "avg"), "euclidean")


def test_the_agreement_of_the_known_rankings(world):
    found = compare.agreement(world, of("mobilenetv2"), of("vgg16"), 3, k=3)
    # 4 5 0 against 0 1 4: items 0 and 4
    assert (found.k, found.common, found.overlap) == (3, 2, 2 / 3)
    assert found.ranks_a == {4: 1, 5: 2, 0: 3, 1: 4, 2: 5}
    assert found.ranks_b == {0: 1, 1: 2, 4: 3, 5: 4, 2: 5}
    assert found.rbo == pytest.approx(plain_rbo([4, 5, 0, 1, 2], [0, 1, 4, 5, 2], 0.9))


def test_the_agreement_at_more_than_there_are(world):
    found = compare.agreement(world, of("mobilenetv2"), of("vgg16"), 3, k=50)
    assert (found.k, found.common, found.overlap) == (5, 5, 1)


def test_ties_are_broken_alike(home, tmp_path):
    datasets.add("world", make_world(tmp_path / "world"))
    points, labels = np.zeros((6, 2), np.float32), np.array([0, 0, 0, 1, 1, 1])
    store = Store(write_store(tmp_path / "store", "world", points, labels))
    manhattan = Experiment("world", EUCLIDEAN.spec, "manhattan")
    found = compare.agreement(store, EUCLIDEAN, manhattan, 2, k=3)
    assert (found.overlap, found.rbo) == (1, pytest.approx(1))
    assert found.ranks_a == {0: 1, 1: 2, 3: 3, 4: 4, 5: 5}


def test_the_difference_is_that_of_the_scores_of_the_queries(world):
    a, b = of("mobilenetv2"), of("vgg16")
    gaps = [experiments.query_score(world, a, q).score - experiments.query_score(world, b, q).score for q in range(6)]
    found = compare.difference(world, a, b)
    assert found.interval.mean == pytest.approx(np.mean(gaps), rel=1e-5)
    assert found.interval.count == 6
    assert found.interval.low <= found.interval.mean <= found.interval.high
    back = compare.difference(world, b, a)
    assert (back.interval.low, back.interval.high) == pytest.approx((-found.interval.high, -found.interval.low))
    assert back.a_better == pytest.approx(1 - found.a_better)


def test_an_experiment_does_not_differ_from_itself(world):
    found = compare.difference(world, EUCLIDEAN, EUCLIDEAN)
    assert (found.interval.mean, found.interval.low, found.interval.high, found.a_better) == (0, 0, 0, 0.5)


def test_near_duplicates_are_those_a_tenth_of_the_typical_distance_apart(home, tmp_path):
    datasets.add("world", make_world(tmp_path / "world"))
    points = np.array([[0, 5], [0.1, 5], [10, 5], [10.1, 5], [10.2, 5], [50, 5]], np.float32)
    store = Store(write_store(tmp_path / "store", "world", points, np.array([0, 0, 0, 1, 1, 1])))
    assert compare.near_duplicates(store, EUCLIDEAN, [1, 2, 0, 3, 4, 5]) == {0: 1, 3: 2, 4: 2}
    assert compare.near_duplicates(store, EUCLIDEAN, [5, 4, 0]) == {}
    assert compare.near_duplicates(store, EUCLIDEAN, []) == {}


def test_all_alike_is_one_and_its_duplicates(home, tmp_path):
    datasets.add("world", make_world(tmp_path / "world"))
    points, labels = np.full((6, 2), 3, np.float32), np.array([0, 0, 0, 1, 1, 1])
    store = Store(write_store(tmp_path / "store", "world", points, labels))
    assert compare.near_duplicates(store, EUCLIDEAN, [4, 2, 0]) == {2: 4, 0: 4}


def test_experiments_on_two_datasets_are_refused(world):
    elsewhere = Experiment("groceries200", EUCLIDEAN.spec, "euclidean")
    for compared in (compare.difference, lambda *given: compare.agreement(*given, 0, k=5)):
        with pytest.raises(SpecMismatch, match="world and groceries200"):
            compared(world, EUCLIDEAN, elsewhere)
