"""How far to trust the answer to a query: whether its class is here, and is that of the nearest.

::

    judge = fitted(signals(distances, labels, scale), right, signals(*without_class, scale))
    judge.verdict(distances[7], labels[7], scale)        "confident", 5 of the 5 nearest agree, …

Two signals are weighed by a logistic regression: how far the nearest is, and how many of the nearest five are of its
class. It learns from the dataset itself. Each picture is asked twice: with its class among the others (leave-one-out),
and without (leave-one-class-out), as a picture of something that is not here. Limits and error rates come from
pictures that the regression did not learn from.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from semsearch.errors import InputError

CONFIDENT, UNCERTAIN, NOTHING = GRADES = ("confident", "uncertain", "nothing like it")
AGREE = 5
"""The nearest whose classes are counted."""
WRONG, FOREIGN, LOST = 0.05, 0.10, 0.05
"""Shares at the most: of wrong answers among confident ones, of foreign pictures that get one, and of right answers
that are told to be nothing like it."""
FEWEST, SURE = 20, 10
"""Pictures of a dataset that a judge needs, and those that must get the grade confident for it to be given."""
FOLDS, RIDGE, ROUNDS = 10, 0.1, 25
CLOSEST = 1e-3
"""Of the typical distance: what is closer is taken to be as far."""


@dataclass(frozen=True)
class Rates:
    """What became of the pictures of the dataset that got one grade, each judged by the others."""

    own: float
    """Share of the pictures that got it."""
    wrong: float
    """Share of these whose nearest is of another class; NaN for none."""
    foreign: float
    """Share of all pictures that get it when their class is taken away."""


@dataclass(frozen=True)
class Verdict:
    """How far to trust one answer."""

    grade: str
    """One of GRADES."""
    label: int
    """Class of the nearest."""
    agreeing: int
    """Of the nearest ``counted``, the nearest itself among them, those of its class."""
    counted: int
    rates: Mapping[str, Rates]
    """By grade."""

    def words(self, title: str) -> str:
        """The verdict as a sentence or two; ``title`` is that of the class."""
        if self.grade == NOTHING:
            return f"Nothing like it here: the nearest, {title}, is as far away as pictures of other kinds are."
        agree = f"{self.agreeing} of the {self.counted} nearest agree"
        if self.grade == CONFIDENT:
            right = f"{100 * (1 - self.rates[CONFIDENT].wrong):.0f} %"
            return f"Looks like {title}: {agree}. Such answers are right in {right} of cases here."
        return f"Perhaps {title}: {agree}. It may also be something that is not here."

    def plain(self) -> dict[str, Any]:
        """In plain types for JSON, the rates of the grade among them; None for a share of nothing."""
        shares = vars(self.rates[self.grade]).items()
        rates = {name: None if np.isnan(share) else share for name, share in shares}
        return {"grade": self.grade, "agreeing": self.agreeing, "counted": self.counted, **rates}


@dataclass(frozen=True, eq=False)
class Judge:
    """What a dataset taught."""

    weights: np.ndarray
    """(3,) float64, of what the two signals become and of 1: the larger the sum, the likelier an answer is right."""
    limits: tuple[float, float]
    """The least sum for confident, and for uncertain."""
    rates: dict[str, Rates]
    """By grade."""

    def grades(self, asked: np.ndarray) -> np.ndarray:
        """The grade of each row of ``signals``, (m,) of str."""
        return _graded(_weighed(asked, self.weights), self.limits)

    def verdict(self, distances: np.ndarray, labels: np.ndarray, scale: float) -> Verdict:
        """Of one answer, given as to ``signals``: distances and labels are (k,)."""
        asked = signals(np.asarray(distances)[None], np.asarray(labels)[None], scale)
        grade, nearest = str(self.grades(asked)[0]), labels[:AGREE]
        return Verdict(grade, int(labels[0]), int((nearest == labels[0]).sum()), len(nearest), self.rates)


def signals(distances: np.ndarray, labels: np.ndarray, scale: float) -> np.ndarray:
    """Of each answer how far its nearest is, in typical distances, and the share of the nearest AGREE of its class.

    (m, 2) float64. ``distances``, (m, k), are those of each query's nearest, nearest first, and ``labels``, (m, k),
    their classes; ``scale`` is the typical distance of the gallery, see ``metrics.scale``. InputError for k = 0.
    """
    distances, labels = np.asarray(distances, np.float64), np.asarray(labels)
    if distances.ndim != 2 or distances.shape != labels.shape or not distances.shape[1]:
        raise InputError(f"expected (m, k) distances and labels, k at least 1; got {distances.shape}, {labels.shape}")
    far = distances[:, 0] / scale if scale > 0 else (distances[:, 0] > 0) / CLOSEST
    return np.column_stack([far, (labels == labels[:, :1])[:, :AGREE].mean(1)])


def fitted(own: np.ndarray, right: np.ndarray, foreign: np.ndarray) -> Judge | None:
    """The judge that pictures of a dataset teach; None where they are too few, or all of one class.

    ``own``, (m, 2), are the signals of answers to them, ``right``, (m,) bool, says whether the nearest is of the
    query's class, and ``foreign``, (f, 2), are the signals of answers without all of that class.
    """
    if len(own) < FEWEST or len(foreign) < FEWEST or not right.any():
        return None
    asked, good = np.concatenate([own, foreign]), np.append(right, np.zeros(len(foreign), bool))
    fold = np.append(np.arange(len(own)), np.arange(len(foreign))) % FOLDS
    sums = np.empty(len(asked))
    for one in range(FOLDS):
        sums[fold == one] = _weighed(asked[fold == one], _regression(asked[fold != one], good[fold != one]))
    known, strange = sums[: len(own)], sums[len(own) :]
    limits = _limits(known, right, strange)
    mine, theirs = _graded(known, limits), _graded(strange, limits)
    return Judge(_regression(asked, good), limits, {one: _rates(mine == one, right, theirs == one) for one in GRADES})


def _limits(known: np.ndarray, right: np.ndarray, strange: np.ndarray) -> tuple[float, float]:
    """The least sums for which an answer is confident, infinite where no limit keeps the bounds, and uncertain.

    Each lies halfway to the next smaller sum that any picture has, for there is none between to tell.
    """
    sums = np.unique(np.append(known, strange))
    between = np.append(sums[0], (sums[1:] + sums[:-1]) / 2)
    lost = float(between[np.searchsorted(sums, np.sort(known[right])[int(LOST * right.sum())])])
    for limit in between[np.searchsorted(sums, np.unique(known))]:
        above = known >= limit
        if above.sum() >= SURE and np.mean(~right[above]) <= WRONG and np.mean(strange >= limit) <= FOREIGN:
            return float(limit), min(lost, float(limit))
    return np.inf, lost


def _graded(sums: np.ndarray, limits: tuple[float, float]) -> np.ndarray:
    confident, uncertain = limits
    return np.where(sums >= confident, CONFIDENT, np.where(sums >= uncertain, UNCERTAIN, NOTHING))


def _rates(mine: np.ndarray, right: np.ndarray, theirs: np.ndarray) -> Rates:
    wrong = float(np.mean(~right[mine])) if mine.any() else np.nan
    return Rates(float(np.mean(mine)), wrong, float(np.mean(theirs)))


def _weighed(asked: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return np.asarray(_columns(asked) @ weights)


def _columns(asked: np.ndarray) -> np.ndarray:
    """Of both signals what is the better the more of it there is, and 1."""
    return np.column_stack([-np.log(np.maximum(asked[:, 0], CLOSEST)), asked[:, 1], np.ones(len(asked))])


def _regression(asked: np.ndarray, good: np.ndarray) -> np.ndarray:
    """The weights, (3,), of a ridged logistic regression by Newton's method (Hastie et al. 2009, 4.4.1).

    None is below 0: a signal that would count the wrong way round is left out.
    """
    columns, used = _columns(asked), np.ones(3, bool)
    while True:
        weights = np.zeros(3)
        weights[used] = _newton(columns[:, used], good)
        if weights[:2].min() >= 0:
            return weights
        used[int(weights[:2].argmin())] = False


def _newton(columns: np.ndarray, good: np.ndarray) -> np.ndarray:
    weights, ridge = np.zeros(columns.shape[1]), RIDGE * np.eye(columns.shape[1])
    ridge[-1, -1] = 0
    for _ in range(ROUNDS):
        chance = 1 / (1 + np.exp(-columns @ weights))
        slope = columns.T @ (good - chance) - ridge @ weights
        curve = (columns * (chance * (1 - chance) + 1e-9)[:, None]).T @ columns + ridge
        step = np.linalg.solve(curve, slope)
        weights = weights + step
        if np.abs(step).max() < 1e-6:
            break
    return weights
