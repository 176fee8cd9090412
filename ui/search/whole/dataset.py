"""The whole dataset: the leaderboard of all experiments, one of them in depth, and two of them apart."""

from collections.abc import Mapping

import streamlit as st

from ui import address, resources
from ui.choice import Choice
from ui.search.whole import difference as dataset_difference
from ui.search.whole import experiment as dataset_experiment
from ui.search.whole import leaderboard as dataset_board

PARTS: Mapping[str, str] = {
    "board": "Leaderboard",
    "experiment": "Details",
    "difference": "A vs B",
}
_EARLIER: Mapping[str, str] = {"In depth": "experiment", "A against B": "difference"}
"""What links of earlier versions call the parts."""


def show(choice: Choice) -> None:
    """The chosen part of the view."""
    address.renamed("part", _EARLIER)
    part = st.segmented_control(
        "What to show of this dataset",
        list(PARTS),
        key="part",
        default="board",
        required=True,
        format_func=PARTS.__getitem__,
        label_visibility="collapsed",
        bind="query-params",
    )
    board = resources.board(choice.dataset)
    if part == "experiment":
        dataset_experiment.show(choice)
    elif part == "difference":
        dataset_difference.show(choice, board)
    else:
        dataset_board.show(choice, board)
