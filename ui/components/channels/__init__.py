"""Channels as cards: the picture that excites each, and photos with the part that does outlined."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import streamlit as st

from ui.components import component

_RENDER = component("channels")


@dataclass(frozen=True)
class Photo:
    """A photo, and the part of it that is meant as shares of its sides: left, top, width, height."""

    src: str
    alt: str
    box: tuple[float, float, float, float]


@dataclass(frozen=True)
class Card:
    """What is shown of a channel; ``place`` is that of its picture on the sheet, None without one."""

    id: int
    title: str
    note: str
    spoken: str
    photos: tuple[Photo, ...]
    place: int | None = None


def cards(
    shown: Sequence[Card],
    *,
    key: str,
    look: Literal["grid", "photos"],
    label: str,
    sheet: str = "",
    columns: int = 1,
    rows: int = 1,
    current: int | None = None,
    on_pick: Callable[[object], None] | None = None,
) -> None:
    """Show cards as a list named ``label``; ``on_pick`` is called with the id of one that is pressed.

    ``sheet`` is the address of all pictures side by side, in so many columns and rows. That id comes from the
    browser: check it.
    """

    def picked() -> None:
        if on_pick:
            on_pick(st.session_state[key].picked)

    data: dict[str, Any] = {"cards": tuple(asdict(card) for card in shown), "look": look, "label": label}
    data |= {"sheet": sheet, "columns": columns, "rows": rows, "current": current, "clickable": on_pick is not None}
    _RENDER(key=key, data=data, on_picked_change=picked)
