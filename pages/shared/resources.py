"""All that is kept between runs and sessions; the only place with st.cache_*."""

from pathlib import Path

import streamlit as st

from pages.shared.choice import Offers
from semsearch import datasets, experiments
from semsearch.datasets import Dataset
from semsearch.errors import IntegrityError, SemsearchError
from semsearch.settings import settings
from semsearch.store import Store


def store() -> Store:
    """The store of ready results, opened again when it was sealed anew."""
    path = settings().precomputed
    manifest = path / "manifest.json"
    stamp = manifest.stat().st_mtime_ns if manifest.is_file() else 0
    return _store(path, stamp)


def dataset(name: str) -> Dataset:
    """A dataset's list of items; looked up again after a minute, for it may have been added anew."""
    return _dataset(name, settings().datasets)


def queries(name: str) -> tuple[int, ...]:
    """Ids of the items of a dataset that have results."""
    return tuple(store().items(name, store().models(name)[0]).tolist())


def offers() -> Offers:
    """What the store holds for datasets that are as they were when it was computed."""
    hidden = {name: reason for name in store().datasets if (reason := _unfit(name))}
    shown = [name for name in store().datasets if name not in hidden]
    if not shown:
        reasons = "; ".join(hidden.values()) or "it is empty"
        raise IntegrityError(f"nothing to show from {store().root}: {reasons}. Run `semsearch precompute groceries200`")
    return Offers(tuple(sorted(shown, key=_shipped_first)), store().models, queries, hidden)


def _shipped_first(name: str) -> tuple[int, str]:
    known = datasets.KNOWN
    return (known.index(name) if name in known else len(known), name)


def _unfit(name: str) -> str:
    try:
        now = dataset(name).content_hash
    except SemsearchError as error:
        return str(error)
    models = store().models(name)
    if all(store().facts(name, model)["dataset_hash"] == now for model in models):
        return ""
    return f"{name} has changed since its results were computed: run `semsearch precompute {name}`"


@st.cache_resource(max_entries=2, show_spinner=False)
def _store(path: Path, stamp: int) -> Store:
    return experiments.open_store(path)


@st.cache_resource(max_entries=32, ttl=60, show_spinner=False)
def _dataset(name: str, folder: Path) -> Dataset:
    return datasets.load(name)
