"""A dataset so large that only a sample of its pictures were queries: said so, and what to do with the others."""

import streamlit as st

from ui import resources, sidebar, texts
from ui.choice import Choice

LIVE = "pages/live_search.py"


def expect(choice: Choice) -> None:
    """Say what the results rest on; end the run with ways on where the query is not in the sample."""
    items, queries = resources.items(choice.dataset), resources.queries(choice.dataset)
    if len(queries) == len(items):
        return
    st.caption(f":material/casino: Scores and matches are of {texts.queries(len(queries), len(items))}.")
    if choice.q in queries:
        return
    st.info(
        f"Picture {choice.q} is not in the sample, so nothing is stored of it. Live search ranks all pictures for any "
        "of them.",
        icon=":material/casino:",
    )
    with st.container(horizontal=True, key="sampled_ways"):
        if st.button("Search with it live", key="sampled_live", icon=":material/travel_explore:", type="primary"):
            st.switch_page(LIVE, query_params=choice.address())
        near = min(queries, key=lambda query: abs(query - choice.q))
        st.button(f"Take picture {near}, which is", key="sampled_near", on_click=sidebar.pick, args=(near,))
    st.stop()
