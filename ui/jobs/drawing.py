"""The invitation to have maps drawn that are not there yet."""

from collections.abc import Callable
from functools import partial

import streamlit as st

from semsearch.jobs.records import Request
from semsearch.models import catalog
from semsearch.models.catalog import FeatureSpec
from ui import map_payload, resources, texts
from ui.choice import Choice
from ui.jobs import panel

TITLES = {"umap": "UMAP", "tsne": "t-SNE", "pca": "PCA"}


def expect(choice: Choice, rival: Choice | None, kind: str, before_end: Callable[[], None]) -> None:
    """End the run of the page with an invitation, after ``before_end``, unless the maps that it shows are drawn."""
    for one in (choice, rival):
        if one and not has_map(one, kind):
            _invite(one, kind)
            before_end()
            st.stop()


def has_map(choice: Choice, kind: str) -> bool:
    """Whether the map of a choice is there."""
    return resources.store().has_map(choice.dataset, choice.experiment.spec, kind)


def drawn(choice: Choice, kind: str) -> tuple[FeatureSpec, ...]:
    """The layers whose map is there; where some are lacking, a line that says how far these are."""
    specs = map_payload.specs(choice)
    there = tuple(spec for spec in specs if resources.store().has_map(choice.dataset, spec, kind))
    if len(there) < len(specs):
        panel.follow(_request(choice, kind), partial(_more, choice, kind, specs, len(there)))
    return there


def _more(choice: Choice, kind: str, specs: list[FeatureSpec], count: int) -> bool:
    return sum(resources.store().has_map(choice.dataset, spec, kind) for spec in specs) > count


def _invite(choice: Choice, kind: str) -> None:
    title = f"{TITLES[kind[:-1]]} in {'three' if kind[-1] == '3' else 'two'} dimensions"
    model, dataset = catalog.model(choice.model), resources.dataset(choice.dataset)
    panel.show(
        panel.Invitation(
            "draw_maps",
            f"The map by {title} of {texts.plain(dataset.title)} is not drawn yet.",
            f"{texts.counted(len(dataset.items), 'picture')} go through {texts.plain(model.title)} once; then the map "
            "of this layer is drawn, and those of the other layers follow. They are kept for all who use this server.",
            "Draw the maps",
            _request(choice, kind),
            partial(has_map, choice, kind),
        )
    )


def _request(choice: Choice, kind: str) -> Request:
    options = {"readout": choice.readout.key, "kind": kind, "layer": choice.layer}
    return Request((choice.dataset,), (choice.model,), "maps", options)
