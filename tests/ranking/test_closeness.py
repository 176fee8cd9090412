"""Closeness of matches, and how often matches so close are of the query's class: hand-placed pairs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from semsearch.errors import InputError
from semsearch.ranking import closeness, metrics
from semsearch.ranking.closeness import Calibration, calibrated, neighbourhoods


def test_a_distance_is_compared_with_what_is_usual_near_its_query():
    near = closeness.closeness(np.array([[1.0, 2.0, 3.0], [10.0, 20.0, 30.0], [0.0, 0.0, 0.0]]))
    assert near.tolist() == [[0.5, 1.0, 1.5], [0.5, 1.0, 1.5], [1.0, 1.0, 1.0]]
    assert closeness.closeness(np.array([[1.0]]), np.array([[1.0, 2.0, 6.0]])).tolist() == [[1 / 3]]


def test_what_is_beyond_the_nearest_fifty_does_not_count_as_usual():
    row = np.append(np.ones(50), np.full(100, 1e6))
    assert closeness.closeness(row[None])[0, :51].tolist() == [1.0] * 50 + [1e6]


@pytest.mark.parametrize("shape", [(3,), (2, 0)])
def test_distances_of_another_shape_are_refused(shape):
    with pytest.raises(InputError, match=r"expected distances \(m, k\)"):
        closeness.closeness(np.zeros(shape))


def square():
    """Two classes at 0, 1 and at 10, 12 on a line: the three nearest others of each."""
    places, labels = np.array([0.0, 1.0, 10.0, 12.0]), np.array([5, 5, 7, 7])
    gaps = np.abs(places[:, None] - places)
    ids, distances = metrics.rank(gaps, 3, exclude=np.arange(4))
    return ids, distances, labels


def test_similarity_is_how_often_pairs_as_close_are_of_one_class(monkeypatch):
    """Without item 0's own: the three of one class are at 1/7, 2/7 and 2/(25/3), the six others from 9/7 on."""
    ids, distances, labels = square()
    monkeypatch.setattr(closeness, "PAIRS", 1)
    known = neighbourhoods(ids, distances, labels, np.arange(4))
    similarity, pairs = known.similarity(distances[0], distances[0], row=0)
    assert (similarity.tolist(), pairs.tolist()) == ([1.0, 0.0, 0.0], [3, 6, 6])
    foreign, behind = known.similarity(np.array([3.0, 6.0]), np.array([3.0, 6.0, 7.0, 9.0]))
    assert (foreign.tolist(), behind.tolist()) == ([0.0, 0.0], [8, 8])


@pytest.mark.parametrize("labels", [[3, 3, 3, 3], [0, 1, 2, 3]], ids=["one class", "each its own"])
def test_where_classes_say_nothing_similarity_is_the_share_of_pairs_that_are_farther(labels):
    """Of the nine others' 9 distances (1 9 11, 2 9 10, 2 11 12) to three items each."""
    ids, distances, _ = square()
    known = neighbourhoods(ids, distances, np.array(labels), np.arange(4))
    similarity, pairs = known.similarity(np.array([1.0, 9.0, 12.0, 99.0]), distances[0], row=0)
    assert np.allclose(similarity, [1, 1 - 3 / 9, 1 - 8 / 9, 0]) and pairs.tolist() == [0] * 4


def test_a_query_alone_has_nothing_to_be_compared_with():
    known = neighbourhoods(np.array([[1]]), np.array([[2.0]]), np.array([0, 0, 1]), np.array([0]))
    similarity, pairs = known.similarity(np.array([2.0]), np.array([2.0]), row=0)
    assert (similarity.tolist(), pairs.tolist()) == ([1.0], [0])
    assert known.similarity(np.zeros(0), np.zeros(0))[0].shape == (0,)


def small(near, same, monkeypatch, pairs=2):
    monkeypatch.setattr(closeness, "PAIRS", pairs)
    return calibrated(np.array(near), np.array(same, bool))


def listed(curve: Calibration):
    return list(zip(curve.limits.tolist(), curve.shares.tolist(), curve.counts.tolist(), strict=True))


def test_shares_of_pairs_by_closeness(monkeypatch):
    """Six pairs, two a step: 2 of 2, 1 of 2, 0 of 2."""
    curve = small([0.6, 0.1, 0.2, 0.3, 0.4, 0.5], [0, 1, 1, 1, 0, 0], monkeypatch)
    assert listed(curve) == [(0.2, 1.0, 2), (0.4, 0.5, 2), (0.6, 0.0, 2)]
    near = np.array([0.0, 0.2, 0.21, 0.4, 0.5, 9.0])
    assert curve.share(near).tolist() == [1.0, 1.0, 0.5, 0.5, 0.0, 0.0]
    assert curve.pairs(near).tolist() == [2] * 6


def test_steps_that_fall_the_wrong_way_are_pooled(monkeypatch):
    """1 of 2, then 2 of 2, then 0 of 2: what is farther cannot be more often right."""
    curve = small([0.1, 0.2, 0.3, 0.4, 0.5, 0.6], [1, 0, 1, 1, 0, 0], monkeypatch)
    assert listed(curve) == [(0.4, 0.75, 4), (0.6, 0.0, 2)]


def test_equally_close_pairs_are_never_parted_and_a_rest_joins_the_last_step(monkeypatch):
    curve = small([0.1, 0.2, 0.2, 0.2, 0.3], [1, 1, 1, 0, 0], monkeypatch)
    assert listed(curve) == [(0.2, 0.75, 4), (0.3, 0.0, 1)]
    curve = small([0.1, 0.1, 0.1, 0.1, 0.3], [1, 1, 1, 0, 0], monkeypatch)
    assert listed(curve) == [(0.1, 0.75, 4), (0.3, 0.0, 1)]
    assert listed(small([0.1, 0.2, 0.3], [1, 0, 0], monkeypatch)) == [(0.3, 1 / 3, 3)]


def test_fewer_pairs_than_a_step_are_one_step_and_none_is_refused():
    assert listed(calibrated(np.array([[0.5, 0.7]]), np.array([[True, False]]))) == [(0.7, 0.5, 2)]
    with pytest.raises(InputError, match="at least one; got 0 and 0"):
        calibrated(np.zeros(0), np.zeros(0, bool))
    with pytest.raises(InputError, match="got 2 and 1"):
        calibrated(np.zeros(2), np.zeros(1, bool))


@given(
    arrays.arrays(np.float64, st.integers(1, 400), elements=st.floats(0, 4).map(lambda value: round(value, 1))),
    st.randoms(use_true_random=False),
)
def test_every_calibration_falls_and_accounts_for_every_pair(near, lot):
    same = np.array([lot.random() < 0.5 for _ in near])
    curve = calibrated(near, same)
    assert (np.diff(curve.limits) > 0).all() and (np.diff(curve.shares) < 0).all()
    assert curve.counts.sum() == len(near) and np.isclose((curve.shares * curve.counts).sum(), same.sum())
    assert curve.limits[-1] == near.max()


def test_it_agrees_with_isotonic_regression_of_scikit_learn(monkeypatch):
    from sklearn.isotonic import IsotonicRegression

    monkeypatch.setattr(closeness, "PAIRS", 1)
    monkeypatch.setattr(closeness, "STEPS", 10_000)
    random = np.random.default_rng(3)
    near = random.permutation(300) / 100
    same = random.random(300) < 1 / (1 + near)
    expected = IsotonicRegression(increasing=False).fit(near, same).predict(near)
    assert np.allclose(calibrated(near, same).share(near), expected)
