"""Scores: known answers, then agreement with short plain-Python references and scikit-learn."""

from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import average_precision_score

from semsearch.errors import InputError
from semsearch.ranking import scores

NAN = float("nan")
HITS = np.array([[1, 0, 1], [0, 0, 0], [1, 1, 1], [0, 0, 1]], bool)
LABELS = st.integers(2, 4).flatmap(
    lambda classes: hnp.arrays(np.int64, st.integers(2, 14), elements=st.integers(0, classes - 1))
)


def plain_score(query_label, match_labels):
    """The published definition, word for word."""
    k = len(match_labels)
    top = total = 0.0
    for i in range(k):
        weight = (k - i) / k
        total += weight
        top += weight * (match_labels[i] == query_label)
    return 100 * top / total


def plain_average_precision(hits, relevant):
    """The mean of the precision at each hit."""
    found = 0
    total = 0.0
    for i, hit in enumerate(hits):
        found += hit
        total += found / (i + 1) if hit else 0
    return total / relevant if relevant else NAN


def full_ranking(labels, seed):
    """A random ranking of the other items for each item: labels of the matches, (n, n − 1)."""
    draw = np.random.default_rng(seed)
    return np.array([labels[draw.permutation([j for j in range(len(labels)) if j != i])] for i in range(len(labels))])


def test_known_scores():
    np.testing.assert_allclose(scores.published_score(HITS), [100 * 4 / 6, 0, 100, 100 / 6])
    assert scores.count(HITS).tolist() == [2, 0, 3, 1]
    np.testing.assert_allclose(scores.precision(HITS), [2 / 3, 0, 1, 1 / 3])
    np.testing.assert_allclose(scores.recall(HITS, np.array([2, 1, 6, 4])), [1, 0, 0.5, 0.25])
    np.testing.assert_allclose(
        scores.average_precision(HITS, np.array([2, 1, 6, 4])), [(1 + 2 / 3) / 2, 0, 0.5, 1 / 3 / 4]
    )


def test_published_weights_of_fifteen():
    one = np.eye(15, dtype=bool)
    np.testing.assert_allclose(scores.published_score(one), [100 * (15 - i) / 120 for i in range(15)])
    assert scores.PUBLISHED_K == 15


def test_counting_the_query_itself_would_be_seen():
    """The successor's bug: the query as its own first match lifts the score."""
    honest = np.array([[0, 1] + [0] * 13], bool)
    inflated = np.array([[1, 0, 1] + [0] * 12], bool)
    assert scores.published_score(honest)[0] == pytest.approx(100 * 14 / 120)
    assert scores.published_score(inflated)[0] == pytest.approx(100 * (15 + 13) / 120)


def test_hits_and_relevant_items_of_labels():
    labels = np.array([7, 3, 7, 5, 7])
    assert scores.relevant(labels).tolist() == [2, 0, 2, 0, 2]
    assert scores.hits(labels[:2], np.array([[7, 3, 7], [7, 7, 5]])).tolist() == [[True, False, True], [False] * 3]


@given(labels=LABELS, k=st.integers(1, 20), seed=st.integers(0, 9))
def test_scores_equal_plain_python(labels, k, seed):
    matches = full_ranking(labels, seed)
    top, full = scores.hits(labels, matches[:, :k]), scores.hits(labels, matches)
    relevant = scores.relevant(labels)
    rows = list(zip(labels, matches[:, :k], strict=True))
    np.testing.assert_allclose(scores.published_score(top), [plain_score(*row) for row in rows])
    found = [sum(match == query for match in row) for query, row in rows]
    assert scores.count(top).tolist() == found
    np.testing.assert_allclose(scores.precision(top), [n / min(k, len(labels) - 1) for n in found])
    recalls = [n / r if r else NAN for n, r in zip(found, relevant, strict=True)]
    np.testing.assert_allclose(scores.recall(top, relevant), recalls)
    for hits in (top, full):
        expected = [plain_average_precision(*row) for row in zip(hits, relevant, strict=True)]
        np.testing.assert_allclose(scores.average_precision(hits, relevant), expected)


