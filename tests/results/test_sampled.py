"""Results of a dataset so large that a seeded sample of its pictures are the queries."""

import numpy as np
import pytest

from semsearch.errors import UnknownName
from semsearch.models.catalog import model
from semsearch.ranking import metrics, scores
from semsearch.results import compare, evaluate, experiments, extent, layer_results, leaderboard
from semsearch.store.experiment import Experiment
from tests.worlds import sampled_world
from tests.worlds.sampled_world import ITEMS, QUERIES


@pytest.fixture(scope="module")
def vectors():
    """330 points near three corners, two of them alike."""
    random = np.random.default_rng(3)
    labels = np.arange(ITEMS) % 3
    rows = (np.eye(3)[labels] + random.normal(0, 0.4, (ITEMS, 3))).astype(np.float32)
    rows[7] = rows[4]
    return rows, labels.astype(np.int32)


@pytest.fixture(scope="module")
def both(vectors):
    """The results with all as queries, and those of a sample, by blocks of a few rows."""
    rows, labels = vectors
    spec = next(iter(extent.POOLED.grid("mobilenetv2")))
    sample = np.sort(np.random.default_rng(0).choice(ITEMS, QUERIES, replace=False))
    whole = layer_results.results({spec: rows}, labels)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layer_results, "_PAIRS", 70 * ITEMS)
        return whole, layer_results.results({spec: rows}, labels, queries=sample), sample


def test_a_query_of_the_sample_has_the_ranking_and_the_scores_that_it_has_among_all(both):
    whole, some, sample = both
    for key, ranking in whole.rankings.items():
        assert np.array_equal(ranking.ids[sample], some.rankings[key].ids), key
        assert np.allclose(ranking.distances[sample], some.rankings[key].distances, rtol=1e-5, atol=1e-6)
        for name in ("score", "hits", "average_precision"):
            assert np.allclose(getattr(whole.scores[key], name)[sample], getattr(some.scores[key], name))
        assert some.rankings[key].scale == pytest.approx(ranking.scale, rel=0.05)


def test_distances_of_some_to_all_are_those_of_all_pairs(vectors):
    rows, _ = vectors
    some = np.array([4, 7, 329, 0])
    for name, pairs in metrics.pairwise(rows, metrics.METRICS).items():
        assert np.allclose(metrics.crosswise(rows[some], rows, [name])[name], pairs[some], rtol=1e-6, atol=1e-7), name
    assert metrics.crosswise(rows[[4]], rows, ["chebyshev"])["chebyshev"][0, 7] == 0


def test_the_sample_is_seeded_and_only_taken_of_more_than_two_thousand():
    assert extent.sample(2_000) is None
    sample = extent.sample(2_001)
    assert len(set(sample.tolist())) == 2_000 and np.array_equal(sample, extent.sample(2_001))
    assert (np.diff(sample) > 0).all() and sample[-1] <= 2_000


@pytest.fixture
def store(sampled_folder):
    """A store of 330 pictures of two classes, of which 300 are queries."""
    with sampled_world.opened(sampled_folder):
        yield experiments.open_store()


def test_maps_of_all_are_never_part_of_a_sampled_run_and_the_rest_serves(store):
    report = sampled_world.compute(maps=True)
    assert (report.computed, report.already) == (0, 1)


def test_every_question_is_answered_of_a_sample(store):
    items, queries = store.items("many", "mobilenetv2"), store.queries("many", "mobilenetv2")
    assert (len(items), len(queries)) == (ITEMS, QUERIES) and set(queries.tolist()) < set(items.tolist())
    names = model("mobilenetv2").layer_names
    first, last = (
        Experiment("many", extent.POOLED.readouts[0].spec("mobilenetv2", name), "cosine")
        for name in (names[0], names[-1])
    )
    query, other = int(queries[5]), int(next(iter(set(items.tolist()) - set(queries.tolist()))))
    found = experiments.matches(store, first, query, k=15)
    assert query not in [match.item for match in found] and len(found) == 15
    assert experiments.query_score(store, first, query).hits == sum(match.correct for match in found)
    assert experiments.summary(store, first).score.count == QUERIES
    board = leaderboard.scored(store, "many")
    assert board.recall[board.row(first)] == pytest.approx(experiments.summary(store, first).recall)
    assert compare.difference(store, first, last).interval.count == QUERIES
    assert len(leaderboard.queries(store, first).items) == QUERIES
    assert np.allclose(leaderboard.confusion(store, first, 2).sum(1), 1)
    assert compare.near_duplicates(store, first, [other, query]) in ({}, {query: other}, {other: query})
    with pytest.raises(UnknownName, match="query with stored results"):
        experiments.matches(store, first, other, k=5)
    assert evaluate.basis("many", store=store) == "a seeded sample of 300 of its 330 pictures were the queries"
    assert all("±" in row["avg cosine"] for row in evaluate.score_rows("many", store=store))


def test_recall_counts_the_class_among_all_pictures_not_among_the_queries(store):
    labels = experiments.labels(store, "many")
    expected = scores.relevant(labels)[store.queries("many", "mobilenetv2")]
    assert np.array_equal(experiments.relevant(store, "many", "mobilenetv2"), expected)
