"""What each index recipe finds and costs, on synthetic features of two sizes, beside other libraries in the same run.

    python -m benchmarks.indices [--small] [--only 40504 1000000] [--queries 500]

The features have 48 latent dimensions: 101 classes, each a cloud, and some noise in every dimension; cosine distance.
They lie in a file and are mapped, as those of a large dataset are. Queries are drawn afresh: no index has seen them.
Times are of one thread, but for building. "Alone" is an index that answers without the features, by its own estimates.
hnswlib and usearch, where they are installed, hold all features in memory, as HNSW does. ``--small`` is a trial of the
benchmark itself: its figures mean nothing.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np

from benchmarks import index_libraries, needs
from semsearch.indices import folders, index, lab
from semsearch.indices.index import Index
from semsearch.ranking import metrics
from semsearch.ranking.sums import Prepared
from semsearch.settings import cores

METRIC, LATENT, CLASSES, PIECE, K = "cosine", 48, 101, 20_000, 10
HEAD = (
    "index",
    "recall@10",
    "5 % below",
    "least",
    "ms, one",
    "ms, many",
    "build s",
    "audit s",
    "lost",
    "memory MB",
    "disk MB",
)
MB = 1e6


@dataclass(frozen=True)
class World:
    """Features to index, and what must hold: (title, row, measure of it, bound, whether more is better)."""

    count: int
    dimension: int
    recipes: tuple[str, ...]
    targets: tuple[tuple[str, str, str, float], ...]
    """(what it says, row, field, bound): recall and low at least, all else at most."""


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    name: str
    recall: float
    low: float
    least: float
    single: float
    batched: float
    built: float
    audited: float
    lost: int
    memory: float
    disk: float

    def cells(self) -> list[str]:
        """As they are printed."""
        shares = [f"{value:.3f}" for value in (self.recall, self.low, self.least)]
        times = [f"{self.single:.2f}", f"{self.batched:.2f}", f"{self.built:.1f}", f"{self.audited:.1f}"]
        return [self.name, *shares, *times, f"{self.lost:,}", f"{self.memory:,.1f}", f"{self.disk:,.1f}"]


LARGE = (
    World(
        40_504,
        4_096,
        ("exact", "pca-ivf", "rabitq", "pq", "hnsw"),
        (
            ("recall@10 ≥ 0.99", "pca-ivf", "recall", 0.99),
            ("its 5th percentile ≥ 0.9", "pca-ivf", "low", 0.9),
            ("≤ 0.5 ms a query", "pca-ivf", "single", 0.5),
            ("built in ≤ 5 s", "pca-ivf", "built", 5),
            ("≤ 8 MB in memory", "pca-ivf", "memory", 8),
            ("every one finds itself: not found", "pca-ivf found again", "lost", 0),
            ("alone, recall@10 ≥ 0.85", "pca-ivf alone", "recall", 0.85),
            ("alone, ≤ 5 MB", "pca-ivf alone", "memory", 5),
        ),
    ),
    World(
        1_000_000,
        256,
        ("pca-ivf", "rabitq", "pq"),
        (
            ("recall@10 ≥ 0.98", "pca-ivf", "recall", 0.98),
            ("≤ 1 ms a query", "pca-ivf", "single", 1),
            ("built in ≤ 60 s", "pca-ivf", "built", 60),
            ("≤ 300 MB in memory", "pca-ivf", "memory", 300),
        ),
    ),
)
SMALL = (World(3_000, 128, ("exact", "pca-ivf", "rabitq", "pq", "hnsw"), LARGE[0].targets),)


def drawn(count: int, dimension: int, seed: int) -> Iterator[np.ndarray]:
    """Features, (count, dimension) float32 in pieces; all seeds draw from the same classes."""
    fixed = np.random.default_rng(0)
    centres = fixed.normal(size=(CLASSES, LATENT)).astype(np.float32)
    mix = (fixed.normal(size=(LATENT, dimension)) / LATENT**0.5).astype(np.float32)
    rng = np.random.default_rng(seed)
    for start in range(0, count, PIECE):
        n = min(PIECE, count - start)
        hidden = centres[rng.integers(0, CLASSES, n)] + rng.standard_normal((n, LATENT), np.float32)
        yield np.asarray(hidden @ mix + np.float32(0.1) * rng.standard_normal((n, dimension), np.float32))


def features(world: World, folder: Path) -> np.ndarray:
    """Those of a world, mapped from a file."""
    path, shape = folder / "features.f32", (world.count, world.dimension)
    with path.open("wb") as out:
        for piece in drawn(*shape, seed=1):
            out.write(piece.data)
    return np.memmap(path, np.float32, "r", shape=shape)


def ours(world: World, vectors: np.ndarray, queries: np.ndarray, truth: np.ndarray) -> Iterator[Row]:
    """The recipes; PQ without its side list too, as it would be elsewhere, and PCA + IVF by itself."""
    ready = metrics.prepared(vectors, METRIC)
    for name in world.recipes:
        start = time.perf_counter()
        bare = index.structured(vectors, METRIC, name)
        built = time.perf_counter() - start
        made = index.audited(bare, vectors)
        audited = time.perf_counter() - start - built
        if name == "pq":
            yield row("pq, no side list", bare, ready, queries, truth, built, 0.0)
        yield row(name, made, ready, queries, truth, built, audited)
        if name == "pca-ivf":
            yield row("pca-ivf alone", bare, None, queries, truth, built, 0.0, measured_with=vectors)
            yield again(made, vectors)


def row(
    name: str,
    made: Index,
    vectors: Prepared | None,
    queries: np.ndarray,
    truth: np.ndarray,
    built: float,
    audited: float,
    *,
    measured_with: np.ndarray | None = None,
) -> Row:
    """What an index finds and costs; ``measured_with`` the features, where it answers without them."""
    some = queries if made.structure else queries[:5]  # exact search takes long
    ids, near = made.search(some, K, vectors)
    if measured_with is not None:
        near = true_distances(ids, measured_with, some)
    found = lab.recall(near, truth[: len(some)])
    single, batched = lab.times(made, some, vectors)
    shares = (float(found.mean()), float(np.percentile(found, 5)), float(found.min()))
    weights = (made.memory / MB, folders.size(made) / MB)
    return Row(name, *shares, single, batched, built, audited, len(made.side), *weights)


def again(made: Index, vectors: np.ndarray) -> Row:
    """Every vector searched for, one by one, as a user would: how many are not their own first match."""
    start, lost = time.perf_counter(), 0
    for place in range(0, made.count, 1_000):
        points = np.asarray(vectors[place : place + 1_000])
        ids, _ = made.search(points, 1, vectors)
        lost += int((ids[:, 0] != np.arange(place, place + len(points))).sum())
    took = 1000 * (time.perf_counter() - start) / made.count
    share = 1 - lost / made.count
    return Row("pca-ivf found again", share, share, share, took, took, 0, 0, lost, 0, 0)


def true_distances(ids: np.ndarray, vectors: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """Distances of the rows that were named, (m, k), rising."""
    rows = [
        metrics.distances(query[None], vectors[named], METRIC)[0] for query, named in zip(queries, ids, strict=True)
    ]
    return np.sort(np.array(rows), axis=1)


def others(vectors: np.ndarray, queries: np.ndarray, truth: np.ndarray) -> Iterator[Row]:
    """FAISS' own flat index, hnswlib and usearch, each as its documentation begins with."""
    for name, make in index_libraries.LIBRARIES.items():
        start = time.perf_counter()
        try:
            search, size = make(vectors, K)
        except ImportError:
            print(f"| {name} is not installed: pip install {name}, for which hnswlib needs a C++ compiler |")
            continue
        built = time.perf_counter() - start
        search(queries[:1])
        took, named = [], []
        for query in queries:
            start = time.perf_counter()
            named.append(search(query[None])[0])
            took.append(time.perf_counter() - start)
        start = time.perf_counter()
        search(queries)
        batched = (time.perf_counter() - start) / len(queries)
        found = lab.recall(true_distances(np.array(named, np.int64), vectors, queries), truth)
        shares = (float(found.mean()), float(np.percentile(found, 5)), float(found.min()))
        yield Row(name, *shares, 1000 * float(np.median(took)), 1000 * batched, built, 0, 0, size / MB, size / MB)


