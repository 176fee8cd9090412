"""The query of a live search: its pictures with their weights and parts, and what the network sees of them."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import streamlit as st

from semsearch import images
from semsearch.errors import InputError, SemsearchError
from semsearch.images import WHOLE, Box
from semsearch.live import search
from ui import pictures, resources, texts, tiles
from ui.choice import Choice
from ui.components.crop import crop as crop_box
from ui.components.gallery import Look, Tile, gallery
from ui.live import query_pictures, question, steps, uploads
from ui.live.query_pictures import QueryPicture

_SIGNS = {1.0: "Included", -1.0: "Excluded"}
_ALL_SEEN, _HEIGHT = 2, 260
"""Pictures of a query up to which all are seen at once; of more, the height of their list, lest it hide the answer."""
_KEEP = 32
"""Small pictures of what the network sees that a session keeps."""


def show(choice: Choice, query: Sequence[QueryPicture]) -> None:
    """Draw the pictures of the query, with what can be done to each, and the marked matches."""
    mains = [picture for picture in query if not picture.marked]
    with st.container(height=_HEIGHT if len(mains) > _ALL_SEEN else "content", border=False, key="live_query"):
        for place, picture in enumerate(mains):
            _main(choice, picture, place, alone=len(mains) == 1)
    if len(mains) > 1:
        with st.container(horizontal=True, gap="small"):
            _take_back()
    if marked := [picture for picture in query if picture.marked]:
        _marked(choice, marked)


def _take_back() -> None:
    """Buttons that go back: by one step, or to the query of the sidebar."""
    st.button(
        "Undo",
        key="live_undo",
        icon=":material/undo:",
        type="tertiary",
        on_click=steps.undo,
        disabled=not steps.can_undo(),
        help="Takes back the last change of the query or the filter.",
    )
    st.button(
        "Start over",
        key="live_clear",
        type="tertiary",
        on_click=query_pictures.clear,
        disabled=not query_pictures.in_session(),
    )


def _main(choice: Choice, picture: QueryPicture, place: int, *, alone: bool) -> None:
    """One picture; its tile is known by its place, so that the next picture fills it and nothing moves meanwhile."""
    tile = _tile(picture)
    tile["note"] = _note(picture, alone)
    with st.container(gap="xxsmall"):
        look: Look = "query" if alone else "entry"
        gallery([tile], key=f"live_given_{place}", look=look, label=f"Query picture: {picture.name}"[:200])
        with st.container(horizontal=True, gap="small"):
            if st.button("Crop", key=f"live_crop_{picture.key}", type="tertiary"):
                crop(choice, picture)
            liked = picture.weight > 0
            st.button(
                "Exclude this" if liked else "Include this",
                key=f"live_flip_{picture.key}",
                on_click=partial(query_pictures.change, choice, picture.key, weight=-picture.weight),
                type="tertiary",
                help="Finds what is unlike this picture." if liked else "Finds what is like this picture again.",
            )
            if alone:
                _take_back()
            else:
                st.button(
                    "Remove",
                    key=f"live_remove_{picture.key}",
                    type="tertiary",
                    on_click=query_pictures.remove,
                    args=(choice, picture.key),
                )


def _note(picture: QueryPicture, alone: bool) -> str:
    sentences = [] if alone and picture.weight > 0 else [_SIGNS[picture.weight]]
    if picture.crop != WHOLE:
        left, top, right, bottom = (round(100 * share) for share in picture.crop)
        sentences.append(f"Part {left}–{right} % across, {top}–{bottom} % down")
    return ". ".join(sentences) or "The query"


def _tile(picture: QueryPicture) -> Tile:
    if isinstance(picture.source, bytes):
        named = {"name": picture.name, "alt": picture.name, "spoken": picture.name}
        return {"id": -1, "src": picture.preview} | named
    name, number = picture.source
    dataset = resources.dataset(name)
    pictures.ensure_thumbnails(dataset, [number])
    return tiles.item_tile(dataset, number, pictures.addresses(dataset)) | {"name": picture.name}


def _marked(choice: Choice, marked: Sequence[QueryPicture]) -> None:
    """A chip for each match that was marked; pressing it takes the mark back."""
    with st.container(horizontal=True, gap="xsmall", key="live_marks"):
        for picture in marked:
            word, icon = ("More", "add") if picture.weight > 0 else ("Less", "remove")
            st.button(
                f"{word} like {texts.plain(picture.name)} ✕",
                key=f"live_unmark_{picture.key}",
                icon=f":material/{icon}:",
                on_click=query_pictures.remove,
                args=(choice, picture.key),
                help="Takes this mark back.",
            )


@st.dialog("Select the part to search with", width="medium", icon=":material/crop:")
def crop(choice: Choice, picture: QueryPicture) -> None:
    """Draw a box on a picture; using it closes this."""

    def used(box: object) -> None:
        try:
            query_pictures.change(choice, picture.key, crop=query_pictures.fitting(box))
        except InputError:
            return  # a browser that says nonsense changes nothing

    source = picture.preview if isinstance(picture.source, bytes) else _large(*picture.source)
    done = crop_box(source, picture.crop, label=picture.name, key=f"live_box_{picture.key}", on_crop=used)
    if done is not None:
        st.rerun()


def _large(dataset: str, number: int) -> str:
    return uploads.data_uri(images.load_small(_path(dataset, number), uploads.SIDE))


def _path(dataset: str, number: int) -> Path:
    return resources.dataset(dataset).path(number)


def seen(choice: Choice, query: Sequence[QueryPicture]) -> None:
    """What the network sees of each picture: squares of its input size."""
    spec = question.spec(choice)
    drawn = []
    for picture in query:
        if not picture.marked:
            drawn.append(_tile(picture) | {"src": _square(choice, picture), "note": "", "spoken": picture.name})
    st.markdown("**What the network sees**")
    gallery(drawn, key="live_seen", look="seen", label="What the network sees of the query")
    st.caption(f"Resized to {spec.size} × {spec.size} pixels, ignoring proportions.")


def privacy(query: Sequence[QueryPicture]) -> None:
    """What becomes of the visitor's own pictures, where there are some."""
    if any(isinstance(picture.source, bytes) for picture in query):
        st.caption(
            ":material/lock: Your own pictures stay in this session: they are not stored, and a link to this page does "
            "not carry them."
        )


def _square(choice: Choice, picture: QueryPicture) -> str:
    spec = question.spec(choice)
    known: dict[tuple[str, Box, int, str], str] = st.session_state.setdefault("live_squares", {})
    key = (picture.key, picture.crop, spec.size, spec.preset)
    if key not in known:
        source = picture.source if isinstance(picture.source, bytes) else _path(*picture.source)
        try:
            with images.asked_by(resources.session()):
                square = search.seen(source, spec, crop=picture.crop)
            known[key] = uploads.data_uri(square, side=spec.size, limit=20_000)
        except SemsearchError:
            return ""  # why, the search itself says
        while len(known) > _KEEP:
            del known[next(iter(known))]
    return known[key]
