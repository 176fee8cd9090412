"""The invitation to compute stored results of a choice that has none."""

from functools import partial

import numpy as np
import streamlit as st

from semsearch.data.datasets import Dataset
from semsearch.jobs.records import Request
from semsearch.models import catalog, weights
from semsearch.results import latencies
from semsearch.settings import cores
from ui import failures, offers, resources, sidebar, texts
from ui.choice import Choice
from ui.jobs import panel

STARTING, LAYERS = 4, 2
"""Seconds, roughly, until the network is loaded, and for what follows the pictures, of some hundred of them."""


def expect(choice: Choice, rival: Choice | None) -> None:
    """End the run of the page with an invitation, unless there are results of all that is chosen."""
    for one in (choice, rival):
        if one and not offers.has_results(one):
            _invite(one)
            st.stop()


def _invite(choice: Choice) -> None:
    dataset, model = resources.dataset(choice.dataset), catalog.model(choice.model)
    published = choice.readout.preset != "default"
    pooling = f" with the pooling {choice.readout.title}" if published else ""
    titles = [texts.plain(title) for title in (model.title, dataset.title)]
    changed = choice.dataset in resources.store().datasets and resources.unfit(choice.dataset)
    failures.tell_limits()
    panel.show(
        panel.Invitation(
            "compute_results",
            f"{titles[1]} has changed since its results were computed."
            if changed
            else f"{titles[0]} has no results{pooling} for {titles[1]} yet.",
            " ".join([*_needs(choice, dataset), "The results are kept for all who use this server."]),
            "Compute results",
            Request(
                (choice.dataset,),
                (choice.model,),
                options={"extent": "undrawn" if published else "pooled"},
            ),
            partial(offers.has_results, choice),
        )
    )
    _ways_back(choice)


def _needs(choice: Choice, dataset: Dataset) -> list[str]:
    """What it takes, in sentences."""
    model, count = catalog.model(choice.model), len(dataset.items)
    passes = 1 if choice.readout.preset == "default" else 2
    goes = "goes" if count == 1 else "go"
    lines = [f"{texts.counted(count, 'picture')} {goes} through the network{' twice' * (passes == 2)}."]
    if not dataset.has_pictures:
        lines.append("They are fetched first.")
    if not weights.status(model.name).here:
        where = "" if model.carrier else " from the internet"
        lines.append(f"About {4 * model.parameters / 1e6:,.0f} MB of weights are fetched{where}.")
    if seconds := _seconds(choice, passes * count):
        lines.append(f"That takes about {texts.duration(seconds)}.")
    return lines


def _seconds(choice: Choice, pictures: int) -> float | None:
    """Roughly how long it takes, where the speed of the model was measured on some machine."""
    measured = latencies.read(resources.store().root / latencies.FILE)
    last = choice.readout.spec(choice.model, catalog.model(choice.model).layer_names[-1])
    each = latencies.milliseconds(measured, last) / 1_000
    return None if np.isnan(each) else STARTING + LAYERS + pictures * each / cores()


def _ways_back(choice: Choice) -> None:
    """Buttons to what has results."""
    ready = resources.store().models(choice.dataset) if choice.dataset in resources.store().datasets else ()
    if not ready or resources.unfit(choice.dataset):
        return
    with st.container(horizontal=True, vertical_alignment="center", key="compute_back"):
        st.caption("Models with results:", width="content")
        for name in ready:
            has_readout = choice.readout in resources.store().readouts(choice.dataset, name)
            parts = {"model": name} if has_readout else {"model": name, "pooling": "avg"}
            st.button(catalog.model(name).title, key=f"back_{name}", on_click=sidebar.go, kwargs=parts)
