"""A model whose weights are not here yet: what it is, the button that gets it, and how far it is."""

from collections.abc import Callable

import streamlit as st

from semsearch.errors import WeightsUnavailable
from semsearch.models import catalog, weights
from ui import failures, texts

_PULLING = "live_pulling"
UNREACHED = "No connection to where it comes from. Check the network and try again, or go back to another model."


def offer(name: str, purpose: str, way_back: Callable[[], None]) -> None:
    """Draw the panel; while the weights come, their progress and a button that ends it. ``purpose`` needs them."""
    model, status = catalog.model(name), weights.status(name)
    with st.container(border=True, key="live_model"):
        lacks = "is damaged on this machine" if status.state == "damaged" else "is not on this machine yet"
        st.markdown(f":material/deployed_code: **{texts.plain(model.title)} {lacks}.**")
        if model.added:
            st.markdown(f"{purpose} needs its weights. The page Model explorer adds its file again.")
            way_back()
            return
        st.markdown(
            f"{purpose} needs its weights, about {4 * model.parameters / 1e6:,.0f} MB"
            f"{'' if model.carrier else ' from the internet'}. They are downloaded once, verified, and kept for all "
            "who use this server."
        )
        if st.session_state.get(_PULLING) == name:
            _pull(name)
        with st.container(horizontal=True):
            st.button("Get the model", key="live_get", icon=":material/download:", on_click=_start, args=(name,))
            way_back()
        with st.expander("Details"):
            st.caption(texts.plain(texts.without_paths(status.note.replace("`", ""))))


def stop() -> None:
    """Get nothing more; for callbacks."""
    st.session_state.pop(_PULLING, None)


def _start(model: str) -> None:
    st.session_state[_PULLING] = model


def _pull(model: str) -> None:
    """Get the weights in this run: a rerun, as by Cancel, ends it where it draws its progress, and leaves nothing."""
    place = st.empty()
    with place.container():
        bar = st.progress(0.0, "Asking for the weights …")
        st.button("Cancel", key="live_cancel", icon=":material/close:", on_click=stop)

    def progress(done: int, total: int) -> None:
        known = f" of {total / 1e6:,.1f}" if total else ""
        bar.progress(min(1.0, done / total) if total else 0.0, f"{done / 1e6:,.1f}{known} MB, then they are checked")

    try:
        weights.pull(model, progress=progress)
    except Exception as error:
        stop()
        told = failures.caught(error)
        place.error(
            UNREACHED if isinstance(error, WeightsUnavailable) else told,
            title="The model could not be downloaded",
            icon=":material/cloud_off:",
        )
        if isinstance(error, WeightsUnavailable):
            with st.expander("Why"):
                st.caption(told)
    else:
        stop()
        st.rerun()
