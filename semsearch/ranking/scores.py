"""How well a ranking agrees with the labels: the numbers of one query, of a dataset, and their uncertainty.

Rankings come without the query itself, nearest first. ``hits`` is (m, k') bool: match i of query q has the
class of q. k' is the number of ranks there are, min(k, items − 1): with fewer than k, every number is of
those ranks alone and nothing is padded. An undefined number is NaN (never 0), and means leave it out:

- published score and precision when there is no match at all (k' = 0);
- recall and average precision of a query whose class has no other member.
"""

from dataclasses import dataclass

import numpy as np

from semsearch.errors import InputError

PUBLISHED_K = 15
"""Number of matches that the published score looks at."""


@dataclass(frozen=True)
class Interval:
    """A mean and its percentile bootstrap confidence interval."""

    mean: float
    low: float
    high: float
    level: float
    """Confidence, 0.95 for 95 %."""
    count: int
    """Values behind the mean: those that are defined."""


@dataclass(frozen=True)
class Difference:
    """The mean difference a − b of two experiments over the same queries, with its interval."""

    interval: Interval
    a_better: float
    """Share of resamples in which a is ahead, draws counted half; 0.5 is no evidence, NaN is no data."""


def hits(query_labels: np.ndarray, match_labels: np.ndarray) -> np.ndarray:
    """Which matches have the class of their query, (m, k') bool, from labels (m,) and (m, k') int."""
    query_labels, match_labels = _labels(query_labels, match_labels)
    return np.asarray(match_labels == query_labels[:, None])


def relevant(labels: np.ndarray) -> np.ndarray:
    """How many other items have the class of each item, (n,) int64: 0 for a class with a single member."""
    labels = np.asarray(labels)
    if labels.ndim != 1:
        raise InputError(f"expected labels (n,), got shape {labels.shape}")
    _, classes, members = np.unique(labels, return_inverse=True, return_counts=True)
    return np.asarray(members[classes] - 1, dtype=np.int64)


def published_score(hits: np.ndarray) -> np.ndarray:
    """The rank-weighted class agreement of the published experiments, (m,) float64 in 0 … 100.

    100 · Σ wᵢ · hitᵢ / Σ wᵢ with wᵢ = (k' − i) / k' for i = 0 … k' − 1: the first match weighs most. The
    published k is 15, so pass (m, 15). The score of a dataset is the mean with every item as the query.
    """
    hits = _hits(hits)
    weights = np.arange(hits.shape[1], 0, -1, dtype=np.float64)
    return 100 * _share(hits @ weights, weights.sum())


def count(hits: np.ndarray) -> np.ndarray:
    """Matches of the right class, (m,) int64: the n of "n of k'"."""
    return np.asarray(_hits(hits).sum(axis=1, dtype=np.int64))


def precision(hits: np.ndarray) -> np.ndarray:
    """Precision@k: share of the k' matches that have the class of the query, (m,) float64."""
    return _share(count(hits), _hits(hits).shape[1])


def recall(hits: np.ndarray, relevant: np.ndarray) -> np.ndarray:
    """Recall@k: share of the ``relevant`` (m,) other items of the class that are among the matches, (m,) float64.

    At most k' / relevant: with 20 per class and k = 15 it cannot exceed 15/19.
    """
    return _share(count(hits), _relevant(hits, relevant))


def average_precision(hits: np.ndarray, relevant: np.ndarray) -> np.ndarray:
    """Mean of the precision at each rank that holds a hit, (m,) float64: the area under precision over recall.

    ``hits`` is the ranking of all other items, (m, n − 1). The sum is divided by ``relevant`` (m,), so on a
    ranking cut short the hits beyond the cut count as never found.
    """
    of_class = _relevant(hits, relevant)
    hits = _hits(hits)
    at_rank = np.cumsum(hits, axis=1) / np.arange(1, hits.shape[1] + 1)
    return _share(np.where(hits, at_rank, 0).sum(axis=1), of_class)


def mean(values: np.ndarray) -> float:
    """The mean of the defined values, NaN if there is none; of average precisions it is the mAP."""
    defined = _defined(values)
    return float(defined.mean()) if len(defined) else float("nan")


