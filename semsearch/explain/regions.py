"""Maps of positions as grids of regions: few enough to point at, and to pair with those of another picture."""

import numpy as np

from semsearch.errors import InputError

MOST = 14
"""Rows and columns of regions at most: the layers that see things have no more positions."""

SPREAD = 0.1
"""Of the side of a picture, how far what a position says is spread."""


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


def hottest(heat: np.ndarray, size: int, area: float) -> np.ndarray:
    """The hottest part of a square picture of that side, as large as ``area``, a share of it: (size, size) bool.

    Positions of a map see far beyond their own place, so the heat (h, w) is spread out first, by a Gaussian of SPREAD.
    InputError for an area outside of (0, 1].
    """
    if not 0 < area <= 1:
        raise InputError(f"expected an area above 0 and at most 1, got {area}")
    rows, columns = (_spread(length, size) for length in heat.shape)
    spread = (rows @ heat @ columns.T).ravel()
    chosen = np.zeros(size * size, bool)
    chosen[np.argsort(-spread, kind="stable")[: max(1, round(area * len(spread)))]] = True
    return chosen.reshape(size, size)


def _spread(length: int, size: int) -> np.ndarray:
    """The weights of positions at each pixel of a side, (size, length), rows summing to 1."""
    pixels, centres = (np.arange(size) + 0.5) / size, (np.arange(length) + 0.5) / length
    weights = np.exp(-(((pixels[:, None] - centres) / SPREAD) ** 2) / 2)
    return np.asarray(weights / weights.sum(1, keepdims=True))
