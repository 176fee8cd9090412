"""The leaderboard of a dataset: filters, the table, the matches of a row, and what can be taken along."""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from semsearch.models import catalog
from semsearch.models.catalog import READOUTS
from semsearch.ranking import metrics
from semsearch.ranking.scores import PUBLISHED_K
from semsearch.results.leaderboard import Board
from ui import configurations, resources, sidebar, texts
from ui.charts import export
from ui.choice import Choice, parts_of
from ui.search import preview
from ui.search.whole import pareto

WHOLE = ("Parameters", "Vector length", "Bytes")
"""Columns of whole numbers."""
MAIN = ("Use", "Rank", "Model", "Layer", "Pooling", "Metric", "Score", "Low", "High", "As good as the best", "ms")
"""Columns that are shown until all are asked for: as many as a laptop has room for."""
_LOOKED = "board_looked"
"""The stamp of the rows on screen, and the row of the board whose matches are shown, where they are not those of A."""


def show(choice: Choice, board: Board) -> None:
    """The whole part."""
    rows, every = _filtered(board)
    a, b = board.row(choice.experiment), _rival(board)
    name = texts.plain(configurations.title(choice.experiment))
    level = int(board.not_worse.sum())
    st.markdown(
        f"{len(rows):,} of {texts.counted(len(board.specs), 'configuration')}. **A**, {name}, "
        f"is **number {board.ranks[a]:,}** with **{board.score[a]:.1f}** "
        f"of 100 (95\u00a0% interval {board.low[a]:.1f} to {board.high[a]:.1f}). "
        f"**{level:,}** {'is' if level == 1 else 'are'} not significantly worse than the best. "
        "Tick a row to see its matches, then use it as A or B."
    )
    shown = _used_first(rows, a, b)
    stamp = zlib.crc32(choice.dataset.encode() + shown.tobytes())  # a tick belongs to these rows
    if len(rows):
        _table(stamp, board, shown, every, {a: "A"} | ({} if b is None else {b: "B"}))
    else:
        st.info("No configuration passes these filters. Take one away.", icon=":material/filter_alt_off:")
    looked = _looked(stamp, board, a)
    parts: dict[str, Any] = dict(parts_of(board.specs[looked], board.metrics[looked]))
    preview.show(replace(choice, **parts), usable=True)
    if len(rows):
        _export(choice, table(board, rows))
        pareto.show(choice, board, rows, partial(_look, stamp))
        _explain(board, len(resources.items(choice.dataset)) - 1)


def _rival(board: Board) -> int | None:
    rival = sidebar.other()
    return None if rival is None else board.row(rival.experiment)


def _used_first(rows: np.ndarray, a: int, b: int | None) -> np.ndarray:
    """The rows, with A and B before all others, whether they pass the filters or not."""
    used = list(dict.fromkeys([a, *([] if b is None else [b])]))
    return np.array([*used, *(row for row in rows.tolist() if row not in used)], np.int64)


def _looked(stamp: int, board: Board, otherwise: int) -> int:
    of, row = st.session_state.get(_LOOKED, (0, -1))
    return row if of == stamp and 0 <= row < len(board.specs) else otherwise


def _look(stamp: int, row: int) -> None:
    st.session_state[_LOOKED] = stamp, row


def _filtered(board: Board) -> tuple[np.ndarray, bool]:
    """Rows that pass the filters, best score first, and whether all columns are asked for."""
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
    every = last.toggle("All columns", key="board_all", bind="query-params")
    passing = [
        row
        for row, (spec, metric) in enumerate(zip(board.specs, board.metrics, strict=True))
        if (spec.model in model_names or not model_names)
        and (spec.readout.key in poolings or not poolings)
        and (metric in metric_names or not metric_names)
        and (catalog.model(spec.model).layer_names[-1] == spec.layer or not only)
    ]
    rows = np.array(passing, np.int64)
    return rows[np.argsort(-board.score[rows], kind="stable")], every


