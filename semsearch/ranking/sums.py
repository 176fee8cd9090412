"""Sums over the columns of two sets of vectors, in float64 and in chunks, so that memory stays bounded.

Two roads lead to a distance: products of whole chunks, for the metrics that are made of them, and the gaps |x − y| of
each pair. Pairs so close that a product would cancel are computed again from their differences.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from semsearch.ranking import compiler

_CHUNK, _TILE, _TILE_COLUMNS, _BLOCK = 4_000_000, 65_536, 2_048, 256  # numbers at a time
_CANCELS, _PARALLEL, _CONSTANT = 1e-6, 1e-28, 1e-24  # of squared norms: computed again below; taken for 0 below


@dataclass(frozen=True)
class Prepared:
    """Vectors, (n, d), checked for a metric, and what it takes off each, (n,) float64: its mean, or 0."""

    metric: str
    values: np.ndarray
    shift: np.ndarray
    ready: tuple[np.ndarray, np.ndarray] | None = None
    """Their squared norms, (n,), and the shifted vectors, (n, d), both float64."""


def slices(length: int, step: int) -> Iterator[slice]:
    """The numbers from 0 to ``length``, ``step`` at a time, at least one."""
    step = max(1, step)
    return (slice(start, min(start + step, length)) for start in range(0, length, step))


def products(left: Prepared, right: Prepared) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Squared norms (m,) and (n,) and products (m, n) of the shifted rows, float64."""
    if right.ready and left is not right:
        whole = left.values - left.shift[:, None]
        return np.einsum("ij,ij->i", whole, whole), right.ready[0], whole @ right.ready[1].T
    squares = np.zeros(len(left.values)), np.zeros(len(right.values))
    cross = np.zeros((len(left.values), len(right.values)))
    for columns in slices(left.values.shape[1], _CHUNK // max(1, sum(cross.shape))):
        a = left.values[:, columns] - left.shift[:, None]
        b = a if left is right else right.values[:, columns] - right.shift[:, None]
        squares[0][:] += np.einsum("ij,ij->i", a, a)
        squares[1][:] += np.einsum("ij,ij->i", b, b)
        cross += a @ b.T
    return *squares, cross


def from_products(left: Prepared, right: Prepared, products: tuple, metric: str) -> np.ndarray:
    """Euclidean; cosine and correlation as half the squared euclidean distance of unit vectors."""
    aa, bb, cross = products
    factors = np.ones_like(aa), np.ones_like(bb)
    if metric != "euclidean":
        factors = _inverse_norms(left, aa), _inverse_norms(right, bb)
        aa, bb = np.ones_like(aa), np.ones_like(bb)
    sums = aa[:, None] + bb
    squared = sums - 2 * cross * np.outer(*factors)
    close = squared <= _CANCELS * sums
    pairs = np.nonzero(np.triu(close, 1) if left is right else close)
    squared[pairs] = _squared_gaps((left, right), pairs, factors)
    if metric == "euclidean":
        return np.asarray(np.sqrt(np.maximum(squared, 0)))
    return np.minimum(np.where(squared < _PARALLEL, 0, squared) / 2, 2)


def _inverse_norms(vectors: Prepared, squares: np.ndarray) -> np.ndarray:
    """1 / norm, or 0 for a vector without direction: all shift, up to the rounding of a mean."""
    directed = squares > _CONSTANT * vectors.values.shape[1] * vectors.shift**2
    return np.where(directed, 1 / np.sqrt(np.where(directed, squares, 1)), 0)


def _squared_gaps(sides: tuple[Prepared, Prepared], pairs: tuple, factors: tuple) -> np.ndarray:
    """Σ (x · factor − y · factor)² of the given pairs of shifted rows, (p,) float64."""
    total = np.zeros(len(pairs[0]))
    for columns in slices(sides[0].values.shape[1], _TILE):
        for some in slices(len(total), _TILE // (columns.stop - columns.start)):
            x, y = (
                (side.values[ids[some], columns] - side.shift[ids[some], None]) * factor[ids[some], None]
                for side, ids, factor in zip(sides, pairs, factors, strict=True)
            )
            total[some] += np.einsum("ij,ij->i", x - y, x - y)
    return total


def from_gaps(left: Prepared, right: Prepared, metric: str) -> np.ndarray:
    """Manhattan, minkowski3 or chebyshev of m × n rows, from |x − y| in tiles that fit the cache."""
    result = np.zeros((len(left.values), len(right.values)))
    fold = np.maximum if metric == "chebyshev" else np.add
    for columns in slices(left.values.shape[1], _TILE_COLUMNS):
        queries = left.values[:, columns].astype(np.float64)
        for rows in slices(len(right.values), _TILE // (columns.stop - columns.start)):
            tile = right.values[rows, columns].astype(np.float64)
            for query, row in zip(queries, result, strict=True):
                gaps = np.abs(tile - query)
                if metric == "minkowski3":
                    gaps *= gaps * gaps
                row[rows] = fold(row[rows], fold.reduce(gaps, axis=1))
    return np.asarray(np.cbrt(result)) if metric == "minkowski3" else result


def all_gaps(left: np.ndarray, right: np.ndarray) -> dict[str, np.ndarray]:
    """Manhattan, minkowski3 and chebyshev of all pairs, (m, n) float64, in one compiled pass.

    Where ``left`` is ``right``, only of pairs i < j.
    """
    kernel, threads = _compiled()
    totals, same = np.zeros((3, len(left), len(right))), left is right
    with ThreadPoolExecutor(threads) as pool:
        for columns in slices(right.shape[1], _CHUNK // max(1, len(right))):
            b = np.ascontiguousarray(right[:, columns], dtype=np.float64)
            a = b if same else np.ascontiguousarray(left[:, columns], dtype=np.float64)
            list(pool.map(lambda start, a=a, b=b: kernel(a, b, same, start, threads, totals), range(threads)))
    return {"manhattan": totals[0], "minkowski3": np.cbrt(totals[1]), "chebyshev": totals[2]}


@cache
def _compiled() -> tuple[Any, int]:
    compiler.settle(__package__)
    import numba

    fast = {"reassoc", "contract", "nnan", "nsz"}
    return numba.njit(nogil=True, cache=True, fastmath=fast)(_add_gaps), numba.get_num_threads()


def _add_gaps(left: np.ndarray, right: np.ndarray, same: bool, start: int, step: int, totals: np.ndarray) -> None:
    """Add |x − y| and |x − y|³ of rows i = start, start + step, … with all j, or j > i, and raise their maximum.

    The maximum is over bits: they order as doubles ≥ 0 do, and compile to vector instructions.
    """
    n, width = right.shape
    gaps = np.zeros(_BLOCK)
    bits = gaps.view(np.int64)
    for first in range(0, width, _BLOCK):
        for i in range(start, len(left), step):
            for j in range(i + 1 if same else 0, n):
                x, y = left[i, first : first + _BLOCK], right[j, first : first + _BLOCK]
                total, cubes, top = 0.0, 0.0, 0
                for column in range(x.size):
                    gap = abs(x[column] - y[column])
                    gaps[column] = gap
                    total += gap
                    cubes += gap * gap * gap
                for column in range(x.size):
                    top = max(top, bits[column])
                bits[0] = top
                totals[0, i, j] += total
                totals[1, i, j] += cubes
                totals[2, i, j] = max(totals[2, i, j], gaps[0])
