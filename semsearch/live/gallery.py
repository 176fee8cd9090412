"""The features of a dataset under one spec, and how far apart they are."""

from dataclasses import dataclass, field

import numpy as np

from semsearch.ranking import closeness, metrics, verdict
from semsearch.ranking.closeness import Neighbourhoods
from semsearch.ranking.verdict import Judge

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


@dataclass(frozen=True, eq=False)
class Calibrated:
    """What the distances of a gallery mean under one metric."""

    scale: float
    """The typical distance of its pairs, see ``metrics.scale``."""
    judge: Judge | None
    """Of answers, None where the pictures are too few, or classes say nothing."""
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
    n, labels = len(searched.items), searched.labels
    rows = closeness.sample(n)
    if n <= ALL_PAIRS:
        matrix = metrics.pairwise(searched.vectors, [metric])[metric]
        scale, matrix = metrics.scale(matrix), matrix[rows]
    else:
        matrix = metrics.distances(searched.vectors[rows], searched.vectors, metric)
        scale = metrics.typical(matrix)
    ids, distances = metrics.rank(matrix, closeness.NEAREST, exclude=rows)
    known = closeness.neighbourhoods(ids, distances, labels, rows)
    return Calibrated(scale, _judge(matrix, labels, rows, scale, (ids, distances)), rows, known)


def _judge(
    matrix: np.ndarray, labels: np.ndarray, rows: np.ndarray, scale: float, nearest: tuple[np.ndarray, np.ndarray]
) -> Judge | None:
    """What ``rows`` teach, whose distances to all are ``matrix``, and whose ``nearest`` are ids and distances."""
    ids, distances = nearest
    same = labels[rows][:, None] == labels
    own = verdict.signals(distances, labels[ids], scale)
    others, far = metrics.rank(np.where(same, np.float32(np.inf), matrix), verdict.AGREE)
    enough = np.isfinite(far[:, -1])
    foreign = verdict.signals(far[enough], labels[others[enough]], scale)
    return verdict.fitted(own, labels[ids[:, 0]] == labels[rows], foreign)
