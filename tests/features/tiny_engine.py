"""A network of three layers whose answers numpy gives by hand, and the real one that is computed with besides."""

import numpy as np

from semsearch.models import catalog

SIDE = 8
REAL = "efficientnetlite0"


def tiny_facts():
    layers = tuple(
        catalog.Layer(name, "", "Conv2D", index, 4, 0, 0, 0) for index, name in enumerate(["early", "middle", "late"])
    )
    preprocessing = catalog.Preprocessing("bgr", (10.0, 20.0, 30.0), (2.0, 4.0, 8.0))
    return catalog.Model("tiny", "Tiny", SIDE, 0, 3, preprocessing, layers, None, None, "d" * 64)


def tiny_network(*_, size):
    """Three layers with negative and positive outputs, and weights that are the same each time."""
    import keras

    inputs = keras.Input((size, size, 3))
    x = keras.layers.Conv2D(4, 3, padding="same", name="early")(inputs)
    x = keras.layers.Conv2D(5, 3, strides=2, name="middle")(x)
    x = keras.layers.Conv2D(6, 1, name="late")(keras.layers.ReLU()(x))
    network = keras.Model(inputs, x)
    draw = np.random.default_rng(7)
    network.set_weights([draw.normal(0, 0.3, w.shape).astype(np.float32) for w in network.get_weights()])
    return network


def squares(count, *, side=SIDE):
    return np.random.default_rng(1).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


def by_hand(values, pooling):
    """The poolings of one (h, w, c) array, in float64."""
    values = values.astype(np.float64)
    if pooling == "flatten":
        return np.concatenate([values[y, x] for y in range(values.shape[0]) for x in range(values.shape[1])])
    cells = values.reshape(-1, values.shape[-1])
    if pooling == "avg":
        return cells.sum(0) / len(cells)
    if pooling == "max":
        return cells.max(0)
    return (np.maximum(cells, 1e-6) ** 3).mean(0) ** (1 / 3)
