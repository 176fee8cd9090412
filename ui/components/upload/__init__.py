"""The way in for a visitor's pictures, which Streamlit does not have: chosen, dropped or pasted on the whole page."""

import base64
import binascii
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import streamlit as st

from semsearch.errors import ImageRefused
from semsearch.names import printable
from ui.components import component

_UPLOAD = component("upload")
LIMIT = 10_000_000
"""Bytes of one picture."""
TOO_LARGE = f"expected a picture of at most {LIMIT // 1_000_000} MB"
SHOWN = 400
"""Characters of a name or link in a sentence that says why not."""
Upload = tuple[str, Callable[[], bytes]]
"""The name of a picture and what gets its bytes."""


def upload(
    refused: Sequence[str], *, limit: int, most: int, room: int, key: str, on_upload: Callable[[object], None]
) -> None:
    """Buttons to choose and paste pictures; dropping and pasting count on the whole page.

    ``refused`` says in plain sentences why the last pictures were not taken, and is shown over what stands below, so
    that nothing moves. Large photos are made smaller in the browser, and what is still larger than ``limit`` bytes,
    more than ``most`` pictures or ``room`` bytes is refused there. ``on_upload`` gets {rows: [{name, data in base64}],
    refused: [sentence]} as the browser says it, before the script runs.
    """
    data = {"refused": tuple(refused), "limit": limit, "most": most, "room": room}
    _UPLOAD(key=key, data=data, width="content", on_uploaded_change=lambda: on_upload(st.session_state[key].uploaded))


def sent(payload: object, *, most: int) -> tuple[list[Upload], list[str]]:
    """What the browser says was chosen, dropped or pasted, and why it did not send the rest.

    Of at most so many pictures. It says {rows: [{name, data in base64}], refused: [sentence]}.
    """
    rows, refused = (_listed(payload, part)[:most] for part in ("rows", "refused"))
    pictures: list[Upload] = [
        (str(row.get("name", ""))[:200] or "Pasted picture", partial(_decoded, row))
        for row in rows
        if isinstance(row, dict)
    ]
    return pictures, [printable(sentence)[:SHOWN] for sentence in refused if isinstance(sentence, str)]


def _listed(payload: object, part: str) -> list[Any]:
    found = payload.get(part) if isinstance(payload, dict) else None
    return found if isinstance(found, list) else []


def _decoded(row: dict) -> bytes:
    text = row.get("data")
    if not isinstance(text, str) or len(text) > LIMIT * 4 // 3 + 4:
        raise ImageRefused("too_large", f"{TOO_LARGE}, got more")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ImageRefused("corrupt", "expected the bytes of a picture, got other text") from error
