"""What the browser needs to draw the maps of a configuration: figures, trust and neighbours of all its layers."""

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from semsearch.data.datasets import Dataset
from semsearch.maps import figure, palette
from semsearch.maps.figure import neighbours as neighbours
from semsearch.models import catalog
from semsearch.models.catalog import FeatureSpec
from semsearch.ranking.projection import Trust
from semsearch.results import experiments
from semsearch.store.store import Store
from ui import texts
from ui.choice import Choice
from ui.web import plotly_js

LARGE = 2_000
"""Items from which on not everything is made ready in advance."""
CONFIG = MappingProxyType(
    {"displaylogo": False, "displayModeBar": True, "showSendToCloud": False, "showTips": False}
    | {"scrollZoom": True, "doubleClick": "reset", "doubleClickDelay": 600}
    | {"modeBarButtonsToRemove": ["toImage", "autoScale2d", "hoverClosest3d", "resetCameraLastSave3d"]}
)
"""How Plotly's own tools are set up; two clicks are one pair also where the first draws many points anew."""
CLEAR = "rgba(0,0,0,0)"
FAILED = "The map could not be loaded. Reload the page; the table below holds the same."


@dataclass(frozen=True)
class Travel:
    """The maps of some layers of one model, ready for the browser."""

    layers: tuple[str, ...]
    kind: str
    """See artifacts.KINDS."""
    figure: Mapping[str, Any]
    """As ``figure.parts`` makes it, and the traces of ``figure.marks``, as JSON has them."""
    extents: tuple[tuple[float, ...], ...]
    """By layer: half of how wide and high the map is; of one that turns, how far it reaches in any direction."""
    kept_neighbours: tuple[Mapping[str, str], ...]
    """By layer: how many nearest neighbours of each item the map keeps, see Trust; the items as ``order`` has them."""
    trusts: tuple[Trust, ...]
    shape: tuple[int, int]
    """(n, 2 or 3)."""


def order(dataset: Dataset, items: Sequence[int]) -> list[int]:
    """The items as the figure has them, one trace after the other."""
    rows = np.concatenate(figure.members(dataset, items))
    return [items[row] for row in rows]


def travel(store: Store, specs: Sequence[FeatureSpec], dataset: Dataset, kind: str, colour: str = "class") -> Travel:
    """The maps of that kind of ``specs``, in their order."""
    maps = {spec.layer: store.map(dataset.name, spec, kind) for spec in specs}
    shape = next(iter(maps.values())).coordinates.shape
    items = store.items(dataset.name, specs[0].model)
    drawn = figure.parts(dataset, items, maps, colour=colour)
    drawn["data"] += figure.marks(shape[1])
    drawn["layout"] |= {"hovermode": False, "clickmode": "none", "selections": [], "uirevision": "tools"}
    drawn["layout"] |= {"plot_bgcolor": CLEAR, "paper_bgcolor": CLEAR, "modebar": {"bgcolor": CLEAR}}
    rows = np.concatenate(figure.members(dataset, items))
    return Travel(
        layers=tuple(maps),
        kind=kind,
        figure=_sendable(drawn),
        extents=tuple(_extent(figure.unit(one.coordinates)) for one in maps.values()),
        kept_neighbours=tuple(_sendable(one.trust.kept_neighbours[rows].astype(np.uint8)) for one in maps.values()),
        trusts=tuple(one.trust for one in maps.values()),
        shape=shape,
    )


def specs(choice: Choice) -> list[FeatureSpec]:
    """The spec of every layer of the choice's model."""
    return [choice.readout.spec(choice.model, layer) for layer in catalog.model(choice.model).layer_names]


def near(store: Store, choice: Choice, layers: Sequence[str]) -> list[list[int]]:
    """The query's nearest items in feature space, nearest first, for each of the layers.

    Of a large dataset for the choice's layer alone: reading the rankings of eight takes seconds. None where it was no
    query of the sample.
    """
    large = len(store.items(choice.dataset, choice.model)) > LARGE
    is_query = choice.q in store.queries(choice.dataset, choice.model)
    items_by_layer: list[list[int]] = []
    for layer in layers:
        if (layer != choice.layer and large) or not is_query:
            items_by_layer.append([])
            continue
        layer_experiment = replace(choice, layer=layer).experiment
        items_by_layer.append(experiments.nearest(store, layer_experiment, choice.q, k=choice.k))
    return items_by_layer


