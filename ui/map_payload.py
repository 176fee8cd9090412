"""What the browser needs to draw the maps of a configuration: places, trust and neighbours of all its layers."""

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from semsearch.data.datasets import Dataset
from semsearch.models import catalog
from semsearch.models.catalog import FeatureSpec
from semsearch.ranking.projection import NEIGHBOURS, Trust
from semsearch.results import experiments
from semsearch.store.store import Store
from ui import texts
from ui.charts import palette
from ui.choice import Choice

LARGE = 2_000
"""Items from which on not everything is made ready in advance."""


@dataclass(frozen=True)
class Travel:
    """The maps of some layers of one model, ready for the browser."""

    layers: tuple[str, ...]
    places: tuple[str, ...]
    """By layer: base64 of (n, 2 or 3) uint16, 0 … 65535 across the longest side of the map, centred."""
    kept_neighbours: tuple[str, ...]
    """By layer: base64 of (n,) uint8, how many nearest neighbours of each item the map keeps, see Trust."""
    trusts: tuple[Trust, ...]
    shape: tuple[int, int]
    """(n, 2 or 3)."""


def neighbours(n: int) -> int:
    """Nearest neighbours that the figures of trust look at, with n items."""
    return max(0, min(NEIGHBOURS, (n - 1) // 2))


def unit(coordinates: np.ndarray) -> np.ndarray:
    """Places (n, axes) uint16 of a map: its longest side is 0 … 65535, the others centred, in proportion."""
    low, high = coordinates.min(0).astype(np.float64), coordinates.max(0).astype(np.float64)
    side = float((high - low).max()) or 1.0
    return np.asarray(np.rint(65535 * (0.5 + (coordinates - (low + high) / 2) / side)), "<u2")


def travel(store: Store, specs: Sequence[FeatureSpec], dataset: str, kind: str) -> Travel:
    """The maps of that kind of ``specs``, in their order."""
    maps = [store.map(dataset, spec, kind) for spec in specs]
    return Travel(
        layers=tuple(spec.layer for spec in specs),
        places=tuple(_text(unit(layer_map.coordinates)) for layer_map in maps),
        kept_neighbours=tuple(_text(layer_map.trust.kept_neighbours.astype(np.uint8)) for layer_map in maps),
        trusts=tuple(layer_map.trust for layer_map in maps),
        shape=maps[0].coordinates.shape,
    )


def specs(choice: Choice) -> list[FeatureSpec]:
    """The spec of every layer of the choice's model."""
    return [choice.readout.spec(choice.model, layer) for layer in catalog.model(choice.model).layer_names]


def near(store: Store, choice: Choice, layers: Sequence[str]) -> list[list[int]]:
    """Rows of the query's nearest items in feature space, nearest first, for each of the layers.

    Of a large dataset for the choice's layer alone: reading the rankings of eight takes seconds.
    """
    ids = store.items(choice.dataset, choice.model)
    rows_by_layer: list[list[int]] = []
    for layer in layers:
        if layer != choice.layer and len(ids) > LARGE:
            rows_by_layer.append([])
            continue
        matches = experiments.matches(store, replace(choice, layer=layer).experiment, choice.q, k=choice.k)
        rows_by_layer.append(np.searchsorted(ids, [match.item for match in matches]).tolist())
    return rows_by_layer


def panel(choice: Choice, maps: Travel, nearest: list[list[int]], title: str) -> dict[str, Any]:
    """One map of the component; ``maps`` are of all layers, or of the choice's alone."""
    model = catalog.model(choice.model)
    names = model.layer_names
    title = f"{title}:" if title else ""
    captions = [
        [f"{model.title}, layer {names.index(layer) + 1} of 8", layer, _trust_words(trust)]
        for layer, trust in zip(maps.layers, maps.trusts, strict=True)
    ]
    layer = maps.layers.index(choice.layer)
    place, name, says = captions[layer]
    return {
        "title": title,
        "layers": list(maps.layers),
        "layer": layer,
        "dims": maps.shape[1],
        "places": list(maps.places),
        "kept": list(maps.kept_neighbours),
        "near": nearest,
        "captions": captions,
        "spoken": f"{title} map of {texts.counted(maps.shape[0], 'picture')}: {place}, {name}. {says} "
        "Arrow keys go from point to point, Enter searches, Space selects, "
        "plus and minus zoom. The table below holds the same.".strip(),
    }


def scene(dataset: Dataset, ids: Sequence[int], addresses: Mapping[int, str], panels: list[dict[str, Any]]) -> dict:
    """What all panels share: the items, their classes and pictures."""
    files = dict(addresses)
    paths = [files.get(item, "") for item in ids]
    folder = next((path for path in paths if path), "").split("/")[-2:-1]
    classes = [
        {"name": name, "colour": palette.class_colour(label), "symbol": palette.class_symbol(label)}
        for label, name in enumerate(dataset.classes)
    ]
    return {
        "ids": list(ids),
        "labels": [dataset.items[item].label for item in ids],
        "classes": classes,
        "folder": "".join(folder),
        "pictures": [path.rsplit("/", 1)[-1] for path in paths],
        "neighbours": neighbours(len(ids)),
        "ramp": palette.sequential(neighbours(len(ids)) + 1) if neighbours(len(ids)) else [palette.SEQUENTIAL[0]],
        "panels": panels,
    }


def _text(array: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")


def _trust_words(trust: Trust) -> str:
    if math.isnan(trust.overlap):
        return "With fewer than three pictures every neighbour is preserved."
    return f"{100 * trust.overlap:.0f} % of nearest neighbours are preserved."
