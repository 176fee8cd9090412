"""Two parts that Streamlit does not have: a place to paste pictures, and a box drawn on a picture."""

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from semsearch.images import Box

_HERE = Path(__file__).parent


def _source(name: str) -> dict[str, str]:
    return {kind: (_HERE / f"{name}.{kind}").read_text(encoding="utf-8") for kind in ("html", "css", "js")}


_PASTE = st.components.v2.component("semsearch_paste", **_source("live_paste"))
_CROP = st.components.v2.component("semsearch_crop", **_source("live_crop"))


def paste(*, limit: int, key: str, on_paste: Callable[[object], None]) -> None:
    """A place to paste; ``on_paste`` gets [{name, data in base64}] as the browser says it, before the script runs."""
    _PASTE(key=key, data={"limit": limit}, on_pasted_change=lambda: on_paste(st.session_state[key].pasted))


def crop(source: str, box: Box, *, label: str, key: str, on_crop: Callable[[object], None]) -> object:
    """Draw a box on the picture ``source``, a data URI; ``on_crop`` gets its four shares as the browser says them.

    Returns them too, in the run after they were chosen, else None.
    """
    data = {"src": source, "box": list(box), "label": label}
    return _CROP(key=key, data=data, on_cropped_change=lambda: on_crop(st.session_state[key].cropped)).cropped
