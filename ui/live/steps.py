"""The steps of a live query, so that each change of its pictures, its query or its filter can be undone."""

import streamlit as st

from ui import resources, sidebar
from ui.choice import Choice
from ui.live import query_pictures
from ui.live.query_pictures import STEPS, Step

MOST = 50
"""Steps that are remembered."""


def note(choice: Choice) -> None:
    """Remember the query of this run, where it is another than that of the run before."""
    steps, now = _steps(), _now(choice)
    if not steps or steps[-1] != now:
        st.session_state[STEPS] = [*steps, now][-MOST:]


def can_undo() -> bool:
    """Whether the query was another before."""
    return len(_steps()) > 1


def undo() -> None:
    """Go back to the query of the step before; for callbacks."""
    if not can_undo():
        return
    *before, _ = _steps()
    st.session_state[STEPS] = before
    step = before[-1]
    sidebar.go(dataset=step.dataset, q=step.q)
    query_pictures.bring_back(step)
    labels, st.session_state["least"], st.session_state["fold"] = step.sieve
    st.session_state["classes"] = list(labels)


def _steps() -> list[Step]:
    steps: list[Step] = st.session_state.get(STEPS, [])
    return steps


def _now(choice: Choice) -> Step:
    state = st.session_state
    known = range(len(resources.dataset(choice.dataset).classes))
    labels = tuple(label for label in state.get("classes", ()) if label in known)
    sieve = (labels, state.get("least", 0), state.get("fold", False))
    return Step(query_pictures.in_session(), choice.dataset, choice.q, sieve)
