"""Parts of the Search page: the query, the scores of its matches, and what they mean."""

from collections.abc import Callable, Mapping, Sequence

import streamlit as st

from semsearch.data.datasets import Dataset
from semsearch.results.experiments import QueryScore
from ui import pictures, resources, sidebar, texts, tiles
from ui.choice import Choice
from ui.components.gallery import gallery
from ui.pictures import likeness

EVERY_CLASS = "All classes"
TWO_ANSWER = "Click any picture to search with it. Hover a match to highlight it on both sides."


def query(choice: Choice, dataset: Dataset, addresses: Mapping[int, str], queries: Sequence[int]) -> None:
    """The query picture with the ways to another one."""
    tile = tiles.item_tile(dataset, choice.q, addresses)
    tile["note"] = f"Query, picture {choice.q}"
    gallery([tile], key="search_query", look="query", label="Query")
    place = queries.index(choice.q)
    before, after = (queries[(place + step) % len(queries)] for step in (-1, 1))
    with st.grid(2, min_column_width=72, gap="xsmall"):
        _step("Previous", before)
        _step("Next", after)


def _step(title: str, item: int) -> None:
    """A button to the picture before or after this one; the browser's own Back leads to the query before."""
    st.button(title, key=f"search_{title.lower()}", on_click=sidebar.pick, args=(item,), width="stretch")


@st.dialog("Choose a picture", width="large", icon=":material/grid_view:")
def browse(
    dataset: Dataset, queries: Sequence[int], current: int, on_pick: Callable[[object], None], purpose: str
) -> None:
    """All pictures, or those of one class; a click calls ``on_pick`` with the id of one and closes this."""
    kinds = [-1, *range(len(dataset.classes))]
    kind = st.selectbox(
        "Class",
        kinds,
        key="search_browse_class",
        format_func=lambda label: dataset.classes[label] if label >= 0 else EVERY_CLASS,
    )
    shown = [item for item in queries if kind < 0 or dataset.items[item].label == kind]
    shown = likeness.arranged(sidebar.current(), dataset, shown, key="search_browse")
    st.caption(f"{texts.counted(len(shown), 'picture')}. Click one to {purpose}.")
    with st.spinner("Preparing pictures …"):
        pictures.ensure_thumbnails(dataset, shown)
    addresses = pictures.addresses(dataset)
    shown_tiles = [tiles.item_tile(dataset, item, addresses) | {"current": item == current} for item in shown]
    picked = gallery(shown_tiles, key="search_pictures", look="pictures", label="Pictures", on_pick=on_pick)
    if picked is not None:
        st.rerun()


def average(choice: Choice) -> str:
    """How well the configuration does over the whole dataset."""
    mean = resources.summary(choice.experiment).score
    return (
        f"On average over {texts.queries(mean.count, len(resources.items(choice.dataset)))}, this configuration scores "
        f"**{mean.mean:.1f}** of 100 (95 % interval {mean.low:.1f} to {mean.high:.1f})."
    )


def headline(kind: str, at_k: QueryScore) -> None:
    """How many of the matches are of the query's class, in one line that a glance takes in."""
    st.markdown(f"### {at_k.hits} of {at_k.k} {'is' if at_k.k == 1 else 'are'} {texts.plain(kind)}")


def scores(choice: Choice, score: float, at_k: QueryScore) -> None:
    """The numbers of this query in one row, and those of all queries."""
    with st.grid(4, min_column_width=96, gap="small"):
        st.metric("Score", f"{score:.1f}")
        st.metric(f"Precision@{at_k.k}", texts.share(at_k.precision))
        st.metric(f"Recall@{at_k.k}", texts.share(at_k.recall))
        st.metric("Avg precision", texts.share(at_k.average_precision))
    st.caption(average(choice))


def spoken(dataset: Dataset, choice: Choice, at_k: QueryScore) -> str:
    """What a screen reader says when the results change."""
    name = dataset.classes[dataset.items[choice.q].label]
    return (
        f"Query {name}, picture {choice.q}: {at_k.hits} of {texts.counted(at_k.k, 'match')} "
        f"{'is' if at_k.k == 1 else 'are'} of the same class."
    )
