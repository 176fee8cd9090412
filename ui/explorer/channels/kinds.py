"""What the channels of a whole model look for: a strip for each kind, from colours to objects."""

import streamlit as st

from semsearch.errors import SemsearchError
from semsearch.explain import channels as stored
from semsearch.explain import patterns
from semsearch.explain.patterns import Sort
from semsearch.models import catalog
from ui import failures, resources, texts
from ui.components.channels import Card, cards
from ui.explorer import looked
from ui.explorer.channels import shown as layer_channels
from ui.explorer.looked import Looked
from ui.pictures.sheets import Sheet

SHOWN = 12
"""Channels in a strip."""


def show(at: Looked) -> None:
    """The strips, of all layers whose channels are stored; nothing where none are."""
    try:
        found = _clearest(at.model)
    except SemsearchError as error:
        st.warning(failures.caught(error), icon=":material/broken_image:")
        return
    if not any(found.values()):
        return
    st.subheader("From colours to objects")
    st.caption(
        f"The channels of {texts.plain(catalog.model(at.model).title)} that are most clearly of each kind, told by "
        "what they answer to: plain colours, stripes, or photos alone. Click one to look at it."
    )
    sheets = {layer: Sheet(resources.channels_of(at.model, layer)) for layer in stored.layers_of(at.model)}
    for kind, ones in found.items():
        if ones:
            _strip(at, kind, ones, sheets)


def _clearest(model: str) -> dict[str, list[tuple[str, int]]]:
    """(layer, channel) of each kind, most clearly of it first; of those that have a picture."""
    every: list[tuple[Sort, str, int]] = []
    for layer in stored.layers_of(model):
        sorts = layer_channels.sorts(model, layer)
        every += [(sorts[int(number)], layer, int(number)) for number in resources.channels_of(model, layer).shown]
    every.sort(key=lambda one: -one[0].clearness)
    return {
        kind: [(layer, number) for sort, layer, number in every if sort.kind == kind][:SHOWN] for kind in patterns.KINDS
    }


def _strip(at: Looked, kind: str, ones: list[tuple[str, int]], sheets: dict[str, Sheet]) -> None:
    st.markdown(f"**{kind.capitalize()}**")

    def picked(place: object) -> None:
        if isinstance(place, int) and 0 <= place < len(ones):
            looked.go(*ones[place])

    shown = [
        Card(
            place,
            f"Channel {number:,}",
            layer,
            f"Channel {number} of {layer}. Look at it.",
            (),
            sheets[layer].sprite(number),
        )
        for place, (layer, number) in enumerate(ones)
    ]
    here = (at.layer.name, at.channel)
    current = ones.index(here) if here in ones else None
    cards(
        shown,
        key=f"explorer_kind_{kind}",
        look="strip",
        label=f"Channels that look for {kind}",
        current=current,
        on_pick=picked,
    )
