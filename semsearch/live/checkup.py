"""What the neighbours of pictures say: labels to doubt, look-alikes, pictures found by all, and by nobody.

A picture whose nearest are mostly of one other class may be labelled wrong, or be where two classes meet: a person
decides. Hubs, the pictures that are among the nearest of very many, and those that are among the nearest of none, come
with distances in many dimensions (Radovanović et al., 2010).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from semsearch.live.gallery import Gallery
from semsearch.ranking import closeness, metrics
from semsearch.results import compare

K = 10
"""Nearest that are asked."""
HUB = 5
"""How many times as often as the average a picture is found that counts as a hub."""
_BLOCK = 256
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Doubt:
    """A picture whose nearest say another class than its own."""

    item: int
    own: int
    """Of its nearest, how many are of its class."""
    other: int
    """The class of most of them, the first of equals."""
    agree: int
    """How many are of that one."""


@dataclass(frozen=True)
class Checkup:
    """What was found, the clearest first."""

    k: int
    """Nearest that were asked: K, fewer in a small dataset."""
    doubts: tuple[Doubt, ...]
    hubs: tuple[tuple[int, int], ...]
    """(item, of how many pictures it is among the k nearest)."""
    unseen: tuple[int, ...]
    """Items that are among the k nearest of no other."""
    alike: tuple[tuple[int, ...], ...] = ()
    """Groups of items, rising: each is a copy or near-duplicate of another of its group, see ``duplicate_limit``."""


def checkup(searched: Gallery, metric: str, *, progress: Progress | None = None) -> Checkup:
    """Ask the nearest of every picture of a gallery; copies of a picture, at distance 0, are not asked.

    Where more than half of the nearest are of one other class, the picture is doubted. ``progress`` counts pictures.
    InputError for a gallery of one.
    """
    n, labels = len(searched.items), searched.labels
    prepared, k = metrics.prepared(searched.vectors, metric), min(K, n - 1)
    sampled = closeness.sample(n)
    scale = metrics.typical(metrics.distances(searched.vectors[sampled], prepared, metric)) if n > 1 else 0.0
    limit = compare.duplicate_limit(metric, scale)
    found, doubts = np.zeros(n, np.int64), []
    pairs: list[np.ndarray] = []
    for start in range(0, n, _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, n))
        distances = metrics.distances(searched.vectors[rows], prepared, metric)
        ids, near = metrics.rank(distances, k, exclude=rows)
        one, place = np.nonzero(near <= limit)
        pairs.append(np.stack([rows[one], ids[one, place]]))
        distances[distances <= 0] = np.inf
        ids, near = metrics.rank(distances, k, exclude=rows)
        for row, nearest in zip(rows, (one[far < np.inf] for one, far in zip(ids, near, strict=True)), strict=True):
            found[nearest] += 1
            if doubt := _doubt(searched.items[row], labels[row], labels[nearest]):
                doubts.append(doubt)
        if progress:
            progress(int(rows[-1]) + 1, n)
    doubts.sort(key=lambda one: (one.own - one.agree, one.item))
    order = np.argsort(-found, kind="stable")
    hubs = tuple((int(searched.items[row]), int(found[row])) for row in order if found[row] >= HUB * k)
    unseen = tuple(int(searched.items[row]) for row in np.flatnonzero(found == 0))
    return Checkup(k, tuple(doubts), hubs, unseen, _groups(np.concatenate(pairs, axis=1), searched.items))


def _groups(pairs: np.ndarray, items: np.ndarray) -> tuple[tuple[int, ...], ...]:
    """Items that pairs of rows, (2, m), join, by their first."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n = len(items)
    _, labels = connected_components(coo_array((np.ones(pairs.shape[1]), tuple(pairs)), shape=(n, n)), directed=False)
    order = np.argsort(labels, kind="stable")
    groups = np.split(items[order], np.flatnonzero(np.diff(labels[order])) + 1)
    return tuple(sorted(tuple(group.tolist()) for group in groups if len(group) > 1))


def _doubt(item: int, own: int, nearest: np.ndarray) -> Doubt | None:
    counts = np.bincount(nearest, minlength=int(own) + 1)
    other = int(counts.argmax()) if len(nearest) else int(own)
    if other == own or 2 * counts[other] <= len(nearest):
        return None
    return Doubt(int(item), int(counts[own]), other, int(counts[other]))
