"""Parts of the Embeddings page: how the map is drawn, how far to trust it, what is selected, and what it all means."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import streamlit as st

from semsearch.data.datasets import Dataset
from semsearch.ranking.projection import FEWEST, Trust
from semsearch.store.artifacts import Map
from ui import map_payload, pictures, sidebar, texts, tiles
from ui.choice import Choice
from ui.components.gallery import gallery
from ui.embeddings import export as map_export
from ui.embeddings.choice import VALID, Look

SHOWN = 60
"""Pictures of a selection on screen."""
_TITLES = {"method": "Method", "dims": "Dimensions", "colour": "Colour by", "points": "Points"}
_FIGURES = (
    ("trustworthiness", "Trustworthiness", "Are neighbours on the map neighbours in truth? 1 is: all of them."),
    ("continuity", "Continuity", "Are true neighbours still together on the map? 1 is: all of them."),
    (
        "overlap",
        "Neighbour overlap@{k}",
        "Share of each picture's {k} nearest that are so on the map too.",
    ),
    ("silhouette", "Silhouette by class", "Do classes stand apart on the map? 1 is clearly, 0 is mixed."),
)


def controls() -> None:
    """The choices of the look; their state is that of map_choice."""
    with st.container(horizontal=True, gap="medium"):
        for name, title in _TITLES.items():
            st.segmented_control(
                title, list(VALID[name]), key=f"map_{name}", required=True, format_func=VALID[name].__getitem__
            )


def figures(trusts: Sequence[tuple[str, Trust]], neighbours: int) -> None:
    """How far to trust each map: its four figures with their meaning."""
    for title, trust in trusts:
        st.markdown(f"**How far to trust {texts.plain(title)}**")
        if not neighbours:
            st.caption("There is nothing to judge: of fewer than three pictures every map keeps all neighbours.")
            continue
        with st.grid(4, min_column_width=140, gap="medium"):
            for name, label, meaning in _FIGURES:
                with st.container(gap="xxsmall"):
                    st.metric(label.format(k=neighbours), texts.share(getattr(trust, name)))
                    st.caption(meaning.format(k=neighbours))
                    if math.isnan(getattr(trust, name)):
                        st.caption("Needs two classes, and one with two pictures.")


def tell(look: Look, stored_map: Map) -> None:
    """What is not as the look says: another way to draw so few pictures, and pictures that lie on one another."""
    method, most = VALID["method"][look.method], FEWEST[look.method]
    if len(stored_map.coordinates) < most:
        st.info(
            f"Too few pictures for {method}, which needs at least {most}: principal components are shown.",
            icon=":material/info:",
        )
    if not np.ptp(stored_map.coordinates, axis=0).any():
        st.info(
            "All points lie on one another: by the distances of this map the layer finds no difference between the "
            "pictures.",
            icon=":material/info:",
        )


def selection(
    dataset: Dataset, chosen: Sequence[int], items: Sequence[int], stored_map: Map, addresses: Mapping[int, str]
) -> None:
    """What is selected on the map: counts, ways to search with it or download it, pictures."""
    st.markdown(f"**Selection: {len(chosen):,} of {len(items):,}**")
    if chosen:
        labels = Counter(dataset.items[item].label for item in chosen)
        counts = [f":gray-badge[{texts.plain(dataset.classes[label])} {n}]" for label, n in labels.most_common()]
        st.markdown(" ".join(counts))
    else:
        st.caption("Choose **Box** or **Lasso** above the map and draw around points; Shift adds to what is selected.")
    _buttons(dataset, chosen, items, stored_map)
    if chosen:
        shown = list(chosen[:SHOWN])
        if len(chosen) > SHOWN:
            st.caption(f"The first {SHOWN} are shown; the files hold all.")
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


def _buttons(dataset: Dataset, chosen: Sequence[int], items: Sequence[int], stored_map: Map) -> None:
    with st.container(horizontal=True, gap="xsmall"):
        st.button(
            "Use as query",
            key="map_use",
            icon=":material/image_search:",
            on_click=sidebar.pick,
            args=(chosen[0] if chosen else None,),
            disabled=not chosen,
            help="Search with the first picture of the selection.",
        )
        st.download_button(
            "CSV",
            lambda: map_export.as_csv(dataset, chosen, items, stored_map),
            f"{dataset.name}-selection.csv",
            "text/csv",
            key="map_csv",
            icon=":material/download:",
            on_click="ignore",
            disabled=not chosen,
            help="Class, file, place on the map and neighbours kept of each selected picture.",
        )
        st.download_button(
            "Zip",
            lambda: map_export.as_zip(dataset, chosen),
            f"{dataset.name}-selection.zip",
            "application/zip",
            key="map_zip",
            icon=":material/folder_zip:",
            on_click="ignore",
            disabled=not (chosen and dataset.has_pictures),
            help="The original files of the selected pictures.",
        )


def explain(choice: Choice, look: Look, n: int) -> None:
    """What the map shows and how far it can be believed."""
    method = {
        "umap": "UMAP keeps who is near whom; distances between far groups mean little.",
        "tsne": "t-SNE keeps close neighbours; the size of groups and the gaps between them mean little.",
        "pca": "PCA is a straight shadow of the space: far on it is far in truth, near may not be near.",
    }[look.method]
    basis = "euclidean" if look.method == "pca" else "cosine"
    with st.expander("What am I looking at?", icon=":material/help:"):
        st.markdown(
            f"Every picture is a point in a space of very many dimensions: the answers of one layer of a network. "
            f"This map presses that space into {look.dims} dimensions. Pictures that the network finds alike "
            f"should lie together. Class labels only give the colour and the symbol; they were not used to draw it.\n\n"
            f"**{VALID['method'][look.method]}**: {method}\n\n"
            "Every map lies. The lines lead from the query to its nearest pictures in the true space: a long line is "
            "where the map tears. Colour by **Distortion** shows it for every point, the figures for the whole map.\n\n"
            "Press **Play** to travel from the first layer to the last: the maps are aligned, so each point keeps its "
            f"identity, and groups form as the layers see more. All {texts.counted(n, 'point')} move; each map is "
            "scaled to the same square, its proportions kept, so compare places, not sizes.\n\n"
            "**Click** a point to make it the query, here and on the Search page. **Box** and **Lasso** select. "
            "The wheel zooms once the map was clicked, or with Ctrl; in 3-D dragging turns the map, Shift moves it. "
            "Turn on **Compare with** in the sidebar to see two maps side by side: what is selected or under the "
            "pointer in one is lit in the other. "
            f"The map and its figures of trust go by {basis} distances; the lines follow the metric that is "
            f"chosen, now {texts.plain(choice.metric)}."
        )


def thumbnails(dataset: Dataset, ids: Sequence[int], first: Sequence[int]) -> Mapping[int, str]:
    """Addresses of the pictures: those of ``first`` made ready, and all of a dataset that is not large."""
    pictures.ensure_thumbnails(dataset, [*first, *(ids if len(ids) <= map_payload.LARGE else ())])
    return pictures.addresses(dataset)
