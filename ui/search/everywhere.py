"""This query, everywhere: its score for each model and layer, on one common scale."""

from collections.abc import Mapping
from functools import partial

import streamlit as st

from semsearch.models import catalog
from semsearch.results import leaderboard
from semsearch.results.artifacts import METRICS
from semsearch.results.leaderboard import Board, Everywhere
from ui import charts, configurations, resources, texts
from ui.choice import WAY_OF, WAYS, Choice

SHOWN: Mapping[str, str] = {
    "chosen": "As chosen",
    "pooling": "Pooling",
    "metric": "Metric",
    "both": "Both",
}
LAYERS = tuple(str(place) for place in range(1, 9))


def show(choice: Choice) -> None:
    """The view of the choice's query."""
    board = resources.board(choice.dataset)
    how = st.segmented_control(
        "Score as chosen, or the best over every",
        list(SHOWN),
        key="best",
        default="chosen",
        required=True,
        format_func=SHOWN.__getitem__,
        help="As chosen: with the pooling and the metric of the sidebar. Otherwise each cell shows the best score that "
        "this query has with any pooling, any metric, or any of both; that picks by the answer, so it flatters.",
        bind="query-params",
    )
    way = WAYS[choice.pooling]
    ways = list(WAY_OF) if how in ("pooling", "both") else [(way.pooling, way.preset)]
    metrics = METRICS if how in ("metric", "both") else (choice.experiment.stored_metric,)
    found = leaderboard.everywhere(resources.store(), board, choice.q, ways=ways, metrics=metrics)
    _say(choice, board, found)
    _draw(choice, board, found)
    _table(board, found)


def _say(choice: Choice, board: Board, found: Everywhere) -> None:
    best = divmod(int(found.scores.argmax()), 8)
    here = _here(choice, found)
    here_words = f"The layer chosen in the sidebar: **{found.scores[here]:.1f}**."
    if here == best:
        here_words = "That is the layer chosen in the sidebar."
    kind = resources.dataset(choice.dataset)
    name = kind.classes[kind.items[choice.q].label]
    st.markdown(
        f"**{texts.plain(name)}, picture {choice.q}**: best **{found.scores[best]:.1f}** of 100 with "
        f"{texts.plain(configurations.title(board.experiment(int(found.rows[best]))))}. "
        f"{here_words} Click a cell to go there."
    )
    st.caption("Rows are models, columns their eight layers from input (1) to output (8).")


def _here(choice: Choice, found: Everywhere) -> tuple[int, int]:
    return found.models.index(choice.model), configurations.place(choice.experiment.spec) - 1


def _draw(choice: Choice, board: Board, found: Everywhere) -> None:
    best, here = divmod(int(found.scores.argmax()), 8), _here(choice, found)
    words = {here: "<br>here", best: "<br>best"}
    shape = [(i, j) for i in range(len(found.models)) for j in range(8)]
    label = {place: f"{int(found.scores[place] + 0.5)}{words.get(place, '')}" for place in shape}
    hover = {
        place: f"{configurations.title(board.experiment(int(found.rows[place])))}<br>score {found.scores[place]:.1f}"
        for place in shape
    }
    grid = charts.Grid(
        values=found.scores,
        texts=[[label[i, j] for j in range(8)] for i in range(len(found.models))],
        hovers=[[hover[i, j] for j in range(8)] for i in range(len(found.models))],
        rows=[catalog.model(name).title for name in found.models],
        columns=LAYERS,
        title="Score of this query",
    )
    figure = charts.heat(grid, numbers=found.rows, outlines={here: charts.MARK} | {best: charts.BEST})
    charts.draw(
        figure,
        key="everywhere",
        alt=f"Score of this query by model and layer, highest for {catalog.model(found.models[best[0]]).title} "
        f"at layer {best[1] + 1}",
        on_click=partial(configurations.go_to, board),
    )


def _table(board: Board, found: Everywhere) -> None:
    """The same as text; a cell can be chosen by keyboard."""

    def chosen() -> None:
        for row, column in st.session_state["everywhere_table"].selection.cells[:1]:
            if 0 <= row < len(found.models) and column in LAYERS:
                configurations.go_to(board, int(found.rows[row, int(column) - 1]))

    with st.expander("As a table", icon=":material/table:"):
        columns = {"Model": [catalog.model(name).title for name in found.models]}
        columns |= {place: found.scores[:, int(place) - 1].tolist() for place in LAYERS}
        st.dataframe(
            columns,
            key="everywhere_table",
            hide_index=True,
            placeholder=texts.UNDEFINED,
            column_config={place: st.column_config.NumberColumn(f"Layer {place}", format="%.1f") for place in LAYERS},
            on_select=chosen,
            selection_mode="single-cell",
            alt="Score of this query: one row per model, one column per layer",
        )
