"""The tables behind the views of a dataset, each number against a second way to get it."""

import dataclasses
import json
import math
import statistics
import tracemalloc

import numpy as np
import pytest
from sklearn import metrics as reference

from semsearch.data import datasets
from semsearch.errors import IntegrityError, SpecMismatch, UnknownName
from semsearch.models import catalog
from semsearch.models.catalog import READOUTS, FeatureSpec
from semsearch.ranking import metrics, scores
from semsearch.results import experiments, latencies, leaderboard
from semsearch.store.experiment import Experiment
from semsearch.store.store import Store
from tests.worlds.colour_world import make_world
from tests.worlds.tiny_store import MODEL, write_store

POINTS = np.random.default_rng(5).normal(size=(200, 3)).astype(np.float32)
EUCLIDEAN = Experiment("iconic200", FeatureSpec(MODEL, "Conv_1", "avg"), "euclidean")
CHEBYSHEV = Experiment("iconic200", FeatureSpec(MODEL, "Conv_1", "flatten", "published"), "chebyshev")


@pytest.fixture(scope="module")
def labels():
    return datasets.load("iconic200").labels


@pytest.fixture(scope="module")
def features(labels):
    """Points that lie near those of their class, and a third number that only some metrics heed."""
    middles = np.random.default_rng(6).normal(size=(10, 3))
    return (middles[labels] + POINTS * [0.8, 0.8, 3]).astype(np.float32)


@pytest.fixture(scope="module")
def store(tmp_path_factory, features, labels):
    """iconic200 with made-up features of one model, all layers and ways alike; only metrics differ."""
    folder = tmp_path_factory.mktemp("leaderboard")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEMSEARCH_HOME", str(folder / "home"))
        yield Store(write_store(folder / "store", "iconic200", features, labels))


@pytest.fixture(scope="module")
def board(store):
    return leaderboard.board(store, "iconic200")


@pytest.fixture
def world(home, tmp_path):
    """Six items in two classes, blue then red, at 0, 1, 3, 7, 15 and 31."""
    datasets.add("world", make_world(tmp_path / "world"))
    points = np.array([[0, 0], [1, 0], [3, 0], [7, 0], [15, 0], [31, 0]], np.float32)
    return Store(write_store(tmp_path / "store", "world", points, np.array([0, 0, 0, 1, 1, 1])))


def far(a, b, metric):
    """The distance of two vectors in plain Python."""
    gaps = [abs(float(x) - float(y)) for x, y in zip(a, b, strict=True)]
    return max(gaps) if metric == "chebyshev" else math.sqrt(sum(gap * gap for gap in gaps))


def by_hand(features, labels, metric):
    """For each query: all others, nearest first."""
    return [
        sorted(
            (other for other in range(len(labels)) if other != query),
            key=lambda other: (far(features[query], features[other], metric), other),  # noqa: B023
        )
        for query in range(len(labels))
    ]


@pytest.fixture(scope="module")
def rankings(features, labels):
    return {metric: by_hand(features, labels, metric) for metric in ("euclidean", "chebyshev")}


def scored(ranking, labels, query):
    hits = [labels[other] == labels[query] for other in ranking[:15]]
    return 100 * sum((15 - rank) * hit for rank, hit in enumerate(hits)) / sum(range(1, 16))


@pytest.mark.parametrize("experiment", [EUCLIDEAN, CHEBYSHEV], ids=lambda one: one.metric)
def test_the_numbers_of_a_row_in_plain_python(board, rankings, features, labels, experiment):
    row = board.row(experiment)
    assert board.experiment(row) == experiment
    found = rankings[experiment.metric]
    each = [scored(found[query], labels, query) for query in range(200)]
    right = [sum(labels[other] == labels[query] for other in found[query][:15]) for query in range(200)]
    assert board.score[row] == pytest.approx(sum(each) / 200, rel=1e-5)
    assert board.precision[row] == pytest.approx(sum(right) / 200 / 15)
    members = {label: int((labels == label).sum()) for label in range(10)}
    recalls = [hits / (members[labels[query]] - 1) for query, hits in enumerate(right)]
    assert board.recall[row] == pytest.approx(sum(recalls) / 200)
    averages = [
        reference.average_precision_score(labels[found[query]] == labels[query], -np.arange(199.0))
        for query in range(200)
    ]
    assert board.mean_average_precision[row] == pytest.approx(np.mean(averages), abs=5e-4)


