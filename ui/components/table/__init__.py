"""A plain table whose first column are buttons: for whoever reads with a screen reader what others see on a chart."""

from collections.abc import Callable, Collection, Sequence

import streamlit as st

from ui.components import component

_RENDER = component("table")

Cell = str | tuple[str, float | None]
"""Words; or words and the number by which they are sorted, None where it is not known."""


def table(
    columns: Sequence[str],
    lines: Sequence[tuple[int, Sequence[Cell]]],
    *,
    key: str,
    label: str,
    on_pick: Callable[[object], None],
    sortable: bool = False,
    lit: int | None = None,
    marked: Collection[int] = (),
) -> None:
    """Show lines of an id and its cells, the first of them a button; ``on_pick`` is called with the id pressed.

    The line ``lit`` is brought into view, those ``marked`` stand out. That id comes from the browser: check it.
    """
    data = {"columns": list(columns), "lines": [[item, *cells] for item, cells in lines], "label": label}
    data |= {"sortable": sortable, "lit": lit, "marked": sorted(marked)}
    _RENDER(key=key, data=data, on_picked_change=lambda: on_pick(st.session_state[key].picked))