def class_means(values: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """The mean of the defined ``values`` (m,) of each class, (classes,) float64; NaN where there is none."""
    values = np.asarray(values, dtype=np.float64)
    labels = _classes(labels, classes)
    if values.shape != labels.shape or values.ndim != 1:
        raise InputError(f"expected values (m,) and labels (m,), got shapes {values.shape} and {labels.shape}")
    defined = ~np.isnan(values)
    totals = np.bincount(labels[defined], weights=values[defined], minlength=classes)
    return _share(totals, np.bincount(labels[defined], minlength=classes))


def confusion(query_labels: np.ndarray, match_labels: np.ndarray, classes: int) -> np.ndarray:
    """What each class finds, (classes, classes) float64: share of the matches of row's queries that are of column.

    From labels (m,) and (m, k') int in 0 … classes − 1. A row sums to 1; it is NaN for a class without matches.
    """
    query_labels, match_labels = _labels(_classes(query_labels, classes), _classes(match_labels, classes))
    cells = query_labels[:, None] * classes + match_labels
    table = np.bincount(cells.ravel(), minlength=classes * classes).reshape(classes, classes)
    return _share(table, table.sum(axis=1, keepdims=True))


def bootstrap_interval(values: np.ndarray, *, seed: int = 0, resamples: int = 2_000, level: float = 0.95) -> Interval:
    """The mean of the defined ``values`` (m,) and its percentile bootstrap interval (Efron 1979).

    Queries are drawn with replacement; the gallery stays as it is, so the interval says how much the mean
    would move with other queries, not with other data. Low and high are NaN below two values.
    """
    values = _defined(values)
    means = _resampled(values, seed, resamples)
    return _interval(values, means, level)


def paired_bootstrap(
    a: np.ndarray, b: np.ndarray, *, seed: int = 0, resamples: int = 2_000, level: float = 0.95
) -> Difference:
    """Whether experiment a beats b on the same queries: the bootstrap of a − b, (m,) each.

    Queries undefined in either are left out. An interval that leaves out 0 is a difference at that level.
    """
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if a.shape != b.shape:
        raise InputError(f"expected values of the same queries, got shapes {a.shape} and {b.shape}")
    values = _defined(a - b)
    means = _resampled(values, seed, resamples)
    ahead = float(((means > 0) + 0.5 * (means == 0)).mean()) if len(values) else float("nan")
    return Difference(_interval(values, means, level), ahead)


def _resampled(values: np.ndarray, seed: int, resamples: int) -> np.ndarray:
    if resamples < 1:
        raise InputError(f"expected at least 1 resample, got {resamples}")
    draw = np.random.default_rng(seed)
    if not len(values):
        return np.full(resamples, np.nan)
    step = max(1, 2_000_000 // len(values))
    sizes = [min(step, resamples - start) for start in range(0, resamples, step)]
    return np.concatenate([values[draw.integers(len(values), size=(size, len(values)))].mean(axis=1) for size in sizes])


def _interval(values: np.ndarray, means: np.ndarray, level: float) -> Interval:
    if not 0 < level < 1:
        raise InputError(f"expected a confidence level between 0 and 1, got {level!r}")
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2]) if len(values) > 1 else (np.nan, np.nan)
    return Interval(mean(values), float(low), float(high), level, len(values))


def _share(part: np.ndarray, whole: np.ndarray | float) -> np.ndarray:
    """part / whole, NaN where whole is 0."""
    part, whole = np.broadcast_arrays(np.asarray(part, dtype=np.float64), np.asarray(whole, dtype=np.float64))
    return np.asarray(np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole != 0))


def _defined(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 1:
        raise InputError(f"expected values (m,), got shape {values.shape}")
    return np.asarray(values[~np.isnan(values)])


def _hits(hits: np.ndarray) -> np.ndarray:
    hits = np.asarray(hits)
    if hits.ndim != 2 or hits.dtype != np.bool_:
        raise InputError(f"expected hits (m, k) bool, got shape {hits.shape} {hits.dtype}; see scores.hits")
    return hits


def _relevant(hits: np.ndarray, relevant: np.ndarray) -> np.ndarray:
    hit_counts, relevant = count(hits), np.asarray(relevant)
    if relevant.shape != hit_counts.shape or relevant.dtype.kind not in "iu" or (relevant < hit_counts).any():
        raise InputError("expected for each query the number of other items of its class, at least its hits")
    return relevant


def _labels(query_labels: np.ndarray, match_labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    queries, matches = np.asarray(query_labels), np.asarray(match_labels)
    if queries.ndim != 1 or matches.ndim != 2 or len(queries) != len(matches):
        raise InputError(f"expected labels (m,) and (m, k), got shapes {queries.shape} and {matches.shape}")
    return queries, matches


def _classes(labels: np.ndarray, classes: int) -> np.ndarray:
    labels = np.asarray(labels)
    if labels.size and (labels.dtype.kind not in "iu" or labels.min() < 0 or labels.max() >= classes):
        raise InputError(f"expected labels of 0 … {classes - 1}, got {np.unique(labels)[:10]}")
    return labels.astype(np.int64)
