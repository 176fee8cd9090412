"""A picture through the network: what the channels of the layer answer to it, strongest first."""

from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from semsearch import images
from semsearch.errors import ImageRefused, PicturesUnavailable, SemsearchError
from semsearch.live import serving
from semsearch.live.search import Example
from semsearch.models import catalog, weights
from semsearch.models.catalog import FeatureSpec
from semsearch.names import printable
from ui import failures, resources, texts
from ui.admission import turn
from ui.choice import Choice
from ui.components.answers import answers
from ui.components.upload import LIMIT, SHOWN, TOO_LARGE, sent, upload
from ui.explorer import looked, strongest
from ui.explorer.looked import Looked

_ASKED, _OWN, _REFUSED, _LAST = "explorer_asked", "explorer_own", "explorer_refused", "explorer_answered"
_SIDE = 512
"""Pixels of a visitor's picture that are kept, on its longer side: no network looks at more."""


def show(choice: Choice, at: Looked) -> None:
    """The ways in for a picture, and once one is sent through, the answers to it at every layer that is looked at."""
    st.subheader("A picture through the network")
    if not weights.status(at.model).here:
        st.caption("Needs the weights of the model.")
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        refused = st.session_state.pop(_REFUSED, [])
        upload(refused, limit=LIMIT, most=1, room=LIMIT, key="explorer_upload", on_upload=_take)
        st.button(
            f"Picture {choice.q} of the dataset", key="explorer_query", on_click=_use_query, help="The present query."
        )
    if not st.session_state.get(_ASKED):
        st.caption("Send a picture through the network, and see which channels of a layer answer to what in it.")
    elif at.layer.name not in catalog.model(at.model).layer_names:
        st.caption("Answers are shown at the layers of the experiments, in bold in the table: choose one.")
    else:
        _answers(choice, at)


def _use_query() -> None:
    st.session_state[_ASKED] = True
    st.session_state.pop(_OWN, None)


def _take(said: object) -> None:
    """Keep the visitor's picture, decoded; or say in the run that follows why not."""
    pictures, refused = sent(said, most=1)
    for name, get in pictures:
        try:
            st.session_state[_OWN] = printable(name), _decoded(get())
            st.session_state[_ASKED] = True
        except SemsearchError as error:
            refused.append(f"{printable(name)[:SHOWN]}: {texts.for_visitors(error)}.")
    st.session_state[_REFUSED] = refused


def _decoded(data: bytes) -> np.ndarray:
    if len(data) > LIMIT:
        raise ImageRefused("too_large", f"{TOO_LARGE}, got {len(data):,} bytes")
    resources.allow("picture")
    with images.asked_by(resources.session()):
        return images.load_small_isolated(data, _SIDE)


def _answers(choice: Choice, at: Looked) -> None:
    name, example = st.session_state.get(_OWN) or (f"Picture {choice.q}", None)
    try:
        drawn = _payload(choice, at, name if example is None else id(example), example)
    except PicturesUnavailable:
        st.info("The pictures of this dataset are not here yet. Search has the button that fetches them.")
    except SemsearchError as error:
        st.error(failures.caught(error), icon=":material/error:")
    else:
        title = f"What {at.layer.name} answers to {name}"
        answers(**drawn, lit=at.channel, key="explorer_answers", label=title, on_pick=partial(_pick, at.layer.name))
        shown = len(drawn["channels"])
        st.caption(
            f"The {shown} of {texts.counted(at.layer.channels, 'channel')} with the largest answers anywhere in "
            f"{texts.plain(name)}, and where: bright is strong, on one scale for all. Click a channel to look at it."
        )


def _payload(choice: Choice, at: Looked, which: object, own: np.ndarray | None) -> dict[str, Any]:
    """What is drawn; asked for anew only for another picture or layer, or a channel that is not drawn."""
    wanted = (choice.dataset, which, at.model, at.layer.name)
    last: tuple[object, dict[str, Any]] | None = st.session_state.get(_LAST)
    if last and last[0] == wanted and at.channel in (None, *(number for number, *_ in last[1]["channels"])):
        return last[1]
    picture = own if own is not None else resources.dataset(choice.dataset).path(choice.q)
    resources.allow("search")
    spec = FeatureSpec(at.model, at.layer.name, "flatten")
    asked = serving.service().answers(Example(picture), spec, client=resources.session())
    drawn = strongest.payload(turn.awaited(asked, "Asking the network …"), at.channel)
    st.session_state[_LAST] = wanted, drawn
    return drawn


def _pick(layer: str, number: object) -> None:
    if type(number) is int:
        looked.go(layer, number)
