"""The pictures of a dataset in pages, all or those of one class, to be clicked."""

from collections.abc import Callable, Collection

import streamlit as st

from semsearch.data.datasets import Dataset
from ui import pictures, tiles
from ui.choice import Choice
from ui.components.gallery import gallery
from ui.pictures import likeness

PAGE = 120
"""Pictures of one page."""


def show(
    choice: Choice, dataset: Dataset, *, key: str, on_pick: Callable[[object], None], chosen: Collection[int] = ()
) -> object:
    """Draw class, order, page and pictures; the id of the one that was clicked in this run, else None.

    ``chosen`` are marked. ``on_pick`` gets what the browser says: check it.
    """
    kinds = [-1, *range(len(dataset.classes))]
    kind = st.selectbox(
        "Class",
        kinds,
        key=f"{key}_class_{dataset.name}",
        format_func=lambda label: dataset.classes[label] if label >= 0 else "All classes",
    )
    numbers = [item.id for item in dataset.items if kind < 0 or item.label == kind]
    numbers = likeness.arranged(choice, dataset, numbers, key=key)
    pages = -(-len(numbers) // PAGE)
    page = st.pagination(pages, key=f"{key}_page_{dataset.name}_{kind}") if pages > 1 else 1
    shown = numbers[(page - 1) * PAGE :][:PAGE]
    with st.spinner("Preparing pictures …"):
        pictures.ensure_thumbnails(dataset, shown)
    addresses = pictures.addresses(dataset)
    return gallery(
        [tiles.item_tile(dataset, number, addresses) | {"current": number in chosen} for number in shown],
        key=f"{key}_pictures",
        look="pictures",
        label=f"Pictures of {dataset.title}",
        on_pick=on_pick,
    )
