"""What pages ask of the store, on points on a line whose answers are known."""

import numpy as np
import pytest

from semsearch.data import datasets
from semsearch.errors import InputError, SpecMismatch, UnknownName
from semsearch.models.catalog import FeatureSpec
from semsearch.ranking import scores
from semsearch.results import experiments
from semsearch.store import artifacts
from semsearch.store.experiment import Experiment
from semsearch.store.store import Store
from tests.worlds.colour_world import make_world
from tests.worlds.tiny_store import MODEL, write_store

POINTS = np.array([[0, 0], [1, 0], [3, 0], [7, 0], [15, 0], [31, 0]], np.float32)
LABELS = np.array([0, 0, 0, 1, 1, 1])
EUCLIDEAN = Experiment("world", FeatureSpec(MODEL, "Conv_1", "avg"), "euclidean")


@pytest.fixture
def store(home, tmp_path):
    """Six items in two classes, blue then red, at 0, 1, 3, 7, 15 and 31."""
    datasets.add("world", make_world(tmp_path / "world"))
    return Store(write_store(tmp_path / "store", "world", POINTS, LABELS))


def test_matches_are_the_known_pairs(store):
    found = experiments.matches(store, EUCLIDEAN, 2, k=3)
    assert [(m.rank, m.item, m.correct) for m in found] == [(1, 1, True), (2, 0, True), (3, 3, False)]
    np.testing.assert_allclose([m.distance for m in found], [2, 3, 4], atol=26 / 62 + 0.02)
    assert all(0 < m.similarity < 1 for m in found)
    assert [m.similarity for m in found] == sorted((m.similarity for m in found), reverse=True)


def test_more_matches_than_there_are_give_all_others(store):
    assert [m.item for m in experiments.matches(store, EUCLIDEAN, 0, k=99)] == [1, 2, 3, 4, 5]


def test_the_nearest_are_the_items_of_the_matches(store):
    assert experiments.nearest(store, EUCLIDEAN, 2, k=3) == [1, 0, 3]
    assert experiments.nearest(store, EUCLIDEAN, 0, k=99) == [1, 2, 3, 4, 5]
    with pytest.raises(InputError, match="k of at least 1"):
        experiments.nearest(store, EUCLIDEAN, 0, k=0)


def test_squared_distances_rank_alike(store):
    squared = Experiment("world", EUCLIDEAN.spec, "sqeuclidean")
    plain = experiments.matches(store, EUCLIDEAN, 5, k=5)
    found = experiments.matches(store, squared, 5, k=5)
    assert [m.item for m in found] == [m.item for m in plain]
    np.testing.assert_allclose([m.distance for m in found], [m.distance**2 for m in plain], rtol=1e-5)
    assert [m.similarity for m in found] == [m.similarity for m in plain]


def test_the_score_of_a_query_by_hand(store):
    found = experiments.query_score(store, EUCLIDEAN, 2, k=3)
    assert (found.hits, found.k) == (2, 3)
    assert found.score == pytest.approx(100 * (3 + 2) / (3 + 2 + 1))
    assert found.precision == pytest.approx(2 / 3)
    assert found.recall == 1
    assert found.average_precision == 1


def test_the_summary_is_the_mean_of_the_queries(store):
    each = [experiments.query_score(store, EUCLIDEAN, query) for query in range(6)]
    found = experiments.summary(store, EUCLIDEAN)
    assert found.score.mean == pytest.approx(np.mean([one.score for one in each]), rel=1e-5)
    assert found.mean_average_precision == pytest.approx(np.mean([one.average_precision for one in each]), rel=1e-3)
    assert found.precision == pytest.approx(np.mean([one.precision for one in each]))
    assert found.recall == 1
    assert found.per_class == pytest.approx([np.mean([one.score for one in part]) for part in (each[:3], each[3:])])
    assert found.score.low <= found.score.mean <= found.score.high


def test_the_leaderboard_holds_all_best_first(store):
    board = experiments.leaderboard(store, "world")
    assert len(board) == 192
    means = [mean for _, mean, _ in board]
    assert means == sorted(means, reverse=True)
    own = next(mean for experiment, mean, _ in board if experiment == EUCLIDEAN)
    assert own == pytest.approx(experiments.summary(store, EUCLIDEAN).score.mean, rel=1e-5)


def test_one_query_everywhere(store):
    found = dict(experiments.everywhere(store, "world", 2))
    assert len(found) == 192
    assert found[EUCLIDEAN] == pytest.approx(experiments.query_score(store, EUCLIDEAN, 2).score, rel=1e-5)


