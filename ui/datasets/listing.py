"""All datasets in one list, and which of them the page is about."""

import streamlit as st

from semsearch.data import datasets
from semsearch.data.dataset import KNOWN
from semsearch.errors import SemsearchError
from ui import offers, resources, sidebar
from ui.choice import Choice
from ui.components.table import table
from ui.pictures import fetching

_WANTED = "datasets_wanted"
COLUMNS = ("Dataset", "Pictures", "State")


def show(choice: Choice) -> None:
    """Draw the list; the name of a dataset is a button that makes it the one that is chosen on all pages."""
    names = tuple(sorted(datasets.names(), key=KNOWN.__contains__))  # one's own first
    lines = [(place, _cells(name, name == choice.dataset)) for place, name in enumerate(names)]
    table(COLUMNS, lines, key="datasets_list", label="Datasets", on_pick=lambda place: _pick(place, names))


def _pick(place: object, names: tuple[str, ...]) -> None:
    if type(place) is not int or not 0 <= place < len(names):
        return
    live = offers.live()
    st.session_state.pop(_WANTED, None)
    if names[place] in live.datasets:
        sidebar.go(dataset=names[place])
    else:
        st.session_state[_WANTED] = names[place]


def offer() -> bool:
    """The way to a dataset of which not even the list is here, where such a one was picked last; whether it was."""
    name = str(st.session_state.get(_WANTED))
    wanted = name in datasets.names() and name not in offers.live().datasets
    if wanted:
        fetching.offer_unlisted(name)
    return wanted


def _cells(name: str, chosen: bool) -> tuple[str, ...]:
    try:
        dataset, here = resources.peek(name)
    except SemsearchError:
        return name, "–", "to fetch"
    title = f"{dataset.title} (chosen)" if chosen else dataset.title
    return title, f"{len(dataset.items):,}", _state(name, here)


def _state(name: str, here: bool) -> str:
    """Whose it is, and whether its pictures are here."""
    if name in KNOWN:
        return "ready" if here else "to fetch"
    return "yours" if here else "files missing"
