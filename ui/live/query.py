"""The query of a live search: its pictures with their weights and parts, and what the network sees of them."""

from collections.abc import Sequence
from functools import partial

import streamlit as st

from semsearch import images
from semsearch.errors import InputError, SemsearchError
from semsearch.images import WHOLE, Box
from semsearch.live import search
from ui import pictures, resources, texts, tiles
from ui.choice import Choice
from ui.components.crop import crop as crop_box
from ui.components.gallery import Look, Tile, gallery
from ui.live import given as live_given
from ui.live import own as live_own
from ui.live.given import Given

_SIGNS = {1.0: "Like this", -1.0: "Unlike this"}
_KEEP = 32
"""Small pictures of what the network sees that a session keeps."""


def show(choice: Choice, given: Sequence[Given]) -> None:
    """Draw the pictures of the query, with what can be done to each, and the marked matches."""
    mains = [one for one in given if not one.marked]
    if len(mains) == 1:
        _one(choice, mains[0], alone=True)
    else:
        for one in mains:
            _one(choice, one, alone=False)
    if marked := [one for one in given if one.marked]:
        _marked(choice, marked)
    with st.container(horizontal=True, gap="xsmall"):
        st.button(
            "Undo",
            key="live_undo",
            icon=":material/undo:",
            on_click=live_given.undo,
            disabled=not live_given.can_undo(),
            help="Brings back what was removed last.",
        )
        st.button(
            "Start over",
            key="live_clear",
            icon=":material/restart_alt:",
            on_click=live_given.clear,
            disabled=not live_given.kept(),
        )
    if any(isinstance(one.source, bytes) for one in given):
        st.caption(
            ":material/lock: Your own pictures stay in this session: they are not stored, and the address of this page "
            "does not carry them."
        )


def _one(choice: Choice, one: Given, *, alone: bool) -> None:
    tile = _tile(one)
    tile["note"] = _note(one, alone)
    with st.container(gap="xxsmall"):
        look: Look = "query" if alone else "entry"
        gallery([tile], key=f"live_given_{one.key}", look=look, label=f"Query picture: {one.name}"[:200])
        with st.container(horizontal=True, gap="small"):
            change = partial(live_given.change, choice, one.key, weight=-one.weight)
            word = "Unlike" if one.weight > 0 else "Like"
            st.button(word, key=f"live_flip_{one.key}", on_click=change, type="tertiary")
            if st.button("Crop", key=f"live_crop_{one.key}", type="tertiary"):
                crop(choice, one)
            if live_given.kept():
                st.button(
                    "Remove",
                    key=f"live_remove_{one.key}",
                    type="tertiary",
                    on_click=live_given.remove,
                    args=(choice, one.key),
                )


def _note(one: Given, alone: bool) -> str:
    said = [] if alone and one.weight > 0 else [_SIGNS[one.weight]]
    if one.crop != WHOLE:
        left, top, right, bottom = (round(100 * share) for share in one.crop)
        said.append(f"Part {left}–{right} % across, {top}–{bottom} % down")
    return ". ".join(said) or "The query"


def _tile(one: Given) -> Tile:
    if isinstance(one.source, bytes):
        return {"id": -1, "name": one.name, "hue": 0, "src": one.preview, "alt": one.name, "spoken": one.name}
    name, number = one.source
    dataset = resources.dataset(name)
    pictures.ensure_thumbnails(dataset, [number])
    return tiles.item_tile(dataset, number, pictures.addresses(dataset)) | {"name": one.name}


def _marked(choice: Choice, marked: Sequence[Given]) -> None:
    """A chip for each match that was marked; pressing it takes the mark back."""
    with st.container(horizontal=True, gap="xsmall", key="live_marks"):
        for one in marked:
            word, icon = ("More", "add") if one.weight > 0 else ("Less", "remove")
            st.button(
                f"{word} like {texts.plain(one.name)} ✕",
                key=f"live_unmark_{one.key}",
                icon=f":material/{icon}:",
                on_click=live_given.remove,
                args=(choice, one.key),
                help="Takes this mark back.",
            )


@st.dialog("Choose the part that counts", width="medium", icon=":material/crop:")
def crop(choice: Choice, one: Given) -> None:
    """Draw a box on a picture; using it closes this."""

    def used(said: object) -> None:
        try:
            live_given.change(choice, one.key, crop=live_given.fitting(said))
        except InputError:
            return  # a browser that says nonsense changes nothing

    source = one.preview if isinstance(one.source, bytes) else _large(*one.source)
    done = crop_box(source, one.crop, label=one.name, key=f"live_box_{one.key}", on_crop=used)
    if done is not None:
        st.rerun()


def _large(dataset: str, number: int) -> str:
    rgb = images.load(resources.dataset(dataset).path(number), at_least=live_own.SIDE)
    return live_own.shown(rgb)


def seen(choice: Choice, given: Sequence[Given]) -> None:
    """What the network sees of each picture: squares of its input size."""
    spec = choice.experiment.spec
    drawn = []
    for one in given:
        if not one.marked:
            drawn.append(_tile(one) | {"src": _square(choice, one), "note": "", "spoken": one.name})
    st.markdown("**As the network saw it**")
    gallery(drawn, key="live_seen", look="seen", label="What the network sees of the query")
    st.caption(f"Squeezed to {spec.size} × {spec.size} pixels, whatever its shape.")


def _square(choice: Choice, one: Given) -> str:
    spec = choice.experiment.spec
    known: dict[tuple[str, Box, int, str], str] = st.session_state.setdefault("live_squares", {})
    key = (one.key, one.crop, spec.size, spec.preset)
    if key not in known:
        picture = one.source if isinstance(one.source, bytes) else resources.dataset(one.source[0]).path(one.source[1])
        try:
            known[key] = live_own.shown(search.seen(picture, spec, crop=one.crop), side=spec.size, limit=20_000)
        except SemsearchError:
            return ""  # why, the search itself says
        while len(known) > _KEEP:
            del known[next(iter(known))]
    return known[key]
