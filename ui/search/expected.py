"""A picture that one expects among the matches: which it is, and where it stands under every model and layer."""

import numpy as np
import streamlit as st

from semsearch.results import ranks as stored_ranks
from semsearch.store.artifacts import DEPTH
from ui import resources
from ui.choice import Choice
from ui.search import panels


def choose(choice: Choice) -> int:
    """The expected picture, by its number or out of all pictures; to begin with another one of the query's class."""
    dataset, items = resources.dataset(choice.dataset), resources.items(choice.dataset)
    state = st.session_state
    if state.get("expected") is not None and state["expected"] not in items:
        state["expected"] = None  # of another dataset
    number = st.number_input(
        "Picture you expect",
        min_value=0,
        max_value=len(dataset.items) - 1,
        value=None,
        step=1,
        key="expected",
        placeholder=str(_another(choice)),
        width=150,
        bind="query-params",
    )
    if st.button("Choose picture", key="expected_browse", icon=":material/grid_view:"):
        current = choice.q if number is None else int(number)
        panels.browse(dataset, resources.queries(choice.dataset), current, _expect, "see where it stands")
    return _another(choice) if number is None else int(number)


def _expect(item: object) -> None:
    if isinstance(item, int):
        st.session_state["expected"] = item


def _another(choice: Choice) -> int:
    """The next picture of the query's class; the next one of any, where it is alone."""
    dataset, queries = resources.dataset(choice.dataset), resources.queries(choice.dataset)
    place = queries.index(choice.q)
    others = [*queries[place + 1 :], *queries[:place], choice.q]
    label = dataset.items[choice.q].label
    return next((item for item in others[:-1] if dataset.items[item].label == label), others[0])


def ranks(choice: Choice, item: int) -> np.ndarray:
    """The rank of an item for the query by model and layer, with the choice's pooling and metric; 0 beyond DEPTH."""
    metric = choice.experiment.stored_metric
    nearest = resources.nearest(choice.dataset, choice.readout, metric)
    return stored_ranks.of_item(nearest, np.array(resources.queries(choice.dataset)), choice.q, item)


def height(rank: np.ndarray) -> np.ndarray:
    """Where a rank lies on a scale from 0 (beyond DEPTH) to 100 (the first), even in its logarithm."""
    known = np.where(rank > 0, rank, DEPTH + 1)
    return np.asarray(100 * (1 - np.log(known) / np.log(DEPTH + 1)))
