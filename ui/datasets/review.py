"""Look-alikes side by side, one group at a time, and what was decided: nobody is asked the same twice."""

import os
from collections.abc import Collection
from contextlib import suppress

import streamlit as st

from semsearch.data.datasets import Dataset
from semsearch.live.checkup import Checkup, Doubt
from semsearch.own import decisions, edits, ledger
from semsearch.own.decisions import Decision
from ui import pictures, texts, tiles
from ui.components.gallery import gallery
from ui.datasets import editing, said

_DECIDED, _STAYS = "datasets_decided", "datasets_stays"
SIDE_BY_SIDE = 24
"""Pictures of a group that are shown."""


def carried(found: Checkup, then: Dataset, now: Dataset) -> Checkup:
    """What was found in a dataset as it was, for that as it is; what is gone or has another class is left out."""
    places = {item.sha256: item.id for item in now.items}
    ids = {item.id: places[item.sha256] for item in then.items if item.sha256 in places}
    labels = {title: label for label, title in enumerate(now.classes)}

    def same(one: Doubt) -> bool:
        title = then.classes[then.items[one.item].label]
        still = one.item in ids and title == now.classes[now.items[ids[one.item]].label]
        return still and then.classes[one.other] in labels

    groups = (tuple(sorted(ids[item] for item in group if item in ids)) for group in found.alike)
    return Checkup(
        found.k,
        tuple(
            Doubt(ids[one.item], one.own, labels[then.classes[one.other]], one.agree)
            for one in found.doubts
            if same(one)
        ),
        tuple((ids[item], count) for item, count in found.hubs if item in ids),
        tuple(ids[item] for item in found.unseen if item in ids),
        tuple(group for group in groups if len(group) > 1),
    )


def made(dataset: Dataset) -> Collection[Decision]:
    """All decisions about a dataset; read again when its history was written."""
    written = 0
    with suppress(OSError):
        written = os.stat(ledger.place(dataset.name)).st_mtime_ns
    known, found = st.session_state.get(_DECIDED, (None, frozenset[Decision]()))
    if known != (dataset.name, written):
        with said.failing(), ledger.writing(dataset.name) as book:
            found = frozenset(map(decisions.from_facts, book.decisions))
        st.session_state[_DECIDED] = ((dataset.name, written), found)
    return frozenset(found)


def look_alikes(dataset: Dataset, groups: Collection[tuple[int, ...]]) -> None:
    """The groups that nobody has decided of, one at a time; what is clicked is to stay."""
    open_groups = decisions.open_groups(dataset, groups, made(dataset))
    if not open_groups:
        return
    with st.expander(f"Look-alikes: {texts.counted(len(open_groups), 'group')}", key="datasets_alike_open"):
        st.caption(f"Proposed to stay: {decisions.KEEPER}. Click another one to have that stay.")
        place = st.pagination(len(open_groups), key="datasets_group") if len(open_groups) > 1 else 1
        group = open_groups[min(place, len(open_groups)) - 1]
        stays = _stays(dataset, group)
        _side_by_side(dataset, group, stays)
        with st.container(horizontal=True):
            others = [item for item in group if item != stays]
            st.button("Keep all", key="datasets_keep", on_click=_keep, args=(dataset, group))
            st.button(
                f"Take out the other {len(others):,}" if len(others) > 1 else "Take out the other",
                key="datasets_keep_one",
                icon=":material/remove:",
                on_click=_keep_one,
                args=(dataset, others),
            )
            proposed = [item for one in open_groups for item in one if item != _stays(dataset, one)]
            st.button(
                "Choose all that need not stay",
                key="datasets_choose_copies",
                on_click=editing.choose,
                args=(dataset, proposed),
                help="Of every group, to take them out at once or give them a class.",
            )


def _stays(dataset: Dataset, group: tuple[int, ...]) -> int:
    content, item = st.session_state.get(_STAYS, ("", -1))
    return item if content == dataset.content_hash and item in group else decisions.keeper(dataset, group)


def _side_by_side(dataset: Dataset, group: tuple[int, ...], stays: int) -> None:
    shown = [stays, *(item for item in group if item != stays)][:SIDE_BY_SIDE]
    pictures.ensure_thumbnails(dataset, shown)
    addresses = pictures.addresses(dataset)

    def note(item: int) -> str:
        with suppress(OSError):
            size = os.stat(dataset.place(item)).st_size
            return f"{'stays · ' * (item == stays)}{size / 1000:,.0f} kB"
        return "its file is not there"

    gallery(
        [
            tiles.item_tile(dataset, item, addresses) | {"current": item == stays, "note": note(item)}
            for item in sorted(shown)
        ],
        key="datasets_alike",
        look="pictures",
        label="Look-alikes, side by side",
        on_pick=lambda item: _stay(dataset, item),
    )


def _stay(dataset: Dataset, item: object) -> None:
    if type(item) is int and 0 <= item < len(dataset.items):
        st.session_state[_STAYS] = (dataset.content_hash, item)


def _keep(dataset: Dataset, group: tuple[int, ...]) -> None:
    with said.failing():
        decisions.keep(dataset, group)
        said.say(
            f"{texts.counted(len(group), 'look-alike')} stay. You are not asked about them again; Undo asks again."
        )


def _keep_one(dataset: Dataset, others: list[int]) -> None:
    with said.failing():
        edits.remove(dataset, others)
        said.say(f"{texts.counted(len(others), 'picture')} taken out of {dataset.title}; no file was deleted.")


def confirm(dataset: Dataset, items: list[int]) -> None:
    """Remember that the labels of items are right."""
    with said.failing():
        decisions.confirm(dataset, items)
        editing.forget()
        said.say("You are not asked about that again; Undo asks again.")
