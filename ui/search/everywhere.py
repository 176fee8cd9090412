"""This query, everywhere: its score for each model and layer, on one common scale."""

from collections.abc import Mapping
from functools import partial

import streamlit as st

from semsearch.models import catalog
from semsearch.models.catalog import READOUTS
from semsearch.results import leaderboard
from semsearch.results.leaderboard import Board, Everywhere
from semsearch.store.artifacts import METRICS
from ui import charts, configurations, resources, texts
from ui.choice import Choice

SHOWN: Mapping[str, str] = {
    "chosen": "As chosen",
    "pooling": "Pooling",
    "metric": "Metric",
    "both": "Both",
}
LAYERS = tuple(str(place) for place in range(1, catalog.CHOSEN + 1))


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
    readouts = list(READOUTS.values()) if how in ("pooling", "both") else [choice.readout]
    metrics = METRICS if how in ("metric", "both") else (choice.experiment.stored_metric,)
    everywhere = leaderboard.everywhere(resources.store(), board, choice.q, readouts=readouts, metrics=metrics)
    _say(choice, board, everywhere)
    _draw(choice, board, everywhere)
    _table(board, everywhere)


def _say(choice: Choice, board: Board, everywhere: Everywhere) -> None:
    best = _best(everywhere)
    here = _here(choice, everywhere)
    here_words = f"The layer chosen in the sidebar: **{everywhere.scores[here]:.1f}**."
    if here == best:
        here_words = "That is the layer chosen in the sidebar."
    dataset = resources.dataset(choice.dataset)
    name = dataset.classes[dataset.items[choice.q].label]
    st.markdown(
        f"**{texts.plain(name)}, picture {choice.q}**: best **{everywhere.scores[best]:.1f}** of 100 with "
        f"{texts.plain(configurations.title(board.experiment(int(everywhere.rows[best]))))}. "
        f"{here_words} Click a cell to go there."
    )
    st.caption(f"Rows are models, columns their layers from input (1) to output ({len(LAYERS)}).")


def _here(choice: Choice, everywhere: Everywhere) -> tuple[int, int]:
    return everywhere.models.index(choice.model), catalog.model(choice.model).place(choice.layer) - 1


def _best(everywhere: Everywhere) -> tuple[int, int]:
    return divmod(int(everywhere.scores.argmax()), len(LAYERS))


def _draw(choice: Choice, board: Board, everywhere: Everywhere) -> None:
    best, here = _best(everywhere), _here(choice, everywhere)
    words = {here: "<br>here", best: "<br>best"}
    shape = [(i, j) for i in range(len(everywhere.models)) for j in range(len(LAYERS))]
    label = {place: f"{int(everywhere.scores[place] + 0.5)}{words.get(place, '')}" for place in shape}
    hover = {
        place: f"{configurations.title(board.experiment(int(everywhere.rows[place])))}"
        f"<br>score {everywhere.scores[place]:.1f}"
        for place in shape
    }
    grid = charts.Grid(
        values=everywhere.scores,
        texts=[[label[i, j] for j in range(len(LAYERS))] for i in range(len(everywhere.models))],
        hovers=[[hover[i, j] for j in range(len(LAYERS))] for i in range(len(everywhere.models))],
        rows=[catalog.model(name).title for name in everywhere.models],
        columns=LAYERS,
        title="Score of this query",
    )
    figure = charts.heat(grid, numbers=everywhere.rows, outlines={here: charts.MARK} | {best: charts.BEST})
    charts.draw(
        figure,
        key="everywhere",
        alt=f"Score of this query by model and layer, highest for {catalog.model(everywhere.models[best[0]]).title} "
        f"at layer {best[1] + 1}",
        on_click=partial(configurations.go_to, board),
    )


def _table(board: Board, everywhere: Everywhere) -> None:
    """The same as text; a cell can be chosen by keyboard."""

    def chosen() -> None:
        for row, column in st.session_state["everywhere_table"].selection.cells[:1]:
            if 0 <= row < len(everywhere.models) and column in LAYERS:
                configurations.go_to(board, int(everywhere.rows[row, int(column) - 1]))

    with st.expander("As a table", icon=":material/table:"):
        columns = {"Model": [catalog.model(name).title for name in everywhere.models]}
        columns |= {place: everywhere.scores[:, int(place) - 1].tolist() for place in LAYERS}
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
