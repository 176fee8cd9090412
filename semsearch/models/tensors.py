"""Named arrays of a file paired with the variables that a model expects, every name, shape and number checked."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from semsearch.errors import IntegrityError

Tensors = dict[str, np.ndarray]
"""Arrays by name; of a model: by "layer/variable", in the order of the Keras model without classifier."""

KINDS = "kernel bias gamma beta moving_mean moving_variance depthwise_kernel pointwise_kernel".split()
"""Variable names that say what they hold; older files use others, and Keras 3 numbers."""


@dataclass(frozen=True)
class Variable:
    """What the model expects under one name."""

    shape: tuple[int, ...]
    dtype: str


Layout = Mapping[str, Variable]
"""Every variable of a model by "layer/variable", in model order."""


def fitted(name: str, value: np.ndarray, variable: Variable) -> np.ndarray:
    """``value`` in the variable type, if the shape is right and no number changes."""
    if value.shape != variable.shape:
        raise IntegrityError(f"expected {name} of shape {variable.shape}, got {value.shape}")
    cast = np.ascontiguousarray(value, dtype=variable.dtype).reshape(variable.shape)
    if not np.array_equal(cast, value):
        raise IntegrityError(f"expected numbers of type {variable.dtype} in {name}, got others of type {value.dtype}")
    return cast


def in_order(arrays: Tensors, layout: Layout) -> Tensors:
    """Pair by position; kinds of variables are compared where the file names them. The classifier comes last."""
    if len(arrays) < len(layout):
        raise IntegrityError(f"expected {len(layout)} tensors, got {len(arrays)}")
    tensors = {}
    for (name, variable), (stored, value) in zip(layout.items(), arrays.items(), strict=False):
        kind, leaf = name.rsplit("/", 1)[-1], stored.rsplit("/", 1)[-1].removesuffix(":0")
        if leaf in KINDS and leaf not in (kind, f"depthwise_{kind}"):
            raise IntegrityError(f"expected {name}, got {stored}")
        tensors[name] = fitted(name, value, variable)
    for stored, value in list(arrays.items())[len(layout) :]:
        if value.ndim > 2:
            raise IntegrityError(f"expected nothing but a classifier after the last layer, got {stored}")
    return tensors


def by_name(arrays: Tensors, layout: Layout, rename: Callable[[str], str], spare: str) -> Tensors:
    """Pair by name; what is left over must match ``spare`` in full."""
    names = {name: rename(name) for name in layout}
    if missing := sorted(set(names.values()) - set(arrays)):
        raise IntegrityError(f"expected {len(layout)} tensors, missing {', '.join(missing[:3])}")
    left = sorted(name for name in set(arrays) - set(names.values()) if not re.fullmatch(spare, name))
    if left:
        raise IntegrityError(f"expected nothing but a classifier beside the layers, got {', '.join(left[:3])}")
    return {name: fitted(name, arrays[stored], layout[name]) for name, stored in names.items()}
