"""All layers of the network as a table that can be sorted."""

from collections.abc import Mapping

import streamlit as st

from semsearch.models import catalog, layers
from semsearch.models.layers import LayerFacts
from ui import texts
from ui.components.table import Cell, table
from ui.explorer import looked, times
from ui.explorer.looked import Looked

COLUMNS = (
    *("Layer", "Number", "Experiment layer", "Kind", "Output", "Channels", "Parameters", "Parameters so far"),
    *("Multiply-adds", "ms", "Sees, px", "Step, px"),
)


def show(at: Looked) -> None:
    """The table; a layer whose name is pressed is looked at."""
    rows = layers.table(at.model)
    places = {name: place + 1 for place, name in enumerate(catalog.model(at.model).layer_names)}
    measured = times.each_layer(at.model)
    taken = measured.models[at.model] if measured else {}
    st.subheader("All layers")
    table(
        COLUMNS if taken else [name for name in COLUMNS if name != "ms"],
        [(row.index, _cells(row, places.get(row.name), taken)) for row in rows],
        key="explorer_table",
        label=f"All layers of {catalog.model(at.model).title}",
        on_pick=looked.go_to,
        sortable=True,
        lit=at.layer.index,
        marked=[row.index for row in rows if row.name in places],
    )
    st.caption("Click a column to sort by it. Layers in bold are those of the experiments, as in the sidebar.")


def _cells(row: LayerFacts, place: int | None, taken: Mapping[str, float]) -> list[Cell]:
    ms = taken.get(row.name)
    cells: list[Cell] = [
        row.name,
        (str(row.index), row.index),
        (f"{place} of 8" if place else "", place),
        row.kind,
        (" × ".join(f"{side:,}" for side in row.shape), row.shape[0] * row.shape[1]),
        *((f"{number:,}", number) for number in (row.channels, row.parameters, row.cumulative_parameters)),
        (texts.count(row.multiply_adds), row.multiply_adds),
        (f"{ms:.2f}" if ms is not None else texts.UNDEFINED, ms),
        ("all" if row.whole else pair(row.side), row.receptive_field),
        (pair(row.step), max(row.step)),
    ]
    return cells if taken else [*cells[:9], *cells[10:]]


def pair(sides: tuple[float, float]) -> str:
    """Vertical and horizontal pixels in a word: one number where they are equal."""
    height, width = (f"{side:,g}" for side in sides)
    return height if height == width else f"{height} × {width}"
