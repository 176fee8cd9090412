"""Which rows an index holds: equal vectors once, and none without direction.

A hundred copies of one picture would crowd all others out of what an index names, and a graph full of copies falls
apart. So one of them stands for all, and naming it names all of them. A vector without direction is at distance 1 from
everything under cosine and correlation: it need not be looked for.
"""

from dataclasses import dataclass

import numpy as np

from semsearch.indices import space
from semsearch.ranking.sums import slices

_LOOKED_AT = 64
"""Columns by which equal vectors are suspected, before all are compared."""


@dataclass(frozen=True, eq=False)
class Members:
    """The rows 0 … count − 1 of a gallery, in groups of equal vectors; a *place* is the number of a group."""

    count: int
    place: np.ndarray | None
    """Of each row, (count,) int32, −1 for one without direction; None where each row is a place of its own."""
    order: np.ndarray
    """Rows by place, and in one place rising; empty where place is None."""
    starts: np.ndarray
    """Where the rows of each place begin in ``order``, and where the last end; empty where place is None."""
    blank: np.ndarray
    """Rows without direction, rising."""

    @property
    def held(self) -> np.ndarray:
        """The first row of each place, (places,)."""
        return np.arange(self.count) if self.place is None else self.order[self.starts[:-1]]

    @property
    def nbytes(self) -> int:
        """Of all arrays."""
        own = self.order.nbytes + self.starts.nbytes + self.blank.nbytes
        return own + (0 if self.place is None else self.place.nbytes)

    def places(self, mask: np.ndarray) -> np.ndarray:
        """Which places hold a row of ``mask``, (count,) bool: (places,) bool."""
        if self.place is None:
            return mask
        among = np.zeros(len(self.starts), bool)
        among[self.place[mask]] = True  # the last stands for those without direction
        return among[:-1]

    def rows(self, places: np.ndarray, mask: np.ndarray | None, most: int) -> np.ndarray:
        """The rows at some places that are in ``mask`` (None: all), rising, of each place the first ``most``."""
        if self.place is None:
            return np.sort(places)
        found = []
        for place in places.tolist():
            rows = self.order[self.starts[place] : self.starts[place + 1]]
            found.append((rows if mask is None else rows[mask[rows]])[:most])
        without = self.blank if mask is None else self.blank[mask[self.blank]]
        return np.sort(np.concatenate([*found, without[:most]]))


def plain(count: int) -> Members:
    """Where each row is a place of its own."""
    return Members(count, None, *(np.zeros(0, np.int32) for _ in range(3)))


def of(vectors: np.ndarray, metric: str) -> Members:
    """Look through vectors, (n, d) float32."""
    blank = _blank(vectors, metric)
    first = _firsts(vectors)
    if not len(blank) and (first == np.arange(len(vectors))).all():
        return plain(len(vectors))
    place = np.full(len(vectors), -1, np.int32)
    directed = np.ones(len(vectors), bool)
    directed[blank] = False
    _, place[directed] = np.unique(first[directed], return_inverse=True)
    order = np.argsort(place, kind="stable")[len(blank) :].astype(np.int32)
    starts = np.searchsorted(place[order], np.arange(place.max(initial=-1) + 2)).astype(np.int32)
    return Members(len(vectors), place, order, starts, blank.astype(np.int32))


def _blank(vectors: np.ndarray, metric: str) -> np.ndarray:
    if metric not in space.DIRECTIONS:
        return np.zeros(0, np.int64)
    found = [
        np.flatnonzero(~space.straight(vectors[rows], metric).any(axis=1)) + rows.start
        for rows in space.pieces(*vectors.shape)
    ]
    return np.concatenate(found)


def _firsts(vectors: np.ndarray) -> np.ndarray:
    """For each row the first that is equal to it, (n,)."""
    first = np.arange(len(vectors))
    columns = np.linspace(0, vectors.shape[1] - 1, min(_LOOKED_AT, vectors.shape[1])).astype(int)
    bits = (np.asarray(vectors[:, columns], np.float32, order="C") + np.float32(0)).view(np.uint32)  # −0 is 0
    odd = np.random.default_rng(space.SEED).integers(0, 2**63, len(columns), np.uint64) * np.uint64(2) + np.uint64(1)
    keys = np.zeros(len(vectors), np.uint64)
    for column, factor in zip(bits.T, odd, strict=True):
        keys = (keys ^ column) * factor
    order = np.argsort(keys, kind="stable")
    same = np.flatnonzero(keys[order][1:] == keys[order][:-1])
    for start, end in _runs(same):
        rows = order[start : end + 2]
        _settle(vectors, rows, first)
    return first


def _runs(places: np.ndarray) -> list[tuple[int, int]]:
    """First and last of each run of numbers that follow each other."""
    if not len(places):
        return []
    breaks = np.flatnonzero(np.diff(places) > 1)
    return list(zip(places[[0, *breaks + 1]].tolist(), places[[*breaks, len(places) - 1]].tolist(), strict=True))


def _settle(vectors: np.ndarray, rows: np.ndarray, first: np.ndarray) -> None:
    """Among rows that look equal, rising, find those that are; mostly all of them."""
    left = rows
    while len(left) > 1:
        equal = np.concatenate(
            [
                (vectors[left[some]] == vectors[left[0]]).all(axis=1)
                for some in slices(len(left), 4_000_000 // vectors.shape[1])
            ]
        )
        first[left[equal]] = left[0]
        left = left[~equal]
