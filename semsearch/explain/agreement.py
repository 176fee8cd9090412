"""Why two pictures are similar, or different: which regions, pairs of regions and channels make the number.

::

    agreement(map_a, map_b, "avg", "cosine")                what adds up to the similarity
    agreement(map_a, map_b, "avg", "cosine", DIFFERENT)     what adds up to the distance

Each position of a layer's map adds a part of the vector that a picture becomes: its own numbers (flatten), their n-th
part (avg), the channels that are strongest there (max). The similarity of cosine and correlation is a product of the
two vectors, hence a sum over all pairs of parts. A distance is the product of their difference with its own gradient,
since all norms are homogeneous (Euler), hence such a sum too. Only GeM does not say how its channels are shared out
among positions: its gradient does (Selvaraju et al. 2017), which adds up as well.
"""

import math
from dataclasses import dataclass

import numpy as np

from semsearch.errors import InputError, UnknownName
from semsearch.explain import regions
from semsearch.features.engines import GEM_FLOOR, GEM_POWER
from semsearch.models import catalog
from semsearch.models.catalog import POOLINGS, FeatureSpec
from semsearch.ranking.metrics import METRICS

SIMILAR, DIFFERENT = "similar", "different"
QUESTIONS = (SIMILAR, DIFFERENT)
SIMILARITIES = ("cosine", "correlation")
"""Metrics that are 1 − a similarity; of the others, only the distance can be taken apart."""
_NORMS = {"manhattan": 1, "euclidean": 2, "minkowski3": 3}


@dataclass(frozen=True, eq=False)
class Agreement:
    """What makes the similarity, or the distance, of two pictures."""

    value: float
    """The number that is taken apart."""
    is_distance: bool
    heat: tuple[np.ndarray, np.ndarray]
    """What each position of the first and of the second picture adds, (h, w) and (h', w') float64: each sums to it."""
    pairs: np.ndarray
    """What each pair of regions adds, one of each picture, see ``regions.grid``: (r, r') float64, sums to it."""
    channels: np.ndarray
    """What each channel adds, (c,) float64, sums to it."""
    exact: bool
    """Whether the parts are those of the formula itself, and no gradient had to share a channel out."""
    method: str
    """How they came about, in a sentence."""


@dataclass(frozen=True, eq=False)
class Margin:
    """Why one picture is nearer to a query than another."""

    value: float
    """By how much; below 0 where it is farther."""
    heat: np.ndarray
    """What each position of the query adds to that, (h, w) float64."""
    channels: np.ndarray
    """What each channel adds, (c,) float64."""


def agreement(a: np.ndarray, b: np.ndarray, pooling: str, metric: str, question: str = SIMILAR) -> Agreement:
    """Take apart what two pictures have in common, or what parts them, by their maps (h, w, c) and (h', w', c).

    The similarity (SIMILAR) can be had of SIMILARITIES, else it is the distance. InputError for maps that do not go
    together, and for a picture that leaves the layer silent: it has no direction. UnknownName for other words.
    """
    for kind, name, valid in (("pooling", pooling, POOLINGS), ("metric", metric, METRICS)):
        if name not in valid:
            raise UnknownName(kind, name, valid)
    if question not in QUESTIONS:
        raise UnknownName("question", question, QUESTIONS)
    _check(a, b, pooling)
    is_distance = question == DIFFERENT or metric not in SIMILARITIES
    made = _by_position if pooling == "flatten" else _by_pairs
    heat, pairs, channels = made(a.astype(np.float64), b.astype(np.float64), pooling, metric, is_distance)
    words = _words(pooling, metric, "distance" if is_distance else "similarity")
    return Agreement(float(channels.sum()), is_distance, heat, pairs, channels, pooling != "gem", words)


def margin(nearer: Agreement, farther: Agreement) -> Margin:
    """Why one is nearer than the other, both taken apart with the same query as the first picture."""
    above, below = (farther, nearer) if nearer.is_distance else (nearer, farther)
    return Margin(above.value - below.value, above.heat[0] - below.heat[0], above.channels - below.channels)


