"""Before all that the server answers: whose request it is, whether there is room for it, and what a full server says.

REST, below ``/api``, judges for itself and in JSON.
"""

import asyncio
import gc
from collections.abc import Callable
from types import MappingProxyType
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime import exists, get_instance
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager

from semsearch.errors import Busy, InputError
from semsearch.rest.gate import client_of
from ui.admission import answers, rooms
from ui.admission.door import Door
from ui.admission.uploads import Uploads

AWAY = 45.0
"""Seconds in which a session whose connection broke can come back to what it had."""
SILENT = 30.0
"""Seconds in which a session must have asked for its page."""
SMALL = 64
"""Bytes of a message that may be the one that says that a run has ended."""
NAMES = MappingProxyType(
    {
        **{"/search": "/", "/similar": "/", "/live_search": "/live"},
        **{"/embeddings": "/map", "/datasets": "/data", "/guide": "/learn"},
        **{"/index_lab": "/indices", "/explorer": "/model_explorer"},
    }
)
"""Where pages are found whose address somebody takes from their title."""
LARGEST_UPLOAD = 11_000_000
"""Bytes that are counted of an upload that does not say how large it is."""


class Entrance:
    """An ASGI application around that of the pages."""

    def __init__(self, app: ASGIApp, *, allows_host: Callable[[str | None], bool], base: str = "") -> None:
        """``allows_host`` judges the Host header; all pages are below the path ``base``."""
        self._app, self._allows_host = app, allows_host
        self._base = f"/{base.strip('/')}".rstrip("/")
        self._door, self._uploads = Door(), Uploads(_held)
        self._closing: set[str] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or have the pages answer."""
        kind, path = scope["type"], scope.get("path", "").removeprefix(self._base)
        if kind not in ("http", "websocket") or path == "/api" or path.startswith("/api/"):
            await self._app(scope, receive, send)
            return
        refusal = self._foreign(Headers(scope=scope))
        if kind == "websocket":
            await (_refuse(send) if refusal else self._session(scope, receive, send))
        elif refusal:
            await refusal(scope, receive, send)
        elif path.startswith("/_stcore/upload_file/") and scope["method"] == "PUT":
            await self._upload(path.split("/")[3], scope, receive, send)
        elif (elsewhere := NAMES.get(path.rstrip("/"))) and _opens_page(scope, path):
            await answers.elsewhere(quote(self._base) + elsewhere + _query(scope))(scope, receive, send)
        elif self._door.crowded and _opens_page(scope, path):
            await answers.busy(quote(scope["path"]) + _query(scope))(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _foreign(self, headers: Headers) -> Response | None:
        hosts = headers.getlist("host")
        if len(hosts) > 1:
            return answers.refused(400, f"expected one Host, got {len(hosts)}")
        if not self._allows_host(hosts[0] if hosts else None):
            return answers.refused(403, "expected a request for this server, got one for another host")
        return None

    async def _upload(self, session: str, scope: Scope, receive: Receive, send: Send) -> None:
        length = Headers(scope=scope).get("content-length", "")
        size = int(length) if length.isdecimal() and len(length) < 12 else LARGEST_UPLOAD
        try:
            with self._uploads.coming(session, size):
                await self._app(scope, receive, send)
        except (InputError, Busy) as error:
            status = 413 if isinstance(error, InputError) else 503
            await answers.refused(status, str(error))(scope, receive, send)

    async def _session(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with self._door.entered(client_of(scope)) as begun:
                tab = _Tab(receive, send, begun)
                try:
                    await self._app(scope, tab.receive, tab.send)
                finally:
                    if tab.session:
                        asyncio.get_running_loop().call_later(AWAY, self._close, tab.session)
        except Busy:
            await _refuse(send)

    def _close(self, session: str) -> None:
        """End a session that did not come back, and what it held."""
        if not exists() or get_instance().is_active_session(session):
            return
        get_instance().close_session(session)
        rooms.pictures().forget(session)
        if not self._closing:
            asyncio.get_running_loop().call_later(1.0, self._collect)
        self._closing.add(session)

    def _collect(self) -> None:
        self._closing.clear()
        gc.collect()


class _Tab:
    """What goes between a browser and its session, looked at until its first page is there."""

    def __init__(self, receive: Receive, send: Send, begun: Callable[[], None]) -> None:
        self._receive, self._send, self._begun = receive, send, begun
        self.session = ""
        self._spoke = self._shown = False

    async def receive(self) -> Message:
        """The next message of the browser; it has left when it says nothing at first."""
        message: Message = {"type": "websocket.disconnect", "code": 1008}
        try:
            async with asyncio.timeout(None if self._spoke else SILENT):
                message = await self._receive()
        except TimeoutError:
            await self._send({"type": "websocket.close", "code": 1008})
        self._spoke = self._spoke or message["type"] == "websocket.receive"
        return message

    async def send(self, message: Message) -> None:
        """Pass a message on to the browser."""
        data = message.get("bytes") or b""
        if not self._shown and data and (not self.session or len(data) <= SMALL):
            said = ForwardMsg.FromString(data)
            self.session = self.session or said.new_session.initialize.session_id
            if said.WhichOneof("type") == "script_finished":
                self._shown = True
                self._begun()
        await self._send(message)


async def _refuse(send: Send) -> None:
    """Refuse a WebSocket; no browser tells a page why, and uvicorn logs an error for every other way to do it."""
    await send({"type": "websocket.close", "code": 1013})


def _held() -> dict[str, int]:
    """Bytes of the files of each session that its page has not taken."""
    manager = get_instance().uploaded_file_mgr if exists() else None
    if not isinstance(manager, MemoryUploadedFileManager):
        return {}
    files = {session: list(records.values()) for session, records in list(manager.file_storage.items())}
    return {session: sum(len(record.data) for record in records) for session, records in files.items()}


def _query(scope: Scope) -> str:
    query = scope["query_string"].decode("latin-1")
    return f"?{query}" if query else ""


def _opens_page(scope: Scope, path: str) -> bool:
    """Whether a browser wants to show what is at this path as a page."""
    wants = Headers(scope=scope).get("accept", "")
    is_file = "." in path.rpartition("/")[2] or path.startswith("/_stcore/")
    return scope["method"] == "GET" and "text/html" in wants and not is_file
