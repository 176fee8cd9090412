"""Pictures that a user uploads, pastes or links to: each becomes a query picture, or a sentence that says why not."""

import base64
import binascii
from collections.abc import Callable, Iterable
from functools import partial

import numpy as np
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile

from semsearch import images
from semsearch.errors import ImageRefused, LinkRefused, SemsearchError
from semsearch.names import printable
from semsearch.net import links
from semsearch.net.addresses import CURE
from ui import resources, texts
from ui.live.query_pictures import QueryPicture

LIMIT = 10_000_000
"""Bytes of one picture."""
_TOO_LARGE = f"expected a picture of at most {LIMIT // 1_000_000} MB"
SIDE, PREVIEW = 512, 60_000
"""Pixels and bytes of a small copy that is shown back."""

SHOWN = 400
"""Characters of a name or link in a sentence that says why not."""
Upload = tuple[str, Callable[[], bytes]]
"""The name of a picture and what gets its bytes."""


def accept(pictures: Iterable[Upload]) -> tuple[list[QueryPicture], list[str]]:
    """Those that can be read, and for each other one sentence that says why not."""
    accepted, refused = [], []
    for untrusted_name, get_bytes in pictures:
        name = printable(untrusted_name)
        try:
            accepted.append(_accepted(name, get_bytes()))
        except SemsearchError as error:
            refused.append(f"{name[:SHOWN]}: {texts.for_visitors(error)}.")
    return accepted, refused


def forget(files: Iterable[UploadedFile]) -> None:
    """Have the server drop files that were taken: Streamlit keeps each until its session ends."""
    context = get_script_run_ctx()
    if context and isinstance(context.uploaded_file_mgr, MemoryUploadedFileManager):
        for file in files:
            context.uploaded_file_mgr.remove_file(context.session_id, file.file_id)


def pasted(payload: object) -> list[Upload]:
    """What the browser says was pasted: a list of {name, data}, data in base64."""
    rows = [row for row in payload if isinstance(row, dict)] if isinstance(payload, list) else []
    return [(str(row.get("name", ""))[:200] or "Pasted picture", partial(_decoded, row)) for row in rows]


def linked(link: str) -> Upload:
    """The picture at a link, asked for as often as the server allows: Busy, LinkRefused, FetchFailed."""

    def get() -> bytes:
        if not link:
            raise LinkRefused("empty", f"expected an address; {CURE}")
        resources.allow("link")
        return links.fetch_image(link, limit=LIMIT, policy=links.PUBLIC)

    return link, get


def data_uri(rgb: np.ndarray, *, side: int = SIDE, limit: int = PREVIEW) -> str:
    """A picture as a data URI: encoded anew, small, without metadata."""
    data = images.thumbnail(rgb, side=side, limit=limit)
    return "data:image/jpeg;base64," + base64.b64encode(data).decode("ascii")


def _accepted(name: str, data: bytes) -> QueryPicture:
    if len(data) > LIMIT:
        raise ImageRefused("too_large", f"{_TOO_LARGE}, got {len(data):,} bytes")
    resources.allow("picture")
    with images.asked_by(resources.session()):
        return QueryPicture(data, name, preview=data_uri(images.load_small_isolated(data, SIDE)))


def _decoded(row: dict) -> bytes:
    text = row.get("data")
    if not isinstance(text, str) or len(text) > LIMIT * 4 // 3 + 4:
        raise ImageRefused("too_large", f"{_TOO_LARGE}, got more")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ImageRefused("corrupt", "expected the bytes of a picture from the clipboard, got other text") from error
