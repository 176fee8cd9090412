"""Datasets: all sets of pictures in one list; one's own are made, changed and looked after here."""

import streamlit as st

from ui import editors, sidebar
from ui.datasets import listing, panel

choice = sidebar.current()
st.title("Datasets")
left, right = st.columns([5, 6], gap="medium")
with left:
    listing.show(choice)
    panel.restore()
    editors.tell()
with right:
    if not listing.offer():
        panel.show(choice)
