"""The journey of a map through the layers: a slider, Play and a speed, all in the browser, without a run on the way."""

from collections.abc import Callable, Sequence

import streamlit as st

from ui.components import component

_RENDER = component("player")


def player(layers: Sequence[str], *, layer: int, stamp: str, key: str, on_settle: Callable[[object], None]) -> None:
    """Travel from layer to layer, named ``layers``; ``on_settle`` is called with the one where the journey ended.

    The map on the page follows while it lasts. A ``layer`` other than that where it ended is travelled to, but not
    where the ``stamp`` has changed: it names what the layers are of. What comes back is the browser's word: check it.
    """
    data = {"layers": list(layers), "layer": layer, "stamp": stamp}
    _RENDER(key=key, data=data, on_settled_change=lambda: on_settle(st.session_state[key].settled))
