"""The way to get the pictures of a dataset that are not on this machine, and what the machine does not allow."""

from collections.abc import Callable

import streamlit as st

from semsearch.data.datasets import Dataset
from semsearch.errors import FetchFailed, SemsearchError
from ui import failures, offers, resources, texts
from ui.pictures.fetch_job import FetchJob

_WATCHED = "fetch_watched"
_MEANWHILE = "Its scores, map and matches are complete; pictures are shown by their class."
UNREACHED = "No connection to the picture server. Check the network and try again."
WRONG = "The picture server sent something else. Try again later; pictures that came are kept."


def offer_pictures(dataset: Dataset, meanwhile: str = _MEANWHILE) -> None:
    """Say that pictures are not here, with a button that gets them or says why not; nothing when they are here.

    ``meanwhile`` is what can be seen without them.
    """
    if not dataset.has_pictures:
        _offer(dataset.name, dataset.title, lambda: dataset.has_pictures, meanwhile)


def offer_unlisted(name: str) -> None:
    """The same for a dataset whose list comes with its pictures; once they are here, it is the one that is chosen."""

    def is_here() -> bool:
        if name not in offers.live().datasets:
            return False
        st.query_params["dataset"] = name  # the sidebar follows the address
        st.query_params.pop("q", None)
        return True

    _offer(name, name, is_here, "They come as one archive, out of which they are drawn.")


@st.fragment(run_every=1.0)
def _offer(name: str, title: str, is_here: Callable[[], bool], meanwhile: str) -> None:
    """The offer, how far its fetch is, and what became of it; it goes when the pictures come, whoever fetched them."""
    if is_here():
        resources.forget(name)
        st.rerun()
    failures.tell_limits()
    job = resources.fetch_jobs().running(name)
    with st.container(border=True, key="fetch_pictures"):
        words, button = st.columns([3, 1], vertical_alignment="center")
        words.markdown(
            f":material/hide_image: **The pictures of {texts.plain(title)} are not downloaded yet.** {meanwhile}"
        )
        button.button(
            "Fetching …" if job else "Fetch pictures",
            key="fetch",
            icon=":material/download:",
            width="stretch",
            on_click=_start,
            args=(name,),
            disabled=job is not None,
        )
        watched: FetchJob | None = st.session_state.get(_WATCHED)
        if job:
            _progress(job)
        elif watched and watched.name == name and watched.error:
            _say(name, watched.error)


def _start(name: str) -> None:
    st.session_state[_WATCHED] = resources.fetch_jobs().start(name)


def _progress(job: FetchJob) -> None:
    if not job.total:
        st.progress(0.0, "Asking for the pictures …")
    elif job.total > 1_000_000:  # bytes of an archive
        st.progress(min(1.0, job.done / job.total), f"{job.done / 1e6:,.1f} of {job.total / 1e6:,.1f} MB fetched")
    else:
        st.progress(min(1.0, job.done / job.total), f"{job.done:,} of {job.total:,} pictures fetched")


def _say(name: str, error: Exception) -> None:
    st.error(_sentence(error), title="The pictures could not be fetched", icon=":material/cloud_off:")
    with st.expander("Details, and another way", key="fetch_details"):
        if isinstance(error, FetchFailed):
            st.caption(texts.told(error))
        st.markdown("Do you have the pictures in a folder? Then run this; the page follows by itself:")
        st.code(f"semsearch datasets add {name} --from FOLDER", language="shell")


def _sentence(error: Exception) -> str:
    if not isinstance(error, FetchFailed):
        return failures.in_words(error)
    cause: BaseException | None = error
    while isinstance(cause, SemsearchError):
        cause = cause.__cause__
    return WRONG if cause is None else UNREACHED
