"""What the recipes build: structures of FAISS, which name the places near a point. The only user of FAISS.

Training and random numbers are seeded, so the same vectors give the same bytes.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from semsearch.indices import space
from semsearch.indices.recipes import NEIGHBOURS

BUILD, BREADTH = 80, 64
"""Of the navigable small world (Malkov and Yashunin, 2016): how many vectors are held in view while it is built, and at
least while it is searched."""
PROBED, PROBED_SIGNS, PROBED_PQ = 12, 32, 4
"""Lists that are looked into: of PCA + IVF, of RaBitQ, of PQ."""
PQ_LISTS, PQ_PARTS = 201, 16
_TRAINED = 64
"""Vectors for each centroid that it is trained with."""
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
SCORES = MappingProxyType(
    {
        "cosine": "half of the score",
        "correlation": "half of the score",
        "euclidean": "the square root of the score",
        "manhattan": "the score",
        "chebyshev": "the score",
        "minkowski3": "the cube root of the score",
    }
)
"""What the distance is, where FAISS gives a score."""


@dataclass(frozen=True, eq=False)
class Structure:
    """A trained structure that holds vectors by place; may be searched by many threads."""

    inner: Any
    """Of FAISS."""
    probed: int = 0
    """Lists that are looked into; 0 for a graph."""

    def nearest(
        self, points: np.ndarray, count: int, among: np.ndarray | None = None, *, all_lists: bool = False
    ) -> tuple[np.ndarray, np.ndarray]:
        """Places, (m, count) int64 with −1 where there is none, and estimated distances, (m, count), of points (m, d).

        ``among`` says which places count, (places,) bool; None is all. The fewer they are, the more is looked into.
        """
        faiss = _faiss()

        share = 1.0 if among is None else max(1, int(among.sum())) / len(among)
        chosen = None if among is None else faiss.IDSelectorBitmap(np.packbits(among, bitorder="little"))
        if self.probed:
            lists = self.inner.nlist if all_lists else min(self.inner.nlist, math.ceil(self.probed / share))
            parameters = faiss.SearchParametersIVF(nprobe=lists, sel=chosen)
        else:
            breadth = math.ceil(max(BREADTH, 2 * count) / share)
            parameters = faiss.SearchParametersHNSW(efSearch=breadth, sel=chosen)
        distances, places = self.inner.search(np.ascontiguousarray(points), count, params=parameters)
        return places, distances

    @property
    def nbytes(self) -> int:
        """Bytes in memory."""
        if self.probed:
            total = 0

            def count(data: bytes) -> None:
                nonlocal total
                total += len(data)

            self.write(count)
            return total
        links = self.inner.hnsw
        return int(4 * self.inner.d * self.inner.ntotal + 4 * links.neighbors.size() + 12 * self.inner.ntotal)

    def write(self, out: Callable[[bytes], object]) -> None:
        """Give all bytes of it, piece by piece."""
        faiss = _faiss()

        def piece(data: bytes) -> int:
            out(data)
            return len(data)

        writer = faiss.PyCallbackIOWriter(piece)
        faiss.write_index(self.inner, writer)


def _faiss() -> Any:  # noqa: ANN401 - its stubs lack what its documentation has
    import faiss

    return faiss


def flat(vectors: np.ndarray, metric: str) -> bytes:
    """All vectors, (n, d) float32, as a file of FAISS that searches exactly; as ``space.straight`` has them.

    A query is to be made straight likewise. ``SCORES`` says how its scores become distances.
    """
    faiss = _faiss()
    name, power = _FAISS[metric]
    index = faiss.IndexFlat(vectors.shape[1], getattr(faiss, name))
    index.metric_arg = power
    index.add(space.straight(vectors, metric))
    return bytes(faiss.serialize_index(index).tobytes())


def read(data: bytes, probed: int) -> Structure:
    """What ``write`` gave; only for bytes whose digest was checked: FAISS believes damaged ones."""
    faiss = _faiss()

    return Structure(faiss.deserialize_index(np.frombuffer(data, np.uint8)), probed)


def built(
    recipe: str, metric: str, dimension: int, train: np.ndarray, vectors: Iterable[np.ndarray], count: int
) -> Structure:
    """The structure of a recipe over ``count`` ready vectors, that come in pieces (n, d); ``train`` is some of them."""
    made = {"hnsw": _graph, "pca-ivf": _lists, "rabitq": _signs, "pq": _quantised}[recipe](metric, dimension, count)
    if made.probed:
        _settle_clustering(made.inner)
        made.inner.train(train)
    for piece in vectors:
        made.inner.add(piece)
    return made


def centroids(count: int) -> int:
    """How many lists hold ``count`` vectors."""
    return max(1, min(round(math.sqrt(count)), count // 40))


def training(recipe: str, count: int) -> int:
    """How many vectors the lists are trained with."""
    return {"pq": 65_536, "rabitq": _TRAINED * centroids(count), "pca-ivf": _TRAINED * centroids(count)}.get(recipe, 0)


def _settle_clustering(inner: Any) -> None:  # noqa: ANN401 - a class of FAISS
    inner.cp.seed, inner.cp.niter, inner.cp.min_points_per_centroid = space.SEED, 10, 1


def _graph(metric: str, dimension: int, _: int) -> Structure:
    faiss = _faiss()

    kind, power = _FAISS[metric]
    graph = faiss.IndexHNSWFlat(dimension, NEIGHBOURS, getattr(faiss, kind))
    graph.metric_arg = graph.storage.metric_arg = power
    graph.hnsw.efConstruction = BUILD
    return Structure(graph)


def _lists(_: str, dimension: int, count: int) -> Structure:
    faiss = _faiss()

    coarse = faiss.IndexFlatL2(dimension)
    kind = faiss.ScalarQuantizer.QT_8bit
    return Structure(faiss.IndexIVFScalarQuantizer(coarse, dimension, centroids(count), kind), PROBED)


def _signs(_: str, dimension: int, count: int) -> Structure:
    faiss = _faiss()

    coarse = faiss.IndexFlatL2(dimension)
    return Structure(faiss.IndexIVFRaBitQFastScan(coarse, dimension, centroids(count)), PROBED_SIGNS)


def _quantised(_: str, dimension: int, count: int) -> Structure:
    faiss = _faiss()

    coarse = faiss.IndexFlatL2(dimension)
    bits = min(8, int(math.log2(count)))
    lists = min(PQ_LISTS, centroids(count))
    made = faiss.IndexIVFPQ(coarse, dimension, lists, PQ_PARTS, bits)
    made.pq.cp.seed, made.pq.cp.niter, made.pq.cp.min_points_per_centroid = space.SEED, 15, 1
    return Structure(made, PROBED_PQ)
