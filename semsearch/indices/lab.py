"""What each recipe is worth on given vectors: how much it finds, and what that costs.

Queries are held out: the index has never seen them. The worst queries count as much as the mean, for nobody searches on
average; and searches within a part of the rows are measured beside those in all, for there an index fails first.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from semsearch.errors import InputError
from semsearch.indices import folders, index, nearest, recipes, space
from semsearch.indices.index import Index
from semsearch.ranking import metrics
from semsearch.ranking.sums import Prepared

CUTS = (1, 10, 100)
SHARES = (1.0, 0.1, 0.01)
"""Parts of the rows among which is searched."""
QUERIES, SHORTEST = 200, 60
"""Queries that are held out, at most; and vectors that it takes to measure anything."""
K = 10
"""What is asked for when time is taken, and in a part of the rows."""
_SPARE = 50
_SLOW = 5
"""Queries that exact search is timed with where it takes long."""
_ROUNDING = 1e-6
Progress = Callable[[int, int], None]
"""Called with recipes done and their number; raises Cancelled where no more is wanted."""


@dataclass(frozen=True)
class Recall:
    """The share of the true k nearest that were found, over all queries."""

    mean: float
    low: float
    """5th percentile: one query in twenty has less."""
    least: float


@dataclass(frozen=True)
class Measured:
    """One recipe."""

    recipe: str
    recall: dict[int, Recall]
    """By k of CUTS that there are rows for."""
    filtered: dict[float, Recall]
    """By share of SHARES: of the 10 nearest within a seeded part of the rows."""
    single: float
    """Milliseconds of one query by itself, the median; one thread."""
    batched: float
    """Milliseconds of a query among all, asked for together; one thread."""
    built: float
    """Seconds, all threads."""
    audited: float
    """Seconds that it took to look for every vector."""
    lost: int
    """Vectors that did not find themselves; they are on the side list."""
    memory: int
    """Bytes in memory."""
    disk: int
    """Bytes on disk, the features not among them."""


@dataclass(frozen=True)
class Report:
    """All recipes that can do the metric."""

    metric: str
    count: int
    dimension: int
    queries: int
    rows: tuple[Measured, ...]
    refused: dict[str, str]
    """Why other recipes were not measured, by name."""


def held_out(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Vectors to index, and seeded queries that are not among them: a tenth, at most QUERIES.

    InputError below SHORTEST vectors.
    """
    if len(vectors) < SHORTEST:
        raise InputError(f"expected at least {SHORTEST} pictures to measure an index with, got {len(vectors)}")
    chosen = np.random.default_rng(space.SEED).choice(len(vectors), min(QUERIES, len(vectors) // 10), replace=False)
    return np.delete(vectors, chosen, axis=0), np.array(vectors[np.sort(chosen)])


def measure(
    vectors: np.ndarray,
    queries: np.ndarray,
    metric: str,
    *,
    names: Sequence[str] = tuple(recipes.RECIPES),
    progress: Progress | None = None,
) -> Report:
    """Measure recipes over vectors, (n, d) float32, with queries, (m, d), that are not among them.

    ``progress`` is called between the parts of the work with what is done and all there is; what it raises ends it.
    """
    told = progress or (lambda done, total: None)
    refused = {name: reason for name in names if (reason := _refusal(name, metric))}
    able = [name for name in names if name not in refused]
    told(0, len(able) + 1)
    ready = metrics.prepared(vectors, metric)
    parts = {share: _part(len(vectors), share) for share in SHARES}
    truths = {share: truth(queries, ready.values, metric, CUTS[-1], among=part) for share, part in parts.items()}
    rows = []
    for number, name in enumerate(able, 1):
        told(number, len(able) + 1)
        rows.append(_measured(name, ready, queries, metric, parts, truths))
    told(len(able) + 1, len(able) + 1)
    return Report(metric, len(vectors), vectors.shape[1], len(queries), tuple(rows), refused)


def frontier(rows: Sequence[Measured]) -> list[Measured]:
    """Those that no other equals or beats in recall@10, latency and memory at once, the quickest first."""

    def costs(row: Measured) -> tuple[float, float, float]:
        return -row.recall[K].mean, row.single, row.memory

    def beaten(row: Measured) -> bool:
        return any(
            costs(other) != costs(row) and all(a <= b for a, b in zip(costs(other), costs(row), strict=True))
            for other in rows
        )

    return sorted((row for row in rows if not beaten(row)), key=lambda row: row.single)


def best(
    rows: Sequence[Measured], *, memory: float | None = None, milliseconds: float | None = None
) -> Measured | None:
    """The one to take within a budget, of bytes and of milliseconds for a query; None where none is within it.

    It misses least: the largest 5th percentile of recall@10 counts, to a hundredth, then the mean, to a hundredth, then
    the time.
    """
    able = [
        row
        for row in rows
        if (memory is None or row.memory <= memory) and (milliseconds is None or row.single <= milliseconds)
    ]
    return max(
        able, key=lambda row: (round(row.recall[K].low, 2), round(row.recall[K].mean, 2), -row.single), default=None
    )


def recall(found: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """The share of the true nearest that each query found, (m,), by distances found and true, both (m, k) and rising.

    What is as near as the last true one counts: of equally near ones any will do.
    """
    limit = truth[:, -1:] * (1 + _ROUNDING)
    return np.asarray((found <= limit).sum(axis=1) / truth.shape[1])


def truth(
    queries: np.ndarray, vectors: np.ndarray, metric: str, k: int, *, among: np.ndarray | None = None
) -> np.ndarray:
    """Distances of the k nearest of each query, (m, k') float32, rising; ``among`` rows that rise, None is all.

    Piece by piece, so that a million vectors are gone through in seconds and within little memory: what float32 finds
    nearest, and _SPARE more, is measured exactly.
    """
    rows = np.arange(len(vectors)) if among is None else among
    near: np.ndarray = np.empty((len(queries), 0), np.float32)
    ids: np.ndarray = np.empty((len(queries), 0), np.int64)
    for piece in space.pieces(len(rows), vectors.shape[1]):
        some = vectors[rows[piece]]
        near = np.hstack([near, _rough(queries, some, metric)])
        ids = np.hstack([ids, np.broadcast_to(rows[piece], (len(queries), len(some)))])
        if near.shape[1] > k + _SPARE:
            kept = np.argpartition(near, k + _SPARE, axis=1)[:, : k + _SPARE]
            near, ids = (np.take_along_axis(part, kept, axis=1) for part in (near, ids))
    measured = [
        nearest.nearest(query, vectors[np.sort(found)], k, metric)[1] for query, found in zip(queries, ids, strict=True)
    ]
    return np.array(measured)


def _rough(queries: np.ndarray, vectors: np.ndarray, metric: str) -> np.ndarray:
    """What orders vectors, (n, d), as their distance from each query does, (m, n) float32."""
    if metric not in recipes.PRODUCTS:
        return metrics.distances(queries, vectors, metric)
    left, right = space.straight(queries, metric), space.straight(vectors, metric)
    products = left @ right.T
    if metric in space.DIRECTIONS:
        return np.asarray(-products)
    return np.asarray(np.einsum("ij,ij->i", right, right) - 2 * products)


def _refusal(name: str, metric: str) -> str:
    try:
        recipes.check(name, metric)
    except InputError as error:
        return str(error)
    return ""


def _part(count: int, share: float) -> np.ndarray | None:
    """Seeded rows, rising; None for all."""
    return None if share == 1 else space.sample(count, max(1, round(count * share)))


def _measured(
    name: str,
    ready: Prepared,
    queries: np.ndarray,
    metric: str,
    parts: dict[float, np.ndarray | None],
    truths: dict[float, np.ndarray],
) -> Measured:
    vectors = ready.values
    start = time.perf_counter()
    made = index.structured(vectors, metric, name)
    built = time.perf_counter() - start
    made = index.audited(made, vectors)
    audited = time.perf_counter() - start - built
    if name == "exact" and ready.ready is None:
        queries, truths = queries[:_SLOW], {share: truth[:_SLOW] for share, truth in truths.items()}
    whole = truths[1.0]
    cuts = [k for k in CUTS if k <= whole.shape[1]]
    found = {k: made.search(queries, k, ready)[1] for k in cuts}
    within = {
        share: recall(made.search(queries, min(K, truth.shape[1]), ready, allowed=parts[share])[1], truth[:, :K])
        for share, truth in truths.items()
    }
    single, batched = times(made, queries, ready)
    return Measured(
        name,
        {k: _summary(recall(found[k], whole[:, :k])) for k in cuts},
        {share: _summary(values) for share, values in within.items()},
        single,
        batched,
        built,
        audited,
        len(made.side),
        made.memory,
        folders.size(made),
    )


def times(made: Index, queries: np.ndarray, vectors: np.ndarray | Prepared | None, k: int = K) -> tuple[float, float]:
    """Milliseconds of a query by itself, the median, and of one among all; on one thread."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        made.search(queries[:1], k, vectors)
        took = []
        for query in queries:
            start = time.perf_counter()
            made.search(query[None], k, vectors)
            took.append(time.perf_counter() - start)
        start = time.perf_counter()
        made.search(queries, k, vectors)
        together = time.perf_counter() - start
    return 1000 * float(np.median(took)), 1000 * together / len(queries)


def _summary(values: np.ndarray) -> Recall:
    return Recall(float(values.mean()), float(np.percentile(values, 5)), float(values.min()))
