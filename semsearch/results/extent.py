"""How much of the grid is computed of a dataset under one model: with which readouts, and with maps or without."""

from dataclasses import dataclass

import numpy as np

from semsearch.data import datasets
from semsearch.models import catalog
from semsearch.models.catalog import READOUTS, FeatureSpec, Readout

QUERIES = 2_000
"""Queries at most: of a larger dataset the results are those of a seeded sample, and its maps are drawn when wanted."""


@dataclass(frozen=True)
class Extent:
    """Some readouts of all layers under all metrics; and all their maps, or none, which are drawn when wanted."""

    readouts: tuple[Readout, ...]
    maps: bool

    @property
    def facts(self) -> dict[str, object]:
        """What it adds to the facts of a unit; nothing where it is everything."""
        return {} if self == FULL else {"readouts": [readout.key for readout in self.readouts], "maps": self.maps}

    @property
    def covering(self) -> tuple["Extent", ...]:
        """Those that hold all of this one, itself first."""
        wider = [Extent(readouts, maps) for readouts in (POOLED.readouts, FULL.readouts) for maps in (False, True)]
        return (self, *(one for one in wider if one != self and one._holds(self)))

    def _holds(self, other: "Extent") -> bool:
        return set(self.readouts) >= set(other.readouts) and self.maps >= other.maps

    def grid(self, model: str) -> tuple[FeatureSpec, ...]:
        """Its specs of a model, in the order of ``catalog.grid``."""
        return tuple(spec for spec in catalog.grid(model) if spec.readout in self.readouts)

    @property
    def presets(self) -> tuple[str, ...]:
        """The presets of its readouts: each is a pass of all pictures through the network."""
        return tuple(name for name in catalog.PRESETS if any(readout.preset == name for readout in self.readouts))


FULL = Extent(tuple(READOUTS.values()), True)
"""All: what is shipped."""
POOLED = Extent(tuple(readout for readout in READOUTS.values() if readout.preset == "default"), False)
"""One pass through the network and no maps: seconds where everything takes minutes."""
UNDRAWN = Extent(FULL.readouts, False)
"""All but the maps."""


def usual(dataset: str) -> Extent:
    """What is computed where nobody says how much: of a known dataset all, of one's own what is quick."""
    return FULL if dataset in datasets.KNOWN else POOLED


def sample(items: int) -> np.ndarray | None:
    """Which of so many items are queries, rising, (QUERIES,) int; None where all are."""
    if items <= QUERIES:
        return None
    return np.sort(np.random.default_rng(0).choice(items, QUERIES, replace=False))
