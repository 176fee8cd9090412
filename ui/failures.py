"""The one place where a failure becomes words on a page, with a way back; the server's log gets the traceback."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st
from streamlit.errors import FragmentHandledException

from semsearch import server_log
from semsearch.errors import SemsearchError
from semsearch.files import limits
from semsearch.files.storage import explain
from ui import texts

UNFORESEEN = (
    "Something went wrong that nobody foresaw. Start again; if it comes back, ask whoever keeps this server to look "
    "into its log."
)


@contextmanager
def shown_in_words() -> Iterator[None]:
    """Show in words what fails in the block; what ends or restarts a run on purpose passes, as st.stop and st.rerun."""
    try:
        yield
    except FragmentHandledException:
        raise  # a dialog, or another part that runs by itself: it has shown its own failure in its own place
    except Exception as error:
        server_log.report(error)
        _show(error)


def tell_uncaught(error: Exception) -> bool:
    """The same for what escapes ``shown_in_words``: callbacks, parts that run alone. Streamlit has logged it."""
    _show(error)
    return True


def caught(error: Exception) -> str:
    """The same as a sentence, for a place that shows a failure beside what still works; Markdown."""
    server_log.report(error)
    return in_words(error)


def in_words(error: Exception) -> str:
    """One sentence for people, as Markdown."""
    if isinstance(error, OSError):
        error = explain(error)
    return texts.told(error) if isinstance(error, SemsearchError) else UNFORESEEN


def _show(error: Exception) -> None:
    st.error(in_words(error), title="This cannot be shown", icon=":material/error:")
    tell_limits()
    st.button("Start again", key="start_again", icon=":material/restart_alt:", on_click=_start_again)


def tell_limits() -> None:
    """One line for each thing that this machine does not let be written; nothing when all is well."""
    for line in limits.limits():
        st.caption(f":material/hard_drive: {texts.plain(texts.without_paths(line[0].upper() + line[1:]))}.")


def _start_again() -> None:
    """Forget all that was chosen, in this session and in the address."""
    st.session_state.clear()
    st.query_params.clear()
