"""Why matches stand where they do, answered now: the maps of a layer for the query and for each, taken apart."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from semsearch.errors import InputError
from semsearch.explain.agreement import SIMILAR, Agreement, agreement, layer_map
from semsearch.live.search import Example, Through, seen
from semsearch.models.catalog import FeatureSpec


@dataclass(frozen=True)
class Why:
    """Which two pictures, or three, are to be explained, and how they are compared."""

    query: Example
    matches: Sequence[Example]
    """Pictures that are encoded, files or RGB, but no items: the dataset need not be searched."""
    spec: FeatureSpec
    metric: str = "cosine"
    question: str = SIMILAR
    """One of ``agreement.QUESTIONS``."""


@dataclass(frozen=True, eq=False)
class Reason:
    """The answer."""

    squares: tuple[np.ndarray, ...]
    """What the network saw, the query first: (s, s, 3) uint8 each."""
    agreements: tuple[Agreement, ...]
    """The query with each match."""


def reason(why: Why, *, through: Through) -> Reason:
    """Have the pictures go ``through`` the network, as ``search.within`` does, and take their maps apart.

    InputError for items and for no match; else as ``search.seen``, ``through`` and ``agreement.agreement`` raise.
    """
    pictures = (why.query, *why.matches)
    squares, maps = [], []
    for example in pictures:
        if isinstance(example.picture, int) or len(pictures) < 2:
            raise InputError(f"expected a query and at least one match as pictures, got {len(pictures)} or an item")
        squares.append(seen(example.picture, why.spec, crop=example.crop))
        maps.append(layer_map(through(replace(why.spec, pooling="flatten"), squares[-1]), why.spec))
    query, *matches = maps
    explained = (agreement(query, match, why.spec.pooling, why.metric, why.question) for match in matches)
    return Reason(tuple(squares), tuple(explained))
