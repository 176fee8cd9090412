"""The metrics on offer: distances between vectors, similarity, and rank.

Smaller is nearer, for every metric. Sums run in float64 over chunks of columns, so memory stays bounded
and results agree with scikit-learn's on float64 copies; answers are rounded to float32 once.

- Equal vectors are at distance 0 exactly, and near-duplicates keep their true order: pairs so close
  that a dot product would cancel are computed again from their differences.
- A zero vector has no direction, a constant vector no correlation: its cosine, respectively correlation,
  distance to every other item is 1, equal ones included (scikit-learn's rule for cosine; for correlation
  it gives NaN). ``pairwise`` still puts 0 on the diagonal.
- NaN or infinity in the features, or a distance too large for float32, raises InputError.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from semsearch.errors import InputError, UnknownName
from semsearch.ranking.sums import Prepared, all_gaps, from_gaps, from_products, products, slices


@dataclass(frozen=True)
class Metric:
    """One way to measure how far apart two vectors x and y of d numbers are."""

    name: str
    title: str
    formula: str
    meaning: str


METRICS = MappingProxyType(
    {
        name: Metric(name, *words)
        for name, *words in (
            ("cosine", "Cosine", "1 − x·y / (|x| |y|)", "The angle between the vectors; their lengths do not count."),
            ("euclidean", "Euclidean", "√ Σ (xᵢ − yᵢ)²", "Straight-line distance; large differences count more."),
            ("manhattan", "Manhattan", "Σ |xᵢ − yᵢ|", "The sum of all differences; each counts the same."),
            ("minkowski3", "Minkowski p = 3", "(Σ |xᵢ − yᵢ|³)^⅓", "Between Euclidean and Chebyshev."),
            ("chebyshev", "Chebyshev", "max |xᵢ − yᵢ|", "Only the largest difference counts."),
            ("correlation", "Correlation", "cosine of x − mean(x) and y − mean(y)", "Cosine after removing each mean."),
        )
    }
)
"""The metrics on offer, by name; no two rank alike in general."""

SAME_RANKING = MappingProxyType({"sqeuclidean": "euclidean"})
"""Names that ``distances`` also accepts, and the metric that ranks exactly alike: squaring keeps the order."""

_DOT = ("cosine", "euclidean", "correlation")
LEAST = 2.0**-15
"""The typical distance of a gallery as a share of its largest, at the least: float16 counts up to twice as far."""
READY = 16_000_000
_ROWS = 4_000_000
"""Distances that are sorted at a time."""


def prepared(gallery: np.ndarray, metric: str) -> Prepared:
    """A gallery, (n, d), as ``distances`` takes it for many queries of one metric; raises as that does.

    A metric made of products keeps float64 vectors of up to READY numbers: a query then costs a product, no more.
    """
    name = _known(metric)
    vectors = _vectors("gallery", gallery, name)
    if name not in _DOT or vectors.values.size > READY:
        return vectors
    shifted = vectors.values - vectors.shift[:, None]
    return Prepared(name, vectors.values, vectors.shift, (np.einsum("ij,ij->i", shifted, shifted), shifted))


def distances(queries: np.ndarray, gallery: np.ndarray | Prepared, metric: str) -> np.ndarray:
    """Distances of each query to each gallery item, (m, n) float32; numpy only.

    ``queries`` is (m, d), ``gallery`` (n, d), real numbers, float32 as a rule, or ``prepared`` for the same metric.
    ``metric`` is a name of METRICS or SAME_RANKING (``sqeuclidean`` gives squares), else UnknownName. InputError for
    other shapes and for NaN or infinity.
    """
    name = _known(metric)
    left = _vectors("queries", queries, name)
    right = gallery if isinstance(gallery, Prepared) else _vectors("gallery", gallery, name)
    if right.metric != name:
        raise InputError(f"expected a gallery prepared for {name}, got one for {right.metric}")
    if left.values.shape[1] != right.values.shape[1]:
        raise InputError(f"queries {left.values.shape} and gallery {right.values.shape} differ in columns")
    dot = name in _DOT
    result = from_products(left, right, products(left, right), name) if dot else from_gaps(left, right, name)
    return _rounded(result**2 if metric == "sqeuclidean" else result)


def pairwise(features: np.ndarray, metrics: Iterable[str]) -> dict[str, np.ndarray]:
    """Distances between all items, by metric: (n, n) float32, symmetric, zero on the diagonal.

    ``features`` is (n, d), an array or a memory map, read in column chunks with about 150 MB beside it.
    ``metrics`` are names of METRICS, else UnknownName. Agrees with ``distances`` to 1e-6 relative. The
    number of threads does not change a bit: matrix products run on one (many BLAS threads stall on a
    busy machine), the metrics without one are compiled at the first call (numba) and run on all.
    """
    centred = _vectors("features", features, "correlation")
    upper = {name: np.triu(values, 1) for name, values in _crosswise(centred, centred, metrics).items()}
    return {name: values + values.T for name, values in upper.items()}


def crosswise(queries: np.ndarray, gallery: np.ndarray, metrics: Iterable[str]) -> dict[str, np.ndarray]:
    """Distances of each query to each gallery item, by metric: (m, n) float32, all metrics in one go.

    As ``distances``, to 1e-6 relative, compiled and on all threads as ``pairwise``, which raises likewise.
    """
    left, right = _vectors("queries", queries, "correlation"), _vectors("gallery", gallery, "correlation")
    return _crosswise(left, right, metrics)


def _crosswise(left: Prepared, right: Prepared, metrics: Iterable[str]) -> dict[str, np.ndarray]:
    """Of vectors prepared for correlation; where both are one, only pairs i < j hold."""
    from threadpoolctl import threadpool_limits

    names = list(dict.fromkeys(metrics))
    if unknown := [name for name in names if name not in METRICS]:
        raise UnknownName("metric", unknown[0], METRICS)
    plain = [Prepared("euclidean", side.values, 0 * side.shift) for side in (left, right)]
    a, b = (plain[0], plain[0]) if left is right else plain
    by_metric: dict[str, np.ndarray] = {}
    for sides, group in (((a, b), ("cosine", "euclidean")), ((left, right), ("correlation",))):
        if computed := [name for name in names if name in group]:
            with threadpool_limits(1, user_api="blas"):
                cross = products(*sides)
            by_metric |= {name: from_products(*sides, cross, name) for name in computed}
    if set(names) - set(_DOT):
        by_metric |= all_gaps(a.values, b.values)
    return {name: _rounded(by_metric[name]) for name in names}


def scale(distances: np.ndarray) -> float:
    """The typical distance of a gallery: ``typical`` of its pairs of different items.

    ``distances`` is (n, n), symmetric, as ``pairwise`` gives. 1.0 when there is no pair (n < 2).
    """
    distances = np.asarray(distances)
    if distances.ndim != 2 or distances.shape[0] != distances.shape[1]:
        raise InputError(f"expected the (n, n) distances of a gallery, got shape {distances.shape}")
    n = len(distances)
    return typical(distances.ravel()[:-1].reshape(n - 1, n + 1)[:, 1:]) if n > 1 else 1.0


def typical(distances: np.ndarray) -> float:
    """The median of at least one distance, as float32 holds it, but no less than LEAST of the largest of them.

    Among copies of one picture and a few others the median is 0 or near it: in units of that the others are farther
    than any number. 0 when all distances are (all but) 0. InputError for NaN and infinity.
    """
    flat = np.asarray(distances).ravel()
    middle = [(len(flat) - 1) // 2, len(flat) // 2]
    ordered = np.partition(flat, [*middle, len(flat) - 1])
    largest = float(ordered[-1])
    if not np.isfinite(largest):
        raise InputError(f"expected finite distances, got {largest} among them")
    median = sum(float(ordered[place]) / 2 for place in middle)
    return float(np.float32(max(median, LEAST * largest)))


def rank(distances: np.ndarray, k: int, *, exclude: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest of each row: ids (m, k') int32 and their distances (m, k') float32, nearest first.

    An id is a column number; equal distances rank by id. ``exclude``, (m,) int, is left out of each row: the
    query itself. k' = min(k, n), with ``exclude`` min(k, n − 1). InputError for k < 1, NaN and unknown ids.
    """
    distances = np.asarray(distances, dtype=np.float32)
    if distances.ndim != 2 or k < 1 or np.isnan(distances).any():
        raise InputError(f"expected (m, n) distances without NaN and k of at least 1, got {distances.shape}, k = {k}")
    m, n = distances.shape
    count = min(k, n if exclude is None else n - 1)
    if exclude is not None:
        exclude = np.asarray(exclude)
        if exclude.shape != (m,) or not np.isin(exclude, np.arange(n)).all():
            raise InputError(f"expected an id of 0 … {n - 1} to exclude for each of {m} rows, got {exclude!r}")
    ids = np.empty((m, max(0, count)), dtype=np.int32)
    for rows in slices(m, _ROWS // max(1, n)):
        order = np.argsort(distances[rows], axis=1, kind="stable")
        if exclude is not None:
            order = order[order != exclude[rows, None]].reshape(len(order), n - 1)
        ids[rows] = order[:, :count]
    return ids, np.take_along_axis(distances, ids, axis=1)


def _known(metric: str) -> str:
    name = SAME_RANKING.get(metric, metric)
    if name not in METRICS:
        raise UnknownName("metric", metric, (*METRICS, *SAME_RANKING))
    return name


def _rounded(values: np.ndarray) -> np.ndarray:
    if values.size and not values.max() <= np.finfo(np.float32).max:
        raise InputError(f"a distance of {values.max():g} is beyond float32; expected features of moderate size")
    return values.astype(np.float32)


def _vectors(what: str, values: np.ndarray, metric: str) -> Prepared:
    values = np.asarray(values)
    if values.ndim != 2 or values.shape[1] == 0 or values.dtype.kind not in "fiu":
        raise InputError(f"{what}: expected (items, d) real numbers, d > 0; got {values.shape} {values.dtype}")
    with np.errstate(invalid="ignore"):
        means = values.mean(axis=1, dtype=np.float64)
    if not np.isfinite(means).all():
        raise InputError(f"{what}: row {np.isfinite(means).argmin()} holds NaN or infinity; expected finite numbers")
    return Prepared(metric, values, means if metric == "correlation" else 0 * means)
