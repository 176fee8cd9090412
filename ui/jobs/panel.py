"""A box that invites to long work, shows how far it is, whoever began it, and goes when its result is there."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import streamlit as st

from semsearch.errors import SemsearchError
from semsearch.jobs import desk
from semsearch.jobs.records import Job, Request
from ui import editors, failures, resources, texts

_REFUSED, _BEGUN = "job_refused", "jobs_begun"
"""Why the last press came to nothing; the jobs that this session began."""


@dataclass(frozen=True)
class Invitation:
    """What could be computed, in words and as a request."""

    key: str
    title: str
    """What is lacking; Markdown."""
    needs: str
    """What it takes to have it; Markdown."""
    label: str
    """Of the button."""
    request: Request
    is_there: Callable[[], bool]
    """Whether the result is there now."""


@st.fragment(run_every=1.0)
def show(invitation: Invitation) -> None:
    """The box, as long as the result is not there; then the page runs again."""
    if invitation.is_there():
        st.rerun()
    job = desk.of(invitation.request.datasets[0], invitation.request.models[0])
    with st.container(border=True, key=invitation.key):
        st.markdown(f":material/calculate: **{invitation.title}**")
        st.markdown(invitation.needs)
        bar, buttons = st.columns([3, 1], vertical_alignment="bottom")
        with bar:
            if job and job.live:
                st.progress(_share(job), _progress(job))
            else:
                st.progress(0.0, "Nothing is computed until you press the button." if not job else _ended(job))
        with buttons.container(horizontal=True, horizontal_alignment="right"):
            _buttons(invitation, job)
        if refused := st.session_state.get(_REFUSED):
            st.caption(f":material/info: {refused}")


@st.fragment(run_every=1.0)
def follow(request: Request, is_more: Callable[[], bool]) -> None:
    """One line about the job that makes the rest, with a button that begins or ends it; the page runs again for more.

    It stands where it is however far the job is.
    """
    if is_more():
        st.rerun()
    job = desk.of(request.datasets[0], request.models[0])
    with st.container(horizontal=True, vertical_alignment="center", key="follow_job"):
        live = job is not None and job.live
        st.caption(f"Other layers: {_progress(job) if job and job.live else 'not drawn yet.'}", width="stretch")
        if job and live:
            _steer("Cancel", "close", job, key="job_cancel", on_click=desk.cancel)
        else:
            _button("Draw them", "calculate", key="job_begin", on_click=partial(_begin, request))


def _buttons(invitation: Invitation, job: Job | None) -> None:
    if job and job.state.name == "paused":
        _steer("Resume", "play_arrow", job, key="job_resume", on_click=desk.resume)
    if job and job.state.name == "running":
        _steer("Pause", "pause", job, key="job_pause", on_click=desk.pause)
    if job and job.live:
        _steer("Cancel", "close", job, key="job_cancel", on_click=desk.cancel)
    else:
        _button(invitation.label, "calculate", key="job_begin", on_click=partial(_begin, invitation.request))


def _begin(request: Request) -> None:
    resources.allow("job")
    st.session_state.setdefault(_BEGUN, set()).add(desk.begin(request).number)


def _steer(label: str, icon: str, job: Job, *, key: str, on_click: Callable[[int], object]) -> None:
    """A button of a job that goes on; it is for who began it here, and for those who may change datasets."""
    if job.number in st.session_state.get(_BEGUN, set()) or editors.may_edit():
        _button(label, icon, key=key, on_click=partial(on_click, job.number))


def _button(label: str, icon: str, *, key: str, on_click: Callable[[], object]) -> None:
    st.button(label, key=key, icon=f":material/{icon}:", on_click=_pressed, args=(on_click,))


def _pressed(press: Callable[[], object]) -> None:
    """Do what a button says, and keep why it cannot be done."""
    st.session_state.pop(_REFUSED, None)
    try:
        press()
    except SemsearchError as error:
        st.session_state[_REFUSED] = failures.caught(error)


def _share(job: Job) -> float:
    return min(1.0, job.state.done / job.state.total) if job.state.total else 0.0


def _progress(job: Job) -> str:
    state = job.state
    if state.name != "running":
        return f"{state.name.capitalize()} …"
    counts = f" {state.done:,} of {state.total:,}" if state.total else ""
    if state.total > 1_000_000:  # bytes of what is fetched
        counts = f" {state.done / 1e6:,.1f} of {state.total / 1e6:,.1f} MB"
    speed = f" · {state.rate:,.0f} a second" if 1 <= state.rate < 100_000 else ""
    left = f" · about {texts.duration(state.left)} left" if state.left else ""
    return f"{state.phase}{counts or ' …'}{speed}{left}"


def _ended(job: Job) -> str:
    if job.state.name == "failed":
        return f"The last try failed: {texts.plain(texts.without_paths(job.state.words))}"
    if job.state.name in ("interrupted", "cancelled"):
        return f"The last try was {job.state.name}; what was whole is kept."
    return "Nothing is computed until you press the button."
