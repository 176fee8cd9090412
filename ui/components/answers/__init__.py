"""What channels answer to a picture: maps over small copies of it in, the number of the channel that was chosen out."""

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from ui.components import component

_RENDER = component("answers")


def answers(
    src: str,
    shape: tuple[int, int],
    channels: Sequence[tuple[int, str, str]],
    *,
    lit: int | None,
    key: str,
    label: str,
    on_pick: Callable[[object], None],
) -> None:
    """Show (number, map, words) of each channel; a map is ``shape`` bytes in base64, 255 for the largest of all.

    ``src`` is the picture as a data URI. ``on_pick`` is called with a number. It comes from the browser: check it.
    """
    data: dict[str, Any] = {"src": src, "shape": shape, "channels": tuple(channels), "lit": lit, "label": label}
    _RENDER(key=key, data=data, on_picked_change=lambda: on_pick(st.session_state[key].picked))
