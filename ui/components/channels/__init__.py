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
class Sprite:
    """A picture on a sheet of many, side by side in so many columns and rows; ``sheet`` is its address."""

    sheet: str
    place: int
    columns: int
    rows: int


@dataclass(frozen=True)
class Card:
    """What is shown of a channel."""

    id: int
    title: str
    note: str
    spoken: str
    photos: tuple[Photo, ...]
    made: Sprite | None = None
    """Its own picture, if it has one."""


def cards(
    shown: Sequence[Card],
    *,
    key: str,
    look: Literal["grid", "photos", "strip"],
    label: str,
    current: int | None = None,
    on_pick: Callable[[object], None] | None = None,
) -> None:
    """Show cards as a list named ``label``; ``on_pick`` is called with the id of one that is pressed.

    That id comes from the browser: check it.
    """

    def picked() -> None:
        if on_pick:
            on_pick(st.session_state[key].picked)

    data: dict[str, Any] = {"cards": tuple(asdict(card) for card in shown), "look": look, "label": label}
    data |= {"current": current, "clickable": on_pick is not None}
    _RENDER(key=key, data=data, on_picked_change=picked)
