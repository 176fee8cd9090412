"""Embeddings: all pictures as points on a map that travels through the layers, and how far to trust it."""

from functools import partial

import streamlit as st

from ui import address, map_payload, resources, sidebar
from ui.components.map import begin, linked_maps, state
from ui.components.player import player
from ui.embeddings import artefacts as map_artefacts
from ui.embeddings import below as map_below
from ui.embeddings import choice as map_choice
from ui.embeddings import find as map_find
from ui.embeddings import listing
from ui.embeddings import panels as map_panels
from ui.jobs import drawing, results
from ui.pictures import fetching

choice, other = sidebar.current(), sidebar.other()
store, dataset = resources.store(), resources.dataset(choice.dataset)
look, notices = map_choice.follow_address()

st.title("Embeddings")
st.caption(
    "Each point is a picture. Click one to search with it; lines join the query to its "
    f"{min(choice.k, len(dataset.items) - 1)} nearest pictures before flattening."
)
address.tell(notices)
results.expect(choice, other)
fetching.offer_pictures(dataset)
items = resources.items(choice.dataset)
map_panels.controls()
drawing.expect(choice, other, look.kind, partial(map_choice.write_address, look, "", ()))

key = f"map_of_{choice.dataset}"
begin(
    key,
    selected=map_choice.chosen_items(st.query_params.get("chosen", ""), items),
    muted=map_choice.muted_labels(st.query_params.get("muted", "")),
)
chosen, muted = state(key, "selected", items), state(key, "muted", range(len(dataset.classes)))
maps = resources.travel(choice.dataset, drawing.drawn(choice, look.kind), look.kind, look.colour)
near = map_payload.near(store, choice, maps.layers)
panels = [map_payload.panel(choice, maps, near, "A" if other else "")]
trusts = [("map A" if other else "this map", maps.trusts[maps.layers.index(choice.layer)])]
if other:
    other_maps = resources.travel(choice.dataset, (other.experiment.spec,), look.kind, look.colour)
    panels.append(map_payload.panel(other, other_maps, map_payload.near(store, other, other_maps.layers), "B"))
    trusts.append(("map B", other_maps.trusts[0]))
stored_map = store.map(choice.dataset, choice.experiment.spec, look.kind)
map_panels.tell(look, stored_map, has_pictures=resources.pictured(dataset.name))
map_artefacts.tell(choice, other, look)
nearest = [choice.q, *near[maps.layers.index(choice.layer)]]
addresses = map_panels.thumbnails(dataset, items, [*nearest, *chosen[: map_panels.SHOWN]])

left, right = (st.container(), st.container()) if other else st.columns([3, 1], gap="medium")
with left:
    stamp = f"{choice.dataset} {choice.model} {choice.pooling} {look.kind}"
    player(
        [place for place, _ in panels[0]["captions"]],
        layer=panels[0]["layer"],
        stamp=stamp,
        key="map_layers",
        on_settle=partial(map_choice.settle, maps.layers),
    )
    linked_maps(
        map_payload.scene(dataset, items, addresses, panels, look.colour)
        | {"query": choice.q, "selected": chosen, "muted": muted, "points": look.points}
        | {"stamp": stamp, "flight": map_find.flight()},
        key=key,
        on_pick=sidebar.pick,
    )
    listing.show(dataset, items, stored_map, nearest, muted)
with right:
    map_find.show(choice)
    map_panels.selection(choice, chosen, items, stored_map, addresses)
map_panels.figures(trusts, map_payload.neighbours(len(items)))
map_below.show(choice, other, look, chosen)
map_panels.explain(choice, look, len(items))
map_choice.write_address(look, map_choice.chosen_text(chosen, items) if chosen else "", muted)
