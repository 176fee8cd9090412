"""Having a picture made: what it is to excite and how, how far it is, and what came of it."""

import hashlib

import numpy as np
import streamlit as st

from semsearch import images
from semsearch.data import identity
from semsearch.errors import Cancelled, SemsearchError, WeightsUnavailable
from semsearch.explain.maximise import asked, objectives
from semsearch.explain.maximise.asked import Made, Request
from semsearch.explain.maximise.maximisation import Options
from semsearch.explain.maximise.objectives import Objective
from semsearch.explain.maximise.parametrisation import Kind
from semsearch.models import weights
from ui import failures, resources, sidebar, texts
from ui.explorer.channels.making import makings
from ui.explorer.looked import Looked

WHAT = {
    "channel": "This channel",
    "neuron": "One unit of it, at the centre",
    "blend": "This channel and another",
    "layer": "The whole layer",
    "query": "The query picture, with more of this channel",
}
WAYS: dict[Kind, str] = {
    "fourier": "Waves of all sizes",
    "maco": "Waves, their strength kept",
    "pixels": "Single pixels",
}
SIZES, STEPS = (96, 128, 192, 256, 384), (64, 128, 256, 512)
_REFUSED = "make_refused"


def show(at: Looked, channel: int) -> None:
    """The settings, the button, and the picture that was made with them; nothing without weights to make it with."""
    if not weights.status(at.model).here:
        return
    with st.expander("Make a picture with your own settings", icon=":material/tune:", key="make_open"):
        try:
            request, start = _asked(at, channel)
            made = asked.kept(request)
        except SemsearchError as error:
            st.warning(failures.caught(error), icon=":material/error:")
            return
        job = makings().of(request)
        if job and not job.finished.done():
            _watch(request)
            return
        label = "Make it again" if made else "Make the picture"
        st.button(
            label,
            key="make",
            icon=":material/draw:",
            type="primary",
            on_click=_begin,
            args=(request, start),
            disabled=bool(made),
        )
        if refused := st.session_state.pop(_REFUSED, None):
            st.warning(refused, icon=":material/hourglass_top:")
        if made:
            _result(at, channel, made)
        elif job and job.error:
            _failed(job.error)


def _asked(at: Looked, channel: int) -> tuple[Request, np.ndarray | None]:
    """What the controls ask for, and the picture that it starts from."""
    what = st.selectbox(
        "What it is to excite", list(WHAT), key="make_what", format_func=WHAT.__getitem__, bind="query-params"
    )
    objective = _objective(at, channel, what)
    left, middle, right = st.columns(3)
    size = left.select_slider("Side, px", SIZES, 128, key="make_size", bind="query-params")
    steps = middle.select_slider("Steps", STEPS, 128, key="make_steps", bind="query-params")
    seed = right.number_input("Seed", 0, 9_999, 0, key="make_seed", bind="query-params")
    left, middle, right = st.columns(3)
    kinds: list[Kind] = ["fourier"] if what == "query" else list(WAYS)
    kind = left.selectbox("Made of", kinds, key=f"make_of_{len(kinds)}", format_func=WAYS.__getitem__)
    smooth = middle.select_slider("Smoothness", (0.0, 0.1, 1.0, 10.0), 0.0, key="make_smooth", bind="query-params")
    moves = right.toggle("Small moves", True, key="make_moves", bind="query-params")
    clear = right.toggle("Transparent", False, key="make_clear", bind="query-params", disabled=what == "query")
    options = Options(kind, size, steps, moves, smooth, clear and what != "query")
    if what != "query":
        return Request(at.model, at.layer.name, objective, options, int(seed)), None
    square = _query(size)
    digest = hashlib.sha256(square.tobytes()).hexdigest()
    return Request(at.model, at.layer.name, objective, options, int(seed), digest), square


def _objective(at: Looked, channel: int, what: str) -> Objective:
    if what == "neuron":
        return objectives.neuron(channel)
    if what == "layer":
        return objectives.layer()
    if what != "blend":
        return objectives.channel(channel)
    left, right = st.columns(2)
    other = left.number_input("The other channel", 0, at.layer.channels - 1, key=f"make_other_{at.layer.name}")
    share = right.slider("Share of the other", 0, 100, 50, format="%d %%", key="make_share", bind="query-params")
    return objectives.blend(channel, int(other), share / 100)


def _query(size: int) -> np.ndarray:
    """The query of the sidebar as the network sees it; raises where its picture is not here."""
    choice = sidebar.current()
    picture = identity.pinned(resources.dataset(choice.dataset), choice.q).read()
    return images.load_square_isolated(picture, size, resample="antialias")


def _begin(request: Request, start: np.ndarray | None) -> None:
    try:
        makings().start(request, start)
    except SemsearchError as busy:
        st.session_state[_REFUSED] = failures.in_words(busy)


@st.fragment(run_every=0.5)
def _watch(request: Request) -> None:
    job = makings().of(request)
    if job is None or job.finished.done():
        st.rerun()
    made, total = job.so_far, request.options.steps
    words = f"{made.steps} of {total} steps" if made else "Loading the network …"
    st.progress(made.steps / total if made else 0.0, words)
    st.button(
        "Stopping …" if job.stopping else "Cancel",
        key="make_cancel",
        icon=":material/close:",
        on_click=job.stop,
        disabled=job.stopping,
    )
    if made:
        st.image(made.picture, width=256)


def _result(at: Looked, channel: int, made: Made) -> None:
    picture, words = st.columns([1, 2], gap="medium")
    picture.image(made.picture, width=256)
    words.markdown(f"Its activation is **{made.activation:,.2f}** after {texts.counted(made.steps, 'step')}.")
    name = f"{at.model}.{at.layer.name}.{channel}.png".replace("/", "-")
    with words:
        st.download_button("Download", made.picture, name, "image/png", key="make_download", icon=":material/download:")


def _failed(error: Exception) -> None:
    if isinstance(error, Cancelled):
        st.caption("The last picture was cancelled.")
    elif isinstance(error, WeightsUnavailable):
        st.warning(failures.in_words(error), icon=":material/deployed_code:")
    else:
        st.error(failures.in_words(error), title="This picture could not be made", icon=":material/error:")
