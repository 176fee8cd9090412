"""Search: one picture, the pictures most like it, and how right that is."""

import streamlit as st

from pages.shared import explanations, fetching, panels, pictures, resources, sidebar, tiles
from pages.shared.gallery import gallery
from semsearch import experiments
from semsearch.scores import PUBLISHED_K

choice = sidebar.current()
store, dataset = resources.store(), resources.dataset(choice.dataset)
queries = resources.queries(choice.dataset)

st.title("Search")
matches = experiments.matches(store, choice.experiment, choice.q, k=choice.k)
top = experiments.matches(store, choice.experiment, choice.q, k=PUBLISHED_K)
published = experiments.query_score(store, choice.experiment, choice.q)
at_k = experiments.query_score(store, choice.experiment, choice.q, k=choice.k)
mean = experiments.summary(store, choice.experiment).score
st.caption(
    "Click any picture to search with it. "
    f"On average over all {len(queries):,} queries, this configuration scores **{mean.mean:.1f}** of 100 "
    f"(95 % interval {mean.low:.1f} to {mean.high:.1f})."
)

fetching.offer_pictures(dataset)
pictures.ensure_thumbnails(dataset, [choice.q, *(match.item for match in matches)])
addresses = pictures.addresses(dataset)

left, right = st.columns([1, 3.4], gap="medium")
with left.container(width=360):
    panels.query(choice, dataset, addresses, queries)
with right:
    panels.scores(published.score, at_k)
    gallery(
        tiles.match_tiles(dataset, matches, addresses),
        key="search_matches",
        look="matches",
        label=f"The {len(matches)} pictures most like the query, nearest first",
        spoken=panels.spoken(dataset, choice, at_k),
        on_pick=sidebar.pick,
    )
    explanations.explain_scores(dataset.classes[dataset.items[choice.q].label], top, published, at_k)
    explanations.explain_page(choice)