def measure(world: World, queries: int) -> int:
    """Print the table of one world, and its targets; how many were missed."""
    print(f"\n{world.count:,} × {world.dimension:,}, {queries} fresh queries, {METRIC}")
    with tempfile.TemporaryDirectory() as folder:
        vectors = features(world, Path(folder))
        points = np.concatenate(list(drawn(queries, world.dimension, seed=2)))
        truth = lab.truth(points, vectors, METRIC, K)
        print("\n| " + " | ".join(HEAD) + " |\n|" + "---|" * len(HEAD))
        rows = {}
        for line in chain(ours(world, vectors, points, truth), others(vectors, points, truth)):
            rows[line.name] = line
            print("| " + " | ".join(line.cells()) + " |", flush=True)
    print()
    return sum(not told(target, rows) for target in world.targets)


def told(target: tuple[str, str, str, float], rows: dict[str, Row]) -> bool:
    """Print whether a target is met, and say so."""
    words, name, field, bound = target
    value = getattr(rows[name], field)
    met = value >= bound if field in ("recall", "low") else value <= bound
    print(f"{name}: {words}: {value:.4g}, {'met' if met else 'MISSED'}")
    return bool(met)


def main() -> int:
    """Measure all sizes asked for; 1 when a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--only", type=int, nargs="+", metavar="COUNT", help="numbers of vectors; default: all")
    parser.add_argument("--queries", type=int, default=500)
    given = parser.parse_args()
    print(f"{cores()} cores, load {os.getloadavg()[0]:.1f} at the start")
    worlds = SMALL if given.small else [world for world in LARGE if not given.only or world.count in given.only]
    missed = sum(measure(world, given.queries) for world in worlds)
    print(f"\nload {os.getloadavg()[0]:.1f} at the end")
    return 0 if given.small else int(missed > 0)


if __name__ == "__main__":
    needs.run(main)