@given(labels=LABELS, seed=st.integers(0, 9))
def test_average_precision_equals_scikit_learn(labels, seed):
    hits, relevant = scores.hits(labels, full_ranking(labels, seed)), scores.relevant(labels)
    falling = -np.arange(hits.shape[1])
    for row, found, wanted in zip(hits, scores.average_precision(hits, relevant), relevant, strict=True):
        if wanted:
            assert found == pytest.approx(average_precision_score(row, falling))
        else:
            assert np.isnan(found)


def test_a_single_member_class_is_undefined_and_left_out_of_means():
    labels = np.array([0, 0, 1])
    hits = scores.hits(labels, np.array([[0, 1], [1, 0], [0, 0]]))
    relevant = scores.relevant(labels)
    average = scores.average_precision(hits, relevant)
    np.testing.assert_array_equal(average, [1, 0.5, NAN])
    np.testing.assert_array_equal(scores.recall(hits, relevant), [1, 1, NAN])
    assert scores.precision(hits)[2] == 0
    assert scores.mean(average) == 0.75
    np.testing.assert_array_equal(scores.class_means(average, labels, 3), [0.75, NAN, NAN])
    assert np.isnan(scores.mean(np.array([NAN])))
    assert np.isnan(scores.mean(np.array([])))


def test_no_match_at_all_is_undefined():
    none = np.zeros((1, 0), bool)
    assert np.isnan(scores.published_score(none)).tolist() == [True]
    assert np.isnan(scores.precision(none)).tolist() == [True]
    assert scores.count(none).tolist() == [0]
    assert np.isnan(scores.average_precision(none, np.array([0]))).tolist() == [True]
    assert scores.published_score(np.zeros((0, 15), bool)).shape == (0,)


def test_class_means_and_confusion_of_known_matches():
    queries = np.array([0, 0, 2])
    matches = np.array([[0, 1], [0, 0], [1, 2]])
    np.testing.assert_array_equal(scores.class_means(np.array([1, 3, 5]), queries, 3), [2, NAN, 5])
    expected = [[0.75, 0.25, 0], [NAN, NAN, NAN], [0, 0.5, 0.5]]
    np.testing.assert_array_equal(scores.confusion(queries, matches, 3), expected)


@given(labels=LABELS, k=st.integers(1, 20), seed=st.integers(0, 9))
def test_confusion_rows_are_shares_and_its_diagonal_is_precision(labels, k, seed):
    matches = full_ranking(labels, seed)[:, :k]
    table = scores.confusion(labels, matches, 4)
    held = np.isin(np.arange(4), labels)
    np.testing.assert_allclose(table[held].sum(axis=1), 1)
    assert np.isnan(table[~held]).all()
    by_class = scores.class_means(scores.precision(scores.hits(labels, matches)), labels, 4)
    np.testing.assert_allclose(table.diagonal(), by_class)


def test_bootstrap_agrees_with_the_normal_interval():
    values = np.random.default_rng(1).normal(50, 10, 400)
    found = scores.bootstrap_interval(values)
    error = values.std() / 20
    assert found.mean == pytest.approx(values.mean())
    assert found.low == pytest.approx(values.mean() - 1.96 * error, abs=0.12)
    assert found.high == pytest.approx(values.mean() + 1.96 * error, abs=0.12)
    assert (found.count, found.level) == (400, 0.95)
    narrow = scores.bootstrap_interval(values, level=0.5)
    assert found.low < narrow.low < narrow.high < found.high


def test_bootstrap_is_that_of_scipy():
    """The same percentiles of other drawings: apart by less than a twentieth of the interval."""
    from scipy.stats import bootstrap

    draw = np.random.default_rng(3)
    a, b = draw.exponential(20, 200), draw.exponential(25, 200)
    for values, found in ((a, scores.bootstrap_interval(a)), (a - b, scores.paired_bootstrap(a, b).interval)):
        other = bootstrap((values,), np.mean, method="percentile", n_resamples=9_999, rng=draw).confidence_interval
        assert (found.low, found.high) == pytest.approx(tuple(other), abs=(found.high - found.low) / 20)


