"""Maps of many items, from a graph of nearest neighbours: nothing here grows with the square of their number.

Where ``projection`` starts from all distances, this starts from the features: exact nearest neighbours in blocks,
principal components by subspace iteration, and trust judged on a seeded sample.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from semsearch.ranking import projection
from semsearch.ranking.projection import NEIGHBOURS, SEED, Trust
from semsearch.ranking.sums import slices

NEEDED = MappingProxyType({"umap": NEIGHBOURS - 1, "tsne": 91, "pca": NEIGHBOURS})
"""Neighbours of each item that a method looks at; of t-SNE three times its perplexity, and one."""
SAMPLE = 1_000
"""Items by which a map is judged."""
_BLOCK, _TURNS, _SPARE = 2_048, 12, 8
_QUICK = MappingProxyType({"max_iter": 500, "angle": 0.7})
"""Half the steps of t-SNE, for it begins at a map, and a coarser tree: a third of the time."""


@dataclass(frozen=True)
class Graph:
    """The nearest others of each item, nearest first."""

    ids: np.ndarray
    """(n, k) int32."""
    distances: np.ndarray
    """(n, k) float32: cosine, or Euclidean."""


def directed(features: np.ndarray) -> np.ndarray:
    """Features (n, d) at length 1, float32; those without direction stay 0, and so at cosine distance 1 to all."""
    length = np.linalg.norm(features, axis=1, keepdims=True)
    return np.asarray(np.divide(features, length, out=np.zeros(features.shape, np.float32), where=length > 0))


def nearest(features: np.ndarray, k: int, *, euclidean: bool = False) -> Graph:
    """The exact k nearest of each item of (n, d) features, k' = min(k, n − 1), by cosine distance unless ``euclidean``.

    For cosine the features are ``directed`` already.
    """
    import faiss

    n = len(features)
    k = min(k, n - 1)
    graph = Graph(np.empty((n, k), np.int32), np.empty((n, k), np.float32))
    metric = faiss.METRIC_L2 if euclidean else faiss.METRIC_INNER_PRODUCT
    for rows in slices(n, _BLOCK):
        found, ids = faiss.knn(np.ascontiguousarray(features[rows]), features, k + 1, metric=metric)
        distances = np.sqrt(np.maximum(found, 0)) if euclidean else np.maximum(1 - found, 0)
        itself = ids == np.arange(rows.start, rows.stop)[:, None]
        itself[~itself.any(axis=1), -1] = True  # among many copies it may not be there: the farthest gives way
        kept = ids[~itself].reshape(-1, k), distances[~itself].reshape(-1, k)
        order = np.lexsort(kept)
        graph.ids[rows], graph.distances[rows] = (np.take_along_axis(values, order, 1) for values in kept)
    return graph


def components(features: np.ndarray, dimensions: int) -> np.ndarray:
    """The first principal components of (n, d) features, (n, dimensions) float32, as ``projection.pca`` gives them.

    Subspace iteration (Halko, Martinsson and Tropp 2011) of the centred features, a block of rows at a time.
    """
    n, d = features.shape
    mean = features.mean(axis=0, dtype=np.float64).astype(np.float32)
    width = min(dimensions + _SPARE, d, n)
    basis = np.random.default_rng(SEED).normal(size=(d, width)).astype(np.float32)
    for _ in range(_TURNS):
        basis = np.linalg.qr(sum(block.T @ (block @ basis) for block in _centred(features, mean)))[0]
    scores = np.concatenate([block @ basis for block in _centred(features, mean)])
    _, _, turn = np.linalg.svd(scores, full_matrices=False)
    coordinates = np.zeros((n, dimensions), np.float32)
    found = (scores @ turn.T)[:, :dimensions]
    coordinates[:, : found.shape[1]] = found
    peaks = coordinates[np.abs(coordinates).argmax(0), range(dimensions)]
    return coordinates * np.where(peaks < 0, -1, 1).astype(np.float32)


def _centred(features: np.ndarray, mean: np.ndarray) -> Iterator[np.ndarray]:
    return (features[rows] - mean for rows in slices(len(features), _BLOCK))


def draw(method: str, graph: Graph, start: np.ndarray) -> np.ndarray:
    """A map of a graph by UMAP or t-SNE, begun at ``start`` (n, 2 or 3); in a process of its own."""
    return {"umap": _umap, "tsne": _tsne}[method](graph, start)


def _with_itself(graph: Graph) -> tuple[np.ndarray, np.ndarray]:
    """The neighbours of each item, itself the first, at distance 0."""
    ids = np.concatenate([np.arange(len(graph.ids), dtype=np.int32)[:, None], graph.ids], axis=1)
    return ids, np.pad(graph.distances, ((0, 0), (1, 0)))


def _umap(graph: Graph, start: np.ndarray) -> np.ndarray:
    reducer = projection.umap(
        start, len(graph.ids), precomputed_knn=_with_itself(graph), force_approximation_algorithm=True
    )
    return projection.fitted(reducer, start)


def _tsne(graph: Graph, start: np.ndarray) -> np.ndarray:
    from scipy.sparse import csr_matrix

    ids, distances = _with_itself(graph)
    n, width = ids.shape
    matrix = csr_matrix((distances.ravel(), ids.ravel(), np.arange(0, n * width + 1, width)), shape=(n, n))
    return projection.fitted(projection.tsne(start, n, method="barnes_hut", **_QUICK), matrix)


def trust(
    features: np.ndarray, graph: Graph, coordinates: np.ndarray, labels: np.ndarray, *, euclidean: bool = False
) -> Trust:
    """``projection.trust`` of a map of many items: what ranks all others is judged on SAMPLE of them, seeded.

    ``features`` and ``graph`` are those that ``nearest`` was given and gave, with at least NEIGHBOURS. Of equal
    distances none is the farther. The neighbours that the map keeps are counted of every item.
    """
    n, k = len(coordinates), NEIGHBOURS
    near, shown = graph.ids[:, :k], _shown(coordinates, k)
    sample = np.sort(np.random.default_rng(SEED).permutation(n)[:SAMPLE])
    false = lost = 0
    for rows in slices(len(sample), 50):
        items = sample[rows]
        false += _beyond(_all_distances(features, items, euclidean), items, shown[items])
        lost += _beyond(_all_distances(coordinates, items, True), items, near[items])
    worst = len(sample) * k * (2 * n - 3 * k - 1) / 2
    pairs = np.arange(n)[:, None] * n
    kept = np.isin(pairs + shown, pairs + near).sum(axis=1).astype(np.uint8)
    flat = _all_distances(coordinates, sample, True)[:, sample]
    np.fill_diagonal(flat, 0)
    silhouette = projection.silhouette(flat, labels[sample])
    return Trust(1 - false / worst, 1 - lost / worst, float(kept.mean() / k), silhouette, kept)


def _shown(coordinates: np.ndarray, k: int) -> np.ndarray:
    """The k nearest others of each item on a map, (n, k) int64."""
    from scipy.spatial import cKDTree

    n = len(coordinates)
    ids = cKDTree(coordinates).query(coordinates, k + 1)[1]
    itself = ids == np.arange(n)[:, None]
    itself[~itself.any(axis=1), -1] = True
    return np.asarray(ids[~itself].reshape(n, k))


def _beyond(distances: np.ndarray, items: np.ndarray, others: np.ndarray) -> int:
    """By how many ranks, in all, others (m, k) of some items lie beyond rank k, by distances (m, n) to all."""
    distances[np.arange(len(items)), items] = np.inf
    nearer = [(distances < np.take_along_axis(distances, one[:, None], 1)).sum(axis=1) for one in others.T]
    return int(np.maximum(np.stack(nearer) + 1 - others.shape[1], 0).sum())


def _all_distances(values: np.ndarray, items: np.ndarray, euclidean: bool) -> np.ndarray:
    """Distances of some items to all, (m, n) float32."""
    products = values[items] @ values.T
    if not euclidean:
        return np.asarray(1 - products, np.float32)
    squares = np.einsum("ij,ij->i", values, values)
    return np.asarray(np.sqrt(np.maximum(squares[items][:, None] + squares - 2 * products, 0)), np.float32)
