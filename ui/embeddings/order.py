"""The map as a contact sheet: every picture in a cell near its place."""

from collections.abc import Collection

import streamlit as st

from semsearch.ranking import order
from ui import pictures, resources, sidebar, texts, tiles
from ui.choice import Choice
from ui.components.gallery import gallery
from ui.embeddings.choice import VALID, Look
from ui.pictures import likeness

ROWS = 30
"""Rows of one page of the sheet."""


def show(choice: Choice, look: Look, chosen: Collection[int]) -> None:
    """The section; it is computed once it is opened. ``chosen`` are the items that are selected on the map."""
    with st.expander("Contact sheet", icon=":material/grid_on:", key="map_sheet", on_change="rerun") as box:
        if box.open:
            _draw(choice, look, chosen)


def _draw(choice: Choice, look: Look, chosen: Collection[int]) -> None:
    dataset = resources.dataset(choice.dataset)
    with st.spinner("Laying out the sheet …"):
        cells = likeness.sheet(choice.dataset, choice.experiment.spec, f"{look.method}2").tolist()
    columns = order.columns(len(cells))
    st.caption(
        f"{texts.counted(len(cells), 'picture')}, each in the cell of a grid that is nearest to its place on the "
        f"{VALID['method'][look.method]} map: neighbours are alike, opposite ends are unalike. Click one to search "
        "with it; the query and the selection have a coloured border."
    )
    pages = -(-len(cells) // (ROWS * columns))
    page = st.pagination(pages, key=f"map_sheet_page_{choice.dataset}") if pages > 1 else 1
    shown = cells[(page - 1) * ROWS * columns :][: ROWS * columns]
    with st.spinner("Preparing pictures …"):
        pictures.ensure_thumbnails(dataset, shown)
    addresses = pictures.addresses(dataset)
    gallery(
        [
            tiles.item_tile(dataset, item, addresses) | {"current": item == choice.q, "linked": item in chosen}
            for item in shown
        ],
        key="map_sheet_pictures",
        look="sheet",
        columns=columns,
        label=f"Contact sheet, {columns} columns",
        on_pick=sidebar.pick,
    )
