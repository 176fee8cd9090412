"""What a picture is to excite: channels, single units, whole layers, directions between channels."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from semsearch.errors import InputError

Where = Literal["everywhere", "centre"]


@dataclass(frozen=True)
class Objective:
    """One thing to excite in a layer: a direction in its channels, everywhere or in the unit at the centre.

    Made by the functions below. An empty direction is the whole layer.
    """

    weights: tuple[tuple[int, float], ...]
    """(channel, weight); the others weigh nothing."""
    where: Where = "everywhere"

    def direction(self, channels: int) -> np.ndarray:
        """(c,) float32 of length 1, or of zeros for the whole layer; InputError for a channel that is not there."""
        row = np.zeros(channels, np.float32)
        for channel, weight in self.weights:
            if not 0 <= channel < channels:
                raise InputError(f"expected a channel from 0 to {channels - 1}, got {channel}")
            row[channel] += weight
        length = np.linalg.norm(row)
        if self.weights and not (np.isfinite(length) and length > 0):
            raise InputError("expected weights of channels that do not add up to nothing")
        return row / length if self.weights else row


def channel(number: int) -> Objective:
    """One channel at all positions."""
    return Objective(((number, 1.0),))


def neuron(number: int) -> Objective:
    """One channel in the unit at the centre alone."""
    return Objective(((number, 1.0),), "centre")


def blend(one: int, other: int, share: float = 0.5) -> Objective:
    """Two channels at once; ``share`` is that of ``other``, from 0 to 1, else InputError."""
    if not 0 <= share <= 1:
        raise InputError(f"expected a share from 0 to 1, got {share:g}")
    return Objective(((one, 1 - share), (other, share)))


def direction(vector: Sequence[float]) -> Objective:
    """A weighted sum of channels, such as the difference of two pictures' features."""
    return Objective(tuple((place, float(weight)) for place, weight in enumerate(vector) if weight))


def layer() -> Objective:
    """The mean square of all channels: whatever the layer answers to, more of it."""
    return Objective(())


MARGIN = 8
"""One part in so many of a map, on each side, does not count: units there see the padding."""
LEAK = 0.01
"""Weight of values below zero, so that a channel without any above still has a way up."""


def inside(height: int, width: int) -> tuple[slice, slice]:
    """Rows and columns of a map that count: all but the margin."""
    down, right = height // MARGIN, width // MARGIN
    return slice(down, height - down), slice(right, width - right)


def activations(maps: Any, directions: Any, centre: Any, *, leak: float = 0.0) -> Any:  # noqa: ANN401
    """How strongly each picture excites what it is to: (n,) of layer maps (n, h, w, c) and directions (n, c).

    The mean of what is above zero inside the margin: of a filter for edges the values above and below zero would
    cancel out. What is below zero weighs ``leak``. At the centre, where ``centre``, (n,) of 0 and 1, is 1: the value
    of the unit there. A direction of zeros stands for the whole layer: the mean square.
    """
    import tensorflow as tf

    rows, columns = inside(maps.shape[1], maps.shape[2])
    values = tf.einsum("nhwc,nc->nhw", maps, directions)
    everywhere = tf.reduce_mean(tf.nn.leaky_relu(values[:, rows, columns], leak), (1, 2))
    middle = values[:, maps.shape[1] // 2, maps.shape[2] // 2]
    whole = tf.cast(tf.reduce_all(directions == 0, 1), maps.dtype)
    return tf.where(centre > 0, middle, everywhere) + whole * tf.reduce_mean(tf.square(maps), (1, 2, 3))


def sameness(maps: Any) -> Any:  # noqa: ANN401
    """Mean cosine between the textures of n ≥ 2 pictures, 0 … 1: how channels occur together in each (n, h, w, c)."""
    import tensorflow as tf

    count = tf.shape(maps)[0]
    flat = tf.reshape(maps, (count, -1, maps.shape[-1]))
    together = tf.reshape(tf.matmul(flat, flat, transpose_a=True), (count, -1))
    unit = tf.math.l2_normalize(together, 1)
    others = tf.matmul(unit, unit, transpose_b=True)
    return (tf.reduce_sum(others) - tf.linalg.trace(others)) / tf.cast(count * (count - 1), maps.dtype)
