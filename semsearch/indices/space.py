"""Vectors where straight-line distance ranks as a metric does, and fewer dimensions of them."""

from collections.abc import Iterator

import numpy as np

from semsearch.ranking.sums import slices

SEED = 20
DIRECTIONS = ("cosine", "correlation")
"""Metrics under which only the direction of a vector counts."""
_NUMBERS = 4_000_000
"""Of the vectors that are made ready at a time."""
_SAMPLE = 3_000
"""Vectors whose principal components stand for those of all."""


def straight(vectors: np.ndarray, metric: str) -> np.ndarray:
    """The vectors, (n, d) float32, so that their straight-line distance ranks as the metric does.

    Cosine: of length 1. Correlation: each less its mean, and of length 1. A vector without direction becomes 0.
    """
    vectors = np.asarray(vectors, np.float32)
    if metric == "correlation":
        wide = vectors.astype(np.float64)
        vectors = (wide - wide.mean(axis=1, keepdims=True)).astype(np.float32)
    if metric not in DIRECTIONS:
        return np.ascontiguousarray(vectors)
    norms = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))[:, None]
    return np.asarray(vectors * (1 / np.where(norms > 0, norms, np.inf)), np.float32)


def pieces(count: int, dimension: int) -> Iterator[slice]:
    """Of ``count`` vectors those to be taken at a time, so that memory stays bounded however many there are."""
    return slices(count, _NUMBERS // dimension) if count else iter(())


def sample(count: int, most: int) -> np.ndarray:
    """Seeded row numbers, rising: all of ``count``, or ``most`` of them."""
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng(SEED).choice(count, most, replace=False))


def principal(vectors: np.ndarray, metric: str, axes: int) -> np.ndarray:
    """The principal directions of vectors, (d, axes) float32, orthonormal, the widest first; axes ≤ d.

    A randomised range finder with a power iteration (Halko, Martinsson and Tropp, 2011, algorithms 4.4 and 5.1) on
    a seeded sample: the exact decomposition takes minutes at 4,096 dimensions, this one a fraction of a second.
    """
    seen = straight(vectors[sample(len(vectors), _SAMPLE)], metric)
    seen -= seen.mean(axis=0)
    width = min(axes + 16, seen.shape[1])
    start = np.random.default_rng(SEED).normal(size=(seen.shape[1], width)).astype(np.float32)
    basis = np.linalg.qr(seen.T @ (seen @ start))[0]
    basis = np.linalg.qr(seen.T @ (seen @ basis))[0]
    _, _, right = np.linalg.svd(seen @ basis, full_matrices=False)
    directions = basis @ right.T
    if directions.shape[1] < axes:  # fewer vectors than axes: the rest is any orthonormal complement
        directions = np.linalg.qr(np.hstack([directions, start]))[0]
    return np.ascontiguousarray(directions[:, :axes])


def rotation(axes: int) -> np.ndarray:
    """A seeded random rotation, (axes, axes) float32, so that a sign of each coordinate says as much as any other."""
    square = np.random.default_rng(SEED).normal(size=(axes, axes))
    return np.linalg.qr(square)[0].astype(np.float32)
