"""Rankings in few bytes: each is written as what it changes in the ranking before it.

All metrics over the same features rank much alike. A ranking is therefore coded against a *reference
order* of all other items: at each rank the number is the place of the item among those not yet taken,
which is small where both agree and compresses well. What was taken, followed by the rest, is the reference
of the next ranking. Ids are exact. Galleries of more than 256 items keep plain ids.
"""

import io
import zipfile
from collections.abc import Mapping

import numpy as np

from semsearch.errors import InputError

CHAINED = 256
LEVELS = 40
"""Steps between the nearest and the farthest stored distance of a row: the error is at most half a step."""
MAP_STEPS = 4095
"""Steps along each axis of a map: under a pixel on most screens, and the same for coordinates of any size."""


def first_reference(n: int) -> np.ndarray:
    """For each of n items all others by id: (n, n − 1); (n, 0) for a gallery whose ids are kept plain."""
    if n > CHAINED:
        return np.empty((n, 0), _kind(n))
    everyone: np.ndarray = np.broadcast_to(np.arange(n, dtype=_kind(n)), (n, n))
    return everyone[~np.eye(n, dtype=bool)].reshape(n, n - 1)


def encode(ids: np.ndarray, reference: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Codes of ``ids`` (n, k) against ``reference`` (n, n − 1), and the reference of the next ranking."""
    if len(ids) > CHAINED:
        return ids.astype(_kind(max(len(ids), int(ids.max(initial=0)) + 1))), reference  # of a sample the ids are more
    places = np.empty((len(ids), len(ids)), np.uint8)
    np.put_along_axis(places, reference.astype(np.intp), np.arange(len(ids) - 1, dtype=np.uint8)[None], axis=1)
    codes = np.take_along_axis(places, ids.astype(np.intp), 1)
    for rank in range(ids.shape[1] - 1, 0, -1):
        before = np.take_along_axis(places, ids[:, :rank].astype(np.intp), 1) < codes[:, rank, None]
        codes[:, rank] -= before.sum(1, dtype=np.uint8)
    return codes, _next(ids, reference)


def decode(codes: np.ndarray, reference: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The inverse of ``encode``: ids (n, k) int32 and the reference of the next ranking."""
    if len(codes) > CHAINED:
        return codes.astype(np.int32), reference
    places = codes.copy()
    for rank in range(codes.shape[1] - 2, -1, -1):
        later = places[:, rank + 1 :]
        later += later >= codes[:, rank, None]
    ids = np.take_along_axis(reference, places.astype(np.intp), 1).astype(np.int32)
    return ids, _next(ids, reference)


def pack(distances: np.ndarray, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Ascending distances (n, k) as steps (n, k − 1) uint8 between ends (n, 2) float16 in units of ``scale``.

    The ends are rounded to 11 bits, what lies between to one of LEVELS + 1 levels; less than 2⁻²⁵ units is 0.
    InputError for distances that are not finite, or beyond float16 in units of ``scale``: ``metrics.scale`` is never
    so small.
    """
    low, high = distances[:, :1].astype(np.float64), distances[:, -1:].astype(np.float64)
    ends = np.concatenate([low, high], axis=1) / _unit(scale)
    if not (np.isfinite(distances).all() and ends.max(initial=0) <= np.finfo(np.float16).max):
        got = f"got distances up to {high.max():g} and a scale of {scale:g}"
        raise InputError(f"expected finite distances of at most {np.finfo(np.float16).max:g} times their scale, {got}")
    span = np.where(high > low, high - low, 1)
    levels = np.rint((distances - low) / span * LEVELS).astype(np.int16)
    return np.diff(levels, axis=1).astype(np.uint8), ends.astype(np.float16)


def unpack(steps: np.ndarray, ends: np.ndarray, scale: float) -> np.ndarray:
    """The inverse of ``pack``, within its rounding: (n, k) float32, ascending and finite."""
    most = np.finfo(np.float32).max
    levels = np.cumsum(steps, axis=1, dtype=np.float32) / LEVELS
    with np.errstate(over="ignore"):
        low, high = np.minimum(np.float32(_unit(scale)) * ends.astype(np.float32).T[:, :, None], most)
        between = np.minimum(low + levels * (high - low), most)
    return np.concatenate([low, between], axis=1).astype(np.float32)


def _unit(scale: float) -> float:
    """What distances are counted in: the scale as it is stored, in float32, or 1 where that is 0."""
    return float(np.float32(scale)) or 1.0


def pack_map(coordinates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Maps (n, axes) as MAP_STEPS equal steps of each axis, uint16, and their frame (2, axes) float64: low, span."""
    low = coordinates.min(0).astype(np.float64)
    span = coordinates.max(0) - low
    with np.errstate(invalid="ignore"):  # what is not finite shows in the frame, which is refused
        places = np.rint((coordinates - low) / np.where(span > 0, span, 1) * MAP_STEPS).astype(np.uint16)
    return places, np.stack([low, span])


def unpack_map(places: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """The inverse of ``pack_map``, within half a step: (n, axes) float32."""
    return np.asarray(frame[0] + places / MAP_STEPS * frame[1], np.float32)


SMALL, LARGE = 16_384, 65_536
"""Bytes of an array between which LZMA is worth its time: below, making its tables costs milliseconds for each array;
above, are the plain ids of large datasets, which it hardly packs better than deflate, at a tenth of the speed."""


def zipped(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Arrays as a file for ``numpy.load``; equal arrays give equal bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, array in arrays.items():
            member = zipfile.ZipInfo(f"{name}.npy")
            member.compress_type = zipfile.ZIP_LZMA if SMALL < array.nbytes <= LARGE else zipfile.ZIP_DEFLATED
            with archive.open(member, "w") as handle:
                np.lib.format.write_array(handle, np.ascontiguousarray(array), allow_pickle=False)
    return buffer.getvalue()


def _next(ids: np.ndarray, reference: np.ndarray) -> np.ndarray:
    left = np.ones((len(ids), len(ids)), bool)
    np.put_along_axis(left, ids.astype(np.intp), False, axis=1)
    rest = reference[np.take_along_axis(left, reference.astype(np.intp), 1)].reshape(len(ids), -1)
    return np.concatenate([ids.astype(reference.dtype), rest], axis=1)


def _kind(n: int) -> type:
    return np.uint8 if n <= CHAINED else np.uint16 if n <= 65_536 else np.uint32
