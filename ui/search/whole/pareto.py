"""Quality against cost: the best of each layer, and which of them no other beats at its cost."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import streamlit as st

from semsearch.models import catalog
from semsearch.results import leaderboard
from semsearch.results.leaderboard import Board
from ui import address, charts, configurations, texts
from ui.choice import Choice

COSTS: Mapping[str, tuple[str, str]] = {
    "parameters": ("Parameters", "Parameters up to the layer"),
    "dimension": ("Vector length", "Vector length"),
    "milliseconds": ("Milliseconds", "Milliseconds per picture"),
}
"""Name and axis of each cost."""
_EARLIER = {"Numbers": "dimension"}
"""What links of earlier versions call a cost."""


def show(choice: Choice, board: Board, rows: np.ndarray, on_click: Callable[[int], None]) -> None:
    """The chart of some rows; a click on a mark calls ``on_click`` with its row."""
    st.subheader("Quality against cost")
    address.renamed("cost", _EARLIER)
    offered = [name for name in COSTS if not np.isnan(getattr(board, name)).all()]
    cost = st.segmented_control(
        "Cost",
        offered,
        key="cost",
        default="parameters",
        required=True,
        format_func=lambda name: COSTS[name][0],
        bind="query-params",
    )
    values = getattr(board, cost)
    known = rows[~np.isnan(values[rows])]
    drawn = _best_of_layers(board, values, known)
    best = known[leaderboard.front(values[known], board.score[known])]
    chosen = board.row(choice.experiment)
    models = dict.fromkeys(spec.model for spec in board.specs)
    by_model = {name: [row for row in drawn.tolist() if board.specs[row].model == name] for name in models}
    figure = charts.scatter(
        [_points(board, values, rows, place) for place, rows in enumerate(by_model.values()) if rows],
        across=COSTS[cost][1],
        line=(values[best].tolist(), board.score[best].tolist()),
        current=None if np.isnan(values[chosen]) else (float(values[chosen]), float(board.score[chosen])),
    )
    many = texts.counted(len(best), "best trade-off")
    alt = f"Mean score against {COSTS[cost][1].lower()}: {many} joined by a line"
    charts.draw(figure, key="pareto", alt=alt, on_click=on_click)
    left = len(rows) - len(known)
    unknown = f" {texts.counted(left, 'configuration')} of unknown cost are not drawn." if left else ""
    st.caption(
        "Each mark is the best pooling and metric of a layer at its cost; the line joins the "
        f"{many}, the ring is A. Click a mark to see its matches above.{unknown}"
    )


def _best_of_layers(board: Board, values: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Of the rows of one layer that cost the same, the first of the best score."""
    best: dict[tuple[str, str, float], int] = {}
    for row in rows.tolist():
        key = (board.specs[row].model, board.specs[row].layer, float(values[row]))
        if key not in best or board.score[row] > board.score[best[key]]:
            best[key] = row
    return np.array(list(best.values()), np.int64)


def _points(board: Board, values: np.ndarray, rows: Sequence[int], place: int) -> charts.Points:
    return charts.Points(
        name=catalog.model(board.specs[rows[0]].model).title,
        x=values[rows].tolist(),
        y=board.score[rows].tolist(),
        numbers=rows,
        hovers=[
            f"{configurations.title(board.experiment(row))}<br>score {board.score[row]:.1f}, {values[row]:,.4g}"
            for row in rows
        ],
        place=place,
    )
