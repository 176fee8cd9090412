"""The sidebar of a narrow screen, which lies over the page: it closes by itself once another page was chosen in it."""

import streamlit as st

from ui.components import component

_RENDER = component("drawer")


def close_for(page: str) -> None:
    """Have the sidebar out of the way of ``page`` when that is new."""
    with st.sidebar:
        _RENDER(key="drawer", data={"page": page})
