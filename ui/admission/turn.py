"""The turn of a run of a page, and what a visitor sees who waits for it."""

import time
from collections.abc import Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from typing import TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from ui import texts
from ui.admission.turns import turns

Answer = TypeVar("Answer")
_SHOWN, _CAME = "turn_shown", "turn_came"
_AGAIN = 5.0
"""Seconds after which the note is written anew."""


@contextmanager
def taken() -> Iterator[None]:
    """Be at work on a page in the block; before that, wait, and say so to whoever has been shown nothing yet."""
    state = st.session_state
    if state.get(_SHOWN):
        with turns().taken(turns().later, time.monotonic(), lambda before: _look()):
            yield
        return
    note = _Note()
    with turns().taken(turns().first, state.setdefault(_CAME, time.monotonic()), note.write):
        note.clear()
        state[_SHOWN] = True
        yield


def awaited(future: Future[Answer], words: str) -> Answer:
    """What ``future`` gives, beside the runs that are at work; a rerun of the page meanwhile cancels it."""
    try:
        with st.spinner(words), turns().aside():
            while not future.done():
                wait([future], 0.2)
                _look()
    finally:
        future.cancel()
    return future.result()


def _look() -> None:
    """Touch the session, which is where Streamlit ends a run that is no longer wanted."""
    st.session_state.get(_SHOWN)


class _Note:
    """What stands in place of the page until its turn has come."""

    def __init__(self) -> None:
        self._place: DeltaGenerator | None = None
        self._written = float("-inf")

    def write(self, before: int) -> None:
        """Say how many are served before."""
        _look()
        if time.monotonic() - self._written < _AGAIN:
            return
        self._written = time.monotonic()
        self._place = self._place or st.empty()
        verb = "is" if before == 1 else "are"
        who = f"{texts.counted(before, 'visitor')} {verb} before you." if before else "You are next."
        self._place.info(
            f"{who} This page opens by itself as soon as it is your turn.",
            title="Many visitors have come at once",
            icon=":material/hourglass_top:",
        )

    def clear(self) -> None:
        """Make room for the page."""
        if self._place:
            self._place.empty()
