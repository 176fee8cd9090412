"""Search: one picture, the pictures most like it, and how right that is."""

import streamlit as st

from pages.shared import fetching, resources, sidebar, view_dataset, view_everywhere, view_matches

VIEWS = {
    "Matches": view_matches.show,
    "This query, everywhere": view_everywhere.show,
    "This dataset": view_dataset.show,
}

choice = sidebar.current()

st.title("Search")
view = st.segmented_control(
    "View",
    list(VIEWS),
    key="view",
    default="Matches",
    required=True,
    label_visibility="collapsed",
    bind="query-params",
)
fetching.offer_pictures(resources.dataset(choice.dataset))
VIEWS[view](choice)
