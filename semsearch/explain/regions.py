"""Maps of positions as grids of regions: few enough to point at, and to pair with those of another picture."""

import numpy as np

from semsearch.errors import InputError

MOST = 14
"""Rows and columns of regions at most: the layers that see things have no more positions."""


def grid(height: int, width: int) -> tuple[int, int]:
    """Rows and columns of regions of a map of so many positions."""
    return min(height, MOST), min(width, MOST)


def summed(values: np.ndarray) -> np.ndarray:
    """Of values of positions, (h, w, …), the sums over each region, (rows · columns, …), row by row."""
    rows, columns = grid(*values.shape[:2])
    for axis, (length, parts) in enumerate(zip(values.shape, (rows, columns), strict=False)):
        if parts < length:
            values = np.add.reduceat(values, np.arange(parts) * length // parts, axis)
    return np.asarray(values.reshape(rows * columns, *values.shape[2:]))


def hottest(heat: np.ndarray, share: float) -> np.ndarray:
    """The fewest positions of a heat map (h, w) that hold ``share`` of all that is above 0 in it: (h, w) bool.

    The hottest come first, of equally hot ones those of the upper rows. InputError for a share outside of (0, 1].
    """
    if not 0 < share <= 1:
        raise InputError(f"expected a share above 0 and at most 1, got {share}")
    above = np.maximum(heat, 0).ravel()
    order = np.argsort(-above, kind="stable")
    held = np.cumsum(above[order])
    chosen = np.zeros(heat.size, bool)
    if held[-1] > 0:
        chosen[order[: 1 + int(np.searchsorted(held, share * held[-1] * (1 - 1e-12)))]] = True
    return chosen.reshape(heat.shape)


def enlarged(cells: np.ndarray, size: int) -> np.ndarray:
    """The pixels of a square picture of that side that lie in chosen positions, (h, w) bool: (size, size) bool."""
    rows, columns = (np.arange(size) * length // size for length in cells.shape)
    return np.asarray(cells[np.ix_(rows, columns)])
