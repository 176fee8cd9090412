"""Where and how a live search looks: the sidebar's configuration, the kind of index, and what is left out."""

import streamlit as st

from semsearch.live.search import INDEXES, Question
from ui import configurations, filters, resources, sidebar, texts
from ui.choice import Choice, parts_of

_TITLES = {"exact": "Exact", "approximate": "Approximate"}
_MEANING = "What is held back makes room: the matches are the nearest of those that pass."


def choose(choice: Choice, exclude: frozenset[int]) -> Question:
    """Draw the choices and give the question; ``exclude`` are items that are left out of the answer."""
    dataset = resources.dataset(choice.dataset)
    with st.container(horizontal=True, gap="small", vertical_alignment="center", horizontal_alignment="distribute"):
        index = st.segmented_control(
            "Index",
            list(INDEXES),
            key="index",
            default="exact",
            required=True,
            format_func=_TITLES.__getitem__,
            label_visibility="collapsed",
            help="Exact compares the query with every picture. Approximate follows a graph of neighbours: on "
            "large datasets it is faster and may miss a match, but never misjudges a distance. "
            "With up to 1,000 pictures both are the same.",
            bind="query-params",
        )
        chosen = filters.choose(dataset, _MEANING)
    _best(choice)
    return Question(
        choice.dataset,
        choice.experiment.spec,
        choice.metric,
        k=choice.k,
        index=index,
        exclude=exclude,
        classes=chosen.classes or None,
        at_least=chosen.least / 100,
        fold=chosen.fold,
    )


def _best(choice: Choice) -> None:
    """The configuration to begin with on this dataset, why, and the way there."""
    best = resources.recommendation(choice.dataset)
    parts = parts_of(best.spec, best.metric)
    name = texts.plain(configurations.named(best.spec, best.metric))
    here = all(getattr(choice, name) == value for name, value in parts.items())
    with st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="small", key="live_best"):
        st.caption(f":material/recommend: **Best to begin with: {name}.** {texts.plain(best.reason)}")
        st.button(
            "In use" if here else "Use it",
            key="live_use_best",
            disabled=here,
            type="tertiary",
            on_click=sidebar.go,
            kwargs=parts,
        )
