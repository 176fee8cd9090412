"""The channels of a layer that answer most to a picture, as the browser draws them."""

import base64
from typing import Any

import numpy as np

from semsearch import images
from semsearch.live.reasons import Answers
from ui import texts

SHOWN = 24
"""Channels that are drawn."""
FINEST = 56
"""Rows and columns at most of a map that is drawn."""
_BYTES = 20_000
"""Of the picture, at most."""


def payload(answers: Answers, channel: int | None) -> dict[str, Any]:
    """Picture, shape and maps of the channels with the largest answers, the largest first, equal ones by number.

    ``channel``, where one is chosen, is among them: the last, where its answer is not large enough. Maps share one
    scale from 0 to the largest answer of all.
    """
    highest = answers.maps.max((0, 1))
    order = np.argsort(-highest, kind="stable")[:SHOWN].tolist()
    if channel is not None and channel not in order:
        order[-1] = channel
    fine = _at_most(answers.maps[:, :, order])
    scale = 255 / max(float(highest.max()), 1e-12)
    drawn = np.clip(np.round(fine * scale), 0, 255).astype(np.uint8)
    data = images.thumbnail(answers.square, side=160, limit=_BYTES)
    return {
        "src": "data:image/jpeg;base64," + base64.b64encode(data).decode("ascii"),
        "shape": fine.shape[:2],
        "channels": tuple(
            (number, base64.b64encode(drawn[:, :, place].tobytes()).decode("ascii"), texts.distance(highest[number]))
            for place, number in enumerate(order)
        ),
    }


def _at_most(maps: np.ndarray) -> np.ndarray:
    """Maps in no more rows and columns than are drawn: the largest answer of those that fall together."""
    for axis in (0, 1):
        if (length := maps.shape[axis]) > FINEST:
            maps = np.maximum.reduceat(maps, np.arange(FINEST) * length // FINEST, axis)
    return maps
