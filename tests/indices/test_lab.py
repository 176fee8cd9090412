"""The lab: recall by hand, the frontier and the budget of made-up figures, and a whole measurement of a small world."""

import dataclasses

import numpy as np
import pytest

from semsearch.errors import Cancelled, InputError
from semsearch.indices import lab, space
from semsearch.indices.lab import Measured, Recall
from semsearch.indices.recipes import RECIPES
from semsearch.ranking import metrics
from tests.indices.conftest import clouds


def row(name, share, milliseconds, memory, low=0.9):
    found = {10: Recall(share, low, 0.0)}
    return Measured(name, found, {}, milliseconds, milliseconds, 1.0, 1.0, 0, memory, memory)


ROWS = (row("exact", 1.0, 9, 900, 1.0), row("a", 0.99, 2, 50, 0.95), row("b", 0.98, 3, 60), row("c", 0.8, 1, 50, 0.6))


def test_recall_counts_what_is_as_near_as_the_last_of_the_true_ones():
    truth = np.array([[1, 2, 2], [0, 0, 0]], np.float32)
    found = np.array([[1, 2, 3], [0, 0, 0.5]], np.float32)
    assert lab.recall(found, truth) == pytest.approx([2 / 3, 2 / 3])


@pytest.mark.parametrize("metric", metrics.METRICS)
def test_the_truth_is_that_of_all_distances(vectors, metric, monkeypatch):
    """In pieces of 41 rows, with copies, and vectors without direction."""
    monkeypatch.setattr(space, "_NUMBERS", 1_000)
    spoiled, points = vectors.copy(), clouds(2)[::40]
    spoiled[::4] = 0
    for among in (None, np.arange(0, 600, 3), np.arange(5)):
        rows = np.arange(600) if among is None else among
        expected = np.sort(metrics.distances(points, spoiled[rows], metric), axis=1)[:, :20]
        np.testing.assert_allclose(lab.truth(points, spoiled, metric, 20, among=among), expected, atol=1e-6, rtol=1e-6)


def test_the_frontier_leaves_out_what_another_beats_in_all():
    assert [one.recipe for one in lab.frontier(ROWS)] == ["c", "a", "exact"]
    assert len(lab.frontier([ROWS[0], dataclasses.replace(ROWS[0])])) == 2  # of equals none is beaten


@pytest.mark.parametrize(
    ("budget", "name"),
    [
        ({}, "exact"),
        ({"memory": 100}, "a"),
        ({"milliseconds": 1.5}, "c"),
        ({"memory": 100, "milliseconds": 2}, "a"),
        ({"memory": 1}, None),
    ],
)
def test_the_best_within_a_budget_misses_least(budget, name):
    best = lab.best(ROWS, **budget)
    assert (best and best.recipe) == name


def test_of_equally_good_ones_the_quickest_is_best():
    assert lab.best([row("slow", 0.9901, 2, 1), row("quick", 0.9899, 1, 1)]).recipe == "quick"


def test_queries_are_held_out_and_seeded(vectors):
    rest, queries = lab.held_out(vectors)
    again = lab.held_out(vectors)
    assert rest.shape == (540, 24) and queries.shape == (60, 24)
    assert (again[0] == rest).all() and (again[1] == queries).all()
    assert sorted(map(tuple, np.concatenate([rest, queries]))) == sorted(map(tuple, vectors))
    with pytest.raises(InputError, match="at least 60 pictures to measure an index with, got 59"):
        lab.held_out(vectors[:59])


def test_every_recipe_is_measured_in_all_ways(vectors, few):
    told = []
    report = lab.measure(vectors, clouds(2)[::40], "cosine", progress=lambda *both: told.append(both))
    assert told == [(number, 6) for number in range(7)]
    assert (report.count, report.dimension, report.queries, report.refused) == (600, 24, 15, {})
    rows = {one.recipe: one for one in report.rows}
    assert rows.keys() == RECIPES.keys()
    for one in report.rows:
        assert one.recall.keys() == {1, 10, 100} and one.filtered.keys() == {1.0, 0.1, 0.01}
        assert one.filtered[0.01].mean == 1  # six rows are all looked at
        assert one.filtered[1.0] == one.recall[10]
        for found in (*one.recall.values(), *one.filtered.values()):
            assert 0 <= found.least <= found.low <= found.mean <= 1
        assert min(one.single, one.batched) > 0 and one.memory > 0
    assert rows["exact"].recall[100] == Recall(1, 1, 1) and rows["pca-ivf"].recall[10].mean > 0.95
    assert rows["pq"].recall[10].mean < rows["pca-ivf"].recall[10].mean
    assert rows["rabitq"].disk > rows["exact"].disk == 0


def test_what_cannot_do_the_metric_is_named_with_its_reason(vectors, few):
    report = lab.measure(vectors, clouds(2)[::60], "manhattan", names=("exact", "rabitq"))
    assert [one.recipe for one in report.rows] == ["exact"]
    assert report.refused == {"rabitq": RECIPES["rabitq"].name and report.refused["rabitq"]}
    assert "not manhattan; use exact or hnsw" in report.refused["rabitq"]


def test_a_measurement_ends_between_recipes_when_it_is_told_to(vectors, few):
    def stop(done, total):
        if done == 2:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        lab.measure(vectors, clouds(2)[::60], "cosine", progress=stop)
