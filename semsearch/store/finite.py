"""Only finite numbers are computed with and stored; NaN stands for what is undefined, and only where this says so.

Of a layer file these may be NaN, and nothing may be infinite:

- ``ap``, the average precision of a query whose class has no other member (``scores.average_precision``);
- ``trust``, the figures of a map where too few pictures, or classes, leave nothing to judge (``projection.trust``).

Both follow from the labels alone. So NaN stands at the same places in all rows and ways, and a query without average
precision has no hit.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from semsearch.errors import EngineError

UNDEFINED = ("ap", "trust")
"""Arrays of a layer file in which NaN means undefined; each is named with its way, as in ``ap.avg.default``."""
_COUNTED = ("codes", "steps", "maps", "kept")
"""Arrays of whole numbers, which cannot go wrong so; large, they are not looked at."""


def flaw(name: str, values: np.ndarray) -> str:
    """What is wrong with an array of a layer file, in words; empty when nothing is."""
    if values.dtype.kind != "f" or np.isfinite(values).all():
        return ""
    kind = name.partition(".")[0]
    if np.isinf(values).any() or kind not in UNDEFINED:
        return f"{name}: expected finite numbers, got NaN or infinity"
    absent = np.isnan(values)
    return "" if (absent == absent[0]).all() else f"{name}: expected NaN at the same places in all rows, got others"


def layer_flaw(arrays: Mapping[str, np.ndarray]) -> str:
    """The first thing wrong with the arrays of a whole layer file, in words; empty when nothing is."""
    absent: dict[str, np.ndarray] = {}
    for name in arrays:
        kind, _, way = name.partition(".")
        if kind in _COUNTED:
            continue
        values = np.asarray(arrays[name])
        if problem := flaw(name, values):
            return problem
        if kind in UNDEFINED:
            here = np.isnan(values[0])
            if not np.array_equal(absent.setdefault(kind, here), here):
                return f"{name}: expected NaN at the same places in all ways, got others"
            if kind == "ap" and np.asarray(arrays[f"hits.{way}"])[:, here].any():
                return f"{name}: expected a number for every query with a hit, got NaN"
    return ""


def file_flaw(path: Path) -> str:
    """``layer_flaw`` of a file that is known to be whole."""
    with np.load(path, allow_pickle=False) as arrays:
        return layer_flaw(arrays)


def check_features(vector: np.ndarray, what: str) -> None:
    """EngineError unless every feature of ``what`` is a finite number: no distance to any other would be one."""
    if not np.isfinite(vector).all():
        raise EngineError(
            f"{what}: expected finite features, got NaN or infinity; check the weights: `semsearch models verify`"
        )
