"""Comparisons: of two rankings of the same query, and of two experiments over all queries of a dataset.

A ranking is a sequence of different item ids, nearest first. Ties in distance are broken by the item id when a
ranking is made, so equal distances give equal rankings.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from semsearch.errors import InputError, SpecMismatch
from semsearch.ranking import scores
from semsearch.results import experiments
from semsearch.store.artifacts import DEPTH
from semsearch.store.experiment import Experiment
from semsearch.store.store import Store

PERSISTENCE = 0.9
"""The p of rank-biased overlap: how likely a reader is to look at one rank more."""


@dataclass(frozen=True)
class Agreement:
    """How far two experiments agree on the matches of one query."""

    k: int
    """Matches of each that were looked at: at most the k asked for."""
    common: int
    """Items among the k matches of both."""
    overlap: float
    """common / k."""
    rbo: float
    """Rank-biased overlap over all stored ranks."""
    ranks_a: Mapping[int, int]
    """Rank in a, from 1, of each item among its stored matches."""
    ranks_b: Mapping[int, int]
    """The same in b."""


def overlap(a: Sequence[int], b: Sequence[int], *, k: int) -> float:
    """Overlap@k of two rankings: |A_k ∩ B_k| / k', in [0, 1]; NaN when one is empty.

    A_k is the set of the first k items. k' = min(k, length of a, length of b) items are looked at.
    """
    depth = _depth(a, b, k)
    return len(set(a[:depth]) & set(b[:depth])) / depth if depth else float("nan")


def rank_biased_overlap(a: Sequence[int], b: Sequence[int], *, p: float = PERSISTENCE) -> float:
    """Extrapolated rank-biased overlap (Webber, Moffat and Zobel 2010, eq. 32), in [0, 1]; NaN when one is empty.

    With X_d items common to the first d of both, and lengths s ≤ l of the shorter and the longer ranking:

        RBO = (1 − p)/p · (Σ_{d=1…l} X_d/d · p^d  +  Σ_{d=s+1…l} X_s·(d − s)/(s·d) · p^d)
              + ((X_l − X_s)/l + X_s/s) · p^l

    It is the expected agreement X_d/d at the depth d where a reader stops who goes on after each rank with
    probability p; beyond what is known, the agreement is taken to stay as it is.
    """
    if not 0 < p < 1:
        raise InputError(f"expected p between 0 and 1, got {p!r}")
    short, long = sorted((_ranking(a), _ranking(b)), key=len)
    if not len(short):
        return float("nan")
    s, depths = len(short), np.arange(1, len(long) + 1)
    rank_in_short = {item: rank for rank, item in enumerate(short, 1)}
    met = [max(rank, rank_in_short[item]) for rank, item in enumerate(long, 1) if item in rank_in_short]
    common = np.cumsum(np.bincount(met, minlength=len(long) + 1)[1:])
    at_s, at_l = common[s - 1], common[-1]
    unseen = at_s * np.maximum(depths - s, 0) / (s * depths)
    known = (1 - p) / p * ((common / depths + unseen) * p**depths).sum()
    return float(known + ((at_l - at_s) / len(long) + at_s / s) * p ** len(long))


def agreement(store: Store, a: Experiment, b: Experiment, query: int, *, k: int) -> Agreement:
    """How far two experiments agree on one query; raises as ``experiments.matches`` does."""
    check_same_dataset(a, b)
    ids_a, ids_b = ([match.item for match in experiments.matches(store, one, query, k=DEPTH)] for one in (a, b))
    depth = _depth(ids_a, ids_b, k)
    return Agreement(
        k=depth,
        common=len(set(ids_a[:depth]) & set(ids_b[:depth])),
        overlap=overlap(ids_a, ids_b, k=k),
        rbo=rank_biased_overlap(ids_a, ids_b),
        ranks_a={item: rank for rank, item in enumerate(ids_a, 1)},
        ranks_b={item: rank for rank, item in enumerate(ids_b, 1)},
    )


def difference(store: Store, a: Experiment, b: Experiment) -> scores.Difference:
    """Mean published score of a minus that of b over the queries that both have, with its paired bootstrap."""
    check_same_dataset(a, b)
    items_a, items_b = (store.queries(one.dataset, one.spec.model) for one in (a, b))
    _, rows_a, rows_b = np.intersect1d(items_a, items_b, assume_unique=True, return_indices=True)
    own_a, own_b = (store.score(one).score for one in (a, b))
    return scores.paired_bootstrap(own_a[rows_a], own_b[rows_b])


def duplicate_limit(metric: str, scale: float) -> float:
    """The largest distance of near-duplicates: a tenth of ``scale``, the typical distance of a pair.

    A hundredth for cosine and correlation, which grow with the square of the angle.
    """
    return scale * (0.01 if metric in ("cosine", "correlation") else 0.1)


def near_duplicates(store: Store, experiment: Experiment, items: Sequence[int]) -> dict[int, int]:
    """Which of some items, best first, repeat a better one that repeats none: {item: the first such one}.

    Two items are near-duplicates when their stored distance is at most ``duplicate_limit``. A pair that is among
    the stored matches of neither is taken for different.
    """
    ranking = store.ranking(experiment)
    limit = duplicate_limit(experiment.stored_metric, ranking.scale)
    queries = store.queries(experiment.dataset, experiment.spec.model)
    near: dict[int, set[int]] = {item: set() for item in items}
    for row in np.flatnonzero(np.isin(queries, list(items))):  # of a sample not every item has a row
        near[int(queries[row])] = set(ranking.ids[row][ranking.distances[row] <= limit].tolist())
    originals: list[int] = []
    repeats: dict[int, int] = {}
    for item in items:
        first = next((original for original in originals if item in near[original] or original in near[item]), None)
        if first is None:
            originals.append(item)
        else:
            repeats[item] = first
    return repeats


def _depth(a: Sequence[int], b: Sequence[int], k: int) -> int:
    if k < 1:
        raise InputError(f"expected k of at least 1, got {k}")
    return min(k, len(_ranking(a)), len(_ranking(b)))


def _ranking(ids: Sequence[int]) -> Sequence[int]:
    if len(set(ids)) != len(ids):
        raise InputError("expected a ranking of different items, got one that has an item twice")
    return ids


def check_same_dataset(a: Experiment, b: Experiment) -> None:
    """SpecMismatch unless both experiments are on one dataset."""
    if a.dataset != b.dataset:
        raise SpecMismatch(f"expected two experiments on one dataset, got {a.dataset} and {b.dataset}")
