"""The card of a layer that says how much of a ranking survives when the query comes otherwise."""

import streamlit as st

from semsearch.errors import SemsearchError
from semsearch.explain import invariance
from semsearch.models import catalog
from ui import failures, resources, texts
from ui.components.curves import curves


def show(model: str, layer: str) -> None:
    """Small curves and a sentence of advice; a sentence alone for what was not measured."""
    try:
        found = invariance.read(resources.store().root / invariance.FILE).get(model, {}).get(layer)
    except SemsearchError as error:
        st.caption(failures.caught(error))
        return
    title = texts.plain(catalog.model(model).title)
    if not found:
        st.caption(
            f"How much {title} minds changes of a picture was not measured; python -m semsearch.explain.invariance "
            f"--models {model} does."
        )
        return
    drawn = [(change.title, _labels(change), tuple(found[name])) for name, change in invariance.CHANGES.items()]
    st.markdown(f"**What it minds.** {texts.plain(invariance.advice(found))}")
    curves(drawn, label=f"Matches that stay when the query is changed, in percent, {layer}", key="invariance")
    st.caption(
        f"Each picture of {invariance.DATASET}, changed, searched by average pooling and cosine: how many of its "
        f"{invariance.NEAREST} nearest stay, in percent."
    )


def _labels(change: invariance.Change) -> tuple[str, ...]:
    """What stands below the points of a change: its strengths, where there are several."""
    several = len(change.strengths) > 1
    return tuple(f"{strength}{change.unit}" if several else "" for strength in change.strengths)
