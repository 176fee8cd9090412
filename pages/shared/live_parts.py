"""Two parts that Streamlit does not have: a place to paste pictures, and a box drawn on a picture."""

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from semsearch.images import Box

_HERE = Path(__file__).parent


def _source(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


_PASTE = st.components.v2.component(
    "semsearch_paste", html=_source("live_paste.html"), css=_source("live_paste.css"), js=_source("live_paste.js")
)
_CROP = st.components.v2.component(
    "semsearch_crop", html=_source("live_crop.html"), css=_source("live_crop.css"), js=_source("live_crop.js")
)


def paste(*, limit: int, key: str, on_paste: Callable[[object], None]) -> None:
    """A place to paste; ``on_paste`` gets [{name, data in base64}] as the browser says it, before the script runs."""
    _PASTE(key=key, data={"limit": limit}, on_pasted_change=lambda: on_paste(st.session_state[key].pasted))


def crop(source: str, box: Box, *, label: str, key: str, on_crop: Callable[[object], None]) -> object:
    """Draw a box on the picture ``source``, a data URI; ``on_crop`` gets its four shares as the browser says them.

    Returns them too, in the run after they were chosen, else None.
    """
    data = {"src": source, "box": list(box), "label": label}
    return _CROP(key=key, data=data, on_cropped_change=lambda: on_crop(st.session_state[key].cropped)).cropped
