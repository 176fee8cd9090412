"""A network as boxes and wires: what is drawn in, the id of the box that was chosen out."""

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from ui.components import component

_RENDER = component("network")

Box = dict[str, Any]
"""id, x and y in boxes, kind, title, and whether it is lit and marked."""


def network(
    boxes: Sequence[Box],
    wires: Sequence[tuple[int, int]],
    bands: Sequence[tuple[int, str]],
    *,
    key: str,
    label: str,
    on_pick: Callable[[object], None],
) -> None:
    """Show boxes, wires between their places and bands, which begin at a column and have a word.

    ``on_pick`` is called with the id that was chosen. It comes from the browser: check it.
    """
    data: dict[str, Any] = {"boxes": tuple(boxes), "wires": tuple(wires), "bands": tuple(bands), "label": label}
    _RENDER(key=key, data=data, on_picked_change=lambda: on_pick(st.session_state[key].picked))