def test_intervals_are_those_of_the_scores_row_by_row(store, board):
    table = store.scores("iconic200")
    for row in range(0, len(board.specs), 5):
        expected = scores.bootstrap_interval(table.scores.score[row])
        assert (board.low[row], board.high[row]) == pytest.approx((expected.low, expected.high), rel=1e-9)


@pytest.mark.parametrize("n", [1, 2, 30, 6_000])
def test_intervals_of_any_number_of_queries_and_with_gaps(n, monkeypatch):
    monkeypatch.setattr(leaderboard, "_BLOCK", 500_000)
    values = np.random.default_rng(0).normal(size=(3, n))
    values[1, 0] = np.nan
    found = leaderboard.intervals(values, seed=3, resamples=200)
    for row, (mean, low, high) in zip(values, found, strict=True):
        expected = scores.bootstrap_interval(row, seed=3, resamples=200)
        assert (mean, low, high) == pytest.approx((expected.mean, expected.low, expected.high), nan_ok=True)


def test_intervals_of_ten_thousand_queries_are_right_to_a_ten_thousandth_of_a_point():
    hits = np.random.default_rng(1).random((4, 10_000, 15)) < np.array([0.02, 0.3, 0.7, 0.99])[:, None, None]
    values = np.array([scores.published_score(row) for row in hits])
    found = leaderboard.intervals(values, resamples=400)
    for row, (mean, low, high) in zip(values, found, strict=True):
        expected = scores.bootstrap_interval(row, resamples=400)
        assert mean == pytest.approx(expected.mean, rel=1e-12)
        assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-4)


def test_a_row_for_every_stored_experiment(board):
    assert len(board.specs) == 8 * len(READOUTS) * len(metrics.METRICS)
    assert len(set(zip(board.specs, board.metrics, strict=True))) == len(board.specs)
    with pytest.raises(UnknownName, match=MODEL):
        board.row(Experiment("iconic200", FeatureSpec("vgg16", "block5_conv3", "avg"), "cosine"))


def test_costs_are_the_catalogue_s_and_blank_where_unknown(board):
    pooled, flat = board.row(EUCLIDEAN), board.row(CHEBYSHEV)
    layer = catalog.model(MODEL).layer("Conv_1")
    assert board.parameters[pooled] == board.parameters[flat] == layer.cumulative_parameters
    assert (board.dimension[pooled], board.bytes[pooled]) == (1280, 5120)
    assert np.isnan(board.dimension[flat]) and np.isnan(board.bytes[flat])
    assert np.isnan(board.milliseconds).all() and board.machine == ""


def test_latencies_are_read_from_beside_the_results(world):
    path = world.root / latencies.FILE
    latencies.write(path, latencies.Latency("two cores", {MODEL: {"Conv_1": 4.25}}))
    found = leaderboard.board(world, "world")
    rows = {spec.layer: found.milliseconds[row] for row, spec in enumerate(found.specs) if spec.pooling == "gem"}
    assert found.machine == "two cores" and rows.pop("Conv_1") == 4.25
    assert np.isnan(list(rows.values())).all()
    assert np.isnan(
        [ms for ms, spec in zip(found.milliseconds, found.specs, strict=True) if spec.pooling == "flatten"]
    ).all()
    whole = path.read_bytes()
    for damaged in (whole[:-1], whole.replace(b"4.25", b"4.35"), whole.replace(b'"machine"', b'"cachine"')):
        path.write_bytes(damaged)
        with pytest.raises(IntegrityError, match="benchmarks.latency"):
            leaderboard.board(world, "world")
    path.write_text(json.dumps({"machine": "of an earlier version", "models": {MODEL: {"Conv_1": 4.25}}}))
    assert np.isnan(leaderboard.board(world, "world").milliseconds).all()


def test_published_scores_stand_only_where_they_were_published(board):
    known = [
        leaderboard.published("iconic200", readout.spec("vgg16", "block5_conv3"), "cosine")
        for readout in READOUTS.values()
    ]
    assert [math.isnan(value) for value in known] == [key != "published" for key in READOUTS]
    spec = FeatureSpec("vgg16", "block5_conv3", "flatten", "published")
    assert math.isnan(leaderboard.published("groceries200", spec, "cosine"))
    assert math.isnan(leaderboard.published("iconic200", spec, "manhattan"))
    assert np.isnan(board.published).all(), "MobileNetV2 was not published"


