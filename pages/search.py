"""Search: one picture, the pictures most like it, and how right that is."""

import streamlit as st

from ui import address, resources, sidebar, welcome
from ui.jobs import results
from ui.pictures import fetching
from ui.search import everywhere as view_everywhere
from ui.search import matches as view_matches
from ui.search import sampled
from ui.search.whole import dataset as view_dataset

VIEWS = {
    "Matches": (
        view_matches.show,
        "Click any picture: a network ranks all others by how alike it finds them.",
    ),
    "All models": (
        view_everywhere.show,
        "Each cell tells how well one layer of one network finds the query's kind. Click one to see what it finds.",
    ),
    "Whole dataset": (
        view_dataset.show,
        "Every way to compare pictures is scored, with each picture as the query. Tick a row to see its matches.",
    ),
}
"""By name: what draws the view, and the words that greet a newcomer there."""
EARLIER = {"Everywhere": "All models", "This dataset": "Whole dataset"}
"""What links of earlier versions call the views."""

choice = sidebar.current()

st.title("Search")
address.renamed("view", EARLIER)
view = st.segmented_control(
    "View",
    list(VIEWS),
    key="view",
    default="Matches",
    required=True,
    label_visibility="collapsed",
    bind="query-params",
)
results.expect(choice, sidebar.other())
fetching.offer_pictures(resources.dataset(choice.dataset))
show, words = VIEWS[view]
welcome.show(words)
sampled.expect(choice)
show(choice)
