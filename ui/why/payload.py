"""An answer as the browser draws it: pictures, heat maps, pairs of regions and channels."""

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np

from semsearch import images
from semsearch.explain import regions
from semsearch.explain.agreement import Agreement, Margin, margin
from semsearch.live.reasons import Reason
from semsearch.models.catalog import FeatureSpec

FINEST = 56
"""Rows and columns at most of a heat map that is drawn."""
CHANNELS = 8
"""Channels that are named."""
_BYTES = 30_000
"""Of a picture, at most."""


def payload(reason: Reason, spec: FeatureSpec, names: Sequence[str]) -> dict[str, Any]:
    """Query and match, or query and two matches with what the first has before the second; ``names`` are untrusted."""
    first, *others = reason.agreements
    before = margin(first, others[0]) if others else None
    heats = [before.heat if before else first.heat[0], *(each.heat[1] for each in reason.agreements)]
    wholes = [sum_of(before) if before else first.value, *(each.value for each in reason.agreements)]
    drawn = [_picture(*parts) for parts in zip(reason.squares, names, heats, wholes, strict=True)]
    return {
        "pictures": tuple(drawn),
        "pairs": tuple(_packed(each.pairs) for each in reason.agreements),
        "channels": tuple(_channels((before or first).channels)),
        "model": spec.model,
        "layer": spec.layer,
    }


def sum_of(before: Margin) -> float:
    """What the shares of a margin are of: all that speaks for either, for its sum may be next to nothing."""
    return float(np.abs(before.heat).sum())


def _picture(square: np.ndarray, name: str, heat: np.ndarray, whole: float) -> dict[str, Any]:
    data = images.thumbnail(square, side=square.shape[0], limit=_BYTES)
    rows, columns = regions.grid(*heat.shape)
    shares = regions.summed(heat) / (whole or 1.0)
    fine = _at_most(heat)
    return {
        "src": "data:image/jpeg;base64," + base64.b64encode(data).decode("ascii"),
        "name": name,
        "heat": _packed(fine),
        "fine": fine.shape,
        "grid": (rows, columns),
        "shares": tuple(round(100 * share, 2) for share in shares.tolist()),
    }


def _at_most(heat: np.ndarray) -> np.ndarray:
    """A heat map in no more rows and columns than are drawn."""
    for axis, length in enumerate(heat.shape):
        if length > FINEST:
            heat = np.add.reduceat(heat, np.arange(FINEST) * length // FINEST, axis)
    return heat


def _packed(values: np.ndarray) -> str:
    """Signed bytes, 127 for the largest size, in base64."""
    largest = np.abs(values).max()
    return base64.b64encode(np.round(127 * values / (largest or 1.0)).astype(np.int8).tobytes()).decode("ascii")


def _channels(parts: np.ndarray) -> list[dict[str, float]]:
    """Those that add most, either way, largest first, equal ones by number: each with its share of all."""
    order = np.argsort(-np.abs(parts), kind="stable")[:CHANNELS]
    whole = float(np.abs(parts).sum()) or 1.0
    return [{"number": int(place), "share": round(100 * float(parts[place]) / whole, 2)} for place in order]


def together(found: Agreement | Margin) -> float:
    """What the channels that are named add, as a share of all that any adds."""
    sizes = np.sort(np.abs(found.channels))[::-1]
    return float(sizes[:CHANNELS].sum() / (sizes.sum() or 1.0))
