"""Simple pictures that tell channels apart: stripes of many directions and widths, and plain colours.

What a channel answers to them says whether it looks for edges, textures or colours, whatever a person sees in it.
"""

import colorsys
import math
from dataclasses import dataclass

import numpy as np

ANGLES = tuple(range(0, 180, 30))
"""Directions of stripes, degrees."""
WAVELENGTHS = (4, 8, 16, 32)
"""Pixels from stripe to stripe."""
HUES = tuple(range(0, 360, 30))
GREYS = (0, 128, 255)


@dataclass(frozen=True)
class Stimulus:
    """One of them: stripes have an angle and a wavelength, colours a hue or, if grey, a level."""

    angle: int = -1
    wavelength: int = 0
    hue: int = -1
    level: int = -1


STIMULI = (
    *(Stimulus(angle=angle, wavelength=wavelength) for wavelength in WAVELENGTHS for angle in ANGLES),
    *(Stimulus(hue=hue) for hue in HUES),
    *(Stimulus(level=level) for level in GREYS),
)


def picture(stimulus: Stimulus, size: int) -> np.ndarray:
    """(size, size, 3) uint8; stripes are grey sine waves of full contrast."""
    if stimulus.angle >= 0:
        down, right = np.mgrid[:size, :size]
        turned = math.radians(stimulus.angle)
        wave = np.sin(2 * np.pi * (right * math.cos(turned) + down * math.sin(turned)) / stimulus.wavelength)
        return np.repeat(np.round(127.5 + 127.5 * wave).astype(np.uint8)[..., None], 3, 2)
    hue = np.multiply(colorsys.hsv_to_rgb(stimulus.hue / 360, 1, 1), 255)
    colour = np.full(3, stimulus.level) if stimulus.hue < 0 else np.round(hue)
    return np.broadcast_to(colour.astype(np.uint8), (size, size, 3)).copy()
