"""Heat maps: a number in each cell of a grid, some framed, each to be clicked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from semsearch.maps.palette import SEQUENTIAL, ink
from ui.charts import ROW, named

_ROOM = 150


@dataclass(frozen=True)
class Grid:
    """A heat map: values 0 to 100 with a text in each cell, and what stands at the axes."""

    values: np.ndarray
    """(rows, columns)."""
    texts: Sequence[Sequence[str]]
    hovers: Sequence[Sequence[str]]
    rows: Sequence[str]
    columns: Sequence[str]
    title: str
    """Of the colour scale."""
    ticks: Mapping[float, str] = field(default_factory=dict)
    """What the colour scale says, by value; where there are none, the values themselves."""


def figure(grid: Grid, *, numbers: np.ndarray | None = None, outlines: Mapping[tuple[int, int], str] = {}) -> dict:
    """The figure of a grid on one scale 0 to 100; ``numbers`` (rows, columns) are what a click on a cell gives.

    ``outlines`` is the colour of the frame of a cell, by (row, column).
    """
    height, width = grid.values.shape
    cells: dict[str, Any] = {
        "type": "heatmap",
        "z": grid.values.tolist(),
        "hovertext": grid.hovers,
        "hovertemplate": "%{hovertext}<extra></extra>",
        "zmin": 0,
        "zmax": 100,
        "colorscale": [[i / (len(SEQUENTIAL) - 1), colour] for i, colour in enumerate(SEQUENTIAL)],
        "xgap": 2,
        "ygap": 2,
        "colorbar": {"orientation": "h", "y": 1, "yanchor": "bottom", "thickness": 8, "ypad": 6, "outlinewidth": 0}
        | {"title": {"text": grid.title, "side": "top"}}
        | ({"tickvals": list(grid.ticks), "ticktext": list(grid.ticks.values())} if grid.ticks else {}),
    }
    traces = [cells] if numbers is None else [cells, _targets(grid, numbers)]
    frames = [
        {"type": "rect", "x0": j - 0.48, "x1": j + 0.48, "y0": i - 0.46, "y1": i + 0.46}
        | {"line": {"color": colour, "width": 3}}
        for (i, j), colour in outlines.items()
    ]
    layout = {
        "height": ROW * height + _ROOM,
        "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
        "xaxis": named(grid.columns) | {"tickangle": -40 if max(map(len, grid.columns)) > 2 else 0},
        "yaxis": named(grid.rows) | {"autorange": False, "range": [height - 0.5, -0.5]},
        "shapes": frames,
        "annotations": _words(grid) if height * width <= 900 else [],
        "showlegend": False,
    }
    return {"data": traces, "layout": layout}


def _words(grid: Grid) -> list[dict[str, Any]]:
    """The text of each cell that has one, dark or light: the text of Plotly's own is too faint on middle values."""
    size = 11 if len(grid.columns) <= 10 else 8
    return [
        {"x": j, "y": i, "text": text, "showarrow": False}
        | {"font": {"size": size, "color": ink(float(grid.values[i, j]) / 100)}}
        for i, row in enumerate(grid.texts)
        for j, text in enumerate(row)
        if text
    ]


def _targets(grid: Grid, numbers: np.ndarray) -> dict[str, Any]:
    """Unseen marks over the cells: a heat map itself cannot be clicked in Streamlit."""
    rows, columns = np.nonzero(numbers >= 0)
    return {
        "type": "scatter",
        "mode": "markers",
        "x": columns.tolist(),
        "y": rows.tolist(),
        "customdata": [[int(numbers[place])] for place in zip(rows, columns, strict=True)],
        "hovertext": [grid.hovers[int(i)][int(j)] for i, j in zip(rows, columns, strict=True)],
        "hovertemplate": "%{hovertext}<extra></extra>",
        "marker": {"size": ROW - 4, "symbol": "square", "opacity": 0},
        "selected": {"marker": {"opacity": 0}},
        "unselected": {"marker": {"opacity": 0}},
    }
