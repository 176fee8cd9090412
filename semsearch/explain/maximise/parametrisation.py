"""The numbers behind a picture that is being maximised, and how a picture is made of them.

Changing single pixels finds patterns of single pixels. Written as frequencies, in colours that vary independently of
each other, all scales of a picture change equally fast.

Sources: Olah, Mordvintsev and Schubert, "Feature Visualization", Distill 2017, doi 10.23915/distill.00007 (frequencies,
colours); Fel et al., "Unlocking Feature Visualization for Deeper Networks with MAgnitude Constrained Optimization",
NeurIPS 2023 (magnitudes held fixed, only phases change).
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

Kind = Literal["fourier", "maco", "pixels"]
KINDS: tuple[Kind, ...] = get_args(Kind)

COLOURS = np.array([[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]], np.float32)
"""Square root of the covariance of the colours of natural pictures, as published with "Feature Visualization"."""
MIXING = COLOURS / np.linalg.norm(COLOURS, axis=0).max()
"""From independent colours to red, green and blue: ``rgb = independent @ MIXING.T``."""
START = 0.01
"""Standard deviation of the numbers a picture begins with."""
CONTRAST = 4.0
"""Divides a picture before its colours are mixed, so that one step changes it by little."""


@dataclass(frozen=True)
class Parametrisation:
    """How pictures of one side are made of numbers; ``rate`` is the size of a step of the optimiser."""

    kind: Kind
    size: int
    opacity: bool = False
    """Whether a picture has a fourth number a pixel: how much it covers what is behind it."""

    @property
    def planes(self) -> int:
        """Numbers a pixel: three colours, and opacity where it has one."""
        return 4 if self.opacity else 3

    @property
    def rate(self) -> float:
        """Size of a step: phases run from 0 to 2π, the other numbers are of the order of one."""
        return 0.5 if self.kind == "maco" else 0.05

    def start(self, count: int, seed: int) -> np.ndarray:
        """Seeded numbers of ``count`` pictures, (n, …) float32: nearly grey, or with random phases for ``maco``."""
        random = np.random.default_rng(seed)
        if self.kind == "pixels":
            return random.normal(0, START, (count, self.size, self.size, self.planes)).astype(np.float32)
        shape = (count, self.planes, self.size, self.size // 2 + 1)
        if self.kind == "maco":
            return random.uniform(-np.pi, np.pi, shape).astype(np.float32)
        return random.normal(0, START, (2, *shape)).astype(np.float32).transpose(1, 0, 2, 3, 4)

    def of(self, pictures: np.ndarray) -> np.ndarray:
        """The numbers that make given pictures, (n, s, s, 3) in 0 … 1; for ``fourier`` without opacity alone."""
        inside = np.clip(pictures.astype(np.float64), 0.02, 0.98)
        independent = np.log(inside / (1 - inside)) @ np.linalg.inv(MIXING.astype(np.float64)).T
        spectrum = np.fft.rfft2(independent.transpose(0, 3, 1, 2) * CONTRAST) / _gain(self.size)
        return np.stack([spectrum.real, spectrum.imag], 1).astype(np.float32)

    def pictures(self, numbers: Any) -> Any:  # noqa: ANN401
        """The pictures, (n, s, s, 3 or 4) float32 in 0 … 1, as a tensor through which gradients flow."""
        import tensorflow as tf

        if self.kind == "pixels":
            return tf.sigmoid(numbers * CONTRAST)
        if self.kind == "maco":
            magnitude = tf.constant(magnitudes(self.size, self.planes))
            spectrum = tf.complex(magnitude * tf.cos(numbers), magnitude * tf.sin(numbers))
            planes = tf.signal.irfft2d(spectrum, [self.size, self.size])
        else:
            gain = tf.constant(_gain(self.size))
            spectrum = tf.complex(numbers[:, 0] * gain, numbers[:, 1] * gain)
            planes = tf.signal.irfft2d(spectrum, [self.size, self.size]) / CONTRAST
        planes = tf.transpose(planes, [0, 2, 3, 1])
        mixed = tf.tensordot(planes[..., :3], tf.constant(MIXING.T), 1)
        return tf.sigmoid(tf.concat([mixed, planes[..., 3:]], -1))


def frequencies(size: int) -> np.ndarray:
    """Cycles a pixel of each number of a spectrum, (s, s // 2 + 1) float64."""
    places: np.ndarray = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None])
    return places


@cache
def _gain(size: int) -> np.ndarray:
    """1 / frequency, the spectrum of natural pictures, times the side: energy does not depend on it."""
    gain: np.ndarray = (size / np.maximum(frequencies(size), 1 / size)).astype(np.float32)
    return gain


@cache
def magnitudes(size: int, planes: int = 3) -> np.ndarray:
    """Mean magnitude of the spectra of the photos of groceries200 by frequency, (planes, s, s // 2 + 1) float32.

    In independent colours and before the sigmoid, averaged over directions, interpolated; ``spectrum.json`` holds it
    by cycles a pixel, for a side of 1. The mean colour is left out: zero.
    """
    facts = json.loads((Path(__file__).parent / "spectrum.json").read_text(encoding="utf-8"))
    places = frequencies(size)
    rows = [np.interp(places, facts["frequency"], facts["magnitude"][min(plane, 2)]) for plane in range(planes)]
    spectrum = np.stack(rows) * size
    spectrum[:, 0, 0] = 0
    return spectrum.astype(np.float32)


def measured_spectrum(pictures: np.ndarray, *, bins: int = 48) -> dict[str, Any]:
    """What ``spectrum.json`` says, of (n, s, s, 3) uint8: frequencies, and the magnitude of each independent colour."""
    size = pictures.shape[1]
    inside = np.clip(pictures / 255.0, 0.02, 0.98)
    independent = np.log(inside / (1 - inside)) @ np.linalg.inv(MIXING.astype(np.float64)).T
    spectra = np.abs(np.fft.rfft2(independent.transpose(0, 3, 1, 2))).mean(0) / size
    places = frequencies(size)
    edges = np.geomspace(1 / size, 0.5, bins + 1)
    edges[0] *= 0.99
    which = np.digitize(places, edges) - 1
    full = [k for k in range(bins) if (which == k).any()]
    frequency = [float(places[which == k].mean()) for k in full]
    magnitude = [[float(plane[which == k].mean()) for k in full] for plane in spectra]
    return {"frequency": np.round(frequency, 5).tolist(), "magnitude": np.round(magnitude, 4).tolist()}
