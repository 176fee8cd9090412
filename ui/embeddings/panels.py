"""Parts of the Embeddings page: how the map is drawn, how far to trust it, what is selected, and what it all means."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import streamlit as st

from semsearch.data.datasets import Dataset
from semsearch.ranking import metrics
from semsearch.ranking.projection import FEWEST, Trust
from semsearch.store.artifacts import Map
from ui import map_payload, pictures, resources, sidebar, texts, tiles
from ui.choice import Choice
from ui.components.gallery import gallery
from ui.embeddings import export as map_export
from ui.embeddings.choice import VALID, Look

SHOWN, TOGETHER = 60, 24
"""Pictures of a selection on screen, and those that Live search takes as one query."""
LIVE = "pages/live_search.py"
_TITLES = {"method": "Method", "dims": "Dimensions", "colour": "Colour by", "points": "Points"}
_FIGURES = (
    ("trustworthiness", "Trustworthiness", "Are neighbours on the map real neighbours? 1 = always."),
    ("continuity", "Continuity", "Are real neighbours together on the map? 1 = always."),
    ("overlap", "Neighbour overlap@{k}", "How many of a picture's {k} nearest are also nearest on the map."),
    ("silhouette", "Silhouette by class", "Are the classes separate? 1 = clearly, 0 = mixed, below 0 = wrong group."),
)


def controls() -> None:
    """The choices of the look; their state is that of map_choice."""
    with st.container(horizontal=True, gap="small"):
        for name, title in _TITLES.items():
            st.segmented_control(
                title, list(VALID[name]), key=f"map_{name}", required=True, format_func=VALID[name].__getitem__
            )


def figures(trusts: Sequence[tuple[str, Trust]], neighbours: int) -> None:
    """How far to trust each map: its four figures with their meaning."""
    for title, trust in trusts:
        st.markdown(f"**How far to trust {texts.plain(title)}**")
        if not neighbours:
            st.caption("With fewer than three pictures there is nothing to judge.")
            continue
        with st.grid(4, min_column_width=140, gap="medium"):
            for name, label, meaning in _FIGURES:
                with st.container(gap="xxsmall"):
                    st.metric(label.format(k=neighbours), texts.share(getattr(trust, name)))
                    st.caption(meaning.format(k=neighbours))
                    if math.isnan(getattr(trust, name)):
                        st.caption("Needs two classes, one of them with two pictures.")


def tell(look: Look, stored_map: Map, *, has_pictures: bool) -> None:
    """What is not as the look says: no pictures, another way to draw so few, and some that lie on one another."""
    if look.points == "pictures" and not has_pictures:
        st.info("Dots are shown, because the pictures are not downloaded yet.", icon=":material/info:")
    method, most = VALID["method"][look.method], FEWEST[look.method]
    if len(stored_map.coordinates) < most:
        st.info(
            f"{method} needs at least {most} pictures. This map shows principal components instead.",
            icon=":material/info:",
        )
    if not np.ptp(stored_map.coordinates, axis=0).any():
        st.info(
            "All points are in one place: this layer finds no difference between the pictures.",
            icon=":material/info:",
        )


def selection(
    choice: Choice, chosen: Sequence[int], items: Sequence[int], stored_map: Map, addresses: Mapping[int, str]
) -> None:
    """What is selected on the map: counts, ways to search with it or download it, pictures."""
    dataset = resources.dataset(choice.dataset)
    st.markdown(f"**Selection: {len(chosen):,} of {len(items):,}**")
    if chosen:
        labels = Counter(dataset.items[item].label for item in chosen)
        counts = [f":gray-badge[{texts.plain(dataset.classes[label])} ({n})]" for label, n in labels.most_common()]
        st.markdown(" ".join(counts))
    else:
        flat = stored_map.coordinates.shape[1] == 2
        st.caption(
            "Choose **Box Select** or **Lasso Select** above the map and draw around points. Hold Shift to add."
            if flat
            else "Select points on the map in 2-D: they stay selected here. Or press the Space bar on the map."
        )
    _use(choice, chosen, whole=resources.pictured(dataset.name))
    _downloads(dataset, chosen, items, stored_map)
    if chosen:
        shown = list(chosen[:SHOWN])
        if len(chosen) > SHOWN:
            st.caption(f"These are the first {SHOWN}; downloads hold all.")
        with st.container(height=470, border=False, key="map_selected"):
            _grid(dataset, shown, addresses)


def _grid(dataset: Dataset, shown: Sequence[int], addresses: Mapping[int, str]) -> None:
    gallery(
        [tiles.item_tile(dataset, item, addresses) for item in shown],
        key="map_selection",
        look="pictures",
        label=f"{len(shown)} selected pictures",
        on_pick=sidebar.pick,
    )


def _use(choice: Choice, chosen: Sequence[int], *, whole: bool) -> None:
    """The way to search with the selection: with one picture here, with several on the page that takes several."""
    if len(chosen) < 2:
        st.button(
            "Use as query",
            key="map_use",
            icon=":material/image_search:",
            on_click=sidebar.pick,
            args=(chosen[0] if chosen else None,),
            disabled=not chosen,
        )
        return
    used = chosen[:TOGETHER]
    together = f"Search with {'all' if len(used) == len(chosen) else 'the first'} {len(used)}"
    st.page_link(
        LIVE,
        label=together,
        icon=":material/image_search:",
        query_params=choice.address() | {"with": ",".join(f"like.{item}" for item in used)},
        disabled=not whole,
        help="Live search takes several pictures as one query."
        if whole
        else "Live search needs the pictures, which are not downloaded yet.",
    )


def _downloads(dataset: Dataset, chosen: Sequence[int], items: Sequence[int], stored_map: Map) -> None:
    with st.container(horizontal=True, gap="xsmall"):
        st.download_button(
            "Download table",
            lambda: map_export.as_csv(dataset, chosen, items, stored_map),
            f"{dataset.name}-selection.csv",
            "text/csv",
            key="map_csv",
            icon=":material/download:",
            on_click="ignore",
            disabled=not chosen,
            help="A CSV file: class, file, place on the map and neighbours kept of each selected picture.",
        )
        st.download_button(
            "Download pictures",
            lambda: map_export.as_zip(dataset, chosen),
            f"{dataset.name}-selection.zip",
            "application/zip",
            key="map_zip",
            icon=":material/folder_zip:",
            on_click="ignore",
            disabled=not (chosen and resources.pictured(dataset.name)),
            help="A zip of the original files, one folder per class."
            if resources.pictured(dataset.name)
            else "The pictures are not downloaded yet.",
        )


def explain(choice: Choice, look: Look, n: int) -> None:
    """What the map shows and how far it can be believed."""
    method = {
        "umap": "UMAP keeps who is near whom; distances between groups mean little.",
        "tsne": "t-SNE keeps close neighbours; the size of groups and the gaps between them mean little.",
        "pca": "PCA is a straight shadow of the space: what is far apart here is far apart there; what is near "
        "here may not be.",
    }[look.method]
    basis = "Euclidean" if look.method == "pca" else "cosine"
    with st.expander("What am I looking at?", icon=":material/help:"):
        st.markdown(
            f"Every picture becomes a long list of numbers, the answers of one layer of a network. This map presses "
            f"those lists into {look.dims} dimensions, so that pictures which the network finds alike lie together. "
            "Classes only give colour and symbol; they were not used to draw it.\n\n"
            f"**{VALID['method'][look.method]}**: {method}\n\n"
            "No flat map is exact. Lines join the query to its nearest pictures before flattening: a long line marks a "
            "place where the map is wrong. Colour by **Neighbours kept** shows it for every point, the figures below "
            "for the whole map.\n\n"
            "Press **Play** to travel from the first layer to the last. The maps are aligned, so each of the "
            f"{texts.counted(n, 'point')} can be followed, and groups form as the layers see more. Each map fills the "
            "frame, its proportions kept, so compare places, not sizes.\n\n"
            "**Click** a point to make it the query, here and on the Search page. The tools above the map are "
            "Plotly's: **Box Select** and **Lasso Select** choose points in 2-D, **Zoom** enlarges a box, and the "
            "last two save the map as PNG or SVG. Click a class in the legend to mute it: it stays as a faint ground "
            "and is neither pointed at nor selected; click again to bring it back, double-click to mute all others (on "
            "the keyboard Enter, and Shift and Enter). Click the map, then turn the wheel to zoom, or hold Ctrl; two "
            "fingers do the same. In 3-D drag to turn the map. Turn on **Compare two settings** in the sidebar to see "
            "two maps side by side: what is selected, pointed at, muted or enlarged in one is so in the other. "
            f"The map and its figures use {basis} distances; the lines use the chosen metric, "
            f"{texts.plain(metrics.METRICS[choice.metric].title)}."
        )


def thumbnails(dataset: Dataset, ids: Sequence[int], first: Sequence[int]) -> Mapping[int, str]:
    """Addresses of the pictures: those of ``first`` made ready, and all of a dataset that is not large."""
    pictures.ensure_thumbnails(dataset, [*first, *(ids if len(ids) <= map_payload.LARGE else ())])
    return pictures.addresses(dataset)
