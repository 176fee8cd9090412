"""Pictures as numbers: what goes in comes out, and what is to stay fixed does."""

import numpy as np
import pytest

from semsearch.explain.maximise.parametrisation import (
    KINDS,
    MIXING,
    Parametrisation,
    frequencies,
    magnitudes,
    measured_spectrum,
)


@pytest.mark.parametrize("kind", KINDS)
def test_a_start_is_seeded_and_a_picture_lies_between_black_and_white(kind):
    made = Parametrisation(kind, 64)
    numbers = made.start(2, seed=3)
    assert np.array_equal(numbers, made.start(2, seed=3))
    assert not np.array_equal(numbers, made.start(2, seed=4))
    pictures = made.pictures(numbers).numpy()
    assert pictures.shape == (2, 64, 64, 3)
    assert 0 <= pictures.min() < pictures.max() <= 1
    assert not np.allclose(pictures[0], pictures[1], atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_opacity_is_a_fourth_number_of_each_pixel(kind):
    made = Parametrisation(kind, 64, opacity=True)
    assert made.pictures(made.start(1, seed=0)).shape == (1, 64, 64, 4)


def test_a_given_picture_comes_back_from_its_numbers():
    down, right = np.mgrid[:64, :64] / 63
    picture = np.stack([down, right, (down + right) / 2], -1) * 0.9 + 0.05
    made = Parametrisation("fourier", 64)
    assert np.abs(made.pictures(made.of(picture[None])).numpy()[0] - picture).max() < 1 / 255


def test_under_maco_phases_change_and_magnitudes_do_not():
    made = Parametrisation("maco", 64)
    for seed in (0, 1):
        picture = made.pictures(made.start(1, seed)).numpy()[0].astype(np.float64)
        independent = np.log(picture / (1 - picture)) @ np.linalg.inv(MIXING.astype(np.float64)).T
        spectrum = np.abs(np.fft.rfft2(independent.transpose(2, 0, 1)))[:, :, 1:-1]
        expected = magnitudes(64)[:, :, 1:-1]
        assert np.abs(spectrum / expected - 1).max() < 0.02


def test_stripes_have_their_magnitude_at_their_frequency():
    right = np.arange(64)
    stripes = np.round(127.5 + 100 * np.sin(2 * np.pi * right / 8)).astype(np.uint8)
    facts = measured_spectrum(np.broadcast_to(stripes[None, None, :, None], (2, 64, 64, 3)))
    strongest = facts["frequency"][int(np.argmax(facts["magnitude"][0]))]
    assert abs(strongest - 1 / 8) < 0.01


def test_natural_pictures_have_less_of_finer_waves():
    spectrum, places = magnitudes(128)[0], frequencies(128)
    coarse, middle, fine = (
        spectrum[(places > low) & (places < high)].mean() for low, high in ((0.01, 0.02), (0.1, 0.12), (0.4, 0.5))
    )
    assert coarse > 4 * middle > 8 * fine > 0
