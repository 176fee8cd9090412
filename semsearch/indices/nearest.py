"""The nearest of a few rows, measured exactly and at once: what an index named, a user waits for.

Distances are those of ``metrics.distances`` to the last digits of float32; that one looks after millions, and takes
longer to begin than this one takes in all.
"""

import numpy as np

from semsearch.indices import recipes
from semsearch.ranking import metrics

_PARALLEL = 1e-28
"""Squared distance of unit vectors that is rounding alone."""
_CONSTANT, _CANCELS = 1e-24, 1e-6
"""Of squared means: what is left of a constant vector less its mean. Of squared lengths: what a product loses is
computed again from differences. Both as in ``sums``."""
_SLACK = 1e-5
"""Of squared lengths: how far a float32 product may be off, several times over."""


def nearest(point: np.ndarray, rows: np.ndarray, k: int, metric: str) -> tuple[np.ndarray, np.ndarray]:
    """Places of the k nearest of ``rows``, (r, d) float32, to ``point``, (d,): (k',) and distances (k',) float32.

    Nearest first, equally near ones by place; k' = min(k, r).
    """
    some = _promising(point, rows, k, metric)
    if metric in recipes.PRODUCTS:
        far = _measured(point, rows[some], metric)
    else:
        far = metrics.distances(point[None], rows[some], metric)[0]
    order = np.argsort(far, kind="stable")[:k]
    return some[order], far[order]


def _promising(point: np.ndarray, rows: np.ndarray, k: int, metric: str) -> np.ndarray:
    """Places of those that may be among the k nearest, rising, by float32 and with room for its rounding."""
    if len(rows) <= k or metric not in ("cosine", "euclidean"):
        return np.arange(len(rows))
    squares, own = np.einsum("ij,ij->i", rows, rows), float(point @ point)
    products = rows @ point
    if metric == "cosine":
        lengths = np.sqrt(squares * np.float32(own))
        rough, slack = -np.divide(products, lengths, out=np.zeros_like(products), where=lengths > 0), _SLACK
    else:
        rough = squares - 2 * products
        slack = _SLACK * (float(squares.max()) + own)
    limit = np.partition(rough, k - 1)[k - 1] + 2 * slack
    return np.flatnonzero(~(rough > limit))  # what is no number stays


def _measured(point: np.ndarray, rows: np.ndarray, metric: str) -> np.ndarray:
    """Euclidean; cosine and correlation as half the squared euclidean distance of unit vectors."""
    both = np.concatenate([point[None], rows]).astype(np.float64)
    least: float | np.ndarray = 0.0
    if metric == "correlation":
        means = both.mean(axis=1)
        both -= means[:, None]
        least = _CONSTANT * both.shape[1] * means**2
    squares = np.einsum("ij,ij->i", both, both)
    factors = np.ones(len(both))
    if metric != "euclidean":
        directed = squares > least
        factors = np.where(directed, 1 / np.sqrt(np.where(directed, squares, 1)), 0)
        squares = np.ones(len(both))
    sums = squares[1:] + squares[0]
    squared = sums - 2 * (both[1:] @ both[0]) * factors[1:] * factors[0]
    if len(close := np.flatnonzero(squared <= _CANCELS * sums)):
        gaps = both[1:][close] * factors[1:][close, None] - both[0] * factors[0]
        squared[close] = np.einsum("ij,ij->i", gaps, gaps)
    if metric == "euclidean":
        return np.asarray(np.sqrt(squared), np.float32)
    return np.asarray(np.minimum(np.where(squared < _PARALLEL, 0, squared) / 2, 2), np.float32)
