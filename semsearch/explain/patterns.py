"""What kind of thing each channel looks for, told by what it answers to, not by how its picture looks to a person.

===========  =========================================================================================
colours      plain colours excite it more than any stripes do
edges        stripes of one direction excite it, and a unit sees a small part of the picture
textures     fine stripes excite it, in more than one direction
patterns     coarse stripes excite it, or stripes of one direction over a larger part
parts        photos excite it more than colours and stripes; those are of several classes
objects      photos of one class above all
===========  =========================================================================================
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from semsearch.explain.channels import Channels
from semsearch.explain.stimuli import ANGLES, STIMULI, WAVELENGTHS, Stimulus

Kind = Literal["colours", "edges", "textures", "patterns", "parts", "objects"]
KINDS: tuple[Kind, ...] = get_args(Kind)
SMALL = 48
"""Pixels of the square that one unit sees, up to which stripes of one direction are an edge."""
FINE = 8
"""Wavelength in pixels up to which stripes are a texture."""
NATURAL = 0.5
"""Stripes and colours that reach this share of what photos reach are what a channel looks for."""
ONE_DIRECTION = 0.5
"""Selectivity from which on stripes count as of one direction."""
ONE_CLASS = 0.75
"""Share of the strongest photos that are of one class in an object."""
_STRIPES = np.array([stimulus.angle >= 0 for stimulus in STIMULI])


@dataclass(frozen=True)
class Sort:
    """The kind of a channel, and how clearly it is of it, 0 … 1."""

    kind: Kind
    clearness: float


def kinds(channels: Channels, receptive_field: int, labels: Sequence[int]) -> list[Sort]:
    """The kind of each of c channels; ``labels`` are the classes of the dataset's items.

    Clearness: of colours and stripes the share by which they exceed the other, of edges the selectivity, of objects
    the share of one class, of parts the share by which photos exceed both.
    """
    rest = channels.responses.min(0)
    answers = channels.responses - rest
    photos = np.maximum(channels.strengths[:, 0] - rest, 1e-12)
    stripes, colours = answers[_STRIPES].max(0), answers[~_STRIPES].max(0)
    alone, together = selectivity(channels), purity(channels, labels)
    fine = np.array([STIMULI[place].wavelength <= FINE for place in _strongest(channels)])
    found: list[Sort] = []
    for channel in range(len(photos)):
        simple = max(stripes[channel], colours[channel], 1e-12)
        apart = float(abs(stripes[channel] - colours[channel]) / simple)
        directed = alone[channel] >= ONE_DIRECTION
        if simple < NATURAL * photos[channel] and together[channel] >= ONE_CLASS:
            found.append(Sort("objects", float(together[channel])))
        elif simple < NATURAL * photos[channel]:
            found.append(Sort("parts", float(1 - simple / photos[channel])))
        elif colours[channel] >= stripes[channel]:
            found.append(Sort("colours", apart))
        elif directed and receptive_field <= SMALL:
            found.append(Sort("edges", float(alone[channel])))
        else:
            found.append(Sort("textures" if fine[channel] and not directed else "patterns", apart))
    return found


def _strongest(channels: Channels) -> np.ndarray:
    """(c,) place of the stripes that excite each channel most."""
    places: np.ndarray = np.flatnonzero(_STRIPES)[channels.responses[_STRIPES].argmax(0)]
    return places


def selectivity(channels: Channels) -> np.ndarray:
    """(c,) 0 … 1: how much one direction of stripes stands out, at the wavelength that excites a channel most.

    1 − circular variance of the answers above the weakest (Ringach, Shapley and Hawken, J. Neurosci. 2002).
    """
    answers = channels.responses[_STRIPES].reshape(len(WAVELENGTHS), len(ANGLES), -1)
    best = answers.max(1).argmax(0)
    rows = np.take_along_axis(answers, best[None, None], 0)[0]
    rows = rows - rows.min(0)
    turns = np.exp(2j * np.radians(ANGLES))[:, None]
    sums = rows.sum(0)
    shares: np.ndarray = np.abs((rows * turns).sum(0)) / np.where(sums > 0, sums, 1)
    return shares


def purity(channels: Channels, labels: Sequence[int]) -> np.ndarray:
    """(c,) 0 … 1: the share of the strongest photos of a channel that are of their most frequent class."""
    classes = np.asarray(labels)[channels.photos]
    shares: np.ndarray = (classes[:, :, None] == classes[:, None]).sum(2).max(1) / channels.photos.shape[1]
    return shares


def strongest_stimulus(channels: Channels, channel: int) -> Stimulus:
    """The simple picture that excites a channel most."""
    return STIMULI[int(channels.responses[:, channel].argmax())]
