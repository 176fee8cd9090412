"""Indices of other libraries, for the table of ``benchmarks/indices.py``: each as its documentation begins with."""

from collections.abc import Callable
from types import MappingProxyType

import numpy as np

from semsearch.settings import cores

PIECE = 20_000
"""Vectors that are handed over at a time."""
Search = Callable[[np.ndarray], np.ndarray]


def flat(vectors: np.ndarray, k: int) -> tuple[Search, int]:
    """Every vector compared, in float32."""
    import faiss

    made = faiss.IndexFlatIP(vectors.shape[1])
    for start in range(0, len(vectors), PIECE):
        made.add(unit(vectors[start : start + PIECE]))

    def search(points: np.ndarray) -> np.ndarray:
        faiss.omp_set_num_threads(1)
        try:
            return np.asarray(made.search(unit(points), k)[1])
        finally:
            faiss.omp_set_num_threads(cores())

    return search, vectors.nbytes


def unit(vectors: np.ndarray) -> np.ndarray:
    """Of length 1."""
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def hnswlib_index(vectors: np.ndarray, k: int) -> tuple[Search, int]:
    """M = 16, 200 in view while building, 64 while searching."""
    import hnswlib

    made = hnswlib.Index(space="cosine", dim=vectors.shape[1])
    made.init_index(max_elements=len(vectors), ef_construction=200, M=16, random_seed=1)
    for start in range(0, len(vectors), PIECE):
        made.add_items(vectors[start : start + PIECE], num_threads=cores())
    made.set_ef(64)
    return lambda points: np.asarray(made.knn_query(points, k, num_threads=1)[0]), int(made.index_file_size())


def usearch_index(vectors: np.ndarray, k: int) -> tuple[Search, int]:
    """Its defaults."""
    from usearch.index import Index as Usearch

    made = Usearch(ndim=vectors.shape[1], metric="cos", dtype="f32")
    for start in range(0, len(vectors), PIECE):
        piece = vectors[start : start + PIECE]
        made.add(np.arange(start, start + len(piece)), piece, threads=cores())

    def search(points: np.ndarray) -> np.ndarray:
        return np.asarray(made.search(points, k, threads=1).keys).reshape(len(points), k)

    return search, int(made.memory_usage)


LIBRARIES = MappingProxyType({"FAISS flat": flat, "hnswlib": hnswlib_index, "usearch": usearch_index})
"""By name: from vectors, (n, d), and k a search on one thread, and the bytes that the index takes in memory."""