def panel(choice: Choice, maps: Travel, nearest: list[list[int]], title: str) -> dict[str, Any]:
    """One map of the component; ``maps`` are of all layers, or of the choice's alone."""
    model = catalog.model(choice.model)
    names = model.layer_names
    title = f"{title}:" if title else ""
    captions = [
        [f"{model.title}, layer {names.index(layer) + 1} of 8 · {layer}", _trust_words(trust)]
        for layer, trust in zip(maps.layers, maps.trusts, strict=True)
    ]
    layer = maps.layers.index(choice.layer)
    place, says = captions[layer]
    return {
        "title": title,
        "layers": list(maps.layers),
        "layer": layer,
        "dims": maps.shape[1],
        "stamp": f"{choice.dataset} {choice.model} {choice.pooling} {' '.join(maps.layers)} {maps.kind}",
        "figure": maps.figure,
        "extents": [list(extent) for extent in maps.extents],
        "kept": list(maps.kept_neighbours),
        "near": nearest,
        "captions": captions,
        "spoken": f"{title} map of {texts.counted(maps.shape[0], 'picture')}: {place}. {says} "
        "Arrow keys go from point to point, Enter searches, Space selects, "
        "plus and minus zoom. The table below holds the same.".strip(),
    }


def scene(
    dataset: Dataset,
    items: Sequence[int],
    addresses: Mapping[int, str],
    panels: list[dict[str, Any]],
    colour: str = "class",
) -> dict:
    """What all panels share: the items in their order, their classes and pictures, and what colour means."""
    groups = figure.members(dataset, items)
    ids = order(dataset, items)
    files = dict(addresses)
    paths = [files.get(item, "") for item in ids]
    folder = next((path.rpartition("/")[0] + "/" for path in paths if path), "")
    return {
        "plotly": plotly_js.address(),
        "config": dict(CONFIG),
        "ids": ids,
        "starts": [0, *np.cumsum([len(rows) for rows in groups]).tolist()],
        "traces": [trace for trace, rows in enumerate(groups) for _ in rows],
        "labels": [dataset.items[item].label for item in ids],
        "classes": list(dataset.classes),
        "folder": folder,
        "pictures": [path.rsplit("/", 1)[-1] for path in paths],
        "legends": _legends(panels[0]["figure"]),
        "saved": {"filename": "semsearch_map", "title": {"font": {"size": 13}, "x": 0.01, "y": 0.99, "yanchor": "top"}},
        "failed": FAILED,
        "neighbours": neighbours(len(ids)),
        "colour": colour,
        "ramp": palette.sequential(max(1, neighbours(len(ids))) + 1) if colour == "kept" else None,
        "panels": panels,
    }


def _legends(drawn: Mapping[str, Any]) -> dict[str, Any]:
    """Where the legend of a figure is, and the margins for it: beside a wide map, below a narrow one."""
    letters = max(len(trace["name"]) for trace in drawn["data"])
    margin, legend = drawn["layout"]["margin"] | {"autoexpand": False}, drawn["layout"]["legend"]
    below = {"orientation": "h", "x": 0, "y": 0, "yanchor": "top", "maxheight": 84}
    return {
        "wide": {"margin": margin | {"r": 54 + 6 * letters}, "legend": legend | {"x": 1, "y": 1}},
        "narrow": {"margin": margin | {"b": 92}, "legend": legend | below},
    }


def _extent(places: np.ndarray) -> tuple[float, ...]:
    wide = np.abs(places.astype(np.float64))
    reach = [np.linalg.norm(wide, axis=1).max()] * 2 if places.shape[1] == 3 else wide.max(0)
    return tuple(max(float(one), figure.HALF / 10) for one in reach)


def _sendable(value: Any) -> Any:  # noqa: ANN401 - whatever a figure holds
    """A part of a figure as JSON has it, arrays of one axis in Plotly's own spelling of their bytes."""
    if isinstance(value, dict):
        return {name: _sendable(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_sendable(part) for part in value]
    if not isinstance(value, np.ndarray):
        return value
    packed = {
        "dtype": f"{value.dtype.kind}{value.itemsize}",
        "bdata": base64.b64encode(value.tobytes()).decode("ascii"),
    }
    return packed | ({"shape": ", ".join(map(str, value.shape))} if value.ndim > 1 else {})


def _trust_words(trust: Trust) -> str:
    if math.isnan(trust.overlap):
        return "With fewer than three pictures every neighbour is preserved."
    return f"{100 * trust.overlap:.0f} % of nearest neighbours are preserved."
