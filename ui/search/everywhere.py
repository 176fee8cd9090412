"""This query under every model and layer, on one common scale: its score, or the rank of a picture one expects."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import streamlit as st

from semsearch.models import catalog
from semsearch.models.catalog import READOUTS
from semsearch.results import leaderboard
from semsearch.results.leaderboard import Board, Everywhere
from semsearch.store.artifacts import DEPTH, METRICS
from ui import address, charts, configurations, resources, texts
from ui.charts import heat
from ui.choice import Choice
from ui.search import depth, expected, preview

CELLS: Mapping[str, str] = {"score": "Score", "rank": "Rank of a picture", "depth": "Layer by layer"}
SHOWN: Mapping[str, str] = {
    "chosen": "Current settings",
    "pooling": "Best pooling",
    "metric": "Best metric",
    "both": "Best of both",
}
_EARLIER: Mapping[str, str] = {"As chosen": "chosen", "Pooling": "pooling", "Metric": "metric", "Both": "both"}
"""What links of earlier versions call what is shown."""
LAYERS = tuple(str(place) for place in range(1, catalog.CHOSEN + 1))


@dataclass(frozen=True)
class Cells:
    """A number for each model and layer, as a chart and a table show it; arrays (models, layers)."""

    everywhere: Everywhere
    heights: np.ndarray
    """Where each lies on the scale from 0, the worst, to 100."""
    numbers: np.ndarray
    """NaN where there is none."""
    name: str
    """What the numbers are."""
    digits: int
    absent: str = texts.UNDEFINED
    """What is written where there is none."""
    ticks: Mapping[float, str] = field(default_factory=dict)

    def text(self, place: tuple[int, int]) -> str:
        """The number of a cell in words."""
        number = self.numbers[place]
        return self.absent if np.isnan(number) else f"{number:.{self.digits}f}"

    def short(self, place: tuple[int, int]) -> str:
        """The same as a whole number."""
        number = self.numbers[place]
        return self.absent if np.isnan(number) else str(int(number + 0.5))

    @property
    def best(self) -> list[tuple[int, int]]:
        """The cells that no other beats: of equals all."""
        known = ~np.isnan(self.numbers)
        if not known.any():
            return []
        heights = self.heights.round(6)
        return [(int(i), int(j)) for i, j in np.argwhere(known & (heights == heights[known].max()))]


def show(choice: Choice) -> None:
    """The view of the choice's query."""
    board = resources.board(choice.dataset)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        shown = st.segmented_control(
            "Show",
            list(CELLS),
            key="cells",
            default="score",
            required=True,
            format_func=CELLS.__getitem__,
            bind="query-params",
        )
        how = _how() if shown == "score" else "chosen"
        item = expected.choose(choice) if shown == "rank" else None
    if shown == "depth":
        depth.show(choice)
        return
    cells = _scores(choice, board, how)
    if item is not None:
        cells = _ranks(choice, cells.everywhere, item)
    _say(choice, board, cells, item)
    preview.show(choice, expected=item)
    _draw(choice, board, cells)
    _table(board, cells)


def _how() -> str:
    address.renamed("best", _EARLIER)
    return st.segmented_control(
        "With",
        list(SHOWN),
        key="best",
        default="chosen",
        required=True,
        format_func=SHOWN.__getitem__,
        help="Current settings: the pooling and the metric of the sidebar. Otherwise each cell shows the best score "
        "that this query has with any pooling, any metric, or any of both. That looks at the answer first, so it "
        "flatters.",
        bind="query-params",
    )


def _scores(choice: Choice, board: Board, how: str) -> Cells:
    readouts = list(READOUTS.values()) if how in ("pooling", "both") else [choice.readout]
    metrics = METRICS if how in ("metric", "both") else (choice.experiment.stored_metric,)
    found = leaderboard.everywhere(resources.store(), board, choice.q, readouts=readouts, metrics=metrics)
    return Cells(found, found.scores, found.scores, "Score of this query", 1)


def _ranks(choice: Choice, everywhere: Everywhere, item: int) -> Cells:
    ranks = expected.ranks(choice, item)
    known = np.where(ranks > 0, ranks, np.nan).astype(np.float64)
    ticks = np.array([1, 2, 5, 10, 20, DEPTH])
    scale = dict(zip(expected.height(ticks).tolist(), map(str, ticks), strict=True))
    return Cells(everywhere, expected.height(ranks), known, f"Rank of picture {item}", 0, f">{DEPTH}", scale)


