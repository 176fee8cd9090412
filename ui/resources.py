"""All that outlives a run or a session; the only place with st.cache_*."""

import gc
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from semsearch import server_log
from semsearch.data import datasets
from semsearch.data.datasets import Dataset
from semsearch.errors import IntegrityError, SemsearchError, StorageError
from semsearch.explain import channels
from semsearch.explain.channels import Channels
from semsearch.live import serving
from semsearch.models import catalog
from semsearch.models.catalog import FeatureSpec, Readout
from semsearch.ranking.scores import Difference
from semsearch.results import compare, experiments, latencies, leaderboard, ranks, recommend
from semsearch.results.experiments import Summary
from semsearch.results.leaderboard import Board
from semsearch.results.recommend import Recommendation
from semsearch.settings import settings
from semsearch.store import opened
from semsearch.store.experiment import Experiment
from semsearch.store.store import Store
from ui import map_payload
from ui.admission import rooms, uploads
from ui.choice import Choice, Offers, parts_of
from ui.map_payload import Travel
from ui.pictures.fetch_job import FetchJobs
from ui.pictures.work import Works

T = TypeVar("T")
SOON = 1
"""Seconds until a page sees that pictures have come or gone by other ways, as by the command line."""


@st.cache_resource(show_spinner=False)
def settle() -> None:
    """Spare the search for garbage after each run, which holds up all threads, what the first page left."""
    gc.collect()
    gc.freeze()


def store() -> Store:
    """The store of ready results, opened again when it was sealed anew; the last good one while it is damaged."""
    return opened.results()


def dataset(name: str) -> Dataset:
    """A dataset's list of items; looked up again when it was added anew."""
    folder = settings().datasets
    return _lasting(_dataset, name, folder, _written(folder / name / "card.json"))


def _lasting(cached: Callable[..., T], *asked: object) -> T:
    """What a cache with a time limit gives: Streamlit's looks whether a value is there, and then finds it expired."""
    try:
        return cached(*asked)
    except KeyError:
        return cached(*asked)


def peek(name: str) -> tuple[Dataset, bool]:
    """A dataset's list, and whether its pictures can be had here; unlike ``dataset``, unpacks none."""
    with suppress(IntegrityError, StorageError):
        return _lasting(_peek, name, settings().datasets)
    return (last := dataset(name)), last.has_pictures  # the last good list serves


@st.cache_resource(max_entries=64, ttl=SOON, show_spinner=False)
def _peek(name: str, folder: Path) -> tuple[Dataset, bool]:
    return datasets.peek(name)


def forget(name: str) -> None:
    """Look a dataset and its pictures up anew, for all sessions: its pictures have just come."""
    folder = settings().datasets
    _dataset.clear(name, folder, _written(folder / name / "card.json"))
    _pictured.clear(name, folder)
    _peek.clear(name, folder)


@st.cache_resource(show_spinner=False)
def fetch_jobs() -> FetchJobs:
    """The fetches of pictures, which all sessions share."""
    return FetchJobs(forget)


@st.cache_resource(show_spinner=False)
def works() -> Works:
    """The work on datasets, which all sessions share."""
    return Works()


def items(name: str) -> tuple[int, ...]:
    """Ids of the items of a dataset that results were computed of."""
    return tuple(store().items(name, store().models(name)[0]).tolist())


def queries(name: str) -> tuple[int, ...]:
    """Ids of those that were queries: of a large dataset a sample."""
    return tuple(store().queries(name, store().models(name)[0]).tolist())


def unreadable(name: str) -> dict[str, str]:
    """{file: why} of the items of a dataset that could not be read when its stored results were computed."""
    with suppress(SemsearchError):
        return dict(store().facts(name, store().models(name)[0]).get("skipped", {}))
    return {}


def offers() -> Offers:
    """What the store holds for datasets that are as they were when it was computed."""
    hidden = {name: reason for name in store().datasets if (reason := unfit(name))}
    shown = [name for name in store().datasets if name not in hidden]
    if not shown:
        reasons = "; ".join(hidden.values()) or "it is empty"
        raise IntegrityError(f"nothing to show from {store().root}: {reasons}. Run `semsearch precompute groceries200`")
    return Offers(
        tuple(sorted(shown, key=shipped_first)),
        store().models,
        queries,
        hidden,
        items=items,
        first_query=first_query,
        dataset_state=lambda name: "" if pictured(name) else "pictures not here",
    )


def first_query(choice: Choice) -> int:
    """The query that shows best what a configuration can do.

    It is the one of the highest score; of equals the one that scores least at the first layer; then the first.
    """
    first = replace(choice, layer=catalog.model(choice.model).layer_names[0]).experiment
    score, before = (store().score(experiment).score for experiment in (choice.experiment, first))
    return queries(choice.dataset)[int(np.lexsort((before, -score))[0])]


def pictured(name: str) -> bool:
    """Whether the pictures of a dataset are on this machine."""
    return _lasting(_pictured, name, settings().datasets)


@st.cache_data(max_entries=64, ttl=SOON, show_spinner=False)
def _pictured(name: str, folder: Path) -> bool:
    with suppress(SemsearchError):
        return dataset(name).has_pictures or datasets.load(name).has_pictures
    return False


