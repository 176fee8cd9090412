"""Shapes on a map that mean nothing: the clouds, rings and lines that UMAP makes of identical pictures.

Pictures with equal features have no order and no distances. UMAP pushes them apart all the same: from a start in one
place groups of 9 to 200 became round clouds, 1 to 12 % of the map wide, or all of it where nearly all are identical.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from semsearch.models.catalog import FeatureSpec
from semsearch.store.experiment import Experiment
from semsearch.store.store import Store

FEWEST = 8
"""Pictures that make a shape: fewer lie on a ring or a line by chance."""
VISIBLE = 0.02
"""Of the width of the map: what is smaller looks like one point."""
FLAT, EVEN = 0.15, 0.2
"""Breadth over length of a line, spread over mean of the radii of a ring, at the most. A full disc has 0.35."""
Kind = Literal["cloud", "line", "ring"]


@dataclass(frozen=True)
class Shape:
    """Identical pictures that form a shape on a map."""

    kind: Kind
    items: tuple[int, ...]


def shapes(store: Store, dataset: str, spec: FeatureSpec, kind: str) -> list[Shape]:
    """The shapes of identical pictures on a stored map, see ``Store.map``."""
    items, places = store.items(dataset, spec.model), store.map(dataset, spec, kind).coordinates
    width = float(np.ptp(places, axis=0).max())
    found = [(rows, shape(places[rows], width)) for rows in _identical(store, dataset, spec)]
    return [Shape(drawn, tuple(items[rows].tolist())) for rows, drawn in found if drawn]


def _identical(store: Store, dataset: str, spec: FeatureSpec) -> list[np.ndarray]:
    """Rows of the pictures that have equal features, for each group that is large enough.

    Equal features are at distance 0 exactly and ties rank by item, so the nearest of each is the first of its group;
    that of the first is the second. No more can be told from stored distances, which are rounded: only that of the
    nearest is stored by itself.
    """
    ranking, items = store.ranking(Experiment(dataset, spec, "cosine")), store.items(dataset, spec.model)
    rows = np.searchsorted(items, store.queries(dataset, spec.model))
    twins = np.where(ranking.distances[:, 0] == 0, np.searchsorted(items, ranking.ids[:, 0]), rows)
    first = np.arange(len(items))
    first[rows] = np.minimum(rows, twins)
    return [np.flatnonzero(first == row) for row in np.flatnonzero(np.bincount(first) >= FEWEST)]


def shape(places: np.ndarray, width: float) -> Kind | None:
    """What places (m, 2 or 3) form on a map of that width; nothing where they are seen as one point."""
    centred = places.astype(np.float64) - places.mean(0)
    length, breadth = np.linalg.svd(centred, compute_uv=False)[:2]
    if np.ptp(centred, axis=0).max() <= VISIBLE * width:
        return None
    if breadth <= FLAT * length:
        return "line"
    radii = np.sqrt((centred**2).sum(1))
    return "ring" if radii.std() <= EVEN * radii.mean() else "cloud"