def test_bad_questions_are_refused(store):
    with pytest.raises(InputError, match="at least 1"):
        experiments.matches(store, EUCLIDEAN, 0, k=0)
    with pytest.raises(InputError, match="at least 1"):
        experiments.query_score(store, EUCLIDEAN, 0, k=-2)
    with pytest.raises(UnknownName, match="0 … 5"):
        experiments.matches(store, EUCLIDEAN, 6, k=1)


@pytest.mark.parametrize(
    "experiment, stored",
    [
        (Experiment("world", FeatureSpec(MODEL, "Conv_1", "flatten"), "cosine"), "flatten published"),
        (Experiment("world", FeatureSpec("vgg16", "block5_conv3", "avg"), "cosine"), MODEL),
        (Experiment("world", EUCLIDEAN.spec, "hamming"), "chebyshev"),
        (Experiment("iconic200", EUCLIDEAN.spec, "cosine"), "world"),
    ],
)
def test_an_experiment_that_is_not_stored_is_answered_with_what_is(store, experiment, stored):
    for ask in (experiments.summary, lambda *asked: experiments.matches(*asked, 0, k=1)):
        with pytest.raises(UnknownName, match=stored):
            ask(store, experiment)


def test_results_are_never_read_with_the_labels_of_other_pictures(store, tmp_path):
    (tmp_path / "world" / "red" / "0.bmp").unlink()
    datasets.add("world", tmp_path / "world")
    experiments._labels_of.cache_clear()
    for ask in (experiments.summary, lambda *asked: experiments.matches(*asked, 0, k=1)):
        with pytest.raises(SpecMismatch, match="semsearch precompute world"):
            ask(store, EUCLIDEAN)


@pytest.mark.parametrize("dataset", ["groceries200", "iconic200", "fashion200"])
def test_shipped_figures_of_trust_follow_from_shipped_maps_and_rankings(dataset):
    """Silhouette and neighbours kept of eighteen random maps, recomputed by scikit-learn.

    Maps are stored in 4,096 steps, so of two points as far from a third the other may be its fifteenth nearest.
    """
    from sklearn.metrics import silhouette_score
    from sklearn.neighbors import NearestNeighbors

    store, labels = experiments.open_store(), datasets.load(dataset).labels
    draw = np.random.default_rng(1)
    specs = store.scores(dataset).specs
    for kind in artifacts.KINDS:
        for spec in (specs[row] for row in draw.choice(len(specs), 3, replace=False)):
            found = store.map(dataset, spec, kind)
            true = store.ranking(Experiment(dataset, spec, "euclidean" if kind.startswith("pca") else "cosine")).ids[
                :, :15
            ]
            shown = NearestNeighbors(n_neighbors=15).fit(found.coordinates).kneighbors()[1]
            kept = np.array([len(set(a) & set(b)) for a, b in zip(true.tolist(), shown.tolist(), strict=True)])
            assert found.trust.silhouette == pytest.approx(silhouette_score(found.coordinates, labels), abs=2e-3)
            assert np.abs(found.trust.kept_neighbours.astype(int) - kept).max() <= 1
            assert found.trust.overlap == pytest.approx(kept.mean() / 15, abs=5e-3)


@pytest.mark.parametrize("dataset", ["groceries200", "iconic200", "fashion200"])
def test_shipped_scores_follow_from_shipped_rankings(dataset):
    """Over ten random experiments: score and hits recomputed from ids and labels, in plain Python."""
    store = experiments.open_store()
    table, labels = store.scores(dataset), datasets.load(dataset).labels
    assert len(table.specs) >= 6 * 8 * 4 * 6
    for row in np.random.default_rng(0).choice(len(table.specs), 10, replace=False):
        ids = store.ranking(Experiment(dataset, table.specs[row], table.metrics[row])).ids
        assert ids.shape == (200, 50)
        assert not (ids == np.arange(200)[:, None]).any()
        for query in range(200):
            right = [labels[item] == labels[query] for item in ids[query, :15]]
            score = 100 * sum((15 - i) * hit for i, hit in enumerate(right)) / sum(range(1, 16))
            assert table.scores.score[row, query] == pytest.approx(score, rel=1e-5)
            assert table.scores.hits[row, query] == sum(right)
        assert scores.mean(table.scores.average_precision[row]) > 0
