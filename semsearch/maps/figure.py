"""The map of an experiment as one figure of Plotly: a trace for each class, the query and its nearest, and layers.

``map_figure`` is the whole, for notebooks and reports. The page sends ``parts`` and ``marks`` to the browser, which
draws them with the same Plotly.
"""

import html
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from semsearch.data.datasets import Dataset
from semsearch.errors import InputError, UnknownName
from semsearch.maps import palette
from semsearch.models import catalog
from semsearch.ranking.projection import NEIGHBOURS
from semsearch.results import experiments
from semsearch.store import opened
from semsearch.store.artifacts import METHODS, Map
from semsearch.store.experiment import Experiment
from semsearch.store.store import Store

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

HALF = 32_767
"""Half of the longest side of a map."""
MOST = 200
"""Classes that have a trace each; of more all are in one, for nobody can tell so many apart."""
SHARP = 2_000
"""Items up to which each is drawn as a shape; more are left to WebGL."""
THEMES = MappingProxyType({"light": ("#12141d", "#ffffff"), "dark": ("#e8e9f1", "#12131a")})
"""By name: ink and ground."""
COLOURS = ("class", "kept")
QUERY = "#e0218a"
_LONGEST = 26
_FAINT = 0.2
_SYMBOLS_3D = ("circle", "square", "diamond", "cross")
"""Filled ones that Plotly has in three dimensions, where it writes them as letters; few fonts have its x."""


