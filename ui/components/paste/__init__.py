"""A place to paste pictures, which Streamlit does not have."""

from collections.abc import Callable

import streamlit as st

from ui.components import component

_PASTE = component("paste")


def paste(*, limit: int, key: str, on_paste: Callable[[object], None]) -> None:
    """A place to paste; ``on_paste`` gets [{name, data in base64}] as the browser says it, before the script runs."""
    _PASTE(key=key, data={"limit": limit}, on_pasted_change=lambda: on_paste(st.session_state[key].pasted))