def test_the_shipped_published_scores_are_the_given_ones(shared_data):
    given = json.loads((shared_data.parent / "reference" / "scores_published.json").read_text())
    compared = 0
    for dataset, by_metric in given.items():
        for metric in ("cosine", "euclidean"):
            for model, layers in by_metric[metric].items():
                for name, score in layers.items():
                    spec = FeatureSpec(model, name, "flatten", "published")
                    found = leaderboard.published(dataset, spec, metric)
                    if name.startswith("conv2d_"):
                        assert math.isnan(found), "computed on another layer than the table names: see parity.py"
                        continue
                    assert found == score
                    compared += 1
    assert compared == 2 * 2 * (9 * 8 - 24)


def test_the_front_against_every_pair():
    draw = np.random.default_rng(1)
    cost, score = draw.integers(0, 12, 80).astype(float), draw.integers(0, 12, 80).astype(float)
    cost[3] = score[4] = np.nan
    found = leaderboard.front(cost, score)
    known = [i for i in range(80) if not math.isnan(cost[i] + score[i])]

    def beaten(i):
        return any(
            cost[j] <= cost[i] and score[j] >= score[i] and (cost[j] < cost[i] or score[j] > score[i]) for j in known
        )

    expected = {(cost[i], score[i]) for i in known if not beaten(i)}
    assert [(cost[i], score[i]) for i in found] == sorted(expected)
    assert len(leaderboard.front(np.array([np.nan]), np.array([1.0]))) == 0


@pytest.mark.parametrize("metric", ["euclidean", "chebyshev"])
def test_one_query_everywhere_shows_its_score(store, board, rankings, labels, metric):
    found = leaderboard.everywhere(store, board, 7, readouts=[READOUTS["avg"]], metrics=[metric])
    assert found.models == (MODEL,) and found.scores.shape == found.rows.shape == (1, 8)
    assert found.scores[0] == pytest.approx([scored(rankings[metric][7], labels, 7)] * 8, rel=1e-5)
    layers = [layer.name for layer in catalog.model(MODEL).layers]
    for row, layer in zip(found.rows[0], layers, strict=True):
        assert board.experiment(row) == Experiment("iconic200", FeatureSpec(MODEL, layer, "avg"), metric)


def test_one_query_everywhere_at_its_best(store, board):
    found = leaderboard.everywhere(store, board, 7, readouts=READOUTS.values(), metrics=list(metrics.METRICS))
    each = dict(experiments.everywhere(store, "iconic200", 7))
    for row, score in zip(found.rows[0], found.scores[0], strict=True):
        own = board.experiment(row)
        assert each[own] == score
        assert score == max(value for one, value in each.items() if one.spec.layer == own.spec.layer)
    with pytest.raises(UnknownName, match="0 … 199"):
        leaderboard.everywhere(store, board, 200, readouts=READOUTS.values(), metrics=["cosine"])


def test_confusion_counted_by_hand(store, rankings, labels):
    found = leaderboard.confusion(store, EUCLIDEAN, 10)
    counted = [[0] * 10 for _ in range(10)]
    for query in range(200):
        for other in rankings["euclidean"][query][:15]:
            counted[labels[query]][labels[other]] += 1
    for row, expected in zip(found, counted, strict=True):
        assert row.tolist() == pytest.approx([count / sum(expected) for count in expected])


def test_queries_from_the_worst_to_the_best(store, rankings, labels):
    found = leaderboard.queries(store, EUCLIDEAN)
    assert found.items.tolist() == list(range(200)) and found.labels.tolist() == labels.tolist()
    assert found.score == pytest.approx([scored(rankings["euclidean"][q], labels, q) for q in range(200)], rel=1e-5)
    ordered = found.score[found.order].tolist()
    assert ordered == sorted(ordered) and len(set(found.order.tolist())) == 200