def literal(text: str) -> str:
    """``text`` for a figure, shown as it is and not too long for a legend: Plotly reads markup in every text."""
    text = " ".join(text.split())
    return html.escape(text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…", quote=False)


def neighbours(n: int) -> int:
    """Nearest neighbours that the figures of trust look at, with n items."""
    return max(0, min(NEIGHBOURS, (n - 1) // 2))


def unit(coordinates: np.ndarray) -> np.ndarray:
    """Places (n, axes) int16 of a map: its longest side is −HALF … HALF, the others centred, in proportion."""
    low, high = coordinates.min(0).astype(np.float64), coordinates.max(0).astype(np.float64)
    side = float((high - low).max()) or 1.0
    return np.asarray(np.rint(2 * HALF * (coordinates - (low + high) / 2) / side), np.int16)


def members(dataset: Dataset, items: Sequence[int] | np.ndarray) -> list[np.ndarray]:
    """Rows of ``items`` in each trace: by class, or all in one where there are more than MOST."""
    labels = dataset.labels[np.asarray(items)]
    if len(dataset.classes) > MOST:
        return [np.argsort(labels, kind="stable")]
    return [np.flatnonzero(labels == label) for label in range(len(dataset.classes))]


def parts(
    dataset: Dataset,
    items: Sequence[int] | np.ndarray,
    maps: Mapping[str, Map],
    *,
    colour: str = "class",
    theme: str = "light",
) -> dict[str, Any]:
    """A figure as a dictionary: traces without places, and for each layer of ``maps`` a frame that has them."""
    rows = members(dataset, items)
    places = {layer: unit(one.coordinates) for layer, one in maps.items()}
    dims = next(iter(places.values())).shape[1]
    data = [_trace(dataset, np.asarray(items)[group], len(items), dims, colour, theme) for group in rows]
    frames = [
        {"name": layer, "data": [_axes(place[group], data[0]["type"]) for group in rows]}
        for layer, place in places.items()
    ]
    return {"data": data, "layout": _layout(dims, theme, neighbours(len(items)), colour), "frames": frames}


def marks(dims: int, theme: str = "light") -> list[dict[str, Any]]:
    """Two traces without places: the lines from the query to its nearest with rings at their ends, and the query."""
    ink, _ = THEMES[theme]
    kind, bare = ("scatter3d" if dims == 3 else "scatter"), {"hoverinfo": "skip", "showlegend": False}
    ring = {"symbol": "circle-open", "size": 6 if dims == 3 else 13, "line": {"width": 1}}
    here = {
        "symbol": "circle-open",
        "size": 12 if dims == 3 else 20,
        "color": QUERY,
        "line": {"width": 3, "color": QUERY},
    }
    return [
        {"type": kind, "mode": "lines+markers", "name": "Nearest", **bare}
        | {"line": {"width": 3 if dims == 3 else 1.25, "color": ink}, "marker": ring},
        {"type": kind, "mode": "markers", "name": "Query", "marker": here, **bare},
    ]


def map_figure(
    experiment: Experiment,
    *,
    method: str = "umap",
    dims: int = 2,
    query: int | None = None,
    k: int = NEIGHBOURS,
    colour: str = "class",
    store: Store | None = None,
    theme: str = "light",
    layers: bool = False,
) -> "Figure":
    """The stored map of an experiment, for a notebook or a page to send.

    Each class is a trace; its ``customdata`` are item ids, and how many nearest neighbours of each the map keeps.
    Lines lead from a ``query`` (an item id) to its ``k`` nearest in feature space. ``layers`` gives a frame for each
    layer of the model, a slider and a Play button. The longest side of a map is −HALF … HALF.

    Raises:
        UnknownName: no such method, colour, theme or query, or no stored results.
        InputError: dims is neither 2 nor 3.
        SpecMismatch: the dataset on this machine is not the one that the results were computed from.
    """
    from plotly.graph_objects import Figure

    _check(method, dims, colour, theme)
    store = store or experiments.open_store()
    spec, dataset = experiment.spec, opened.dataset(experiment.dataset)
    experiments.labels(store, experiment.dataset)  # checks that it is the dataset of the store
    items = store.items(experiment.dataset, spec.model)
    names = list(catalog.model(spec.model).layer_names) if layers else [spec.layer]
    maps = {name: store.map(experiment.dataset, replace(spec, layer=name), f"{method}{dims}") for name in names}
    figure = _annotate(parts(dataset, items, maps, colour=colour, theme=theme), dataset, items, maps, colour)
    if query is not None:
        figure["data"] += marks(dims, theme)
        for frame, name in zip(figure["frames"], names, strict=True):
            layer = replace(experiment, spec=replace(spec, layer=name))
            near = [match.item for match in experiments.matches(store, layer, query, k=k)]
            _lead(frame, unit(maps[name].coordinates), np.searchsorted(items, [query, *near]))
    return Figure(_still(figure, names.index(spec.layer), player=layers))


def _check(method: str, dims: int, colour: str, theme: str) -> None:
    for what, name, valid in (("method", method, METHODS), ("colour", colour, COLOURS), ("theme", theme, THEMES)):
        if name not in valid:
            raise UnknownName(what, name, valid)
    if dims not in (2, 3):
        raise InputError(f"expected 2 or 3 dimensions, got {dims}")


def _axes(places: np.ndarray, kind: str) -> dict[str, Any]:
    """The places (n, 2 or 3) of a trace of that kind."""
    return {"type": kind} | {axis: np.ascontiguousarray(place) for axis, place in zip("xyz", places.T, strict=False)}


def _trace(dataset: Dataset, ids: np.ndarray, n: int, dims: int, colour: str, theme: str) -> dict[str, Any]:
    """The trace of some items of ``n``: of one class, or of all."""
    labels = [dataset.items[id].label for id in ids]
    symbol = _symbol_3d if dims == 3 else palette.class_symbol
    symbols, shades = [symbol(label) for label in labels], [palette.class_colour(label) for label in labels]
    name = "Pictures" if len(dataset.classes) > MOST else literal(dataset.classes[labels[0]]) if labels else ""
    marker: dict[str, Any] = {
        "size": float(np.clip(130 / np.sqrt(n), 4.5, 14)) * (0.4 if dims == 3 else 1),
        "opacity": 1,
        "line": {"width": 0.7, "color": THEMES[theme][0]},
        "symbol": symbols[0] if len(set(symbols)) == 1 else symbols,
        **(
            {"coloraxis": "coloraxis"}
            if colour == "kept"
            else {"color": shades[0] if len(set(shades)) == 1 else shades}
        ),
    }
    return {
        "type": "scatter3d" if dims == 3 else "scattergl" if n > SHARP else "scatter",
        "mode": "markers",
        "name": f"{name} ({len(ids):,})",
        "customdata": np.asarray(ids, np.int32)[:, None],
        "marker": marker,
    } | ({} if dims == 3 else {"unselected": {"marker": {"opacity": _FAINT}}})


def _symbol_3d(label: int) -> str:
    return _SYMBOLS_3D[(label + label // len(palette.CLASS_COLOURS)) % len(_SYMBOLS_3D)]


def _layout(dims: int, theme: str, most: int, colour: str) -> dict[str, Any]:
    """Axes that mean nothing and are not shown, one scale for all of them, and the colours of the theme."""
    ink, ground = THEMES[theme]
    plain = {"paper_bgcolor": ground, "plot_bgcolor": ground, "font": {"color": ink}}
    axis: dict[str, Any] = {"visible": False, "range": [-1.1 * HALF, 1.1 * HALF], "autorange": False}
    layout: dict[str, Any] = {
        "template": {"layout": plain | {"colorway": list(palette.CLASS_COLOURS)}},
        "margin": {"l": 8, "r": 8, "t": 40, "b": 8},
        "legend": {"itemsizing": "constant"},
        "hovermode": "closest",
    }
    if dims == 3:
        eye = dict.fromkeys("xyz", 0.65)
        layout["scene"] = {"aspectmode": "cube", "camera": {"eye": eye}, "dragmode": "turntable"}
        layout["scene"] |= {f"{name}axis": axis for name in "xyz"}
    else:
        layout |= {"xaxis": axis, "yaxis": axis | {"scaleanchor": "x"}, "dragmode": "pan"}
    if colour == "kept":
        steps = palette.sequential(16)
        bar = {"orientation": "h", "thickness": 10, "len": 0.3, "x": 0, "xanchor": "left", "y": 0, "yanchor": "bottom"}
        bar |= {"outlinewidth": 0, "tickvals": [0, most], "ticktext": ["0", f"{most} neighbours kept"]}
        scale = [[place / 15, shade] for place, shade in enumerate(steps)]
        layout["coloraxis"] = {"cmin": 0, "cmax": max(1, most), "colorscale": scale, "colorbar": bar}
    return layout


def _annotate(
    figure: dict[str, Any], dataset: Dataset, items: np.ndarray, maps: Mapping[str, Map], colour: str
) -> dict[str, Any]:
    """The figure with the words that a pointer brings up, and in each frame what of its items is kept."""
    rows = members(dataset, items)
    for trace, group in zip(figure["data"], rows, strict=True):
        trace["text"] = [literal(dataset.classes[dataset.items[id].label]) for id in items[group]]
        trace["hovertemplate"] = (
            "%{text}, picture %{customdata[0]}<br>"
            f"%{{customdata[1]}} of its {neighbours(len(items))} nearest are near it here<extra></extra>"
        )
    for frame, one in zip(figure["frames"], maps.values(), strict=True):
        for place, group in zip(frame["data"], rows, strict=True):
            kept = one.trust.kept_neighbours[group]
            place["customdata"] = np.column_stack([items[group], kept]).astype(np.int32)
            place |= {"marker": {"color": kept}} if colour == "kept" else {}
    return figure


def _lead(frame: dict[str, Any], places: np.ndarray, rows: np.ndarray) -> None:
    """Give a frame the places of the query, the first of ``rows``, and of the lines to all others."""
    ends = places[rows].tolist()
    gap = [None] * len(ends[0])
    lines = [place for end in ends[1:] for place in (ends[0], end, gap)]
    kind = "scatter3d" if len(gap) == 3 else "scatter"
    for corners in (lines, ends[:1]):
        across = zip("xyz", zip(*corners, strict=True), strict=False)
        frame["data"].append({"type": kind} | {axis: list(place) for axis, place in across})


def _still(figure: dict[str, Any], at: int, *, player: bool) -> dict[str, Any]:
    """The figure at one of its frames, with a slider and a button for all of them or without."""
    for trace, place in zip(figure["data"], figure["frames"][at]["data"], strict=True):
        marker = trace["marker"] | place.get("marker", {})
        trace |= place | {"marker": marker}
    if not player:
        del figure["frames"]
        return figure
    now = {"mode": "immediate", "frame": {"duration": 0, "redraw": True}, "transition": {"duration": 0}}
    names = [frame["name"] for frame in figure["frames"]]
    steps = [{"label": name, "method": "animate", "args": [[name], now]} for name in names]
    on = {"frame": {"duration": 900, "redraw": True}, "transition": {"duration": 600}, "fromcurrent": True}
    button = {"label": "Play", "method": "animate", "args": [None, on]}
    figure["layout"]["sliders"] = [{"active": at, "steps": steps, "currentvalue": {"prefix": "Layer: "}, "x": 0.1}]
    figure["layout"]["updatemenus"] = [{"type": "buttons", "buttons": [button], "showactive": False, "x": 0, "y": 0}]
    figure["layout"]["updatemenus"][0] |= {"xanchor": "left", "yanchor": "top", "pad": {"t": 28}}
    return figure
