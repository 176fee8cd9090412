"""How files reach the browser: scripts and styles compressed, fonts cut, and pictures to be kept for good.

Streamlit sends its scripts as they are, for it would have to compress them for every request anew. Their names hold a
digest, so what was compressed once stays right; that of Plotly, which comes out of its package, holds a version.
Thumbnails are named by the digest of their picture.
"""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import FileResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import file_util, get_option

from ui.web import plotly_js
from ui.web.fonts import Fonts
from ui.web.packing import Packing

KINDS = MappingProxyType({".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"})
"""By suffix: what is compressed."""
FOR_GOOD = "public, immutable, max-age=31536000"
PICTURES = "/app/static/pictures/"
_KNOWN = "<script>window.__streamlit = {{BACKEND_BASE_URL: new URL({}, location.href).href, HOST_CONFIG: {}}}</script>"
_FONT = re.compile(r'<link\s+rel="preload"[^>]*as="font"[^>]*>')
WIDGETS = frozenset({"BidiComponent", "Button", "ButtonGroup", "Checkbox", "Selectbox", "Slider"})
"""Of Streamlit's scripts those that every page asks for once it is drawn."""
_IMPORT = re.compile(r'(?:from|import)"\./([\w.-]+\.js)"')
PIECE = 65_536
"""Bytes that are sent before a slow client is waited for."""


class Delivery:
    """An ASGI application around that of the pages."""

    def __init__(self, app: ASGIApp, *, base: str = "", fonts: Fonts | None = None) -> None:
        """All pages are below the path ``base``; ``fonts`` are served once they are cut."""
        self._app, self._page = app, GZipMiddleware(self._edit)
        self._base = f"/{base.strip('/')}".rstrip("/")
        folder = Path(file_util.get_static_dir())
        files = (file for file in folder.glob("static/*/*") if file.suffix in KINDS)
        self._files = {f"/{file.relative_to(folder).as_posix()}": file for file in files}
        self._plotly = f"/{plotly_js.address()}"
        self._files[self._plotly] = plotly_js.file()
        self._edits = _edits(f"{self._base}/", self._files, folder / "index.html")
        self._packing, self._fonts = Packing(), fonts or Fonts()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or have the pages answer."""
        path = scope.get("path", "").removeprefix(self._base)
        if scope["type"] != "http" or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if path.startswith(PICTURES):
            await self._app(scope, receive, _kept(send))
        elif "range" not in headers and (
            ready := await self._ready(path, scope["query_string"].decode("latin-1"), headers)
        ):
            await _send(*ready, send)
        elif path == self._plotly:
            kept = {"cache-control": FOR_GOOD, "vary": "Accept-Encoding"}
            await FileResponse(self._files[path], headers=kept, media_type=KINDS[".js"])(scope, receive, send)
        else:
            await (self._page if "text/html" in headers.get("accept", "") else self._app)(scope, receive, send)

    async def _edit(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A page with the edits, and with the style that names cut fonts once there are some."""
        headers = [pair for pair in scope["headers"] if pair[0] != b"accept-encoding"]
        styles = [address for address in self._fonts.files if ".css?" in address]
        edits = {f'href=".{one.partition("?")[0]}"'.encode(): f'href=".{one}"'.encode() for one in styles}
        await self._app({**scope, "headers": headers}, receive, _edited(send, self._edits | edits))

    async def _ready(self, path: str, query: str, asked: Headers) -> tuple[bytes, dict[str, str]] | None:
        """What is sent for a file that is kept ready, and its headers; None for all else, and where it is gone."""
        address, kind = f"{path}?{query}", KINDS.get(Path(path).suffix)
        ours = self._fonts.files.get(address)
        if ours and not kind:
            return ours, {"content-type": "font/woff2"}
        if not kind or (not ours and path not in self._files):
            return None
        source = (lambda: ours or b"") if ours else self._files[path].read_bytes
        coding, body = await self._packing.get(address if ours else path, source, asked.get("accept-encoding", ""))
        headers = {"content-type": kind, "vary": "Accept-Encoding"}
        if body:
            return body, headers | {"content-encoding": coding}
        return (ours, headers) if ours else None


async def _send(body: bytes, headers: dict[str, str], send: Send) -> None:
    headers |= {"content-length": str(len(body)), "cache-control": FOR_GOOD}
    await send({"type": "http.response.start", "status": 200, "headers": Headers(headers).raw})
    for start in range(0, len(body), PIECE):
        await send({"type": "http.response.body", "body": body[start : start + PIECE], "more_body": True})
    await send({"type": "http.response.body"})


def _kept(send: Send) -> Send:
    """``send`` for a file that a browser may keep once it has it."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] in (200, 206, 304):
            MutableHeaders(scope=message)["cache-control"] = FOR_GOOD
        await send(message)

    return sending


def _edits(root: str, files: Mapping[str, Path], page: Path) -> dict[bytes, bytes]:
    """What is written into a page in place of what.

    It learns where and what its server is: it would ask below its own address first, fail, and wait a moment. The
    scripts of widgets are fetched with the others, not after the first words of the server; the font only when there
    are words to be written, for on a slow network it held up the scripts by a second.
    """
    known = page.read_text(encoding="utf-8") if os.path.isfile(page) else ""
    server = json.dumps({"allowedOrigins": get_option("client.allowedOrigins"), "useExternalAuthToken": False})
    links = (f'<link rel="modulepreload" crossorigin href=".{script}">' for script in _scripts(files, known))
    return {
        b"<head>": b"<head>" + _KNOWN.format(json.dumps(root), server).encode(),
        b"</head>": "".join(links).encode() + b"</head>",
    } | {font.encode(): b"" for font in _FONT.findall(known)}


def _scripts(files: Mapping[str, Path], known: str) -> list[str]:
    """Addresses of the scripts of WIDGETS and of what they import, without those that are ``known``."""
    found: list[str] = []
    waiting = [
        address for address, file in files.items() if file.suffix == ".js" and file.name.split(".")[0] in WIDGETS
    ]
    while waiting:
        address = waiting.pop()
        if address in files and address not in found and address not in known:
            found.append(address)
            imported = _IMPORT.findall(files[address].read_text(encoding="utf-8"))
            waiting += [f"{address.rpartition('/')[0]}/{name}" for name in imported]
    return found


def _edited(send: Send, edits: Mapping[bytes, bytes]) -> Send:
    """``send`` that makes the edits in a page, and leaves all else as it is."""
    begun: Message = {}
    page = bytearray()

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            if message["status"] == 200 and Headers(raw=message["headers"]).get("content-type", "").startswith(
                "text/html"
            ):
                begun.update(message)
                return
        if not begun:
            await send(message)
            return
        page.extend(message.get("body", b""))
        if not message.get("more_body"):
            whole = bytes(page)
            for old, new in edits.items():
                whole = whole.replace(old, new, 1)
            headers = MutableHeaders(scope=begun)
            headers["content-length"] = str(len(whole))
            for name in ("etag", "last-modified"):  # of the page without them
                del headers[name]
            await send(begun)
            await send({"type": "http.response.body", "body": whole})

    return sending
