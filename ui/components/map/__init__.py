"""The linked maps in the browser, drawn by Plotly: points travel, carry pictures and light up without reruns."""

from collections.abc import Callable, Collection
from typing import Any

import streamlit as st

from ui.components import component
from ui.web import plotly_js

_SCRIPTS = ("../plot/plot", "../plot/hands", "panel", "map")
_RENDER = component("map", *_SCRIPTS, isolated=False)  # Plotly writes its styles into the document


def begin(key: str, **states: list[int]) -> None:
    """Have the map ``key`` begin with these states, selected ids or muted labels, unless it has been on screen."""
    if any(states.values()) and key not in st.session_state:
        st.session_state[key] = states


def state(key: str, name: str, valid: Collection[int]) -> list[int]:
    """What is selected or muted on the map ``key``; of what the browser says only what is valid."""
    said = st.session_state.get(key, {}).get(name)
    numbers = {number for number in said if type(number) is int} if isinstance(said, list) else set()
    return sorted(numbers & set(valid))


def linked_maps(data: dict[str, Any], *, key: str, on_pick: Callable[[object], None]) -> None:
    """Show ``data`` (see map_payload); ``on_pick`` gets the id that was clicked."""

    plotly_js.ensure()

    def nothing() -> None:
        """Both states are read by ``state`` in the run that follows."""

    _RENDER(
        key=key,
        data=data,
        on_selected_change=nothing,
        on_muted_change=nothing,
        on_picked_change=lambda: on_pick(st.session_state[key].picked),
    )
