"""Charts of the Search page: figures in, the number of what was clicked out.

Names of classes are untrusted and Plotly reads markup in every text, so all text of data goes through ``literal``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from semsearch.maps.figure import literal as literal
from semsearch.maps.palette import CLASS_COLOURS, class_colour, class_symbol

MARK, BEST, QUIET = "#e0218a", "#007a5e", "#8a8d99"
"""The current one, the best ones, and all others: readable on light and dark, and the first two of no class."""
_INK = {"light": "#4b4e5d", "dark": "#b5b8c7"}
MOST = 200
"""Rows of a chart, and groups of points: of more a browser makes no picture that can be read, and hardly any."""
ROW = 36
"""Pixels of a row of a chart."""
_CLOSED = {"fixedrange": True, "showgrid": False, "zeroline": False}


def _inked(figure: Mapping[str, Any]) -> dict[str, Any]:
    """The figure with its axes, scales and legend in a colour that is read on the ground of the theme."""
    ink = {"color": _INK["dark" if st.context.theme.type == "dark" else "light"]}

    def lettered(part: Mapping[str, Any]) -> dict[str, Any]:
        title = part.get("title", {})
        fonts = {"tickfont": part.get("tickfont", {}) | ink, "title": title | {"font": title.get("font", {}) | ink}}
        return {**part, **fonts}

    layout = figure.get("layout", {})
    legend = layout.get("legend", {})
    layout = {**layout, **{axis: lettered(layout.get(axis, {})) for axis in ("xaxis", "yaxis")}}
    layout["legend"] = legend | {"font": legend.get("font", {}) | ink}
    traces = [
        {**trace, "colorbar": lettered(trace.get("colorbar", {}))} if trace.get("type") == "heatmap" else trace
        for trace in figure["data"]
    ]
    return {**figure, "data": traces, "layout": layout}


def draw(figure: Mapping[str, Any], *, key: str, alt: str, on_click: Callable[[int], None] | None = None) -> None:
    """Show a figure; a click on a mark calls ``on_click`` with the number it carries, before the script runs.

    That number comes from the browser: check it.
    """
    import plotly.graph_objects as go

    def clicked() -> None:
        points = st.session_state[key].selection.points
        number = (points[0].get("customdata") or [None])[0] if points else None
        if on_click and isinstance(number, int):
            on_click(number)

    config: dict[str, Any] = {
        "displaylogo": False,
        "modeBarButtonsToRemove": ["lasso2d", "select2d", "autoScale2d"],
        "toImageButtonOptions": {"format": "png", "filename": f"semsearch_{key}", "scale": 2},
    }
    # Made here, and compared in tests with what Plotly makes of it when it looks through every number, which takes it
    # ten times as long.
    drawn = go.Figure(_inked(figure), _validate=False)
    if on_click is None:
        st.plotly_chart(drawn, key=key, alt=alt, config=config)
    else:
        st.plotly_chart(drawn, key=key, alt=alt, config=config, on_select=clicked, selection_mode="points")


def named(names: Sequence[str]) -> dict[str, Any]:
    """The axis of rows or columns that have names."""
    return _CLOSED | {
        "tickmode": "array",
        "tickvals": list(range(len(names))),
        "ticktext": [literal(name) for name in names],
        "automargin": True,
        "ticks": "",
    }


@dataclass(frozen=True)
class Points:
    """Marks of one colour and symbol."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    numbers: Sequence[int]
    """What a click gives."""
    hovers: Sequence[str]
    place: int = 0
    """Of its colour and symbol in the palette."""


def scatter(
    groups: Sequence[Points], *, across: str, line: tuple[Sequence, Sequence], current: tuple[float, float] | None
) -> dict:
    """Mean scores against a cost on a logarithmic axis, with a stepped line through the best; ``current`` is ringed."""
    steps: dict[str, Any] = {
        "type": "scatter",
        "x": list(line[0]),
        "y": list(line[1]),
        "mode": "lines",
        "name": "Best trade-offs",
    }
    steps |= {"line": {"shape": "hv", "width": 2, "color": QUIET}, "hoverinfo": "skip"}
    traces = [*(_marks(group, size=7) for group in groups), steps, *_ring(current)]
    axis = {"title": {"text": across}, "type": "log", "zeroline": False, "automargin": True}
    layout = {
        "height": 460,
        "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
        "xaxis": axis,
        "yaxis": {"title": {"text": "Mean score"}, "rangemode": "tozero", "automargin": True},
        "legend": {"orientation": "h", "y": -0.25},
    }
    return {"data": traces, "layout": layout}


