"""The features of a dataset under one spec, and how far apart they are."""

from dataclasses import dataclass, field

import numpy as np

from semsearch.ranking import closeness, metrics
from semsearch.ranking.closeness import Neighbourhoods

ALL_PAIRS = 2_000
"""Items up to which all pairs are looked at; of more, a sample is compared with all."""


@dataclass(frozen=True, eq=False)
class Gallery:
    """The readable items of a dataset under one spec."""

    vectors: np.ndarray
    """(n, d) float32, read-only, in memory or in a file that nobody else can open."""
    items: np.ndarray
    """Item of each row, (n,), rising."""
    labels: np.ndarray
    """Class of each row, (n,)."""
    left_out: dict[int, str] = field(default_factory=dict)
    """Why other items are not among them though they could, by id: their file was missing or another."""


def calibrate(distances: np.ndarray, labels: np.ndarray, rows: np.ndarray | None = None) -> float | None:
    """The largest distance up to which nearest matches are right at least half of the time; None if there is none.

    An item's nearest other item (equal distances by id) is right when it is of the same class; the share is over
    all items whose nearest is at most that far. ``distances`` is (m, n) from the items ``rows``, (m,), by
    default all, to all n; ``labels`` is (n,).
    """
    rows = np.arange(len(distances)) if rows is None else rows
    ids, nearest = metrics.rank(distances, 1, exclude=rows)
    order = np.argsort(nearest[:, 0], kind="stable")
    far, right = nearest[order, 0], (labels[ids[:, 0]] == labels[rows])[order]
    share = np.cumsum(right) / np.arange(1, len(far) + 1)
    last = np.append(far[1:] != far[:-1], True)
    fits = np.flatnonzero(last & (share >= 0.5))
    return float(far[fits[-1]]) if fits.size else None


@dataclass(frozen=True, eq=False)
class Calibrated:
    """What the distances of a gallery mean under one metric."""

    scale: float
    """The typical distance of its pairs, see ``metrics.scale``."""
    threshold: float | None
    """See ``calibrate``."""
    rows: np.ndarray
    """Rows of the gallery whose neighbourhoods are known, rising."""
    neighbourhoods: Neighbourhoods

    def similarity(
        self, distances: np.ndarray, nearest: np.ndarray, *, row: int | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """As ``Neighbourhoods.similarity``; ``row`` is that of the gallery, None for a query that is not in it."""
        place = int(np.searchsorted(self.rows, -1 if row is None else row))
        own = place if place < len(self.rows) and self.rows[place] == row else None
        return self.neighbourhoods.similarity(distances, nearest, row=own)


def calibrated(searched: Gallery, metric: str) -> Calibrated:
    """Compare items of a gallery with all others: all, or those of ``closeness.sample``."""
    n = len(searched.items)
    if n <= ALL_PAIRS:
        matrix = metrics.pairwise(searched.vectors, [metric])[metric]
        scale, threshold = metrics.scale(matrix), calibrate(matrix, searched.labels)
        rows = closeness.sample(n)
        matrix = matrix[rows]
    else:
        rows = closeness.sample(n)
        matrix = metrics.distances(searched.vectors[rows], searched.vectors, metric)
        scale, threshold = metrics.typical(matrix), calibrate(matrix, searched.labels, rows)
    ids, distances = metrics.rank(matrix, closeness.NEAREST, exclude=rows)
    return Calibrated(scale, threshold, rows, closeness.neighbourhoods(ids, distances, searched.labels, rows))
