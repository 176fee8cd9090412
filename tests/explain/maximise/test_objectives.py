"""What a picture is to excite, on maps placed by hand."""

import numpy as np
import pytest
import tensorflow as tf

from semsearch.errors import InputError
from semsearch.explain.maximise.objectives import activations, blend, channel, direction, layer, neuron, sameness

MAPS = np.zeros((1, 3, 3, 2), np.float32)
MAPS[0, 1, 1] = (9.0, 0.0)
MAPS[0, 0, 0] = (0.0, 18.0)


@pytest.mark.parametrize(
    ("objective", "value"),
    [
        (channel(0), 1.0),
        (channel(1), 2.0),
        (neuron(0), 9.0),
        (neuron(1), 0.0),
        (blend(0, 1), (1 + 2) / 2**0.5),
        (blend(0, 1, 1.0), 2.0),
        (direction([3.0, -4.0]), 0.6 * 1),
        (layer(), (81 + 324) / 18),
    ],
)
def test_each_reads_its_own_part_of_the_map(objective, value):
    row = objective.direction(2)
    found = activations(tf.constant(MAPS), tf.constant(row[None]), tf.constant([float(objective.where == "centre")]))
    assert found.numpy() == pytest.approx([value])


def test_what_is_below_zero_and_what_lies_in_the_margin_do_not_count():
    maps = np.zeros((1, 16, 16, 1), np.float32)
    maps[0, :2], maps[0, 14:] = 500, 500
    maps[0, :, :2], maps[0, :, 14:] = 500, 500
    maps[0, 5, 5], maps[0, 6, 6] = 144.0, -72.0
    one, everywhere = tf.ones((1, 1)), tf.zeros(1)
    assert activations(tf.constant(maps), one, everywhere).numpy() == pytest.approx([1])
    assert activations(tf.constant(maps), one, everywhere, leak=0.1).numpy() == pytest.approx([0.95])


@pytest.mark.parametrize("number", [-1, 2, 1000])
def test_a_channel_that_is_not_there_is_refused_with_those_that_are(number):
    with pytest.raises(InputError, match="expected a channel from 0 to 1"):
        channel(number).direction(2)


def test_weights_that_come_to_nothing_and_shares_beyond_one_are_refused():
    with pytest.raises(InputError, match="do not add up to nothing"):
        direction([float("nan"), 1.0]).direction(2)
    with pytest.raises(InputError, match="from 0 to 1"):
        blend(0, 1, 1.5)


def test_sameness_is_one_for_equal_textures_and_nothing_for_unlike_ones():
    one, other = np.zeros((2, 2, 2, 3), np.float32)
    one[..., 0], other[..., 1] = 1, 1
    assert sameness(tf.constant(np.stack([one, one]))).numpy() == pytest.approx(1)
    assert sameness(tf.constant(np.stack([one, other]))).numpy() == pytest.approx(0)
    assert sameness(tf.constant(np.stack([one, one, other]))).numpy() == pytest.approx(1 / 3)
