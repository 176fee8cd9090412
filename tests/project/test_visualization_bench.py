"""What the benchmark of activation maximisation measures, on pictures whose answer is known."""

import numpy as np
import pytest

from benchmarks.visualization import at_activation, smoothness, spread
from semsearch.explain.maximise.maximisation import Maximised


def stripes(wavelength):
    row = np.round(127.5 + 100 * np.sin(2 * np.pi * np.arange(64) / wavelength)).astype(np.uint8)
    return np.broadcast_to(row[None, :, None], (64, 64, 3))


@pytest.mark.parametrize(("wavelength", "share"), [(16, 1), (8, 1), (3.2, 0), (2.5, 0)])
def test_wide_stripes_are_smooth_and_narrow_ones_are_not(wavelength, share):
    assert smoothness(stripes(wavelength)) == pytest.approx(share, abs=0.02)


def test_a_picture_of_one_colour_is_smooth():
    assert smoothness(np.full((8, 8, 3), 9, np.uint8)) == 1


def test_the_first_picture_of_an_activation_is_taken():
    looks = [
        Maximised(np.zeros((1, 2, 2, 3), np.uint8), np.array([value]), step) for step, value in enumerate((1, 3, 2))
    ]
    assert at_activation(looks, 2).steps == 1
    assert at_activation(looks, 4) is None


def test_channels_are_spread_over_the_layer():
    assert spread(3, 101) == [0, 50, 100]
    assert spread(1, 101) == [0]
