"""A plain table whose first column are buttons: for whoever reads with a screen reader what others see on a chart."""

from collections.abc import Callable, Sequence

import streamlit as st

from ui.components import component

_RENDER = component("table")


def table(
    columns: Sequence[str],
    lines: Sequence[tuple[int, Sequence[str]]],
    *,
    key: str,
    label: str,
    on_pick: Callable[[object], None],
) -> None:
    """Show lines of an id and its cells, the first of them a button; ``on_pick`` is called with the id pressed.

    That id comes from the browser: check it.
    """
    data = {"columns": list(columns), "lines": [[item, *cells] for item, cells in lines], "label": label}
    _RENDER(key=key, data=data, on_picked_change=lambda: on_pick(st.session_state[key].picked))
