"""Pictures of a dataset that are clicked, to be taken out of it or given another class."""

from collections.abc import Callable

import streamlit as st

from semsearch.data.datasets import Dataset
from semsearch.own import edits
from ui import pictures, texts, tiles
from ui.choice import Choice
from ui.components.gallery import gallery
from ui.datasets import said
from ui.pictures import browsing

_CHOSEN, OTHER = "datasets_chosen", "Another class …"


def show(choice: Choice, dataset: Dataset, *, editable: bool) -> None:
    """All pictures; where they may be changed, a click chooses one, and a second click leaves it again."""
    chosen = chosen_of(dataset) if editable else []
    if chosen:
        act(dataset, chosen)
    elif editable:
        st.caption("Click pictures to choose them. Then take them out, or give them another class.")
    browsing.show(
        choice,
        dataset,
        key="datasets_browse",
        on_pick=lambda number: pick(dataset, number) if editable else None,
        chosen=chosen,
    )


def chosen_of(dataset: Dataset) -> list[int]:
    """The items chosen of the dataset as it is now."""
    content, items = st.session_state.get(_CHOSEN, ("", []))
    return list(items) if content == dataset.content_hash else []


def choose(dataset: Dataset, items: list[int]) -> None:
    """Choose these items and no others."""
    st.session_state[_CHOSEN] = (dataset.content_hash, items)


def pick(dataset: Dataset, number: object) -> None:
    """Choose an item, or leave it again; what the browser says is checked."""
    if type(number) is not int or not 0 <= number < len(dataset.items):
        return
    chosen = chosen_of(dataset)
    chosen = [item for item in chosen if item != number] if number in chosen else [*chosen, number]
    choose(dataset, chosen)


def act(dataset: Dataset, chosen: list[int], confirm: Callable[[Dataset, list[int]], None] | None = None) -> None:
    """What can be done with the pictures that are chosen; ``confirm`` remembers that their labels are right."""
    addresses = pictures.addresses(dataset)
    with st.container(border=True, key="datasets_act"):
        st.markdown(f"**{texts.counted(len(chosen), 'picture')} chosen**")
        strip = [tiles.item_tile(dataset, item, addresses) for item in chosen[:24]]
        gallery(
            strip,
            key="datasets_strip",
            look="strip",
            label="Chosen pictures",
            on_pick=lambda number: pick(dataset, number),
        )
        with st.container(horizontal=True, vertical_alignment="bottom"):
            titles = [*dataset.classes, OTHER]
            title = st.selectbox("Class", titles, key="datasets_class")
            if title == OTHER:
                title = st.text_input("Name of the class", key="datasets_new_class", max_chars=100)
            st.button("Give this class", key="datasets_relabel", on_click=_relabel, args=(dataset, chosen, title))
            st.button(
                "Take out", key="datasets_remove", icon=":material/remove:", on_click=_remove, args=(dataset, chosen)
            )
            if confirm:
                st.button(
                    "Label is right" if len(chosen) == 1 else "Labels are right",
                    key="datasets_label_right",
                    icon=":material/check:",
                    on_click=confirm,
                    args=(dataset, chosen),
                )
            st.button("Choose none", key="datasets_none", on_click=forget)


def _relabel(dataset: Dataset, chosen: list[int], title: str) -> None:
    with said.failing():
        edits.relabel(dataset, chosen, title)
        forget()
        said.say(f"{texts.counted(len(chosen), 'picture')} of the class {title.strip()} now.")


def _remove(dataset: Dataset, chosen: list[int]) -> None:
    with said.failing():
        edits.remove(dataset, chosen)
        forget()
        said.say(f"{texts.counted(len(chosen), 'picture')} taken out of {dataset.title}; no file was deleted.")


def forget() -> None:
    """Choose none."""
    st.session_state.pop(_CHOSEN, None)
