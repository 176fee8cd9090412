"""How far answers are trusted: signals by hand, the regression against scikit-learn, bounds that always hold."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from semsearch.errors import InputError
from semsearch.ranking import verdict
from semsearch.ranking.verdict import CONFIDENT, FOREIGN, GRADES, NOTHING, SURE, UNCERTAIN, WRONG, Rates, Verdict

NEAR, FAR = [0.1, 1.0], [2.0, 0.4]


def test_signals_by_hand():
    distances = np.array([[1, 2, 3, 4, 5, 6], [4, 4, 4, 4, 4, 4]], float)
    labels = np.array([[0, 0, 1, 0, 1, 0], [7, 7, 7, 7, 7, 1]])
    assert verdict.signals(distances, labels, 2.0).tolist() == [[0.5, 0.6], [2, 1]]
    assert verdict.signals(distances[:, :2], labels[:, :2], 2.0).tolist() == [[0.5, 1], [2, 1]]
    assert verdict.signals(np.array([[0.0], [3.0]]), np.array([[1], [1]]), 0.0)[:, 0].tolist() == [0, 1_000]
    for bad in (distances[:, :0], distances[0]):
        with pytest.raises(InputError, match=r"\(m, k\)"):
            verdict.signals(bad, bad, 1.0)


def test_what_is_clearly_apart_is_told_apart():
    judge = verdict.fitted(np.array([NEAR] * 30), np.ones(30, bool), np.array([FAR] * 30))
    assert judge.rates[CONFIDENT] == Rates(1, 0, 0)
    assert (judge.rates[NOTHING].own, judge.rates[NOTHING].foreign) == (0, 1)
    assert np.isnan(judge.rates[NOTHING].wrong)
    assert judge.grades(np.array([NEAR, FAR])).tolist() == [CONFIDENT, NOTHING]
    told = judge.verdict(np.array([1.0, 2, 3]), np.array([4, 4, 5]), 10.0)
    assert (told.grade, told.label, told.agreeing, told.counted) == (CONFIDENT, 4, 2, 3)
    assert told.rates is judge.rates


def test_what_looks_the_same_is_uncertain():
    """Half of the nearest are of another class, and nothing tells which."""
    own = np.array([NEAR] * 40)
    judge = verdict.fitted(own, np.arange(40) % 2 == 0, own)
    assert judge.grades(own).tolist() == [UNCERTAIN] * 40
    assert judge.rates[UNCERTAIN] == Rates(1, 0.5, 1)


def test_a_few_right_ones_make_nothing_confident():
    own = np.array([NEAR] * (SURE - 1) + [FAR] * 30)
    right = np.arange(len(own)) < SURE - 1
    assert verdict.fitted(own, right, np.array([FAR] * 30)).rates[CONFIDENT].own == 0
    own, right = np.concatenate([own, [NEAR]]), np.append(right, True)
    assert verdict.fitted(own, right, np.array([FAR] * 30)).rates[CONFIDENT].own == SURE / len(own)


@pytest.mark.parametrize(
    ("own", "right", "foreign"), [(19, 19, 40), (40, 0, 40), (40, 40, 19)], ids=["few", "none right", "one class"]
)
def test_too_little_teaches_nothing(own, right, foreign):
    assert verdict.fitted(np.array([NEAR] * own), np.arange(own) < right, np.array([FAR] * foreign)) is None


SIGNALS = st.lists(st.tuples(st.floats(0, 5), st.sampled_from([0.2, 0.4, 0.6, 0.8, 1.0])), min_size=20, max_size=60)


@settings(max_examples=80, deadline=None)
@given(own=SIGNALS, foreign=SIGNALS, seed=st.integers(0, 9))
def test_the_bounds_hold_and_closer_is_never_less(own, foreign, seed):
    own, foreign = np.array(own), np.array(foreign)
    right = np.random.default_rng(seed).random(len(own)) < 0.8
    judge = verdict.fitted(own, right, foreign)
    assert sum(rates.own for rates in judge.rates.values()) == pytest.approx(1)
    assert sum(rates.foreign for rates in judge.rates.values()) == pytest.approx(1)
    sure = judge.rates[CONFIDENT]
    assert sure.own == 0 or (sure.own * len(own) >= SURE - 0.5 and sure.wrong <= WRONG)
    assert sure.foreign <= FOREIGN
    better = {grade: place for place, grade in enumerate(reversed(GRADES))}
    for step in ([-0.05, 0], [0, 0.2]):
        before, after = (judge.grades(asked) for asked in (own, np.maximum(own + step, 0)))
        assert all(better[new] >= better[old] for old, new in zip(before, after, strict=True))


def test_the_regression_is_that_of_scikit_learn():
    random = np.random.default_rng(1)
    asked = np.column_stack([random.exponential(1, 300), random.integers(1, 6, 300) / 5])
    good = random.random(300) < 1 / (1 + np.exp(1 + np.log(asked[:, 0]) - 2 * asked[:, 1]))
    columns = np.column_stack([-np.log(np.maximum(asked[:, 0], verdict.CLOSEST)), asked[:, 1]])
    expected = LogisticRegression(C=1 / verdict.RIDGE, tol=1e-10).fit(columns, good)
    assert (expected.coef_ > 0).all()
    found = verdict._regression(asked, good)
    np.testing.assert_allclose(found, [*expected.coef_[0], *expected.intercept_], rtol=1e-4)


@pytest.mark.parametrize(
    ("grade", "words"),
    [
        (CONFIDENT, "Looks like pear: 4 of the 5 nearest agree. Such answers are right in 97 % of cases here."),
        (UNCERTAIN, "Perhaps pear: 4 of the 5 nearest agree. It may also be something that is not here."),
        (NOTHING, "Nothing like it here: the nearest, pear, is as far away as pictures of other kinds are."),
    ],
)
def test_verdicts_in_words_and_in_plain_types(grade, words):
    rates = dict.fromkeys(GRADES, Rates(0.5, 0.031, 0.1)) | {NOTHING: Rates(0, np.nan, 0.2)}
    found = Verdict(grade, 3, 4, 5, rates)
    assert found.words("pear") == words
    wrong = None if grade == NOTHING else 0.031
    assert found.plain() == {
        "grade": grade, "agreeing": 4, "counted": 5, "own": rates[grade].own, "wrong": wrong,
        "foreign": rates[grade].foreign,
    }  # fmt: skip
