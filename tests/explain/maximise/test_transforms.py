"""Random moves: seeded, small, different for each picture, and gradients go through them."""

import numpy as np
import tensorflow as tf

from semsearch.explain.maximise.transforms import JITTER, moved


def seed(number):
    return tf.constant([number, 0], tf.int32)


def test_a_picture_of_one_colour_stays_what_it_is():
    plain = tf.fill((3, 64, 64, 3), 0.25)
    assert np.allclose(moved(plain, seed(1)), 0.25, atol=1e-6)


def test_moves_are_seeded_and_differ_between_pictures():
    pictures = tf.tile(tf.random.stateless_uniform((1, 64, 64, 3), [0, 1]), (2, 1, 1, 1))
    first = moved(pictures, seed(1)).numpy()
    assert np.array_equal(first, moved(pictures, seed(1)).numpy())
    assert not np.allclose(first, moved(pictures, seed(2)).numpy(), atol=0.05)
    assert not np.allclose(first[0], first[1], atol=0.05)


def test_a_point_in_the_middle_moves_by_the_jitter_at_most():
    side = 64
    picture = np.zeros((1, side, side, 1), np.float32)
    picture[0, 31:33, 31:33] = 1
    furthest = 0.0
    for number in range(40):
        found = moved(tf.constant(picture), seed(number)).numpy()[0, :, :, 0]
        weights = found / found.sum()
        middle = [(weights.sum(axis) * np.arange(side)).sum() for axis in (1, 0)]
        furthest = max(furthest, *(abs(place - (side - 1) / 2) for place in middle))
    assert 0.5 * JITTER * side < furthest <= 1.15 * JITTER * side + 0.5


def test_gradients_flow_back_to_where_pixels_came_from():
    pictures = tf.random.stateless_uniform((2, 32, 32, 3), [0, 1])
    with tf.GradientTape() as tape:
        tape.watch(pictures)
        total = tf.reduce_sum(moved(pictures, seed(5)))
    slope = tape.gradient(total, pictures).numpy()
    assert slope[:, 8:-8, 8:-8].min() > 0.3
