"""The one call of a live search, through the service that all users share, and what is shown when it cannot answer."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial

import streamlit as st

from semsearch import server_log
from semsearch.errors import (
    Busy,
    EngineError,
    ImageRefused,
    IntegrityError,
    NotReady,
    PicturesUnavailable,
    ProcessLost,
    SemsearchError,
    StorageError,
    TooLate,
    WeightsUnavailable,
)
from semsearch.live import serving
from semsearch.live.preparations import Preparation
from semsearch.live.search import Example, Question, SearchResult
from semsearch.models import weights
from semsearch.models.catalog import FeatureSpec
from ui import offers, resources, sidebar, texts
from ui.admission import turn
from ui.choice import Choice
from ui.jobs import weights as weights_offer
from ui.live import query_pictures
from ui.live import question as searched

_LAST, _PREPARING, _WORK = "live_last", "live_preparing", "live_work"
_FAILED = "live_failed"
"""Which preparation failed, and why, until somebody presses Try again: begun anew in each run, it would never end."""
_TITLES: tuple[tuple[type[SemsearchError], str, str], ...] = (
    (Busy, "The server is busy", "hourglass_top"),
    (TooLate, "There was no answer in time", "timer_off"),
    (ImageRefused, "A picture of the query cannot be read", "hide_image"),
    (PicturesUnavailable, "The pictures of this dataset are not on this machine", "hide_image"),
    (ProcessLost, "The work was cut short", "error"),
    (EngineError, "The network could not be run", "error"),
    (SemsearchError, "This cannot be searched", "error"),
)


def ask(choice: Choice, examples: Sequence[Example], question: Question) -> SearchResult:
    """The answer of the service; a rerun of the page while it waits withdraws the request. Raises as the service."""
    status = weights.status(choice.model)
    if not status.here:
        raise WeightsUnavailable(status.note)
    _raise_failure((choice.dataset, searched.spec(choice)))
    resources.allow("search")
    future = serving.service().submit(examples, question, client=resources.session())
    result = turn.awaited(future, "Searching …")
    st.session_state[_LAST] = {key: value for key, value in asdict(choice).items() if key != "k"}
    return result


@contextmanager
def shown_in_words(choice: Choice) -> Iterator[None]:
    """Show in words what fails in the block, with the ways out, in its place."""
    try:
        yield
    except WeightsUnavailable:
        weights_offer.offer(choice.model, "A live search", partial(_way_back, choice))
    except NotReady:
        _prepare(choice)
    except SemsearchError as error:
        _say(choice, error)


def _say(choice: Choice, error: SemsearchError) -> None:
    if isinstance(error, (StorageError, IntegrityError)):
        server_log.report(error)
    title, icon = next((title, icon) for kind, title, icon in _TITLES if isinstance(error, kind))
    st.error(texts.told(error), title=title, icon=f":material/{icon}:")
    with st.container(horizontal=True):
        st.button("Try again", key="live_again", icon=":material/refresh:", on_click=_forget_failure)
        if query_pictures.in_session():
            st.button("Search with a picture of the dataset", key="live_drop", on_click=query_pictures.clear)
        _way_back(choice)


def _note_failure() -> None:
    """Keep why a preparation failed that has come to its end."""
    state = st.session_state
    work: Preparation | None = state.get(_WORK)
    if work and work.finished.done() and (key := state.pop(_PREPARING, None)) and (error := work.finished.exception()):
        state[_FAILED] = key, error


def _raise_failure(key: tuple[str, FeatureSpec]) -> None:
    """Raise why the preparation of this very search failed; forget that of another."""
    _note_failure()
    failed = st.session_state.get(_FAILED)
    if failed and failed[0] == key:
        raise failed[1]
    _forget_failure()


def _forget_failure() -> None:
    st.session_state.pop(_FAILED, None)


def _way_back(choice: Choice) -> None:
    """A button to the configuration that answered last, or to the one to begin with."""
    last = st.session_state.get(_LAST) or _first()
    if any(getattr(choice, name) != value for name, value in last.items()):
        st.button("Go back", key="live_back", icon=":material/arrow_back:", on_click=_return, args=(last,))


def _return(last: dict[str, object]) -> None:
    weights_offer.stop()
    sidebar.go(**last)


def _first() -> dict[str, object]:
    """Where to begin: the best configuration on the first dataset whose pictures are here."""
    names = offers.live().datasets
    dataset = next((name for name in names if resources.pictured(name)), names[0])
    return {"dataset": dataset, **resources.best_parts(dataset)}


def _prepare(choice: Choice) -> None:
    key = (choice.dataset, searched.spec(choice))
    if st.session_state.get(_PREPARING) != key:
        try:
            st.session_state[_WORK] = serving.service().prepare(*key, client=resources.session())
        except SemsearchError as error:
            _say(choice, error)
            return
        st.session_state[_PREPARING] = key
    with st.container(border=True, key="live_preparation"):
        title = texts.plain(resources.dataset(choice.dataset).title)
        st.markdown(f"**Preparing {title} for this model and layer (once).**")
        st.caption("Each of its pictures goes through the network. Other users are not affected.")
        _progress(choice)
        _way_back(choice)
        st.caption("You can go back meanwhile: the server goes on, and the result is kept.")


@st.fragment(run_every=0.4)
def _progress(choice: Choice) -> None:
    work: Preparation = st.session_state[_WORK]
    if work.finished.done():
        _note_failure()
        st.rerun()
    if work.total:
        st.progress(work.done / work.total, f"{work.done:,} of {texts.counted(work.total, 'picture')}")
    else:
        st.progress(0.0, "Loading the network …")
