"""A picture found by its class, the name of its file or its number."""

import unicodedata
from collections.abc import Sequence

import streamlit as st

from semsearch.data.datasets import Dataset
from ui import pictures, resources, sidebar, texts, tiles
from ui.choice import Choice
from ui.components.gallery import gallery

MOST = 24
"""Pictures that are shown of those that fit."""
_TEXT, _FLIGHT = "map_find_text", "map_flight"


def flight() -> tuple[int, int]:
    """How often the map was to fly to a picture, and the last one; the map flies when the number has changed."""
    last: tuple[int, int] = st.session_state.get(_FLIGHT, (0, 0))
    return last


def show(choice: Choice) -> None:
    """The way to a picture whose name is known: the map flies to the first that fits; a click makes it the query."""
    dataset, items = resources.dataset(choice.dataset), resources.items(choice.dataset)

    def look_up() -> None:
        asked = st.session_state[_TEXT]
        if asked.strip() and (found := fitting(dataset, items, asked)):
            _fly(found[0])

    def pick(item: object) -> None:
        sidebar.pick(item)
        if isinstance(item, int) and item in items:
            _fly(item)

    with st.popover("Find a picture", icon=":material/search:", key="map_find"):
        asked = st.text_input("Class, file name or number", key=_TEXT, max_chars=200, on_change=look_up)
        if not asked.strip():
            return
        found = fitting(dataset, items, asked)
        more = f"; these are the first {MOST}" if len(found) > MOST else ""
        st.caption(f"{texts.counted(len(found), 'picture')} found{more}.{' The map shows the first.' if found else ''}")
        pictures.ensure_thumbnails(dataset, found[:MOST])
        addresses = pictures.addresses(dataset)
        gallery(
            [tiles.item_tile(dataset, item, addresses) for item in found[:MOST]],
            key="map_found",
            look="pictures",
            label=f"{len(found)} pictures found",
            on_pick=pick,
        )


def _fly(item: int) -> None:
    st.session_state[_FLIGHT] = (flight()[0] + 1, item)


def fitting(dataset: Dataset, items: Sequence[int], asked: str) -> list[int]:
    """The items that fit: the one of that number, then those with all the words in file name or class, by id."""
    words, number = _plain(asked).split(), asked.strip()

    def fits(item: int) -> bool:
        entry = dataset.items[item]
        named = _plain(f"{dataset.classes[entry.label]} {entry.shown}")
        return all(word in named for word in words)

    numbered = [item for item in items if str(item) == number]
    return numbered + [item for item in items if item not in numbered and fits(item)]


def _plain(text: str) -> str:
    """As people type it: without case, and with accents composed."""
    return unicodedata.normalize("NFC", text).casefold()