def neighbourhood(groups: Sequence[Points], query: Sequence[float], ends: Sequence[Sequence[float]]) -> dict:
    """A map of pictures with a query and lines from there to its matches; its axes, without meaning, are not shown."""
    lines: dict[str, Any] = {"type": "scatter", "mode": "lines", "name": "To the matches", "hoverinfo": "skip"}
    lines |= {"line": {"width": 1.5, "color": MARK}}
    for i, axis in enumerate("xy"):
        lines[axis] = [at for end in ends for at in (float(query[i]), float(end[i]), None)]
    star = {"size": 17, "symbol": "star", "color": MARK, "line": {"width": 1.5, "color": "white"}}
    here = {"type": "scatter", "x": [float(query[0])], "y": [float(query[1])], "mode": "markers", "marker": star}
    traces = [*(_marks(group, size=7) for group in groups), lines, here | {"name": "Query", "hoverinfo": "name"}]
    across, up = _square([[*query], *([x, y] for group in groups for x, y in zip(group.x, group.y, strict=True))])
    layout = {
        "height": 460,
        "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
        "xaxis": {"visible": False, "range": across},
        "yaxis": {"visible": False, "range": up, "scaleanchor": "x"},
        "legend": {"orientation": "h", "y": 0},
    }
    return {"data": traces, "layout": layout}


def _square(points: Sequence[Sequence[float]]) -> list[list[float]]:
    """The ranges of two axes that show all points in proportion: left to itself, Plotly hides those on one line."""
    low, high = np.min(points, axis=0).astype(np.float64), np.max(points, axis=0).astype(np.float64)
    half = 0.55 * (float((high - low).max()) or 1.0)
    return [[float(middle - half), float(middle + half)] for middle in (low + high) / 2]


def _marks(group: Points, *, size: int) -> dict[str, Any]:
    return {
        "type": "scattergl" if len(group.x) > 1_500 else "scatter",
        "mode": "markers",
        "name": literal(group.name),
        "x": list(group.x),
        "y": list(group.y),
        "customdata": [[number] for number in group.numbers],
        "hovertext": list(group.hovers),
        "hovertemplate": "%{hovertext}<extra></extra>",
        "marker": {
            "size": size,
            "color": class_colour(group.place),
            "symbol": class_symbol(group.place),
            "opacity": 0.75,
            "line": {"width": 0.5, "color": QUIET},
        },
        "selected": {"marker": {"opacity": 0.75}},
        "unselected": {"marker": {"opacity": 0.75}},
    }


def _ring(place: tuple[float, float] | None) -> list[dict[str, Any]]:
    if place is None:
        return []
    ring = {"size": 16, "symbol": "circle-open", "color": MARK, "line": {"width": 3}}
    trace = {"type": "scatter", "x": [place[0]], "y": [place[1]], "mode": "markers", "marker": ring}
    return [trace | {"hoverinfo": "skip", "cliponaxis": False, "name": "Chosen"}]


def strip(groups: Sequence[Points], names: Sequence[str], *, across: str, current: tuple[float, float] | None) -> dict:
    """One row of marks per class, on an axis from 0 to 100; ``current`` is ringed."""
    traces = [*(_marks(group, size=8) for group in groups), *_ring(current)]
    layout = {
        "height": ROW * len(names) + 70,
        "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
        "xaxis": {"range": [-3, 103], "title": {"text": across}, "fixedrange": True, "automargin": True},
        "yaxis": named(names) | {"autorange": False, "range": [len(names) - 0.4, -0.6]},
        "showlegend": False,
    }
    return {"data": traces, "layout": layout}


def forest(
    names: Sequence[str], values: np.ndarray, colours: Sequence[str], hovers: Sequence[str], across: str
) -> dict:
    """Means with their intervals around 0, one row each; ``values`` (rows, 3) are mean, low and high.

    A row whose low and high are NaN has no interval and shows its mean alone.
    """
    mean, low, high = np.asarray(values, np.float64).T
    rows = list(range(len(names)))
    traces = [
        {
            "type": "scatter",
            "mode": "markers",
            "x": [mean[i]],
            "y": [i],
            **_interval(mean[i], low[i], high[i], colours[i]),
            "marker": {"size": 10, "color": colours[i]},
            "hovertext": [hovers[i]],
            "hovertemplate": "%{hovertext}<extra></extra>",
        }
        for i in rows
    ]
    layout = {
        "height": ROW * len(names) + 70,
        "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
        "xaxis": {"title": {"text": across}, "fixedrange": True, "zeroline": True, "zerolinewidth": 2}
        | {"automargin": True},
        "yaxis": named(names) | {"autorange": False, "range": [len(names) - 0.5, -0.5]},
        "showlegend": False,
    }
    return {"data": traces, "layout": layout}


def _interval(mean: float, low: float, high: float, colour: str) -> dict[str, Any]:
    if np.isnan([low, high]).any():
        return {}
    bar = {"type": "data", "array": [high - mean], "arrayminus": [mean - low], "color": colour, "thickness": 2}
    return {"error_x": bar}


AHEAD, BEHIND = CLASS_COLOURS[0], CLASS_COLOURS[5]
"""A is ahead, B is ahead."""
