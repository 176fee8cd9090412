"""Where a live query lies among the pictures of the dataset: on the stored map, placed by its neighbours."""

from collections.abc import Sequence

import numpy as np
import streamlit as st

from semsearch.data.datasets import Dataset
from semsearch.live.search import Match, SearchResult
from ui import charts, resources, sidebar, texts
from ui.charts import Points
from ui.choice import Choice
from ui.live import query_pictures
from ui.live.query_pictures import QueryPicture

KIND = "umap2"
NEAREST = 5
"""Matches that place a query on the map."""


def show(choice: Choice, query: Sequence[QueryPicture], result: SearchResult) -> None:
    """Draw the map once it is opened: what draws it weighs more than all else on the page."""
    with st.expander(
        "Your picture on the map", icon=":material/scatter_plot:", key="live_open", on_change="rerun"
    ) as box:
        if box.open:
            _draw(choice, query, result)


def _draw(choice: Choice, query: Sequence[QueryPicture], result: SearchResult) -> None:
    """The map, or why there is none."""
    store, dataset = resources.store(), resources.dataset(choice.dataset)
    if not store.has_map(choice.dataset, choice.experiment.spec, KIND):
        st.caption(
            f"There is no map of {texts.plain(dataset.title)} under this model, layer and pooling yet: the page "
            "Embeddings draws it."
        )
        return
    if store.facts(choice.dataset, choice.model)["dataset_hash"] != dataset.content_hash:
        st.caption(f"{texts.plain(dataset.title)} has changed since its map was made.")
        return
    items = store.items(choice.dataset, choice.model)
    places = dict(zip(items.tolist(), store.map(choice.dataset, choice.experiment.spec, KIND).coordinates, strict=True))
    near = [match for match in result.matches if match.item in places]
    if not near:
        st.caption("Without a match there is no place for the query on the map.")
        return
    query_item = _query_item(choice, query)
    place = places[query_item] if query_item in places else placed(near, places)
    charts.draw(
        charts.neighbourhood(_groups(dataset, places), place.tolist(), [places[match.item] for match in near]),
        key="live_map",
        alt=f"Map of {texts.counted(len(places), 'picture')} with lines from the query to its "
        f"{texts.counted(len(near), 'match')}",
        on_click=_pick,
    )
    st.caption(
        "The query is a picture of this map and stands at its own place."
        if query_item in places
        else "The map was computed without the query. It is placed by its neighbours, at the mean of its "
        f"{min(NEAREST, len(near))} nearest matches weighted by similarity; this is no transform of its features."
    )


def _query_item(choice: Choice, query: Sequence[QueryPicture]) -> int | None:
    """The item that is the whole query, if it is one."""
    [example, *more], _ = query_pictures.examples(choice, query)
    picture = example.picture
    return picture if not more and example.weight > 0 and isinstance(picture, int) else None


def placed(near: Sequence[Match], places: dict[int, np.ndarray]) -> np.ndarray:
    """The mean place of the first matches, weighted by similarity; unweighted where that is 0 for all."""
    first = near[:NEAREST]
    similar = np.array([match.similarity for match in first])
    return np.average([places[match.item] for match in first], axis=0, weights=similar if similar.any() else None)


def _groups(dataset: Dataset, places: dict[int, np.ndarray]) -> list[Points]:
    """The pictures by class; all in one group where the classes are too many to tell apart."""
    members: dict[int, list[int]] = {}
    many = len(dataset.classes) > charts.MOST
    for item in places:
        members.setdefault(0 if many else dataset.items[item].label, []).append(item)
    return [
        Points(
            "Pictures" if many else dataset.classes[label],
            [float(places[item][0]) for item in members[label]],
            [float(places[item][1]) for item in members[label]],
            members[label],
            [
                f"{charts.literal(dataset.classes[dataset.items[item].label])}, picture {item}"
                for item in members[label]
            ],
            label,
        )
        for label in sorted(members)
    ]


def _pick(number: int) -> None:
    query_pictures.clear()
    sidebar.pick(number)
