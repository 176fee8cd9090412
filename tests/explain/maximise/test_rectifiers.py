"""Networks made ready for gradients: the same values, and a way back to life."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from semsearch.explain.maximise.rectifiers import prepared


def network():
    """Every kind of layer that is folded or redirected, a branch, and a convolution that nothing may be folded into."""
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, padding="same", use_bias=False)(inputs)
    x = keras.layers.BatchNormalization()(x)
    x = entry = keras.layers.ReLU(6.0)(x)
    x = keras.layers.DepthwiseConv2D(3, padding="same")(x)
    x = keras.layers.BatchNormalization(scale=False)(x)
    x = keras.layers.Activation("relu")(x)
    x = keras.layers.SeparableConv2D(4, 3, padding="same", use_bias=False)(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Add()([x, entry])
    shared = keras.layers.Conv2D(4, 1, activation="relu")(x)
    x = keras.layers.BatchNormalization()(shared)
    x = keras.layers.Add()([x, shared])
    made = keras.Model(inputs, keras.layers.Conv2D(5, 1)(x))
    random = np.random.default_rng(0)
    made.set_weights(
        [random.uniform(0.2, 1.0, weight.shape) - 0.3 * ("kernel" in weight.path) for weight in made.weights]
    )
    return made


def silence(value, count=2):
    return tf.Variable(tf.fill((count, 1, 1, 1), float(value)), trainable=False)


def slope(model, pictures):
    pictures = tf.constant(pictures)
    with tf.GradientTape() as tape:
        tape.watch(pictures)
        total = tf.reduce_sum(model(pictures, training=False)[..., 1])
    return tape.gradient(total, pictures).numpy()


def test_values_and_gradients_are_those_of_the_original_in_fewer_layers():
    original = network()
    pictures = np.random.default_rng(1).normal(0, 1, (2, 8, 8, 3)).astype(np.float32)
    copy = prepared(original, silence(0))
    assert sum(type(layer).__name__ == "BatchNormalization" for layer in copy.layers) == 1
    assert np.allclose(copy(pictures), original(pictures), rtol=1e-4, atol=1e-4)
    expected = slope(original, pictures)
    assert np.abs(expected).max() > 0
    assert np.allclose(slope(copy, pictures), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("limit", "at", "wanted"), [(None, -3.0, 1), (6.0, -3.0, 1), (6.0, 9.0, -1)])
def test_a_rectifier_at_rest_wakes_only_where_it_is_asked_and_only_towards_life(limit, at, wanted):
    inputs = keras.Input((1, 1, 1))
    original = keras.Model(inputs, keras.layers.Rescaling(1.0)(keras.layers.ReLU(limit)(inputs)))
    silent = tf.Variable(tf.constant([[[[1.0]]], [[[0.0]]]]), trainable=False)
    copy = prepared(original, silent)
    rows = tf.fill((2, 1, 1, 1), at)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(rows)
        cost = -wanted * tf.reduce_sum(copy(rows))
        other = wanted * tf.reduce_sum(copy(rows))
    assert tape.gradient(cost, rows).numpy().ravel().tolist() == [-wanted, 0]
    assert tape.gradient(other, rows).numpy().ravel().tolist() == [0, 0]


@pytest.mark.parametrize("count", [1, 2])
def test_a_rectifier_that_nothing_follows_always_lets_through_what_would_wake_it(count):
    """Also where several stand side by side, but not one before them."""
    inputs = keras.Input((1, 1, 1))
    first = keras.layers.ReLU()(inputs)
    ends = [keras.layers.ReLU()(keras.layers.Rescaling(1.0, -2.0)(first)) for _ in range(count)]
    original = keras.Model(inputs, keras.layers.Concatenate()(ends) if count > 1 else ends[0])
    copy, rows = prepared(original, silence(0, 3)), tf.reshape(tf.constant([1.0, 3.0, -1.0]), (3, 1, 1, 1))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(rows)
        values = copy(rows)
        cost, other = -tf.reduce_sum(values), tf.reduce_sum(values)
    assert values.numpy()[:, 0, 0].tolist() == [[0.0] * count, [1.0] * count, [0.0] * count]
    assert tape.gradient(cost, rows).numpy().ravel().tolist() == [-count, -count, 0]
    assert tape.gradient(other, rows).numpy().ravel().tolist() == [0, count, 0]
