"""From all distances of a gallery to a map: PCA, t-SNE and UMAP in two or three dimensions, and how far to trust it.

Everything starts from a distance matrix, so a feature vector of three million numbers costs no more
than one of a thousand. Maps of neighbouring layers are laid over each other, so that points travel.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from semsearch.errors import InputError
from semsearch.processes.child import Child
from semsearch.ranking import compiler

NEIGHBOURS = 15
FEWEST = MappingProxyType({"umap": 4, "tsne": 4, "pca": 1})
"""Items that a method needs. UMAP looks at two neighbours of each, beside itself, at the least, and t-SNE's
perplexity, a third of the others, is below 1 with fewer, where it means nothing."""
SEED = 20
Project = Callable[[str, np.ndarray, np.ndarray], np.ndarray]
"""(method, distances (n, n), start (n, 2 or 3)) → coordinates of the shape of the start."""


def pca(euclidean: np.ndarray, dimensions: int = 2) -> np.ndarray:
    """The first principal components of the features behind Euclidean distances (n, n): (n, dimensions) float32.

    Classical scaling (Torgerson 1952; Gower 1966): the eigenvectors of the doubly centred squared
    distances, times the roots of their eigenvalues, are the principal component scores. The sign of
    each axis is set so that its largest coordinate is positive.
    """
    squared = _checked(euclidean).astype(np.float64) ** 2
    centred = squared - squared.mean(0) - squared.mean(1)[:, None] + squared.mean()
    values, vectors = np.linalg.eigh(-centred / 2)
    coordinates = np.zeros((len(squared), dimensions))
    components = vectors[:, ::-1][:, :dimensions] * np.sqrt(np.clip(values[::-1][:dimensions], 0, None))
    coordinates[:, : components.shape[1]] = components
    peaks = coordinates[np.abs(coordinates).argmax(0), range(dimensions)]
    return (coordinates * np.where(peaks < 0, -1, 1)).astype(np.float32)


def align(coordinates: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Turn, mirror and shift a map (n, 2) onto another of the same items; distances within it stay as they are.

    Orthogonal Procrustes (Schönemann 1966) of both centred maps.
    """
    from scipy.linalg import orthogonal_procrustes

    centred, other = coordinates - coordinates.mean(0), reference - reference.mean(0)
    turned = centred @ orthogonal_procrustes(centred, other)[0]
    return np.asarray(turned + reference.mean(0), np.float32)


Watch = Callable[[Callable[[], None]], AbstractContextManager[None]]
"""In its block, calls what it is given when the work is to end."""


@contextmanager
def map_worker(watch: Watch | None = None) -> Iterator[Project]:
    """A function ``project("umap" or "tsne", distances, start)``, run in a process of its own.

    UMAP imports TensorFlow if it can; the worker forbids that, which saves a gigabyte, and keeps UMAP's
    compiler out of the calling process. Equal input gives equal output: one thread, fixed seed.
    """
    methods = {"umap": draw_umap, "tsne": draw_tsne}
    with Child("the maps could not be drawn") as child, watch(child.close) if watch else nullcontext():
        yield lambda method, distances, start: child.call(methods[method], _checked(distances), start)


def draw_umap(distances: np.ndarray, start: np.ndarray) -> np.ndarray:
    """UMAP (McInnes et al. 2018) of given distances, begun at a given map; see ``_simple`` for what it cannot draw."""
    if _simple("umap", distances):
        return pca(distances, start.shape[1])
    return fitted(umap(start, len(distances), metric="precomputed"), distances)


def umap(start: np.ndarray, n: int, **more: object) -> Any:  # noqa: ANN401 - has no type outside of its module
    """A UMAP of n items, begun at a given map; ``more`` says what it will be fitted to. For a process of its own."""
    sys.modules["tensorflow"] = None  # type: ignore[assignment]

    compiler.settle("umap")
    from umap import UMAP

    init = _spread(_scaled(start, 10.0))
    neighbours = min(NEIGHBOURS, n - 1)
    return UMAP(n_components=start.shape[1], n_neighbors=neighbours, init=init, random_state=SEED, n_jobs=1, **more)


def fitted(reducer: Any, given: Any) -> np.ndarray:  # noqa: ANN401 - of UMAP or scikit-learn, and what these take
    """The map that a reducer makes of what it is given, float32."""
    import warnings

    from threadpoolctl import threadpool_limits

    with warnings.catch_warnings(), threadpool_limits(1):  # more would wait for each other on a busy machine
        warnings.simplefilter("ignore")
        return np.asarray(reducer.fit_transform(given), np.float32)


def draw_tsne(distances: np.ndarray, start: np.ndarray) -> np.ndarray:
    """t-SNE (van der Maaten and Hinton 2008) of given distances, begun at a given map; see ``_simple``."""
    if _simple("tsne", distances):
        return pca(distances, start.shape[1])
    method = "exact" if len(distances) <= 500 else "barnes_hut"
    return fitted(tsne(start, len(distances), method=method), distances)