def _say(choice: Choice, board: Board, cells: Cells, item: int | None) -> None:
    """Which cells are best, how the layer in the sidebar compares, and what a click does."""
    here, best = _here(choice, cells), cells.best
    dataset = resources.dataset(choice.dataset)
    what = choice.q if item is None else item
    name = texts.plain(f"{dataset.classes[dataset.items[what].label]}, picture {what}")
    if not best:
        nowhere = "has no score" if item is None else f"is not among the first {DEPTH} matches of any layer"
        st.markdown(f"**{name}** {nowhere}.")
        return
    title = texts.plain(configurations.title(board.experiment(int(cells.everywhere.rows[best[0]]))))
    where = f"in {len(best)} of {cells.numbers.size} cells" if len(best) > 1 else f"with {title}"
    top, now = cells.text(best[0]), cells.text(here)
    found = f"best **{top}** of 100" if item is None else f"best rank **{top}**"
    also = "the layer in the sidebar" + " among them" * (len(best) > 1)
    if here not in best:
        also = f"{'beyond rank ' * (now == cells.absent)}**{now.lstrip('>')}** with the layer in the sidebar"
    then = "use it" if item is None else "use it and see what stands before this picture"
    st.markdown(f"**{name}**: {found} {where}, {also}. Click a cell to {then}.")


def _here(choice: Choice, cells: Cells) -> tuple[int, int]:
    return cells.everywhere.models.index(choice.model), catalog.model(choice.model).place(choice.layer) - 1


def _draw(choice: Choice, board: Board, cells: Cells) -> None:
    best, here, everywhere = cells.best, _here(choice, cells), cells.everywhere
    places = [[(i, j) for j in range(len(LAYERS))] for i in range(len(everywhere.models))]
    titles = [[configurations.title(board.experiment(int(everywhere.rows[place]))) for place in row] for row in places]

    def word(place: tuple[int, int]) -> str:
        marks = ", ".join([*["best"] * (place in best), *["here"] * (place == here)])
        return f"{cells.short(place)}<br>{marks}" if marks else cells.short(place)

    grid = heat.Grid(
        values=cells.heights,
        texts=[[word(place) for place in row] for row in places],
        hovers=[
            [f"{title}<br>{cells.name}: {cells.text(place)}" for title, place in zip(*pair, strict=True)]
            for pair in zip(titles, places, strict=True)
        ],
        rows=[catalog.model(name).title for name in everywhere.models],
        columns=LAYERS,
        title=cells.name,
        ticks=cells.ticks,
    )
    figure = heat.figure(grid, numbers=everywhere.rows, outlines=dict.fromkeys(best, charts.BEST) | {here: charts.MARK})
    alt = f"{cells.name} by model and layer" + (f", best in {texts.counted(len(best), 'cell')}" if best else "")
    charts.draw(figure, key="everywhere", alt=alt, on_click=partial(configurations.go_to, board))
    st.caption(f"Rows are models, columns their layers from input (1) to output ({len(LAYERS)}).")


def _table(board: Board, cells: Cells) -> None:
    """The same as text; a cell can be chosen by keyboard."""
    models, rows = cells.everywhere.models, cells.everywhere.rows

    def chosen() -> None:
        for row, column in st.session_state["everywhere_table"].selection.cells[:1]:
            if 0 <= row < len(models) and column in LAYERS:
                configurations.go_to(board, int(rows[row, int(column) - 1]))

    with st.expander("As a table", icon=":material/table:"):
        columns = {"Model": [catalog.model(name).title for name in models]}
        columns |= {place: cells.numbers[:, int(place) - 1].tolist() for place in LAYERS}
        form = f"%.{cells.digits}f"
        st.dataframe(
            columns,
            key="everywhere_table",
            hide_index=True,
            placeholder=cells.absent,
            column_config={place: st.column_config.NumberColumn(f"Layer {place}", format=form) for place in LAYERS},
            on_select=chosen,
            selection_mode="single-cell",
            alt=f"{cells.name}: one row per model, one column per layer",
        )
