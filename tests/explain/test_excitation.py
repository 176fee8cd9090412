"""Which photos excite a channel, and where, on maps placed by hand."""

import numpy as np
import pytest

from semsearch.data import datasets
from semsearch.errors import ImageRefused, InputError
from semsearch.explain import excitation, stimuli
from semsearch.explain.stimuli import STIMULI, Stimulus, picture


class Photos:
    def __init__(self, count):
        self.items = [None] * count

    def path(self, place):
        return f"photo {place}"


class World:
    """A network of one layer, 32 channels of 4 x 4 units; channel 0 is as strong as told, in one unit of a photo."""

    def __init__(self, specs, strengths, units):
        self.spec, self.strengths, self.units = specs[0], strengths, units

    def stream(self, pictures):
        assert len(list(pictures)) == len(self.strengths) + len(STIMULI)
        for place, strength in enumerate(self.strengths):
            found = np.zeros((4, 4, 32), np.float32)
            found[*self.units[place], 0] = strength
            found[..., 1] = -1
            yield place, {self.spec: found.ravel()}
        for place in range(len(STIMULI)):
            found = np.zeros((4, 4, 32), np.float32)
            found[1, 2, 0], found[0, 0, 0] = place, 1_000
            yield len(self.strengths) + place, {self.spec: found.ravel()}


def measured(monkeypatch, strengths, units, keep=3):
    monkeypatch.setattr(datasets, "load", lambda name: Photos(len(strengths)))
    made = excitation.measure(
        "mobilenetv2", ["Conv1"], "photos", keep=keep, make=lambda specs: World(specs, strengths, units)
    )
    return made["Conv1"]


def test_the_strongest_photos_come_first_with_the_unit_that_answered(monkeypatch):
    found = measured(monkeypatch, [1.0, 5.0, 5.0, 16.0], [(0, 1), (3, 0), (1, 2), (2, 3)])
    assert found.photos[0].tolist() == [3, 1, 2]
    assert found.units[0].tolist() == [[2, 3], [3, 0], [1, 2]]
    assert found.strengths[0].tolist() == [16, 5, 5]
    assert found.natural[:2].tolist() == [1, 0]


def test_of_equally_strong_photos_the_first_stand_first_and_no_more_than_there_are(monkeypatch):
    found = measured(monkeypatch, [2.0, 2.0], [(0, 0), (0, 0)], keep=12)
    assert found.photos[0].tolist() == found.photos[31].tolist() == [0, 1]


def test_of_a_stimulus_the_border_does_not_count(monkeypatch):
    found = measured(monkeypatch, [1.0], [(0, 0)])
    assert found.responses[:, 0].tolist() == list(range(len(STIMULI)))


def test_a_photo_that_cannot_be_read_is_an_error_and_not_left_out(monkeypatch):
    monkeypatch.setattr(datasets, "load", lambda name: Photos(1))

    class Refusing(World):
        def stream(self, pictures):
            yield 0, ImageRefused("corrupt", "cannot be decoded")

    with pytest.raises(ImageRefused, match="cannot be decoded"):
        excitation.measure("mobilenetv2", ["Conv1"], "photos", keep=1, make=lambda specs: Refusing(specs, [], []))


def test_stripes_run_the_way_they_say_and_colours_are_plain():
    upright = picture(Stimulus(angle=0, wavelength=8), 32)
    assert (upright == upright[:1]).all()
    assert np.abs(upright[:, :8].astype(int) - upright[:, 8:16]).max() <= 1
    level = picture(Stimulus(angle=90, wavelength=8), 32)
    assert np.abs(level.transpose(1, 0, 2).astype(int) - upright).max() <= 1
    assert (picture(Stimulus(hue=120), 4) == (0, 255, 0)).all()
    assert (picture(Stimulus(level=128), 4) == 128).all()
    assert len(set(STIMULI)) == len(stimuli.ANGLES) * len(stimuli.WAVELENGTHS) + len(stimuli.HUES) + len(stimuli.GREYS)


def test_a_dataset_is_ranked_by_a_channel_or_by_several_that_count_alike():
    vectors = np.array([[1, 0], [3, 100], [3, 0], [2, 220]], np.float32)
    rows, values = excitation.strongest(vectors, [0])
    assert list(zip(rows.tolist(), values.tolist(), strict=True)) == [(1, 3), (2, 3), (3, 2), (0, 1)]
    rows, values = excitation.strongest(vectors, [0, 1])
    assert rows.tolist() == [3, 1, 2, 0]
    assert values[0] == pytest.approx(2 / vectors[:, 0].std() + 220 / vectors[:, 1].std())
    rows, values = excitation.strongest(np.ones((2, 2), np.float32), [0, 1])
    assert (rows.tolist(), values.tolist()) == ([0, 1], [2, 2])


@pytest.mark.parametrize("channels", [[], [-1], [2], [0, 7]])
def test_a_dataset_is_not_ranked_by_a_channel_that_is_not_there(channels):
    with pytest.raises(InputError, match="from 0 to 1"):
        excitation.strongest(np.zeros((3, 2), np.float32), channels)
