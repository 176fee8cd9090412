"""Facts of all layers: shipped rows against the Keras graphs, windows against gradients, costs against a profiler."""

import math
from dataclasses import asdict, replace

import keras
import numpy as np
import pytest

from semsearch.models import catalog, fields, graphs, layers

NAMES = list(catalog.models())
PROBED = 5
"""Layers of each model that are probed, evenly spread from input to output."""
LARGEST = 200
"""Input pixels."""


@pytest.fixture(scope="module", params=NAMES)
def named(request):
    """A model's name and its graph, built once for all that is asked of it; its kernels are 0."""
    with pytest.MonkeyPatch.context() as patch:
        zeros = lambda self, shape, dtype=None: keras.ops.zeros(shape, dtype)  # noqa: E731
        patch.setattr(keras.initializers.VarianceScaling, "__call__", zeros)
        return request.param, graphs.build(request.param, size=catalog.model(request.param).size)


def test_rows_rebuilt_equal_the_file(named):
    name, graph = named
    assert tuple(fields.layer_table(graph)) == layers.table(name)


def test_the_chosen_layers_are_rows_of_the_table(named):
    name, graph = named
    assert [row.name for row in layers.table(name)] == [layer.name for layer in graph.layers]
    for chosen in catalog.model(name).layers:
        row = layers.facts(name, chosen.alias or chosen.name)
        assert all(getattr(row, key) == value for key, value in asdict(chosen).items() if key != "alias")


class Same(keras.layers.Layer):
    """What a layer is here that looks at one unit at a time."""

    def call(self, units, mask=None, training=None):
        """Its input."""
        return units


KEPT = ("Add", "Concatenate", "ZeroPadding2D", "Cropping2D", "GlobalAveragePooling2D")
"""Layers that move or mix what units see."""


def thin(graph):
    """The same windows with one channel, all kernels 1 and nothing that bends: its gradients are sums over paths."""

    def clone(layer):
        kind, common = type(layer).__name__, {"name": layer.name, "dtype": "float64"}
        if kind in fields.CONVOLUTIONS + fields.POOLS:
            common |= {"strides": layer.strides, "padding": layer.padding}
        if kind in fields.POOLS:  # the gradient of a largest value reaches one position only
            return keras.layers.AveragePooling2D(layer.pool_size, **common)
        if kind in fields.CONVOLUTIONS:
            assert layer.dilation_rate == (1, 1)
            ones = {"kernel_initializer": "ones", "use_bias": False}
            return keras.layers.Conv2D(1, layer.kernel_size, **common, **ones)
        if kind == "Reshape":
            return keras.layers.Reshape((1, 1, -1), **common)
        if kind == "Multiply":  # squares grow beyond all numbers
            return keras.layers.Add(**common)
        if kind in KEPT:
            return type(layer).from_config(layer.get_config() | common)
        return Same(**common)

    inputs = keras.Input((None, None, 1), dtype="float64")
    return keras.models.clone_model(graph, input_tensors=inputs, clone_function=clone)


def probed(network, rows, size, at):
    """For each layer a unit, a fraction of its sides from the corner, and the box of the pixels that change it."""
    import tensorflow as tf

    part = keras.Model(network.inputs, [network.get_layer(row.name).output for row in rows])
    picture = tf.ones((1, size, size, 1), "float64")
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(picture)
        units = []
        for out in part(picture, training=False):
            out = tf.reshape(out, (*out.shape[1:3], -1) if len(out.shape) == 4 else (1, 1, -1))
            y, x = (int(at * (side - 1)) for side in out.shape[:2])
            units.append((y, x, tf.reduce_sum(out[y, x])))
    for y, x, unit in units:
        gradient = tape.gradient(unit, picture)[0, :, :, 0].numpy()
        assert np.isfinite(gradient).all()
        ys, xs = np.nonzero(gradient)
        yield (y, x), (ys.min(), xs.min(), ys.max() + 1, xs.max() + 1) if len(ys) else None


def test_windows_are_where_the_gradient_is(named):
    """At native size in the corner; in the middle of a picture in which windows up to LARGEST are not clipped.

    That is larger or smaller by a multiple of all steps, so that TensorFlow pads as it does at native size.
    """
    name, graph = named
    size, table = catalog.model(name).size, layers.table(name)[1:]
    rows = [table[place] for place in graphs.spread(len(table), chosen=PROBED)]
    fitting = [max(row.side) for row in rows if max(row.side) <= LARGEST and not row.whole]
    other = size + 32 * math.ceil((max(fitting) + 64 - size) / 32)
    network, first = thin(graph), next(row for row in table if row.kind == "Conv2D")
    for side, at in ((size, 0), (other, 0.5)):
        last = first.shape[0] - 1 + (side - size) // int(first.step[0])
        used = min(side, first.box(last, last)[2])  # NASNet's first layer leaves the last pixels out
        for row, (unit, box) in zip(rows, probed(network, rows, side, at), strict=True):
            seen = replace(row, whole=row.whole and (side, side)).box(*unit)
            top, left, bottom, right = (min(max(edge, 0), used) for edge in seen)
            in_padding = top == bottom or left == right
            assert box == (None if in_padding else (top, left, bottom, right)), (row.name, side, unit)


@pytest.mark.parametrize("name", ["vgg16", "mobilenetv2", "xception"])
def test_multiply_adds_are_those_of_tensorflows_profiler(name):
    """It counts two operations for each, and normalisation and other things by themselves."""
    import tensorflow as tf

    model = graphs.build(name, size=catalog.model(name).size)
    call = tf.function(lambda picture: model(picture, training=False))
    graph = call.get_concrete_function(tf.TensorSpec((1, *model.input_shape[1:]))).graph
    options = tf.compat.v1.profiler.ProfileOptionBuilder(tf.compat.v1.profiler.ProfileOptionBuilder.float_operation())
    found = tf.compat.v1.profiler.profile(graph, cmd="op", options=options.with_empty_output().build())
    counted = {}
    while found.children:
        found = found.children[0]
        counted[found.name] = found.float_ops
    products = sum(counted.get(kind, 0) for kind in ("Conv2D", "DepthwiseConv2dNative", "MatMul"))
    assert products == 2 * sum(row.multiply_adds for row in layers.table(name)) > 1e8
