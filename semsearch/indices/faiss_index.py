"""An approximate index over the vectors of a gallery, for every metric; the only user of FAISS.

It names candidates; whoever asks measures them with ``metrics.distances``, so that a distance means the same
with and without an index.
"""

import math
from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import numpy as np

NEIGHBOURS, BUILD, BREADTH = 32, 80, 64
"""Of the navigable small world (Malkov and Yashunin, 2016): links of each vector, and how many vectors are held in
view while it is built, and at least while it is searched."""
FEW = 1_000
"""Rows of which all are named: to measure them takes no longer than to look for the nearest."""
_FAISS = MappingProxyType(
    {
        "cosine": ("METRIC_L2", 0),
        "correlation": ("METRIC_L2", 0),
        "euclidean": ("METRIC_L2", 0),
        "manhattan": ("METRIC_L1", 0),
        "chebyshev": ("METRIC_Linf", 0),
        "minkowski3": ("METRIC_Lp", 3),
    }
)


class Approximate:
    """A navigable small-world graph over vectors, (n, d) float32; may be searched by many threads."""

    def __init__(self, vectors: np.ndarray, metric: str) -> None:
        """Build it in memory for a name of ``metrics.METRICS``."""
        import faiss

        kind, power = _FAISS[metric]
        self._prepare = _prepared(metric)
        self._graph = faiss.IndexHNSWFlat(vectors.shape[1], NEIGHBOURS, getattr(faiss, kind))
        self._graph.metric_arg = self._graph.storage.metric_arg = power
        self._graph.hnsw.efConstruction = BUILD
        self._graph.add(self._prepare(np.asarray(vectors, np.float32)))

    def candidates(self, point: np.ndarray, count: int, allowed: np.ndarray) -> np.ndarray:
        """Up to ``count`` of the rows ``allowed``, (a,) int, that are near ``point``, (d,), in rising order."""
        import faiss

        if len(allowed) <= max(FEW, count):
            return allowed
        everything = self._graph.ntotal
        among = None if len(allowed) == everything else faiss.IDSelectorBatch(allowed.astype(np.int64))
        breadth = math.ceil(max(BREADTH, 2 * count) * everything / len(allowed))
        parameters: Any = faiss.SearchParametersHNSW(efSearch=breadth, sel=among)  # type: ignore[attr-defined]
        _, rows = self._graph.search(self._prepare(point[None]), count, params=parameters)
        return np.unique(rows[rows >= 0])


def _prepared(metric: str) -> Callable[[np.ndarray], np.ndarray]:
    """What to do to vectors so that their straight-line distance ranks as the metric does."""

    def unit(vectors: np.ndarray) -> np.ndarray:
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(np.divide(vectors, norms, out=np.zeros_like(vectors), where=norms > 0))

    if metric == "cosine":
        return unit
    if metric == "correlation":
        return lambda vectors: unit(vectors - vectors.mean(axis=1, keepdims=True))
    return np.ascontiguousarray