def test_bootstrap_covers_the_truth_as_often_as_it_says():
    draw = np.random.default_rng(7)
    samples = draw.exponential(1, (300, 60))
    intervals = [scores.bootstrap_interval(sample, resamples=400) for sample in samples]
    covered = np.mean([found.low <= 1 <= found.high for found in intervals])
    assert 0.87 <= covered <= 0.98


def test_bootstrap_is_seeded():
    values = np.random.default_rng(1).random(50)
    assert scores.bootstrap_interval(values, seed=4) == scores.bootstrap_interval(values, seed=4)
    assert scores.bootstrap_interval(values, seed=4) != scores.bootstrap_interval(values, seed=5)


def test_bootstrap_leaves_out_what_is_undefined():
    values = np.array([1, NAN, 2, 3, NAN])
    assert scores.bootstrap_interval(values) == scores.bootstrap_interval(np.array([1, 2, 3]))
    assert scores.bootstrap_interval(values).count == 3


@pytest.mark.parametrize(("values", "mean"), [([], NAN), ([NAN], NAN), ([4.0], 4.0)])
def test_bootstrap_of_fewer_than_two_values_has_no_interval(values, mean):
    found = scores.bootstrap_interval(np.array(values))
    np.testing.assert_array_equal([found.mean, found.low, found.high], [mean, NAN, NAN])


def test_bootstrap_of_many_values_stays_in_blocks():
    values = np.arange(30_000) % 2
    found = scores.bootstrap_interval(values, resamples=200)
    assert found.low < 0.5 < found.high
    assert found.high - found.low < 0.02


def test_paired_bootstrap_sees_a_small_steady_lead():
    draw = np.random.default_rng(2)
    b = draw.uniform(0, 100, 200)
    a = b + draw.normal(0.5, 1, 200)
    found = scores.paired_bootstrap(a, b)
    assert found.interval.mean == pytest.approx((a - b).mean())
    assert 0 < found.interval.low < found.interval.high < 1
    assert found.a_better == 1
    turned = scores.paired_bootstrap(b, a)
    assert turned.interval.low == pytest.approx(-found.interval.high)
    assert turned.a_better == 0
    apart = scores.bootstrap_interval(a), scores.bootstrap_interval(b)
    assert apart[0].low < apart[1].high


def test_paired_bootstrap_of_equals_and_of_nothing():
    a = np.array([1, 2, NAN, 4])
    found = scores.paired_bootstrap(a, np.array([1, 2, 3, NAN]))
    assert (found.interval.mean, found.interval.low, found.interval.high, found.interval.count) == (0, 0, 0, 2)
    assert found.a_better == 0.5
    nothing = scores.paired_bootstrap(a * NAN, a)
    assert np.isnan(nothing.a_better)
    assert nothing.interval.count == 0


def test_results_are_frozen():
    found = scores.paired_bootstrap(np.array([1.0, 2]), np.array([0.0, 2]))
    with pytest.raises(FrozenInstanceError):
        found.a_better = 0
    with pytest.raises(FrozenInstanceError):
        found.interval.low = 0


@pytest.mark.parametrize(
    "call",
    [
        lambda: scores.published_score(HITS[0]),
        lambda: scores.precision(HITS.astype(int)),
        lambda: scores.recall(HITS, np.array([2, 1, 2, 4])),
        lambda: scores.recall(HITS, np.array([2, 1, 6])),
        lambda: scores.average_precision(HITS, np.array([2.0, 1, 6, 4])),
        lambda: scores.hits(np.array([1]), np.array([1])),
        lambda: scores.relevant(HITS),
        lambda: scores.confusion(np.array([0]), np.array([[3]]), 3),
        lambda: scores.confusion(np.array([-1]), np.array([[0]]), 3),
        lambda: scores.class_means(np.array([1.0, 2]), np.array([0]), 1),
        lambda: scores.mean(HITS),
        lambda: scores.bootstrap_interval(np.array([1.0, 2]), level=95),
        lambda: scores.bootstrap_interval(np.array([1.0, 2]), resamples=0),
        lambda: scores.paired_bootstrap(np.array([1.0, 2]), np.array([1.0])),
    ],
)
def test_wrong_input_is_refused(call):
    with pytest.raises(InputError, match="expected"):
        call()
