"""Similar in what? One slider over the layers: the same query's matches turn from colours to textures to things."""

from dataclasses import replace

import streamlit as st

from semsearch.models import catalog
from semsearch.models.catalog import Layer
from semsearch.ranking.scores import PUBLISHED_K
from semsearch.results import experiments
from ui import resources, texts
from ui.choice import Choice
from ui.search import preview

_ALIKE = ((0.05, "colours and edges"), (0.5, "textures and patterns"), (1.0, "shapes and parts"))
"""Up to which share of a picture's side a unit sees, and what it can find alike by that alone."""
_ALL = "whole things"


def show(choice: Choice) -> None:
    """The slider, what its layer can see, and the query's matches there; the stop is in the address."""
    model = catalog.model(choice.model)
    places = [str(place) for place in range(1, len(model.layers) + 1)]
    stop = st.select_slider(
        "Similar in what? Move from layer 1 to the last",
        places,
        value=str(model.place(choice.layer)),
        key="depth",
        bind="query-params",
    )
    layer = model.layers[int(stop) - 1]
    size = choice.experiment.spec.size
    st.markdown(
        f"**Alike in {alike(layer, size)}.** A unit of layer {stop} sees {texts.sees(layer, size)}.  \n"
        f":small[{_hits(choice, stop)}. *Ignore colour* is in the settings of Live search.]"
    )
    preview.show(replace(choice, layer=layer.name))


def alike(layer: Layer, size: int) -> str:
    """What pictures can be alike in for units that see so much of them."""
    share = layer.receptive_field / size
    return next((words for limit, words in _ALIKE if share <= limit), _ALL)


def _hits(choice: Choice, stop: str) -> str:
    """How many of the first matches are of the query's class, layer by layer, with the stop in bold."""
    store, counts = resources.store(), []
    for place, name in enumerate(catalog.model(choice.model).layer_names, 1):
        at = replace(choice, layer=name).experiment
        hits = experiments.query_score(store, at, choice.q, k=PUBLISHED_K).hits
        counts.append(f"**{hits}**" if str(place) == stop else str(hits))
    return f"Of the first {PUBLISHED_K}, of the query's class: {' · '.join(counts)} (layers 1 to {len(counts)})"