def layer_map(flat: np.ndarray, spec: FeatureSpec) -> np.ndarray:
    """The features of pooling "flatten", of any spec of a layer, as the map of the layer that they are, (h, h, c)."""
    channels = catalog.model(spec.model).layer(spec.layer).channels
    side = math.isqrt(flat.size // channels)
    return flat.reshape(side, side, channels)


def _check(a: np.ndarray, b: np.ndarray, pooling: str) -> None:
    fits = a.ndim == b.ndim == 3 and a.size and b.size and a.shape[2] == b.shape[2]
    if not fits or (pooling == "flatten" and a.shape != b.shape):
        raise InputError(f"expected maps (h, w, c) that can be compared by {pooling}, got {a.shape} and {b.shape}")


Made = tuple[tuple[np.ndarray, np.ndarray], np.ndarray, np.ndarray]
"""Heat of both, pairs, channels."""


def _by_position(a: np.ndarray, b: np.ndarray, pooling: str, metric: str, is_distance: bool) -> Made:
    """Every number counts at its position, with the one of the same position."""
    x, y = (_directed(each, each.ravel(), metric) for each in (a, b))
    parts = _gradient(x - y, metric) * (x - y) if is_distance else x * y
    heat = parts.sum(2)
    return (heat, heat), np.diag(regions.summed(heat)), parts.sum((0, 1))


def _by_pairs(a: np.ndarray, b: np.ndarray, pooling: str, metric: str, is_distance: bool) -> Made:
    """Every position of one picture counts with every one of the other."""
    sides = [_Side(each, pooling, metric) for each in (a, b)]
    (x, y), (one, other) = (side.vector for side in sides), sides
    if not is_distance:
        pairs = one.regions @ other.regions.T
        return (one.parts @ y, other.parts @ x), pairs, x * y
    slope = _gradient(x - y, metric)
    heat = one.parts @ slope - one.shares @ (slope * y), other.shares @ (slope * x) - other.parts @ slope
    pairs = (one.regions * slope) @ other.share_regions.T - (one.share_regions * slope) @ other.regions.T
    return heat, pairs, slope * (x - y)


class _Side:
    """A picture as the parts of its vector."""

    def __init__(self, values: np.ndarray, pooling: str, metric: str) -> None:
        """``parts`` (h, w, c) sum to ``vector`` (c,); ``shares`` (h, w, c) say how each channel of it is shared out."""
        self.shares = _shares(values, pooling)
        parts = values / values[..., 0].size if pooling == "avg" else self.shares * _pooled(values, pooling)
        if metric == "correlation":
            parts = parts - parts.mean(2, keepdims=True)
        self.parts = _directed(parts, parts.sum((0, 1)), "cosine" if metric in SIMILARITIES else metric)
        self.vector = self.parts.sum((0, 1))

    @property
    def regions(self) -> np.ndarray:
        """The parts of regions, (r, c)."""
        return regions.summed(self.parts)

    @property
    def share_regions(self) -> np.ndarray:
        """The shares of regions, (r, c)."""
        return regions.summed(self.shares)


def _shares(values: np.ndarray, pooling: str) -> np.ndarray:
    """How much of each channel of the vector each position gives, (h, w, c), summing to 1 over positions."""
    places = values.reshape(-1, values.shape[2])
    if pooling == "avg":
        return np.broadcast_to(1 / len(places), values.shape)
    if pooling == "max":
        shares = np.zeros_like(places)
        shares[places.argmax(0), np.arange(places.shape[1])] = 1
    else:
        powers = np.maximum(places, GEM_FLOOR) ** GEM_POWER
        shares = powers / powers.sum(0)
    return shares.reshape(values.shape)


def _pooled(values: np.ndarray, pooling: str) -> np.ndarray:
    if pooling == "max":
        return np.asarray(values.max((0, 1)))
    return np.asarray((np.maximum(values, GEM_FLOOR) ** GEM_POWER).mean((0, 1)) ** (1 / GEM_POWER))


def _directed(parts: np.ndarray, vector: np.ndarray, metric: str) -> np.ndarray:
    """Parts of a vector as a metric looks at it: for similarities centred, where it says so, and of length 1."""
    if metric not in SIMILARITIES:
        return parts
    if metric == "correlation":
        parts, vector = parts - vector.mean(), vector - vector.mean()
    length = np.linalg.norm(vector)
    if not length > 0:
        raise InputError("this layer is silent on one of the two pictures: they have no direction to compare")
    return np.asarray(parts / length)


def _gradient(apart: np.ndarray, metric: str) -> np.ndarray:
    """Of the distance, by the difference of the two vectors, of any shape: their product is the distance."""
    if metric in SIMILARITIES:
        return apart / 2
    sizes = np.abs(apart)
    if metric == "chebyshev":
        slope = np.zeros_like(apart)
        slope.flat[sizes.argmax()] = 1
        return np.asarray(slope * np.sign(apart))
    power = _NORMS[metric]
    largest = sizes.max()
    if not largest > 0:
        return np.zeros_like(apart)
    scaled = sizes / largest
    return np.asarray(np.sign(apart) * (scaled / (scaled**power).sum() ** (1 / power)) ** (power - 1))


def _words(pooling: str, metric: str, what: str) -> str:
    """How the parts came about."""
    means = " Each picture's mean is taken away before." if metric == "correlation" else ""
    if pooling == "flatten":
        return f"Exact: the {what} is a sum over positions, each compared with the same position of the other.{means}"
    if pooling == "avg":
        return f"Exact: with average pooling the {what} is a sum over all pairs of positions.{means}"
    if pooling == "max":
        return f"Exact: with max pooling each channel counts where it is strongest in each picture.{means}"
    return (
        f"By gradient: what each channel adds to the {what} is exact, where it lies follows the slope of the "
        f"generalized mean.{means}"
    )