def tsne(start: np.ndarray, n: int, **more: object) -> Any:  # noqa: ANN401 - has no type outside of its module
    """A t-SNE of given distances of n items, begun at a given map; ``more`` says how it is sought."""
    from sklearn.manifold import TSNE

    return TSNE(
        n_components=start.shape[1],
        perplexity=min(30.0, (n - 1) / 3),
        metric="precomputed",
        init=_scaled(start, 1e-2),
        random_state=SEED,
        n_jobs=1,
        **more,
    )


def _simple(method: str, distances: np.ndarray) -> bool:
    """Whether principal components are drawn in place of that method: of too few items, and of items all alike.

    All alike they are one point, the only true map.
    """
    return len(distances) < FEWEST[method] or not distances.any()


def _scaled(start: np.ndarray, size: float) -> np.ndarray:
    largest = float(np.abs(start).max())
    if largest and not 1e-30 < largest < 1e30:
        start = start.astype(np.float64) / largest  # its sums, or size over it, are beyond float32
    centred = start - start.mean(0)
    scaled: np.ndarray = (centred * (size / (np.abs(centred).max() or 1.0))).astype(np.float32)
    return scaled


def _spread(start: np.ndarray) -> np.ndarray:
    """A start whose constant axes, of which UMAP makes NaN, are random, as all are where UMAP begins at random."""
    flat = np.ptp(start, axis=0) == 0
    if not flat.any():
        return start
    random = np.random.default_rng(SEED).uniform(-10, 10, start.shape)
    return np.asarray(np.where(flat, random, start), np.float32)


@dataclass(frozen=True)
class Trust:
    """How far to trust a map, against the distances that it was drawn from, at 15 neighbours.

    Figures are NaN where there is nothing to judge: all four of fewer than three items, the silhouette also of one
    class and of classes with one member each.
    """

    trustworthiness: float
    """1 when all neighbours on the map are near in feature space (Venna and Kaski 2001)."""
    continuity: float
    """1 when all that is near in feature space is near on the map (Venna and Kaski 2001)."""
    overlap: float
    """Share of each item's nearest neighbours that are its nearest on the map too."""
    silhouette: float
    """−1 to 1: how well the classes stand apart on the map (Rousseeuw 1987)."""
    kept_neighbours: np.ndarray
    """(n,) uint8: nearest neighbours of each item that the map keeps."""


def trust(distances: np.ndarray, coordinates: np.ndarray, labels: np.ndarray) -> Trust:
    """The figures of a map (n, 2 or 3) of items with distances (n, n) and labels (n,).

    Ties rank by item. With fewer than 31 items the neighbourhood shrinks to what the formula allows.
    """
    k = min(NEIGHBOURS, (len(distances) - 1) // 2)
    if k < 1:
        unknown = float("nan")
        return Trust(unknown, unknown, unknown, unknown, np.zeros(len(distances), np.uint8))
    flat = np.sqrt(((coordinates[:, None, :].astype(np.float64) - coordinates[None]) ** 2).sum(-1))
    true_ranks, map_ranks = _ranks(_checked(distances)), _ranks(flat)
    near, shown = true_ranks <= k, map_ranks <= k
    shared = (near & shown).sum(1)
    n = len(distances)
    worst = n * k * (2 * n - 3 * k - 1) / 2
    false = np.where(shown & ~near, true_ranks - k, 0).sum()
    lost = np.where(near & ~shown, map_ranks - k, 0).sum()
    return Trust(
        1 - false / worst,
        1 - lost / worst,
        float(shared.mean() / k),
        silhouette(flat, labels),
        shared.astype(np.uint8),
    )


def _ranks(distances: np.ndarray) -> np.ndarray:
    """Rank of every other item in each row, from 1; an item's own rank is out of reach."""
    order = np.argsort(np.where(np.eye(len(distances), dtype=bool), np.inf, distances), axis=1, kind="stable")
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.arange(1, len(order) + 1)[None], 1)
    return ranks


def silhouette(distances: np.ndarray, labels: np.ndarray) -> float:
    """How well the classes stand apart by distances (n, n), −1 to 1; NaN for one class, and with one member each."""
    from sklearn.metrics import silhouette_score

    if not 1 < len(np.unique(labels)) < len(labels):
        return float("nan")
    return float(silhouette_score(distances, labels, metric="precomputed"))


def _checked(distances: np.ndarray) -> np.ndarray:
    if distances.ndim != 2 or distances.shape[0] != distances.shape[1] or not np.isfinite(distances).all():
        raise InputError(f"expected a square matrix of finite distances, got shape {distances.shape}")
    return distances
