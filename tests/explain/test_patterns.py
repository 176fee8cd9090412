"""Kinds of channels, on answers placed by hand."""

import numpy as np
import pytest

from semsearch.explain import patterns
from semsearch.explain.channels import Channels
from semsearch.explain.stimuli import STIMULI


def world(*, answers, photo=1.0, photos=(0, 1, 2, 3)):
    """One channel that answers to a few stimuli as told, and to the strongest of four photos with ``photo``."""
    responses = np.zeros((len(STIMULI), 1), np.float32)
    for place, stimulus in enumerate(STIMULI):
        responses[place] = answers(stimulus)
    return Channels(
        shown=np.array([0], np.int32),
        sheet=np.zeros(1, np.uint8),
        activations=np.ones(1, np.float32),
        natural=np.ones(1, np.float32),
        photos=np.array([photos], np.uint16),
        units=np.zeros((1, 4, 2), np.uint16),
        strengths=np.full((1, 4), photo, np.float32),
        responses=responses,
    )


LABELS = [0, 0, 0, 1, 2, 2, 2, 2]
CASES = {
    "colours": (world(answers=lambda s: 1.0 * (s.hue == 240) + 0.4 * (s.angle == 0)), 20),
    "edges": (world(answers=lambda s: 1.0 * (s.angle == 60 and s.wavelength == 8)), 20),
    "textures": (world(answers=lambda s: 1.0 * (s.angle >= 0 and s.wavelength == 4)), 200),
    "patterns": (world(answers=lambda s: 1.0 * (s.angle >= 0 and s.wavelength == 32)), 20),
    "parts": (world(answers=lambda s: 0.2 * (s.angle == 0), photos=(0, 3, 4, 5)), 200),
    "objects": (world(answers=lambda s: 0.2 * (s.angle == 0), photos=(4, 5, 6, 0)), 200),
}

CLEAR = {"colours": 0.6, "edges": 1, "textures": 1, "patterns": 1, "parts": 0.8, "objects": 0.75}


@pytest.mark.parametrize("kind", patterns.KINDS)
def test_each_kind_is_told_by_what_the_channel_answers_to(kind):
    channels, field = CASES[kind]
    [found] = patterns.kinds(channels, field, LABELS)
    assert found.kind == kind and found.clearness == pytest.approx(CLEAR[kind])


def test_stripes_of_one_direction_over_a_large_part_are_a_pattern():
    channels, _ = CASES["edges"]
    assert patterns.kinds(channels, 49, LABELS)[0].kind == "patterns"


def test_selectivity_is_one_for_one_direction_and_nothing_for_all():
    assert patterns.selectivity(CASES["edges"][0]) == pytest.approx([1])
    assert patterns.selectivity(CASES["textures"][0]) == pytest.approx([0], abs=1e-6)
    two = world(answers=lambda s: 1.0 * (s.angle in (0, 90) and s.wavelength == 8))
    assert patterns.selectivity(two) == pytest.approx([0], abs=1e-6)


def test_purity_counts_the_most_frequent_class_of_the_strongest_photos():
    assert patterns.purity(CASES["objects"][0], LABELS).tolist() == [0.75]
    assert patterns.purity(CASES["parts"][0], LABELS).tolist() == [0.5]


def test_the_strongest_stimulus_is_the_one_that_excites_most():
    assert patterns.strongest_stimulus(CASES["edges"][0], 0).angle == 60
