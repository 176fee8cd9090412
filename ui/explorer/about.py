"""What the layer is, in words."""

import streamlit as st

from semsearch.models import catalog, layers, weights
from semsearch.models.layers import LayerFacts
from ui import texts
from ui.choice import Choice
from ui.explorer import times
from ui.explorer.looked import Looked
from ui.explorer.table import pair

LIVE = "pages/live_search.py"


def show(at: Looked) -> None:
    """A heading and a paragraph about the layer."""
    st.subheader(texts.plain(at.layer.name))
    st.markdown(" ".join(sentences(at.model, at.layer)))


def sentences(model_name: str, layer: LayerFacts) -> list[str]:
    """What is known of a layer, a sentence each."""
    model, rows = catalog.model(model_name), layers.table(model_name)
    height, width, channels = layer.shape
    told = [f"Layer {layer.index} of {len(rows) - 1} in {texts.plain(model.title)}: {_kind(layer)}."]
    if height * width > 1:
        told.append(f"It answers with {texts.counted(channels, 'map')} of {height} × {width} units, one map a channel.")
    else:
        told.append(f"It answers with {texts.counted(channels, 'number')}.")
    told.append(_sees(layer, model.size))
    told.append(_costs(layer, rows))
    if layer.name in model.layer_names:
        place, count = model.place(layer.name), len(model.layers)
        told.append(f"It is number {place} of the {count} layers of the experiments.")
    return told


def _kind(layer: LayerFacts) -> str:
    names = {
        "Conv2D": "a convolution",
        "DepthwiseConv2D": "a convolution of each channel by itself",
        "SeparableConv2D": "a convolution of each channel by itself, then of all channels at each place",
        "MaxPooling2D": "the largest of neighbouring units",
        "AveragePooling2D": "the mean of neighbouring units",
        "GlobalAveragePooling2D": "the mean over all places",
        "BatchNormalization": "each channel scaled to a common range",
        "ReLU": "negative answers become 0",
        "Activation": "a curve through which every answer goes",
        "Add": "where branches are added",
        "Concatenate": "where the channels of branches are put together",
        "Multiply": "where channels are weighed",
        "ZeroPadding2D": "a margin of zeros",
        "InputLayer": "the picture",
    }
    return f"{names[layer.kind]} ({layer.kind})" if layer.kind in names else texts.plain(layer.kind)


def _sees(layer: LayerFacts, size: int) -> str:
    if layer.whole:
        return f"One unit depends on **the whole picture** of {size} × {size} px."
    shape = "a square of" if layer.side[0] == layer.side[1] else "a rectangle of"
    seen = f"One unit sees **{shape} {pair(layer.side)} px**"
    if min(layer.side) >= 2 * size:
        return f"{seen}, more than the whole picture of {size} × {size} px."
    return f"{seen} of the picture's {size} × {size}; what the next one sees begins {pair(layer.step)} px further."


def _costs(layer: LayerFacts, rows: tuple[LayerFacts, ...]) -> str:
    if not layer.multiply_adds:
        return "Next to what the convolutions cost, it costs nothing."
    part = layer.multiply_adds / sum(row.multiply_adds for row in rows)
    words = f"It holds {texts.counted(layer.parameters, 'parameter')} and takes {texts.count(layer.multiply_adds)} "
    return f"{words}multiply-adds a picture, **{100 * part:.2g} %** of the network's."


def offer_weights(choice: Choice) -> None:
    """For a model that is not here: what is missing on this page, and the way to get it."""
    if weights.status(choice.model).here:
        return
    title = texts.plain(catalog.model(choice.model).title)
    st.info(
        f"**The weights of {title} are not on this machine.** All above is known without them; what its channels look "
        "for is not. Live search gets the model; then come back.",
        icon=":material/deployed_code:",
    )
    st.page_link(LIVE, label="Get the weights in Live search", query_params=choice.address())


def explain(at: Looked) -> None:
    """What the words of this page mean."""
    with st.expander("What am I looking at?", icon=":material/help:"):
        lines = [
            "- **Sees**: the part of the picture that can change the answer of one unit, exactly, found from the "
            "kernels, steps and padding of all layers before it. It may reach beyond the picture's edge.",
            "- **Step**: how much further the part of the next unit begins.",
            "- **Multiply-adds**: of convolutions and matrix products, for one picture of the network's own size.",
            "- **Number**: in the order of the network's own list; the picture is 0.",
        ]
        if measured := times.each_layer(at.model):
            lines.append(
                f"- **ms**: measured on {texts.plain(measured.machine)}. What runs as one step with the layer before "
                "it, such as a normalisation, counts there and shows a dash."
            )
        st.markdown("\n".join(lines))