def recommendation(name: str) -> Recommendation:
    """Which configuration to begin with on a dataset; looked up again after a minute, for models come and go."""
    return _lasting(_recommendation, store(), name, _sealed(), settings().weights)


def best_parts(name: str) -> dict[str, str]:
    """That configuration as parts of a choice."""
    best = recommendation(name)
    return parts_of(best.spec, best.metric)


@st.cache_data(max_entries=32, ttl=60, show_spinner=False)
def _recommendation(_store: Store, name: str, sealed: tuple[Path, str], weights: Path) -> Recommendation:
    return recommend.recommend(_store, name)


def allow(what: str, asker: str = "") -> None:
    """Count one of what this session, or ``asker``, asks for, see ``uploads.ALLOWED``; Busy when it is too often."""
    for allowance, client in zip(_allowances()[what], (asker or session(), "all"), strict=True):
        allowance.take(client)


def session() -> str:
    """The session that this run of a page belongs to; empty outside of one."""
    context = get_script_run_ctx()
    return context.session_id if context else ""


def keep_pictures(size: int) -> None:
    """Count the bytes of own pictures that this session keeps; Busy when it is more, and too much with all others."""
    if asker := session():
        rooms.pictures().keep(asker, size)


@st.cache_resource
def _allowances() -> dict[str, tuple[serving.Allowance, ...]]:
    return {what: tuple(serving.Allowance(*limit) for limit in limits) for what, limits in uploads.ALLOWED.items()}


def shipped_first(name: str) -> tuple[int, str]:
    """What datasets are sorted by."""
    return (datasets.KNOWN.index(name) if name in datasets.KNOWN else len(datasets.KNOWN), name)


def unfit(name: str) -> str:
    """Why the stored results of a dataset cannot be shown; empty when they can."""
    try:
        now = dataset(name).content_hash
    except SemsearchError as error:
        server_log.report(error)
        return str(error)
    models = store().models(name)
    if all(store().facts(name, model)["dataset_hash"] == now for model in models):
        return ""
    return f"{name} has changed since its results were computed: run `semsearch precompute {name}`"


@st.cache_resource(max_entries=32, ttl=60, show_spinner=False)
def _dataset(name: str, folder: Path, written: int) -> Dataset:
    return opened.dataset(name)


def board(name: str) -> Board:
    """The leaderboard of a dataset, made again when the store was sealed anew; latencies are read each time."""
    return leaderboard.timed(_scored(store(), *_sealed(), name), store().root / latencies.FILE)


def _written(path: Path) -> int:
    """When a file was last written; 0 when it is not there or cannot be looked at, which its reader will say."""
    with suppress(OSError, ValueError):
        return path.stat().st_mtime_ns
    return 0


@st.cache_resource(max_entries=16, show_spinner="Reading all results …")
def _scored(_store: Store, path: Path, sealed: str, name: str) -> Board:
    return leaderboard.scored(_store, name)


def nearest(dataset: str, readout: Readout, metric: str) -> np.ndarray:
    """The stored matches of every query under every model and layer, see ``ranks.nearest``."""
    return _nearest(store(), dataset, readout, metric, _sealed())


@st.cache_resource(max_entries=4, show_spinner="Reading the rankings of all layers …")
def _nearest(_store: Store, dataset: str, readout: Readout, metric: str, sealed: tuple[Path, str]) -> np.ndarray:
    return ranks.nearest(_store, dataset, readout, metric)


def summary(experiment: Experiment) -> Summary:
    """The scores of an experiment over all its queries."""
    return _summary(store(), experiment, _sealed())


def difference(a: Experiment, b: Experiment) -> Difference:
    """The mean score of a minus that of b on one dataset, and how sure that is."""
    return _difference(store(), a, b, _sealed())


def _sealed() -> tuple[Path, str]:
    """Which store is open: its folder, and the digest of its manifest."""
    return store().root, store().digest


@st.cache_data(max_entries=512, show_spinner=False)
def _summary(_store: Store, experiment: Experiment, sealed: tuple[Path, str]) -> Summary:
    return experiments.summary(_store, experiment)


@st.cache_data(max_entries=512, show_spinner=False)
def _difference(_store: Store, a: Experiment, b: Experiment, sealed: tuple[Path, str]) -> Difference:
    return compare.difference(_store, a, b)


def travel(dataset_name: str, specs: tuple[FeatureSpec, ...], kind: str, colour: str) -> Travel:
    """The maps of that kind of ``specs``, ready for the browser."""
    present = dataset(dataset_name)
    return _travel(store(), present, specs, kind, colour, (*_sealed(), dataset_name, present.content_hash))


@st.cache_resource(max_entries=64, show_spinner=False)
def _travel(
    _store: Store, _of: Dataset, specs: tuple[FeatureSpec, ...], kind: str, colour: str, made_of: tuple
) -> Travel:
    return map_payload.travel(_store, specs, _of, kind, colour)


def channels_of(model: str, layer: str) -> Channels:
    """What is stored about the channels of a layer; raises as ``channels.read``."""
    name = f"{model}/{layer}"
    return _channels_of(model, layer, channels.folder(), channels.stored().get(name, ""))


@st.cache_resource(max_entries=32, show_spinner=False)
def _channels_of(model: str, layer: str, folder: Path, digest: str) -> Channels:
    return channels.read(model, layer)
