"""What moved most: the pictures whose nearest are least alike under two configurations, or at two layers of one."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import streamlit as st

from semsearch.data.datasets import Dataset
from semsearch.maps import movers
from semsearch.maps.movers import Mover
from semsearch.models import catalog
from ui import map_payload, pictures, resources, sidebar, texts, tiles
from ui.choice import Choice
from ui.components.gallery import Tile, gallery

MOST = 12
"""Pictures that are listed."""
_ENDS = "ends"


def show(choice: Choice, other: Choice | None) -> None:
    """The section; it is computed once it is opened."""
    with st.expander("What moved most", icon=":material/swap_calls:", key="map_movers", on_change="rerun") as box:
        if box.open:
            _list(choice, *((("A", choice), ("B", other)) if other else _layers(choice)))


def _layers(choice: Choice) -> tuple[tuple[str, Choice], tuple[str, Choice]]:
    """The two layers to compare, named: the first and the last, or one of the visitor's choice and the current."""
    names = catalog.model(choice.model).layer_names
    options = [_ENDS, *(name for name in names if name != choice.layer)]

    def title(option: str) -> str:
        if option == _ENDS:
            return f"Layer 1 and layer {len(names)}"
        return f"Layer {names.index(option) + 1} · {option} and layer {names.index(choice.layer) + 1}, the current one"

    if st.session_state.get("map_movers_layers") not in options:  # of another model, or the current layer now
        st.session_state["map_movers_layers"] = _ENDS
    chosen = st.selectbox(
        "Compare the nearest at", options, key="map_movers_layers", persist_state="session", format_func=title
    )
    first, second = (names[0], names[-1]) if chosen == _ENDS else (chosen, choice.layer)
    return _at(choice, first), _at(choice, second)


def _at(choice: Choice, layer: str) -> tuple[str, Choice]:
    return f"Layer {catalog.model(choice.model).place(layer)}", replace(choice, layer=layer)


def _list(choice: Choice, a: tuple[str, Choice], b: tuple[str, Choice]) -> None:
    """The pictures that moved most, each with its nearest in both."""
    store, dataset = resources.store(), resources.dataset(choice.dataset)
    k = min(choice.k, map_payload.neighbours(len(resources.items(choice.dataset))))
    found = movers.movers(store, a[1].experiment, b[1].experiment, k=k, most=MOST) if k else []
    found = [mover for mover in found if len(mover.common) < k]
    if not found:
        st.caption(f"Nothing moved: every picture has the same nearest under {a[0]} and under {b[0]}.")
        return
    st.caption(
        f"These pictures keep the fewest of their {k} nearest in feature space from {a[0]} to {b[0]}. Those that are "
        "near under both are marked *both*. Click a picture to search with it and to see it on the map."
    )
    with st.spinner("Preparing pictures …"):
        seen = {item for mover in found for item in (mover.item, *mover.nearest_a, *mover.nearest_b)}
        pictures.ensure_thumbnails(dataset, seen)
    addresses = pictures.addresses(dataset)
    for place, mover in enumerate(found):
        name = f"{dataset.classes[dataset.items[mover.item].label]}, picture {mover.item}"
        st.markdown(f"**{texts.plain(name)}** · {len(mover.common)} of {k} in common")
        for side, title, nearest in (("a", a[0], mover.nearest_a), ("b", b[0], mover.nearest_b)):
            gallery(
                _row(dataset, mover, title, nearest, addresses),
                key=f"map_mover_{place}_{side}",
                look="strip",
                label=f"{name}, then its nearest under {title}",
                on_pick=sidebar.pick,
            )


def _row(
    dataset: Dataset, mover: Mover, title: str, nearest: Sequence[int], addresses: Mapping[int, str]
) -> list[Tile]:
    """The picture, then its nearest under ``title``; those that it has in both are marked."""
    row = [tiles.item_tile(dataset, mover.item, addresses) | {"note": title, "current": True}]
    for rank, item in enumerate(nearest, 1):
        tile, shared = tiles.item_tile(dataset, item, addresses), item in mover.common
        spoken = f"Rank {rank}{', in both' if shared else ''}: {tile['spoken']}"
        row.append(tile | {"rank": str(rank), "linked": shared, "spoken": spoken})
        if shared:
            row[-1]["badge"] = "both"
    return row
