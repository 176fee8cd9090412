"""Rankings in few bytes: each is written as what it changes in the ranking before it.

All metrics over the same features rank much alike. A ranking is therefore coded against a *reference
order* of all other items: at each rank the number is the place of the item among those not yet taken,
which is small where both agree and compresses well. What was taken, followed by the rest, is the reference
of the next ranking. Ids are exact. Galleries of more than 256 items keep plain ids.
"""

import numpy as np

CHAINED = 256
LEVELS = 63
"""Steps between the nearest and the farthest stored distance of a row: the error is at most half a step."""


def first_reference(n: int) -> np.ndarray:
    """For each of n items all others by id: (n, n − 1)."""
    everyone: np.ndarray = np.broadcast_to(np.arange(n, dtype=_kind(n)), (n, n))
    return everyone[~np.eye(n, dtype=bool)].reshape(n, n - 1)


def encode(ids: np.ndarray, reference: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Codes of ``ids`` (n, k) against ``reference`` (n, n − 1), and the reference of the next ranking."""
    if len(ids) > CHAINED:
        return ids.astype(_kind(len(ids))), reference
    rest = reference
    codes = np.empty(ids.shape, np.uint8)
    for rank in range(ids.shape[1]):
        codes[:, rank] = (rest == ids[:, rank, None]).argmax(1)
        rest = _without(rest, codes[:, rank])
    return codes, np.concatenate([ids.astype(reference.dtype), rest], axis=1)


def decode(codes: np.ndarray, reference: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The inverse of ``encode``: ids (n, k) int32 and the reference of the next ranking."""
    if len(codes) > CHAINED:
        return codes.astype(np.int32), reference
    rest = reference
    ids = np.empty(codes.shape, reference.dtype)
    for rank in range(codes.shape[1]):
        ids[:, rank] = np.take_along_axis(rest, codes[:, rank, None].astype(np.intp), 1)[:, 0]
        rest = _without(rest, codes[:, rank])
    return ids.astype(np.int32), np.concatenate([ids, rest], axis=1)


def pack(distances: np.ndarray, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Ascending distances (n, k) as steps (n, k − 1) uint8 between ends (n, 2) float16 in units of ``scale``.

    The ends are rounded to 11 bits, what lies between to one of LEVELS + 1 levels.
    """
    low, high = distances[:, :1].astype(np.float64), distances[:, -1:].astype(np.float64)
    span = np.where(high > low, high - low, 1)
    levels = np.rint((distances - low) / span * LEVELS).astype(np.int16)
    ends = np.concatenate([low, high], axis=1) / (scale or 1)
    return np.diff(levels, axis=1).astype(np.uint8), ends.astype(np.float16)


def unpack(steps: np.ndarray, ends: np.ndarray, scale: float) -> np.ndarray:
    """The inverse of ``pack``, within its rounding: (n, k) float32, ascending."""
    levels = np.cumsum(steps, axis=1, dtype=np.float32) / LEVELS
    low, high = np.float32(scale or 1) * ends.astype(np.float32).T[:, :, None]
    return np.concatenate([low, low + levels * (high - low)], axis=1).astype(np.float32)


def _without(rest: np.ndarray, places: np.ndarray) -> np.ndarray:
    before = np.arange(rest.shape[1] - 1, dtype=np.int16) < places[:, None]
    return np.where(before, rest[:, :-1], rest[:, 1:])


def _kind(n: int) -> type:
    return np.uint8 if n <= CHAINED else np.uint16 if n <= 65_536 else np.uint32
