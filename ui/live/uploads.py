"""Pictures that a user uploads, pastes or links to: each becomes a query picture, or a sentence that says why not."""

import base64
from collections.abc import Iterable

import numpy as np
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile

from semsearch import images
from semsearch.errors import ImageRefused, LinkRefused, SemsearchError
from semsearch.images import formats
from semsearch.names import printable
from semsearch.net import links
from semsearch.net.addresses import CURE
from ui import resources, texts
from ui.components.upload import LIMIT, SHOWN, TOO_LARGE, Upload
from ui.live.query_pictures import QueryPicture

SIDE, PREVIEW = 512, 60_000
"""Pixels and bytes of a small copy that is shown back."""


def accept(pictures: Iterable[Upload]) -> tuple[list[QueryPicture], list[str]]:
    """Those that can be read, and for each other one plain sentence that says why not."""
    accepted, refused = [], []
    for untrusted_name, get_bytes in pictures:
        name = printable(untrusted_name)
        try:
            accepted.append(_accepted(name, get_bytes()))
        except SemsearchError as error:
            refused.append(_why_not(name[:SHOWN], error))
    return accepted, refused


def _why_not(name: str, error: SemsearchError) -> str:
    reason = error.reason if isinstance(error, ImageRefused | LinkRefused) else ""
    if isinstance(error, LinkRefused) and reason == "empty_link":
        return "Enter a link."
    if reason == "truncated":
        return f"{name} is incomplete. Get the whole file again."
    if reason == "corrupt":
        return f"{name} is damaged. Save it anew."
    if reason == "format":
        kind = str(error).rpartition(", got ")[2]
        if kind == "other bytes":
            return f"{name} is not a picture that can be read here ({formats.WORDS})."
        return f"{name} {'is' if kind.startswith(('a ', 'an ')) else 'holds'} {kind}."
    return f"{name}: {texts.for_visitors(error)}."


def forget(files: Iterable[UploadedFile]) -> None:
    """Have the server drop files that were taken: Streamlit keeps each until its session ends."""
    context = get_script_run_ctx()
    if context and isinstance(context.uploaded_file_mgr, MemoryUploadedFileManager):
        for file in files:
            context.uploaded_file_mgr.remove_file(context.session_id, file.file_id)


def linked(link: str) -> Upload:
    """The picture at a link, asked for as often as the server allows: Busy, LinkRefused, FetchFailed."""

    def get() -> bytes:
        if not link:
            raise LinkRefused("empty_link", f"expected an address; {CURE}")
        resources.allow("link")
        return links.fetch_image(link, limit=LIMIT, policy=links.PUBLIC)

    return link, get


def data_uri(rgb: np.ndarray, *, side: int = SIDE, limit: int = PREVIEW) -> str:
    """A picture as a data URI: encoded anew, small, without metadata."""
    data = images.thumbnail(rgb, side=side, limit=limit)
    return "data:image/jpeg;base64," + base64.b64encode(data).decode("ascii")


def _accepted(name: str, data: bytes) -> QueryPicture:
    if len(data) > LIMIT:
        raise ImageRefused("too_large", f"{TOO_LARGE}, got {len(data):,} bytes")
    resources.allow("picture")
    with images.asked_by(resources.session()):
        return QueryPicture(data, name, preview=data_uri(images.load_small_isolated(data, SIDE)))
