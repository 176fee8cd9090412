"""The linked maps in the browser, on a canvas: points travel, carry pictures and light up without reruns."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from ui.components import component

_RENDER = component("map", "draw", "map", "hands", "sheet")


def selected(key: str, valid: set[int], start: list[int]) -> list[int]:
    """Ids selected on the map ``key``, at first ``start``; of what the browser says only what is valid."""
    if start and key not in st.session_state:
        st.session_state[key] = {"selected": start}
    selection = st.session_state.get(key, {}).get("selected")
    ids = {item for item in selection if type(item) is int} if isinstance(selection, list) else set()
    return sorted(ids & valid)


def linked_maps(
    data: dict[str, Any], *, key: str, on_pick: Callable[[object], None], on_settle: Callable[[object], None]
) -> None:
    """Show ``data`` (see map_payload); callbacks get the id that was clicked and the layer where the journey ended."""

    def nothing() -> None:
        """The selection is read by ``selected`` in the run that follows."""

    _RENDER(
        key=key,
        data=data,
        on_selected_change=nothing,
        on_picked_change=lambda: on_pick(st.session_state[key].picked),
        on_settled_change=lambda: on_settle(st.session_state[key].settled),
    )
