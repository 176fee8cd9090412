"""From all distances of a gallery to a map: PCA and UMAP, and maps of neighbouring layers laid over each other.

Everything starts from a distance matrix, so a feature vector of three million numbers costs no more
than one of a thousand.
"""

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context

import numpy as np

from semsearch.errors import InputError

NEIGHBOURS = 15
SEED = 20
Umap = Callable[[np.ndarray, np.ndarray], np.ndarray]


def pca(euclidean: np.ndarray) -> np.ndarray:
    """The first two principal components of the features behind Euclidean distances (n, n): (n, 2) float32.

    Classical scaling (Torgerson 1952; Gower 1966): the eigenvectors of the doubly centred squared
    distances, times the roots of their eigenvalues, are the principal component scores. The sign of
    each axis is set so that its largest coordinate is positive.
    """
    squared = _checked(euclidean).astype(np.float64) ** 2
    centred = squared - squared.mean(0) - squared.mean(1)[:, None] + squared.mean()
    values, vectors = np.linalg.eigh(-centred / 2)
    coordinates = np.zeros((len(squared), 2))
    found = vectors[:, ::-1][:, :2] * np.sqrt(np.clip(values[::-1][:2], 0, None))
    coordinates[:, : found.shape[1]] = found
    peaks = coordinates[np.abs(coordinates).argmax(0), range(2)]
    return (coordinates * np.where(peaks < 0, -1, 1)).astype(np.float32)


def align(coordinates: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Turn, mirror and shift a map (n, 2) onto another of the same items; distances within it stay as they are.

    Orthogonal Procrustes (Schönemann 1966): the rotation is U·Vᵀ of the singular value decomposition
    of the cross-covariance of both centred maps.
    """
    own, other = coordinates - coordinates.mean(0), reference - reference.mean(0)
    left, _, right = np.linalg.svd(own.T @ other)
    aligned: np.ndarray = (own @ (left @ right) + reference.mean(0)).astype(np.float32)
    return aligned


@contextmanager
def umap_worker() -> Iterator[Umap]:
    """A function ``umap(distances (n, n), start (n, 2)) -> (n, 2) float32``, run in a process of its own.

    UMAP imports TensorFlow if it can; the worker forbids that, which saves a gigabyte, and keeps UMAP's
    compiler out of the calling process. Equal input gives equal output: one thread, fixed seed.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_forbid_tensorflow) as pool:
        yield lambda distances, start: pool.submit(_umap, _checked(distances), start).result()


def _forbid_tensorflow() -> None:
    sys.modules["tensorflow"] = None  # type: ignore[assignment]


def _umap(distances: np.ndarray, start: np.ndarray) -> np.ndarray:
    import warnings

    from umap import UMAP

    spread = np.abs(start - start.mean(0)).max() or 1.0
    reducer = UMAP(
        n_neighbors=min(NEIGHBOURS, len(distances) - 1),
        metric="precomputed",
        init=((start - start.mean(0)) * (10 / spread)).astype(np.float32),
        random_state=SEED,
        n_jobs=1,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        coordinates: np.ndarray = np.asarray(reducer.fit_transform(distances), np.float32)
        return coordinates


def _checked(distances: np.ndarray) -> np.ndarray:
    if distances.ndim != 2 or distances.shape[0] != distances.shape[1] or not np.isfinite(distances).all():
        raise InputError(f"expected a square matrix of finite distances, got shape {distances.shape}")
    return distances
