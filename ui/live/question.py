"""Where and how a live search looks: the sidebar's configuration, and the settings of this page, folded away."""

from dataclasses import replace

import streamlit as st

from semsearch.indices import recipes
from semsearch.live.search import Question
from semsearch.models.catalog import FeatureSpec
from ui import configurations, filters, resources, sidebar, texts
from ui.choice import Choice, parts_of

_NEW = {"replaces": "Replace", "adds": "Add"}
_TITLES = {"exact": "Exact", "approximate": "Approximate"} | {
    recipe.name: recipe.title for recipe in recipes.RECIPES.values()
}
_MEANING = "Other matches move up in place of what is filtered out."


def choose(choice: Choice) -> Question:
    """Draw the settings and give the question."""
    with st.popover("Settings", icon=":material/tune:", key="live_settings"):
        _best(choice)
        st.segmented_control(
            "New pictures",
            list(_NEW),
            key="live_new",
            default="replaces",
            required=True,
            format_func=_NEW.__getitem__,
            help="With several pictures, what they have in common counts.",
        )
        st.toggle(
            "Ignore colour",
            key="grey",
            disabled=choice.experiment.spec.preset != "default",
            help="The query and all pictures of the dataset count without their colours. The first time, each of them "
            "has to go through the network.",
            bind="query-params",
        )
        st.markdown("**Filter**")
        chosen = filters.choose(resources.dataset(choice.dataset), _MEANING, st.container())
        index = _index(choice.metric)
    return Question(
        choice.dataset,
        spec(choice),
        choice.metric,
        k=choice.k,
        index=index,
        classes=chosen.classes or None,
        at_least=chosen.least / 100,
        fold=chosen.fold,
    )


def spec(choice: Choice) -> FeatureSpec:
    """The features that are searched: those of the sidebar, of grey pictures where colour is ignored."""
    chosen = choice.experiment.spec
    return replace(chosen, preset="grey") if st.session_state.get("grey") and chosen.preset == "default" else chosen


def _index(metric: str) -> str:
    """The control of the index: what can do the metric."""
    offered = [name for name in _TITLES if name not in recipes.RECIPES or metric in recipes.RECIPES[name].metrics]
    if st.session_state.get("index", "exact") not in offered:
        st.session_state["index"] = "exact"  # chosen under another metric
    index: str = st.segmented_control(
        "Search method",
        offered,
        key="index",
        default="exact",
        required=True,
        format_func=_TITLES.__getitem__,
        help="Exact compares the query with every picture. Approximate looks at those that an index names: on large "
        "datasets it is faster and may miss a match; its distances are exact. The others are kinds of index; the "
        "Index lab measures them on your pictures. Up to 1,000 pictures all are the same.",
        bind="query-params",
    )
    return index


def _best(choice: Choice) -> None:
    """The configuration to begin with on this dataset, why, and the way there."""
    best = resources.recommendation(choice.dataset)
    parts = parts_of(best.spec, best.metric)
    name = texts.plain(configurations.named(best.spec, best.metric))
    here = all(getattr(choice, name) == value for name, value in parts.items())
    with st.container(gap="xxsmall", key="live_best"):
        st.caption(f":material/recommend: **Recommended: {name}.** {texts.plain(best.reason)}")
        st.button(
            "In use" if here else "Use this",
            key="live_use_best",
            disabled=here,
            type="tertiary",
            on_click=sidebar.go,
            kwargs=parts,
        )
