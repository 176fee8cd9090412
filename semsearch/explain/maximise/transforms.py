"""Small random moves of a picture between steps, so that what is found does not hang on single pixels.

As in "Feature Visualization" (Distill 2017): padded, jittered, scaled and rotated; here in one resampling.
"""

import math
from typing import Any

JITTER = 0.125
"""Furthest move in each direction, as a share of the side, for what stands somewhere in the picture."""
ANYWHERE = 0.5
"""The same for what is everywhere in it: each part of the picture comes to each place."""
SCALE = (0.9, 1.1)
ANGLE = math.radians(8)
"""Furthest turn to either side."""


def moved(pictures: Any, seed: Any, reach: Any = JITTER) -> Any:  # noqa: ANN401
    """Each of (n, s, s, c) moved, scaled and turned by seeded amounts; what leaves on one side comes in on the other.

    ``seed`` is an int32 tensor of two numbers; ``reach``, for each picture, is the furthest move. Gradients flow.
    """
    import tensorflow as tf

    count, side = tf.shape(pictures)[0], pictures.shape[1]
    amounts = tf.random.stateless_uniform((4, count), seed, -1.0, 1.0)
    low, high = (math.log(bound) for bound in SCALE)
    scale = tf.exp((low + high) / 2 + (high - low) / 2 * amounts[0])
    cos, sin = scale * tf.cos(ANGLE * amounts[1]), scale * tf.sin(ANGLE * amounts[1])
    middle, reach = (side - 1) / 2, side * reach
    right = middle - cos * middle + sin * middle + reach * amounts[2]
    down = middle - sin * middle - cos * middle + reach * amounts[3]
    nothing = tf.zeros_like(cos)
    matrix = tf.stack([cos, -sin, right, sin, cos, down, nothing, nothing], 1)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=pictures,
        transforms=matrix,
        output_shape=[side, side],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="WRAP",
    )