def test_differences_by_class_in_plain_python(store, rankings, labels):
    found = leaderboard.differences(store, EUCLIDEAN, CHEBYSHEV, 10)
    gaps = [
        scored(rankings["euclidean"][q], labels, q) - scored(rankings["chebyshev"][q], labels, q) for q in range(200)
    ]
    parts = {-1: gaps} | {label: [gaps[q] for q in range(200) if labels[q] == label] for label in range(10)}
    assert [each.label for each in found] == list(parts)
    draw = np.random.default_rng(99)
    for each in found:
        own = np.array(parts[each.label])
        assert (each.count, each.mean) == (len(own), pytest.approx(own.mean(), abs=1e-4))
        means = np.sort([draw.choice(own, len(own)).mean() for _ in range(4_000)])
        assert (each.low, each.high) == pytest.approx((means[100], means[-100]), abs=0.1 * (means[-1] - means[0]))
        assert each.significant == (each.low > 0 or each.high < 0)
        assert each.significant or not each.corrected


def test_significance_needs_six_queries_and_bears_correction():
    def of(gaps, compared=1):
        return leaderboard._difference(0, (np.array(gaps, float), np.zeros(len(gaps))), compared, 8_000)

    assert not of([9] * 5).significant
    assert of([9] * 6).significant and of([9] * 6, 100).corrected
    weak = [1, 2, -1, 3, 1, 2, -2, 1, 2, 1]
    assert of(weak).significant and of(weak).corrected
    assert of(weak, 50).significant and not of(weak, 50).corrected
    assert not of([1, -1] * 10).significant


def test_equal_experiments_do_not_differ(store):
    assert not any(each.significant or each.mean for each in leaderboard.differences(store, EUCLIDEAN, EUCLIDEAN, 10))


def test_a_small_world_with_fewer_than_fifteen(world):
    found = leaderboard.board(world, "world")
    each = experiments.summary(world, found.experiment(0))
    assert found.precision[0] == pytest.approx(each.precision) and found.recall[0] == pytest.approx(each.recall)
    assert found.score[0] == pytest.approx(each.score.mean, rel=1e-5)
    assert leaderboard.confusion(world, found.experiment(0), 2) == pytest.approx(np.array([[0.4, 0.6], [0.6, 0.4]]))


def test_tables_are_never_made_with_the_labels_of_other_pictures(world, tmp_path):
    (tmp_path / "world" / "red" / "0.bmp").unlink()
    datasets.add("world", tmp_path / "world")
    experiments._labels_of.cache_clear()
    with pytest.raises(SpecMismatch, match="semsearch precompute world"):
        leaderboard.board(world, "world")


def test_intervals_take_little_memory_beside_their_means():
    """A page that shows a leaderboard took 50 MB for a moment, of a server that has 350."""
    values = np.random.default_rng(0).uniform(0, 100, (1_152, 200))
    tracemalloc.start()
    leaderboard.intervals(values)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 42_000_000  # the means themselves are 18


def test_equal_scores_share_the_first_of_their_ranks(board):
    levels = dataclasses.replace(board, score=np.array([50.0, 90.0, 50.0 + 1e-9, 20.0, 90.0, 70.0]))
    assert levels.ranks.tolist() == [4, 1, 4, 6, 1, 3]


def test_rows_not_worse_than_the_best_in_plain_python():
    draw = np.random.default_rng(3)
    best = draw.uniform(60, 100, 40)
    values = np.vstack([best, best - draw.normal(0, 8, 40) - [[3], [4], [5], [7], [12]], best - 0.5])
    places = np.random.default_rng(0).integers(40, size=(leaderboard.RESAMPLES, 40))
    gaps = [[sum(row) / 40 for row in (best - one)[places].tolist()] for one in values]
    centre = [float((best - one).mean()) for one in values]
    error = [statistics.pstdev(gap) for gap in gaps]
    apart = range(1, 6)  # of the first and the last row all resamples are alike
    worst = sorted(max((gaps[i][r] - centre[i]) / error[i] for i in apart) for r in range(leaderboard.RESAMPLES))
    limit = worst[int(leaderboard.LEVEL * leaderboard.RESAMPLES)]
    expected = [True, *(centre[i] <= limit * error[i] for i in apart), False]
    assert values.mean(axis=1).argmax() == 0 and leaderboard.not_worse(values).tolist() == expected
    assert 1 < sum(expected) < 6, "some of both"


def test_nothing_is_called_worse_on_the_word_of_five_queries():
    assert leaderboard.not_worse(np.array([[90.0] * 5, [10.0] * 5])).tolist() == [True, True]
    assert leaderboard.not_worse(np.array([[90.0] * 6, [10.0] * 6])).tolist() == [True, False]
    assert leaderboard.not_worse(np.full((2, 9), np.nan)).tolist() == [True, True]
