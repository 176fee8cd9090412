"""The map as a table, for whoever cannot see it: the same pictures, places and ranks, each a way to search."""

from collections.abc import Sequence

import streamlit as st

from semsearch.data.datasets import Dataset
from semsearch.maps import figure
from semsearch.store.artifacts import Map
from ui import sidebar
from ui.components.table import table

ROWS = 500
COLUMNS = ("Picture", "Class", "Place on the map", "Neighbours kept", "Rank")


def show(dataset: Dataset, items: Sequence[int], stored_map: Map, nearest: Sequence[int], muted: Sequence[int]) -> None:
    """List the pictures that are not muted: ``nearest``, the query first, then by class; only once it is opened."""
    with st.expander("The map as a table", icon=":material/table:", key="map_listed", on_change="rerun") as box:
        if not box.open:
            return
        ranks = {item: rank for rank, item in enumerate(nearest)}
        rows = [row for row, item in enumerate(items) if dataset.items[item].label not in set(muted)]
        rows.sort(key=lambda row: (ranks.get(items[row], len(items)), dataset.items[items[row]].label, items[row]))
        places = figure.unit(stored_map.coordinates) / (2 * figure.HALF) + 0.5
        most = figure.neighbours(len(items))
        lines = []
        for row in rows[:ROWS]:
            item, kept = items[row], stored_map.trust.kept_neighbours[row]
            cells = [f"Picture {item}: search with it", dataset.classes[dataset.items[item].label]]
            cells += [", ".join(f"{place:.2f}" for place in places[row]), f"{kept} of {most}" if most else "–"]
            lines.append((item, [*cells, str(ranks[item] or "query") if item in ranks else ""]))
        st.caption(f"{len(lines):,} of {len(rows):,} pictures: the query, its matches, then by class.")
        table(COLUMNS, lines, key="map_lines", label="The map as a table", on_pick=sidebar.pick)
