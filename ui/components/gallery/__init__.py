"""The picture grid: tiles in, the id of the picture that was clicked, or marked as more or less wanted, out."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import streamlit as st

from ui.components import component

_RENDER = component("gallery", "enlarge", "gallery")

Tile = dict[str, Any]
Look = Literal["query", "matches", "pictures", "strip", "entry", "seen", "sheet"]


def gallery(
    tiles: Sequence[Tile],
    *,
    key: str,
    look: Look,
    label: str,
    spoken: str = "",
    small: bool = False,
    columns: int = 0,
    on_pick: Callable[[object], None] | None = None,
    on_mark: Callable[[object], None] | None = None,
    on_why: Callable[[object], None] | None = None,
) -> object:
    """Show tiles as a list named ``label``; returns the id of the picture picked in this run, else None.

    ``small`` tiles are for two lists side by side, ``columns`` is for a sheet. A corner of each tile, or the key E,
    enlarges its picture. ``spoken`` is read out by screen readers when it changes. ``on_pick`` is called with the id
    before the script runs; ``on_mark``, which puts the buttons "More" and "Less" below each tile, with {"id", "more"};
    ``on_why``, which puts "Why?" into a corner of each, and on the key W, with the id.
    What comes back is the browser's word: check it.
    """

    def picked() -> None:
        if on_pick:
            on_pick(st.session_state[key].picked)

    def marked() -> None:
        if on_mark:
            on_mark(st.session_state[key].marked)

    def asked() -> None:
        if on_why:
            on_why(st.session_state[key].asked)

    # a tuple, for of anything but the simplest types Streamlit asks pandas, which takes half a second to load
    data: dict[str, Any] = {"tiles": tuple(tiles), "look": look, "label": label, "spoken": spoken, "small": small}
    data |= {"marks": on_mark is not None, "columns": columns, "why": on_why is not None}
    listeners = {"on_picked_change": picked, "on_marked_change": marked, "on_asked_change": asked}
    return _RENDER(key=key, data=data, **listeners).picked
