"""Connections that are begun and not gone on with: closed after a while, and at once where they take others' place.

uvicorn bounds neither how long a client may take for its request, nor how many do so. A request of an honest client is
here within milliseconds, so that of those that are not, the one that has been at it for longest makes room, of the
address that has most of them. No honest visitor is counted against, and it does not matter whether a proxy stands
before the server and makes all visitors one address.
"""

import asyncio
import resource
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Any, Protocol

import uvicorn

FILES, KEPT_FREE = 16_384, 0.4
"""Files that this process asks the system for; share of them that is kept for all but connections."""
PATIENCE: Mapping[str, float] = MappingProxyType(
    {"request": 10.0, "body": 60.0, "answer": 180.0, "handshake": 30.0, "message": 120.0, "end": 10.0}
)
"""Seconds that a connection may stay as it is: without a whole head of a request, or body; until its answer has been
taken; until a WebSocket is open, and its message whole; until what is being closed has taken what was sent."""
MESSAGES = 100_000_000
"""Bytes of all messages over WebSockets that are not whole yet."""
LOOK, MOMENT = 1.0, 0.1
"""Seconds after which all connections are looked at; where they are too many."""
UNFINISHED, SHORT = ("request", "body"), ("request", "body", "answer", "handshake", "end")
"""What connections do whose request is not all here; that may be cut short where they are too many."""
OPENED = 20
"""WebSockets that are opened in a moment; the next are told to come back."""
_LATER = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 2\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Connection(Protocol):
    """What is used of uvicorn's connections."""

    transport: asyncio.Transport
    client: tuple[str, int] | None


class Watch:
    """All connections of one server, each with what it does and since when."""

    def __init__(self, most: int, *, patience: Mapping[str, float] = PATIENCE) -> None:
        """Keep to about ``most`` connections, and half as many whose request is not all here."""
        self._most, self._unfinished, self._patience, self._looked = most, most // 2, patience, 0.0
        self._moment, self._opened = 0.0, 0
        self._since: dict[Connection, tuple[tuple[str, int], float]] = {}

    def came(self, connection: Connection) -> None:
        """One more; where they are too many, others make room."""
        now = time.monotonic()
        self._since[connection] = state(connection), now
        if len(self._since) > min(self._unfinished, self._most) and now - self._looked > MOMENT:
            self._look()
            late = [one for one, ((doing, _), _) in self._since.items() if doing in UNFINISHED]
            self._drop(late, len(late) - self._unfinished)
            self._drop(
                [one for one, ((doing, _), _) in self._since.items() if doing in SHORT], len(self._since) - self._most
            )

    def may_open(self) -> bool:
        """Whether one more WebSocket may be opened now: each costs as much as many requests, and all wait for it."""
        now = time.monotonic()
        if now - self._moment > MOMENT:
            self._moment, self._opened = now, 0
        self._opened += 1
        return self._opened <= OPENED

    def gone(self, connection: Connection) -> None:
        """One less."""
        self._since.pop(connection, None)

    async def stay(self) -> None:
        """Look after all of them until cancelled."""
        while True:
            await asyncio.sleep(LOOK)
            self._look()
            now = time.monotonic()
            for connection, ((doing, _), since) in list(self._since.items()):
                if now - since > self._patience.get(doing, float("inf")):
                    self._abort(connection)
            while sum(len_of_message(one) for one in self._since) > MESSAGES:
                self._abort(max(self._since, key=len_of_message))

    def _look(self) -> None:
        self._looked = now = time.monotonic()
        for connection, (before, _) in list(self._since.items()):
            doing = state(connection)
            if doing != before:
                self._since[connection] = doing, now

    def _drop(self, connections: list[Connection], surplus: int) -> None:
        """Abort so many and a few more, those of the addresses with most of them, unfinished and old ones first."""
        if surplus <= 0:
            return
        numbers = Counter(_address(one) for one in connections)
        done = {one: self._since[one][0][0] not in UNFINISHED for one in connections}
        connections.sort(key=lambda one: (-numbers[_address(one)], done[one], self._since[one][1]))
        for one in connections[: surplus + len(connections) // 20]:
            self._abort(one)

    def _abort(self, connection: Connection) -> None:
        self._since.pop(connection, None)
        connection.transport.abort()


def state(connection: Any) -> tuple[str, int]:  # noqa: ANN401 - two kinds of uvicorn's, which have no common class
    """What a connection does, a name of PATIENCE or "open", and the number of the request or message it does it for."""
    if connection.transport.is_closing():
        return "end", 0
    if hasattr(connection, "handshake_complete"):
        number: int = connection.messages
        unfinished = bool(connection.unfinished)
        return ("handshake" if not connection.handshake_complete else "message" if unfinished else "open", number)
    cycle = connection.cycle
    if cycle is None or cycle.response_complete:
        return "request", id(cycle)
    return ("body" if cycle.more_body else "answer"), id(cycle)


def len_of_message(connection: Any) -> int:  # noqa: ANN401 - as above
    """Bytes of a message that is not whole."""
    return int(getattr(connection, "unfinished", 0))


def _address(connection: Connection) -> str:
    return connection.client[0] if connection.client else ""


def more_files() -> int:
    """Ask for as many open files as the system gives, within reason; how many there may be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = FILES if hard == resource.RLIM_INFINITY else min(hard, FILES)
    if soft != resource.RLIM_INFINITY and soft < most:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
            return most
    return FILES if soft == resource.RLIM_INFINITY else min(soft, FILES)


def watched(kind: type, watch: Watch) -> type:
    """A kind of connection of uvicorn that tells ``watch`` when one comes and goes, and counts what is not whole."""

    class Watched(kind):  # type: ignore[misc]
        messages = unfinished = 0

        def connection_made(self, transport: asyncio.Transport) -> None:
            super().connection_made(transport)
            watch.came(self)

        def connection_lost(self, error: Exception | None) -> None:
            watch.gone(self)
            super().connection_lost(error)

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if conversation := getattr(self, "conn", None):  # of a WebSocket
                self.unfinished = self.unfinished + len(data) if self.frames or conversation.reader.buffer else 0

        def handle_websocket_upgrade(self) -> None:
            if not watch.may_open():
                self.transport.write(_LATER)
                self.transport.close()
                return
            watch.gone(self)
            super().handle_websocket_upgrade()

        def send_receive_event_to_app(self) -> None:
            self.messages += 1
            super().send_receive_event_to_app()

    return Watched


def watch_all() -> None:
    """Have every server that uvicorn starts in this process watch its connections."""
    begin, files = uvicorn.Server.startup, more_files()

    async def startup(server: uvicorn.Server, sockets: Any = None) -> None:  # noqa: ANN401 - as uvicorn has it
        config, watch = server.config, Watch(int(files * (1 - KEPT_FREE)))
        config.http_protocol_class = watched(config.http_protocol_class, watch)
        if config.ws_protocol_class:
            config.ws_protocol_class = watched(config.ws_protocol_class, watch)
        await begin(server, sockets)
        server.watching = asyncio.create_task(watch.stay())  # type: ignore[attr-defined]

    setattr(uvicorn.Server, "startup", startup)  # noqa: B010 - mypy takes no method for another
