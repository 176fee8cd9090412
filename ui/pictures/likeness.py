"""Pictures in order of likeness: as a sheet, and where all pictures of a dataset are browsed."""

from collections.abc import Sequence

import numpy as np
import streamlit as st

from semsearch.data.datasets import Dataset
from semsearch.models.catalog import FeatureSpec
from semsearch.ranking import order
from ui import resources
from ui.choice import Choice

KIND = "umap2"
"""The map that the order follows."""


def sheet(dataset: str, spec: FeatureSpec, kind: str) -> np.ndarray:
    """The items of a dataset as they lie on the sheet of a stored map of that kind, row by row: (n,) item ids."""
    items = resources.store().items(dataset, spec.model)
    cells = order.sheet(resources.store().map(dataset, spec, kind).coordinates, order.columns(len(items)))
    return np.asarray(items[cells])


def arranged(choice: Choice, dataset: Dataset, numbers: Sequence[int], *, key: str) -> list[int]:
    """``numbers``, as they are or in order of likeness, as a switch says that is drawn where there is a map."""
    if not _has_map(choice, dataset):
        return list(numbers)
    alike = st.toggle(
        "In order of likeness",
        key=f"{key}_alike",
        persist_state="session",
        help="Each picture beside those that the configuration in the sidebar finds alike, as on its UMAP map.",
    )
    return _ordered(choice, dataset, numbers) if alike else list(numbers)


def _has_map(choice: Choice, dataset: Dataset) -> bool:
    store = resources.store()
    if not store.has_map(dataset.name, choice.experiment.spec, KIND):
        return False
    return bool(store.facts(dataset.name, choice.model)["dataset_hash"] == dataset.content_hash)


def _ordered(choice: Choice, dataset: Dataset, numbers: Sequence[int]) -> list[int]:
    """The numbers as the sheet of the map has them, row by row and back; those without results last."""
    cells = sheet(dataset.name, choice.experiment.spec, KIND)
    places = {item: place for place, item in enumerate(order.line(cells, order.columns(len(cells))).tolist())}
    return sorted(numbers, key=lambda number: places.get(number, len(places)))