def table(board: Board, rows: np.ndarray) -> dict[str, Sequence[Any]]:
    """The columns of some rows, without those that are unknown in the whole board."""
    specs = [board.specs[row] for row in rows]
    columns: dict[str, Sequence[Any]] = {
        "Rank": board.ranks[rows].tolist(),
        "Model": [catalog.model(spec.model).title for spec in specs],
        "Layer": [catalog.model(spec.model).place(spec.layer) for spec in specs],
        "Layer name": [spec.layer for spec in specs],
        "Pooling": [spec.readout.title for spec in specs],
        "Metric": [metrics.METRICS[board.metrics[row]].title for row in rows],
        "As good as the best": board.not_worse[rows].tolist(),
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
        "Vector length": board.dimension,
        "Bytes": board.bytes,
        "ms": board.milliseconds,
    }
    known = {name: values for name, values in numbers.items() if not np.isnan(values).all()}
    return columns | {name: _blank(values[rows], int if name in WHOLE else float) for name, values in known.items()}


def _blank(values: np.ndarray, kind: type) -> list:
    return [None if np.isnan(value) else kind(value) for value in values]


def _table(stamp: int, board: Board, rows: np.ndarray, every: bool, used: Mapping[int, str]) -> None:
    def looked() -> None:
        places = st.session_state[f"board_table_{stamp}"].selection.rows[:1]
        known = [place for place in places if isinstance(place, int) and 0 <= place < len(rows)]
        _look(stamp, int(rows[known[0]]) if known else -1)

    columns = {"Use": [used.get(row, "") for row in rows.tolist()]} | table(board, rows)
    st.dataframe(
        columns,
        key=f"board_table_{stamp}",
        hide_index=True,
        placeholder=texts.UNDEFINED,
        height=300,
        column_config=_formats(),
        column_order=None if every else [name for name in MAIN if name in columns],
        on_select=looked,
        selection_mode="single-row",
        alt="Leaderboard: A and B, then all configurations, best score first",
    )


def _formats() -> dict[str, Any]:
    number, text = st.column_config.NumberColumn, st.column_config.TextColumn
    return {
        "Use": text("", pinned=True, width=30, help="A and B, the configurations in the sidebar."),
        "Rank": number(pinned=True, width=50, help="Equal scores share a rank."),
        "Model": text(pinned=True),
        "Layer": number(width=50, help="From input (1) to output (8)."),
        "Score": number(format="%.1f", width=60, help="Mean published score over all queries, 0 to 100."),
        "Low": number(format="%.1f", width=60, help="Lower end of the 95 % bootstrap interval of the score."),
        "High": number(format="%.1f", width=60, help="Upper end of the 95 % bootstrap interval of the score."),
        "As good as the best": st.column_config.CheckboxColumn(
            "≈ best", width=60, help="Not significantly worse than the best score, compared query by query."
        ),
        "Published score": number(
            format="%.2f", help="As published by others for this dataset, model, layer and metric: not computed here."
        ),
        "mAP": number(format="%.3f", help="Mean average precision over the ranking of all pictures."),
        "Precision@15": number(format="%.3f"),
        "Recall@15": number(format="%.3f"),
        "Parameters": number(format="compact", help="Of the network up to and including the layer."),
        "Vector length": number(format="localized", help="Numbers per picture; blank where every position is kept."),
        "Bytes": number(format="bytes", help="Of one picture's vector: 4 per number."),
        "ms": number(format="%.1f", width=60, help="Measured for one picture up to the layer."),
    }


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


def _explain(board: Board, matches: int) -> None:
    with st.expander("How are these numbers made?", icon=":material/calculate:"):
        lines = [
            "- **Score**: the published score (rank 1 weighs 15, rank 15 weighs 1) of every picture as the query, "
            "averaged.",
            "- **Low, High**: the 95 % interval from 2,000 bootstrap resamples of the queries. Two intervals that "
            "overlap do not prove a tie: compare two configurations under *A vs B*.",
            "- **≈ best**: not significantly worse than the best score. The scores are subtracted query by query; the "
            "limit holds for all comparisons together (bootstrap of the largest difference, 95 %).",
            "- **Vector length, Bytes**: the length of a picture's vector, and its size as 32-bit numbers. Blank for "
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
