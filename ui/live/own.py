"""Pictures that a user brings: bytes, pasted text and links become pictures of the session, or words why not."""

import base64
import binascii
from collections.abc import Callable, Iterable
from functools import partial

import numpy as np

from semsearch import images
from semsearch.errors import ImageRefused, LinkRefused, SemsearchError
from semsearch.names import printable
from semsearch.net import links
from semsearch.net.addresses import CURE
from ui import resources
from ui.live.given import Given

LIMIT = 10_000_000
"""Bytes of one picture."""
_TOO_LARGE = f"expected a picture of at most {LIMIT // 1_000_000} MB"
SIDE, PREVIEW = 512, 60_000
"""Pixels and bytes of a small copy that is shown back."""

SHOWN = 400
"""Characters of a name or link in a sentence that says why not."""
Bring = tuple[str, Callable[[], bytes]]
"""The name of a picture and what gets its bytes."""


def brought(pictures: Iterable[Bring]) -> tuple[list[Given], list[str]]:
    """Those that can be read, and for each other one sentence that says why not."""
    given, refused = [], []
    for said, get in pictures:
        name = printable(said)
        try:
            given.append(_given(name, get()))
        except SemsearchError as error:
            refused.append(f"{name[:SHOWN]}: {error}.")
    return given, refused


def pasted(said: object) -> list[Bring]:
    """What the browser says was pasted: a list of {name, data}, data in base64."""
    rows = [row for row in said if isinstance(row, dict)] if isinstance(said, list) else []
    return [(str(row.get("name", ""))[:200] or "Pasted picture", partial(_decoded, row)) for row in rows]


def linked(link: str) -> Bring:
    """The picture at a link, asked for as often as the server allows: Busy, LinkRefused, FetchFailed."""

    def get() -> bytes:
        if not link:
            raise LinkRefused("empty", f"expected an address; {CURE}")
        resources.allow("link")
        return links.fetch_image(link, limit=LIMIT, policy=links.PUBLIC)

    return link, get


def shown(rgb: np.ndarray, *, side: int = SIDE, limit: int = PREVIEW) -> str:
    """A picture as a data URI: encoded anew, small, without metadata."""
    data = images.thumbnail(rgb, side=side, limit=limit)
    return "data:image/jpeg;base64," + base64.b64encode(data).decode("ascii")


def _given(name: str, data: bytes) -> Given:
    if len(data) > LIMIT:
        raise ImageRefused("too_large", f"{_TOO_LARGE}, got {len(data):,} bytes")
    resources.allow("picture")
    return Given(data, name, preview=shown(images.load_isolated(data, at_least=SIDE)))


def _decoded(row: dict) -> bytes:
    text = row.get("data")
    if not isinstance(text, str) or len(text) > LIMIT * 4 // 3 + 4:
        raise ImageRefused("too_large", f"{_TOO_LARGE}, got more")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ImageRefused("corrupt", "expected the bytes of a picture from the clipboard, got other text") from error
