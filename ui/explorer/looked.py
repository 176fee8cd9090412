"""Which layer and channel are looked at: any layer of the model, in the address beside the choice of the sidebar."""

from dataclasses import dataclass

import streamlit as st

from semsearch.errors import UnknownName
from semsearch.models import catalog, layers
from semsearch.models.layers import LayerFacts
from ui import address, sidebar
from ui.choice import Choice

_ADDRESS = address.Part("explorer", ("at", "channel"))
_LOOKED = "explorer_looked"
"""(model and layer of the sidebar, layer, channel): what was chosen here holds until the sidebar says another."""


@dataclass(frozen=True)
class Looked:
    """What the page tells of."""

    model: str
    layer: LayerFacts
    channel: int | None = None
    """From 0; None while none is chosen."""


def current(choice: Choice) -> Looked:
    """What is looked at, by link, by a click on this page, or else as the sidebar has it; to be called once a run."""
    if (asked := _ADDRESS.asked()) is not None:
        _keep(choice, asked.get("at", choice.layer), asked.get("channel"))
    of, layer, channel = st.session_state.get(_LOOKED, (None, choice.layer, None))
    if of != (choice.model, choice.layer):
        layer, channel = choice.layer, None
    looked, notices = _settled(choice, str(layer), channel)
    _keep(choice, looked.layer.name, looked.channel)
    _ADDRESS.write({"at": looked.layer.name} | ({} if looked.channel is None else {"channel": str(looked.channel)}))
    address.tell(notices)
    return looked


def go(layer: str, channel: int | None = None) -> None:
    """Look at a layer of the model and, if one is given, at a channel of it; for callbacks. What is none is left."""
    choice = sidebar.current()
    if layer in catalog.model(choice.model).layer_names and layer != choice.layer:
        sidebar.go(layer=layer)
        st.session_state[_LOOKED] = ((choice.model, layer), layer, channel)
    else:
        _keep(choice, layer, channel)


def go_to(index: object) -> None:
    """Look at the layer of that index, as a browser says it."""
    table = layers.table(sidebar.current().model)
    if type(index) is int and 0 <= index < len(table):
        go(table[index].name)


def _keep(choice: Choice, layer: str, channel: object) -> None:
    st.session_state[_LOOKED] = ((choice.model, choice.layer), layer, channel)


def _settled(choice: Choice, layer: str, channel: object) -> tuple[Looked, list[str]]:
    """What there is of what was asked for, and a sentence for each part that there is not."""
    notices = []
    try:
        facts = layers.facts(choice.model, layer)
    except UnknownName:
        facts = layers.facts(choice.model, choice.layer)
        notices.append(f"There is no such layer in this model; showing {choice.layer}.")
    number = int(str(channel)) if str(channel).isascii() and str(channel).isdecimal() else None
    if channel is not None and (number is None or number >= facts.channels):
        notices.append(f"Channels of {facts.name} must be 0–{facts.channels - 1}; showing none.")
        number = None
    return Looked(choice.model, facts, number), notices
