"""What the distance of a match says: how often matches as close as it are of the query's class.

::

    known = neighbourhoods(ids, distances, labels, rows)     of items of a dataset, each with its nearest
    known.similarity(distances[7], distances[7], row=7)      0.93, … of its matches, and the pairs behind: 412, …

A distance means little by itself: it depends on the model, the layer, the metric, and on how crowded the
surroundings of a query are. Its share of the mean distance of the query's nearest is comparable, and the
calibration turns it into a frequency: isotonic regression of "same class" on closeness (pool adjacent violators,
Ayer et al. 1955; Zadrozny and Elkan 2002).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from semsearch.errors import InputError

NEAREST = 50
"""Neighbours of a query whose mean distance its matches are compared with, and that calibrations are made of."""
PAIRS = 50
"""Pairs at least that a frequency rests on, where there are so many."""
STEPS = 200
"""Most steps of a calibration before neighbours that fall the wrong way are pooled."""
SAMPLE = 500
"""Queries that a calibration is made of, where there are more."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """How often matches are of the query's class, by closeness: a falling step function."""

    limits: np.ndarray
    """(b,) float64, rising: the largest closeness of each step."""
    shares: np.ndarray
    """(b,) float64 in [0, 1], not rising."""
    counts: np.ndarray
    """(b,) int64: pairs that each share rests on."""

    def share(self, near: np.ndarray) -> np.ndarray:
        """The frequency at each closeness; beyond the last step that of the last."""
        return np.asarray(self.shares[self._step(near)])

    def pairs(self, near: np.ndarray) -> np.ndarray:
        """Pairs that the frequency at each closeness rests on."""
        return np.asarray(self.counts[self._step(near)])

    def _step(self, near: np.ndarray) -> np.ndarray:
        return np.minimum(np.searchsorted(self.limits, near, "left"), len(self.limits) - 1)


@dataclass(frozen=True, eq=False)
class Neighbourhoods:
    """The nearest items of items of a dataset: what matches are compared with."""

    distances: np.ndarray
    """(m, k), nearest first; k is at most NEAREST."""
    same_class: np.ndarray | None
    """(m, k) bool; None where classes say nothing, because there is one, or each has one member."""
    items: int
    """Of the dataset."""

    def similarity(
        self, distances: np.ndarray, nearest: np.ndarray, *, row: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Of a query's matches: how often those as close are of the query's class, and the pairs that rests on.

        ``distances`` are (j,), those of the query's ``nearest`` items (k,), nearest first; ``row`` is the query's own
        here, which does not count. Without classes it is the share of all pairs that are farther, at least: pairs
        beyond those that are here count as farther than all of these; and no pairs.
        """
        distances = np.asarray(distances, np.float64)
        keep = np.arange(len(self.distances)) != row
        if not len(distances) or not keep.any():
            return np.ones(len(distances)), np.zeros(len(distances), np.int64)
        if self.same_class is None:
            others = self.distances[keep]
            nearer = np.searchsorted(np.sort(others, axis=None), distances, "left")
            return 1 - nearer / (len(others) * max(1, self.items - 1)), np.zeros(len(distances), np.int64)
        curve = self._of_all if row is None else calibrated(closeness(self.distances[keep]), self.same_class[keep])
        near = closeness(distances[None], np.asarray(nearest)[None])[0]
        return curve.share(near), curve.pairs(near)

    @cached_property
    def _of_all(self) -> Calibration:
        if self.same_class is None:
            raise InputError("expected classes to calibrate with, got none that say anything")
        return calibrated(closeness(self.distances), self.same_class)


def sample(n: int) -> np.ndarray:
    """Which of n items a calibration is made of, rising: all, or SAMPLE of them, drawn with a fixed seed."""
    return np.arange(n) if n <= SAMPLE else np.sort(np.random.default_rng(0).choice(n, SAMPLE, replace=False))


def neighbourhoods(ids: np.ndarray, distances: np.ndarray, labels: np.ndarray, rows: np.ndarray) -> Neighbourhoods:
    """Of the items ``rows``, (m,): their nearest others ``ids`` and how far these are, (m, k), and all labels, (n,)."""
    ids, distances = ids[:, :NEAREST], np.asarray(distances[:, :NEAREST], np.float64)
    members = np.unique(labels, return_counts=True)[1]
    telling = len(members) > 1 and members.max() > 1
    same = labels[ids] == labels[rows][:, None] if telling else None
    return Neighbourhoods(distances, same, len(labels))


def closeness(distances: np.ndarray, nearest: np.ndarray | None = None) -> np.ndarray:
    """The distances (m, j) of matches over the mean distance of their query's NEAREST, (m, j) float64.

    ``nearest`` are these, (m, k), by default the first of ``distances``. Where all of them are 0, every match is at 1.
    """
    distances = _matrix(distances, "distances")
    nearest = distances if nearest is None else _matrix(nearest, "distances of the nearest")
    usual = nearest[:, :NEAREST].mean(1, keepdims=True)
    return np.asarray(np.divide(distances, usual, out=np.ones_like(distances), where=usual > 0))


def calibrated(near: np.ndarray, same_class: np.ndarray) -> Calibration:
    """The calibration of pairs of a dataset: ``near`` and whether both are of one class, of one shape, in any order.

    Every share rests on PAIRS pairs, or on all there are; equally close ones are never parted. InputError for none.
    """
    near, same = np.asarray(near, np.float64).ravel(), np.asarray(same_class, bool).ravel()
    if not len(near) or near.shape != same.shape:
        raise InputError(f"expected as many pairs as classes, at least one; got {len(near)} and {len(same)}")
    order = np.argsort(near, kind="stable")
    near, rights = near[order], np.append(0, np.cumsum(same[order]))
    step = max(PAIRS, len(near) // STEPS)
    last = np.append(np.arange(step, len(near) - step + 1, step), len(near))
    ends = np.unique(np.searchsorted(near, near[last - 1], "right"))
    counts = np.diff(ends, prepend=0)
    hits = np.diff(rights[ends], prepend=0)
    hits, counts, places = _pooled(hits, counts)
    return Calibration(near[ends - 1][places], hits / counts, counts)


def _pooled(hits: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Neighbouring steps joined until shares fall: hits, counts, and the last step of each that was joined."""
    pools: list[tuple[int, int, int]] = []
    for place, (hit, count) in enumerate(zip(hits.tolist(), counts.tolist(), strict=True)):
        pools.append((hit, count, place))
        while len(pools) > 1 and pools[-2][0] * pools[-1][1] <= pools[-1][0] * pools[-2][1]:
            right, left = pools.pop(), pools.pop()
            pools.append((left[0] + right[0], left[1] + right[1], right[2]))
    columns = np.array(pools, np.int64).T
    return columns[0], columns[1], columns[2]


def _matrix(values: np.ndarray, name: str) -> np.ndarray:
    values = np.asarray(values, np.float64)
    if values.ndim != 2 or not values.shape[1]:
        raise InputError(f"expected {name} (m, k) with k of at least 1, got shape {values.shape}")
    return values
