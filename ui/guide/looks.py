"""The Guide on what layers look for: pictures that excite their channels, from the first layer to the last."""

import streamlit as st

from semsearch.explain import channels
from semsearch.models import catalog
from ui import resources, texts
from ui.choice import Choice
from ui.components.channels import Card, cards
from ui.pictures.sheets import Sheet

EXPLORER = "pages/explorer.py"
SHOWN = 6
"""Channels of a layer."""


def show(view: Choice) -> None:
    """The chapter, for the model in ``view``; in words alone where no pictures of its channels are stored."""
    model = catalog.model(view.model)
    title = texts.plain(model.title)
    st.header("What a layer looks for", anchor="looks")
    st.markdown(
        "What does a channel wait for? Begin with noise, and change it step by step so that the channel answers more. "
        "What comes out, its *activation maximisation*, is no photo: it is what the channel would like to see most."
    )
    layers = list(channels.layers_of(view.model))
    if not layers:
        st.caption(f"No such pictures are stored for {title} yet; the Model explorer makes them one by one.")
    else:
        places = list(dict.fromkeys((layers[0], layers[len(layers) // 2], layers[-1])))
        for place, layer in enumerate(places):
            _strip(view.model, layer, key=f"guide_looks_{place}")
        st.markdown(
            "Early layers wait for colours and edges. Later ones combine what earlier ones have found: textures, then "
            "parts, then things. This is why two pictures can be alike in colour at the first layer and alike in kind "
            "at the last."
        )
    st.page_link(EXPLORER, label=f"Open {title} in the Model explorer", query_params=view.address())


def _strip(model: str, layer: str, *, key: str) -> None:
    found = resources.channels_of(model, layer)
    numbers = [int(number) for number in found.shown[:: max(1, len(found.shown) // SHOWN)][:SHOWN]]
    sees = texts.sees(catalog.model(model).layer(layer), catalog.model(model).size)
    st.markdown(f"`{layer}`: one unit sees {sees}.")
    sheet = Sheet(found)
    shown = [Card(number, f"Channel {number:,}", "", "", (), sheet.sprite(number)) for number in numbers]
    cards(shown, key=key, look="strip", label=f"What channels of {layer} look for")
