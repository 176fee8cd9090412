"""A dataset beside its folder: what would change is shown first, and done at a press."""

from collections.abc import Sequence

import streamlit as st

from semsearch.data.datasets import Dataset
from semsearch.own import sync
from semsearch.own.sync import SHARE, Plan
from ui import texts
from ui.datasets import said

_PLAN = "datasets_plan"
_TITLES = {"added": "New", "changed": "Changed", "moved": "Moved", "back": "Back again", "gone": "No longer there"}
NAMED = 200
"""Files that are listed of each kind."""


def look(dataset: Dataset) -> None:
    """The button that compares."""
    st.button(
        "Look for changes",
        key="datasets_look",
        icon=":material/sync:",
        on_click=_look,
        args=(dataset,),
        help="Compares the dataset with its folder. Nothing is changed before you say so, and no file ever.",
    )


def show(dataset: Dataset) -> None:
    """What it found, with a button that does it."""
    name, plan = st.session_state.get(_PLAN, ("", Plan()))
    if name == dataset.name:
        with st.container(border=True, key="datasets_changes"):
            _tell(dataset, plan)


def _look(dataset: Dataset) -> None:
    st.session_state.pop(_PLAN, None)
    with said.failing():
        plan = sync.plan(dataset.name)
        if plan.empty:
            said.say(f"The folder holds nothing new: {texts.counted(plan.unchanged, 'picture')} as they were.")
        else:
            st.session_state[_PLAN] = (dataset.name, plan)


def _tell(dataset: Dataset, plan: Plan) -> None:
    st.markdown(f"**{plan.words().capitalize()}**, {plan.unchanged:,} as they were.")
    moved = [f"{old} → {new}" for old, new in plan.moved]
    for kind, title in _TITLES.items():
        files: Sequence[str] = moved if kind == "moved" else getattr(plan, kind)
        if files:
            with st.expander(f"{title}: {len(files):,}", key=f"datasets_{kind}"):
                more = f"\n… and {len(files) - NAMED:,} more" if len(files) > NAMED else ""
                st.text("\n".join(files[:NAMED]) + more)
    many = len(plan.gone) > SHARE * len(dataset.items)
    if many:
        st.warning(
            f"{texts.counted(len(plan.gone), 'picture')} of {len(dataset.items):,} would leave the dataset. Is the "
            "whole folder there, and its disk connected?",
            icon=":material/warning:",
        )
    agreed = not many or st.checkbox("They are to leave the dataset", key="datasets_confirm")
    with st.container(horizontal=True):
        st.button(
            "Apply", key="datasets_apply", type="primary", disabled=not agreed, on_click=_apply, args=(dataset, many)
        )
        st.button("Not now", key="datasets_not_now", on_click=_forget)


def _apply(dataset: Dataset, confirmed: bool) -> None:
    _forget()
    with said.failing():
        done, after = sync.sync(dataset.name, confirmed=confirmed)
        said.say(f"{after.title} is as its folder is: {done.words()}.")


def _forget() -> None:
    st.session_state.pop(_PLAN, None)
