"""The browser's history: one entry for each step of a visitor."""

import streamlit as st

from ui.components import component

_RENDER = component("steps")


def keep() -> None:
    """Have one press of Back undo one step, on whatever page; nothing is seen of this."""
    with st.sidebar:
        _RENDER(key="steps", data={})
