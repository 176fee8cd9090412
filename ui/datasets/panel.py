"""One dataset: what it is, its pictures, and what can be done with it."""

from collections.abc import Callable

import streamlit as st

from semsearch.data.dataset import KNOWN, Dataset
from semsearch.own import care, edits, ledger
from ui import editors, resources, texts
from ui.choice import Choice
from ui.datasets import changes, check, editing, making, said, taking
from ui.datasets.making import NEXT, PICTURES
from ui.pictures import fetching, left_out

ADD, CHECK, HISTORY, NEW = "Add", "Check", "Steps", "New"


def show(choice: Choice) -> None:
    """The dataset that is chosen, in parts: its pictures, ways to more, its history; and the way to a new one."""
    dataset = resources.dataset(choice.dataset)
    editable = dataset.name not in KNOWN and editors.may_edit()
    _about(choice, dataset, editable)
    parts: dict[str, Callable[[], None]] = {PICTURES: lambda: _pictures(choice, dataset, editable)}
    if editable:
        parts |= {ADD: lambda: making.more(dataset), HISTORY: lambda: _history(dataset)}
        parts[CHECK] = lambda: check.show(choice, dataset)
    if editors.may_edit():
        parts[NEW] = making.new
    if (next_part := st.session_state.pop(NEXT, "")) or st.session_state.get("datasets_way") not in parts:
        st.session_state["datasets_way"] = next_part or PICTURES
    part = st.segmented_control("Part", list(parts), key="datasets_way", required=True, label_visibility="collapsed")
    said.show()
    parts[part if part in parts else PICTURES]()


def _about(choice: Choice, dataset: Dataset, editable: bool) -> None:
    st.markdown(f"### {texts.plain(dataset.title)}")
    facts = [dataset.contents, f"licence: {dataset.licence}"]
    if dataset.name in KNOWN or editors.may_edit():
        facts.append(f"from {dataset.source}" if dataset.source else "given to semsearch")
    st.caption(" · ".join(texts.plain(fact) for fact in facts))
    with st.container(horizontal=True, gap="small"):
        st.page_link("pages/live_search.py", label="Search in it", icon=":material/image_search:")
        if editable:
            if dataset.source:
                changes.look(dataset)
            st.button("Undo", key="datasets_undo", icon=":material/undo:", on_click=_undo, args=(dataset,))
        taking.show(choice, dataset, editable=editable)
        if editable:
            with st.popover("Delete", icon=":material/delete:", key="datasets_delete"):
                st.markdown("It goes from all lists. None of its pictures is deleted, and it can be brought back.")
                st.button("Delete dataset", key="datasets_delete_now", on_click=_delete, args=(dataset,))
    changes.show(dataset)


def _pictures(choice: Choice, dataset: Dataset, editable: bool) -> None:
    fetching.offer_pictures(dataset, "Fetch them once; all pages show them then.")
    left_out.show(dataset)
    if resources.pictured(dataset.name) or dataset.name not in KNOWN:
        editing.show(choice, dataset, editable=editable)


def _history(dataset: Dataset) -> None:
    with said.failing():
        steps = ledger.history(dataset.name)
        for step in steps:
            struck = "~~" if step.undone and step.number > 1 else ""
            when = step.made.replace("T", " ").removesuffix("+00:00")
            st.markdown(f"{step.number}. {struck}{texts.plain(step.what)}{struck} :gray[{when} UTC]")


def _undo(dataset: Dataset) -> None:
    with said.failing():
        what, after = edits.undo(dataset.name)
        said.say(f"Took back: {what}. {after.title} has {after.contents} now.")


def _delete(dataset: Dataset) -> None:
    with said.failing():
        care.delete(dataset.name)
        said.say(f"{dataset.title} is deleted, none of its pictures. It can be brought back below the list.")


def restore() -> None:
    """The datasets that were deleted, each with a button that brings it back; nothing where there are none."""
    for name in care.deleted() if editors.may_edit() else ():
        st.button(f"Bring back {name}", key=f"datasets_restore_{name}", on_click=_restore, args=(name,))


def _restore(name: str) -> None:
    with said.failing():
        said.say(f"{care.restore(name).title} is back.")
