"""Charts as they are drawn: with letters in a colour that is read on the ground of the theme."""

import json
from copy import deepcopy
from types import SimpleNamespace

import numpy as np
import plotly.graph_objects as go
import pytest

from ui import charts
from ui.charts import Points, heat

GROUPS = [Points("apple <b>", [1.0, 2.0], [3.0, 4.0], [0, 1], ["a", "b"]), Points("pear", [5.0], [6.0], [2], ["c"], 1)]
GRID = heat.Grid(
    np.array([[10.0, 90.0]]), [["1", "2"]], [["a", "b"]], ["row"], ["1", "2"], "Score of this query", {0.0: "0"}
)
LEGEND = {"type": "scatter", "x": [1], "y": [2]}
FIGURES = {
    "scatter": charts.scatter(GROUPS, across="ms", line=([1, 2], [3, 4]), current=(1.0, 3.0)),
    "neighbourhood": charts.neighbourhood(GROUPS, [0.0, 0.0], [[1.0, 3.0]]),
    "strip": charts.strip(GROUPS, ["apple", "pear"], across="Score", current=None),
    "forest": charts.forest(
        ["a", "b"], np.array([[1.0, 0.5, 1.5], [2.0, np.nan, np.nan]]), ["red"] * 2, ["x"] * 2, "A"
    ),
    "heat": heat.figure(GRID, numbers=np.array([[0, -1]]), outlines={(0, 1): charts.MARK}),
    "bare": {"data": [LEGEND]},
    "lettered": {
        "data": [{"type": "heatmap", "z": [[1]], "colorbar": {"title": {"font": {"size": 9, "color": "red"}}}}],
        "layout": {"xaxis": {"tickfont": {"size": 7}}, "legend": {"font": {"size": 8}}},
    },
}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", FIGURES)
def test_what_is_drawn_is_what_plotly_makes_of_a_figure_and_its_own_updates(monkeypatch, name, theme):
    """Plotly's take 45 of the 50 milliseconds of a heat map: its updates, and looking through each number."""
    drawn, given = [], deepcopy(FIGURES[name])
    themed = SimpleNamespace(theme=SimpleNamespace(type=theme))
    monkeypatch.setattr(charts, "st", SimpleNamespace(context=themed, plotly_chart=lambda one, **_: drawn.append(one)))
    charts.draw(given, key="chart", alt="")
    ink = charts._INK[theme]
    letters = {"tickfont": {"color": ink}, "title": {"font": {"color": ink}}}
    expected = go.Figure(deepcopy(FIGURES[name])).update_xaxes(letters).update_yaxes(letters)
    expected.update_traces(colorbar=letters, selector={"type": "heatmap"}).update_layout(legend_font_color=ink)
    assert json.loads(drawn[0].to_json()) == json.loads(expected.to_json()) and ink in expected.to_json()
    assert given == FIGURES[name], "figures may be kept"
