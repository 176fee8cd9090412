"""What became of the last thing that was done on the Datasets page: a sentence, shown once."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from semsearch.errors import SemsearchError
from ui import failures, texts
from ui.pictures.work import Work

_SAID = "datasets_said"


def say(sentence: str) -> None:
    """Have a sentence shown by the next run."""
    st.session_state[_SAID] = ("done", texts.plain(texts.without_paths(sentence)))


@contextmanager
def failing() -> Iterator[None]:
    """What fails in the block is said by the next run, in words."""
    try:
        yield
    except SemsearchError as error:
        st.session_state[_SAID] = ("failed", failures.caught(error))


def progress(work: Work) -> None:
    """How far work is that goes on."""
    share = work.done / work.total if work.total else 0.0
    st.progress(min(1.0, share), f"{work.done:,} of {work.total:,} pictures" if work.total else "Beginning …")


def show() -> None:
    """Show the last sentence; room for it is kept, so that nothing moves."""
    kind, sentence = st.session_state.pop(_SAID, ("", ""))
    with st.container(key="datasets_said"):
        if kind == "failed":
            st.error(sentence, icon=":material/error:")
        elif sentence:
            st.success(sentence, icon=":material/check_circle:")
