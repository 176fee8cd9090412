"""The leaderboard of a dataset: filters, the table, its export, and quality against cost."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from semsearch.models import catalog
from semsearch.models.catalog import READOUTS
from semsearch.ranking import metrics
from semsearch.ranking.scores import PUBLISHED_K
from semsearch.results import leaderboard
from semsearch.results.leaderboard import Board
from ui import charts, configurations, resources, texts
from ui.charts import export
from ui.choice import Choice

COSTS: Mapping[str, str] = {
    "parameters": "Parameters up to the layer",
    "dimension": "Numbers per picture",
    "milliseconds": "Milliseconds per picture",
}

WHOLE = ("Parameters", "Numbers", "Bytes")
"""Columns of whole numbers."""


def show(choice: Choice, board: Board) -> None:
    """The whole part."""
    rows = _filtered(board)
    chosen_row = board.row(choice.experiment)
    best = np.argsort(-board.score, kind="stable")
    rank = int(np.flatnonzero(best == chosen_row)[0]) + 1
    name = texts.plain(configurations.title(choice.experiment))
    st.markdown(
        f"{len(rows):,} of {texts.counted(len(board.specs), 'configuration')}. The chosen one, {name}, "
        f"is **number {rank:,}** with **{board.score[chosen_row]:.1f}** "
        f"of 100 (95\u00a0% interval {board.low[chosen_row]:.1f} to {board.high[chosen_row]:.1f}). "
        "Click the box before a row to go there."
    )
    if not len(rows):
        st.info("No configuration passes these filters. Take one away.", icon=":material/filter_alt_off:")
        return
    ranks = np.empty(len(best), np.int64)
    ranks[best] = np.arange(1, len(best) + 1)
    columns = table(board, rows, ranks)
    _table(board, rows, columns)
    _export(choice, columns)
    _pareto(choice, board, rows)
    _explain(board, len(resources.queries(choice.dataset)) - 1)


def _filtered(board: Board) -> np.ndarray:
    """Rows that pass the filters, best score first."""
    models = list(dict.fromkeys(spec.model for spec in board.specs))
    first, second, third, last = st.columns([3, 3, 3, 2.6], vertical_alignment="bottom")
    model_names = first.multiselect(
        "Models",
        models,
        key="models",
        format_func=lambda name: catalog.model(name).title,
        placeholder="All models",
        bind="query-params",
    )
    poolings = second.multiselect(
        "Poolings",
        list(READOUTS),
        key="poolings",
        format_func=lambda name: READOUTS[name].title,
        placeholder="All poolings",
        bind="query-params",
    )
    metric_names = third.multiselect(
        "Metrics",
        list(metrics.METRICS),
        key="metrics",
        format_func=lambda name: metrics.METRICS[name].title,
        placeholder="All metrics",
        bind="query-params",
    )
    only = last.toggle("Last layer only", key="last", bind="query-params")
    passing = [
        row
        for row, (spec, metric) in enumerate(zip(board.specs, board.metrics, strict=True))
        if (not model_names or spec.model in model_names)
        and (not poolings or spec.readout.key in poolings)
        and (not metric_names or metric in metric_names)
        and (not only or catalog.model(spec.model).layer_names[-1] == spec.layer)
    ]
    passing_rows = np.array(passing, np.int64)
    return passing_rows[np.argsort(-board.score[passing_rows], kind="stable")]


def table(board: Board, rows: np.ndarray, ranks: np.ndarray) -> dict[str, Sequence[Any]]:
    """The columns of some rows, without those that are unknown in the whole board."""
    specs = [board.specs[row] for row in rows]
    columns: dict[str, Sequence[Any]] = {
        "Rank": ranks[rows].tolist(),
        "Model": [catalog.model(spec.model).title for spec in specs],
        "Layer": [catalog.model(spec.model).place(spec.layer) for spec in specs],
        "Layer name": [spec.layer for spec in specs],
        "Pooling": [spec.readout.title for spec in specs],
        "Metric": [metrics.METRICS[board.metrics[row]].title for row in rows],
    }
    numbers = {
        "Score": board.score,
        "Low": board.low,
        "High": board.high,
        "Published score": board.published,
        "mAP": board.mean_average_precision,
        "Precision@15": board.precision,
        "Recall@15": board.recall,
        "Parameters": board.parameters,
        "Numbers": board.dimension,
        "Bytes": board.bytes,
        "ms": board.milliseconds,
    }
    known = {name: values for name, values in numbers.items() if not np.isnan(values).all()}
    return columns | {name: _blank(values[rows], int if name in WHOLE else float) for name, values in known.items()}


def _blank(values: np.ndarray, kind: type) -> list:
    return [None if np.isnan(value) else kind(value) for value in values]


def _table(board: Board, rows: np.ndarray, columns: Mapping[str, Sequence]) -> None:
    def chosen() -> None:
        for place in st.session_state["board_table"].selection.rows[:1]:
            if isinstance(place, int) and 0 <= place < len(rows):
                configurations.go_to(board, int(rows[place]))

    number = st.column_config.NumberColumn
    formats = {
        "Rank": number(pinned=True, width=50),
        "Model": st.column_config.TextColumn(pinned=True),
        "Layer": number(help="From input (1) to output (8)."),
        "Score": number(format="%.1f", help="Mean published score over all queries, 0 to 100."),
        "Low": number(format="%.1f", help="Lower end of the 95 % bootstrap interval of the score."),
        "High": number(format="%.1f", help="Upper end of the 95 % bootstrap interval of the score."),
        "Published score": number(
            format="%.2f", help="As published by others for this dataset, model, layer and metric: not computed here."
        ),
        "mAP": number(format="%.3f", help="Mean average precision over the ranking of all pictures."),
        "Precision@15": number(format="%.3f"),
        "Recall@15": number(format="%.3f"),
        "Parameters": number(format="compact", help="Of the network up to and including the layer."),
        "Numbers": number(format="localized", help="Length of a picture's vector; blank where every position is kept."),
        "Bytes": number(format="bytes", help="Of one picture's vector: 4 per number."),
        "ms": number(format="%.1f", help="Measured for one picture up to the layer."),
    }
    st.dataframe(
        columns,
        key="board_table",
        hide_index=True,
        placeholder=texts.UNDEFINED,
        height=420,
        column_config=formats,
        on_select=chosen,
        selection_mode="single-row",
        alt="Leaderboard of all configurations, best score first",
    )


def _export(choice: Choice, columns: Mapping[str, Sequence]) -> None:
    st.download_button(
        "Leaderboard as CSV",
        data=lambda: export.csv_bytes(
            [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        ),
        file_name=f"semsearch_{choice.dataset}_leaderboard.csv",
        mime="text/csv",
        icon=":material/download:",
        key="board_csv",
        on_click="ignore",
        help="The rows that pass the filters, with all digits.",
    )


def _pareto(choice: Choice, board: Board, rows: np.ndarray) -> None:
    st.subheader("Quality against cost")
    offered = [name for name in COSTS if not np.isnan(getattr(board, name)).all()]
    cost = st.segmented_control(
        "Cost",
        offered,
        key="cost",
        default="parameters",
        required=True,
        format_func=lambda name: COSTS[name].split()[0],
        bind="query-params",
    )
    values = getattr(board, cost)
    known = rows[~np.isnan(values[rows])]
    chosen_row = board.row(choice.experiment)
    best = known[leaderboard.front(values[known], board.score[known])]
    models = dict.fromkeys(spec.model for spec in board.specs)
    by_model = {name: [row for row in known.tolist() if board.specs[row].model == name] for name in models}
    groups = [_points(board, values, rows, place) for place, rows in enumerate(by_model.values()) if rows]
    figure = charts.scatter(
        groups,
        across=COSTS[cost],
        line=(values[best].tolist(), board.score[best].tolist()),
        current=None if np.isnan(values[chosen_row]) else (float(values[chosen_row]), float(board.score[chosen_row])),
    )
    charts.draw(
        figure,
        key="pareto",
        alt=f"Mean score against {COSTS[cost].lower()}: {texts.counted(len(best), 'configuration')} on the front",
        on_click=partial(configurations.go_to, board),
    )
    left = len(rows) - len(known)
    unknown = f" Not drawn: {texts.counted(left, 'configuration')} of unknown cost." if left else ""
    st.caption(
        f"The line is the front: {texts.counted(len(best), 'configuration')} that no other beats at the same or a "
        "lower cost. "
        f"The ring is the chosen one. Click a point to go there.{unknown}"
    )


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


def _explain(board: Board, matches: int) -> None:
    with st.expander("How are these numbers made?", icon=":material/calculate:"):
        lines = [
            "- **Score**: the published score (rank 1 weighs 15, rank 15 weighs 1) of every picture as the query, "
            "averaged.",
            "- **Low, High**: the 95 % interval from 2,000 bootstrap resamples of the queries. Two intervals that "
            "overlap do not prove a tie: compare two configurations under *A against B*.",
            "- **Numbers, Bytes**: the length of a picture's vector, and its size as 32-bit numbers. Blank for "
            "*Published*, where it depends on how many positions the layer has.",
            f"- The best of {len(board.specs):,} was picked by looking at the answers: expect it a little lower on "
            "other pictures.",
        ]
        if matches < PUBLISHED_K:
            lines.insert(1, f"- A picture here has {texts.counted(matches, 'match')}: all scores look at those.")
        if np.isnan(board.mean_average_precision).all():
            lines.append(
                "- **mAP, Recall**: left out. No class has two pictures, so there is nothing to find for any of them."
            )
        if not np.isnan(board.published).all():
            lines.append(
                "- **Published score**: as published by others for the same pictures, cosine and euclidean only; it "
                "stands beside our own computation in the row of the *Published* pooling."
            )
        if board.machine:
            lines.append(f"- **ms**: one picture at a time, native size, on {texts.plain(board.machine)}.")
        st.markdown("\n".join(lines))
