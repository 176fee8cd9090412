"""The attacks of ``attack.py``: each keeps at it until its time is over, from an address of its own on this machine.

    python -m benchmarks.attackers NAME PORT SECONDS PROCESS

``PROCESS`` is that of the server, whose decoders one attack kills. Nothing here asks any other machine.
"""

import asyncio
import itertools
import json
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType

from websockets.exceptions import WebSocketException

from benchmarks import attack_pictures
from benchmarks.tab import Tab
from semsearch.models import catalog

HERE = ("127.0.0.2", 0)
"""Where attackers come from: the normal client is another one."""
EDGE = "edge-of-a-part"
LARGE = 9_900_000
Attack = Callable[[int, float, int], Coroutine[None, None, None]]
"""Of port, time when it is over, process of the server."""
FAILURES = (OSError, EOFError, asyncio.IncompleteReadError, TimeoutError, WebSocketException, ValueError)


def form(picture: bytes, **fields: str) -> tuple[str, bytes]:
    """(type, body) of a search with a picture."""
    parts = [f'--{EDGE}\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n' for n, v in fields.items()]
    parts.append(f'--{EDGE}\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n')
    return f"multipart/form-data; boundary={EDGE}", "".join(parts).encode() + picture + f"\r\n--{EDGE}--\r\n".encode()


async def ask(
    port: int, method: str, path: str, kind: str, body: bytes, *, source: tuple[str, int] | None = HERE, more: str = ""
) -> tuple[int, str, bytes]:
    """(status, head, body) of an answer, on a connection of its own."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=source)
    try:
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{more}"
        head += f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        answer = await reader.read()
        said, _, rest = answer.partition(b"\r\n\r\n")
        return int(said.split(b" ", 2)[1]), said.decode("latin-1"), rest
    finally:
        writer.close()


async def _again(until: float, number: int, once: Callable[[int], Awaitable[object]], pause: float = 0.0) -> None:
    """That many at the same time, each again and again; what the server refuses is part of it."""

    async def one(first: int) -> None:
        for turn in itertools.count(first, number):
            if time.monotonic() > until:
                return
            begun = time.monotonic()
            with suppress(*FAILURES):
                async with asyncio.timeout(max(0.1, until - time.monotonic())):
                    await once(turn)
            await asyncio.sleep(max(pause, 0.05 - (time.monotonic() - begun)))

    await asyncio.gather(*(one(n) for n in range(number)))


def pictures(kind: str, number: int) -> Attack:
    """Searches with hostile pictures of one kind, on that many connections."""

    async def attack(port: int, until: float, _process: int) -> None:
        made = [form(attack_pictures.ATTACKS[kind](salt)) for salt in range(20)]
        await _again(until, number, lambda turn: ask(port, "POST", "/api/search", *made[turn % len(made)]))

    return attack


async def configurations(port: int, until: float, _process: int) -> None:
    """Ever new configurations, most of them on a dataset that holds a hostile picture."""
    layers = [layer.name for layer in catalog.model("mobilenetv2").layers]
    kinds = itertools.cycle(itertools.product(layers, catalog.POOLINGS[:3], ("own", "groceries200")))

    async def once(_turn: int) -> None:
        layer, pooling, dataset = next(kinds)
        asked = {"dataset": dataset, "model": "mobilenetv2", "layer": layer, "pooling": pooling, "item": 1}
        await ask(port, "POST", "/api/search", "application/json", json.dumps(asked).encode())

    await _again(until, 1, once, 0.2)


async def sessions(port: int, until: float, _process: int) -> None:
    """300 new sessions of the pages; those that are refused knock again, those that are in stay."""

    async def once(_turn: int) -> None:
        tab = Tab(port, source=HERE)
        await tab.open()
        try:
            await tab.run()
            await asyncio.sleep(until - time.monotonic())
        finally:
            await tab.close()

    await _again(until, 300, once, 2.0)


async def headers(port: int, until: float, _process: int) -> None:
    """1,000 connections that never end their headers; those that are closed come again."""

    async def once(_turn: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=HERE)
        try:
            writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
            await reader.read()
        finally:
            writer.close()

    await _again(until, 1_000, once, 0.5)


async def uploads(port: int, until: float, _process: int) -> None:
    """80 uploads of 9.9 MB into eight sessions, which then leave."""
    tabs = [Tab(port, source=HERE) for _ in range(8)]
    for tab in tabs:
        await tab.open()
        await tab.run()
    _, head, _ = await ask(port, "GET", "/_stcore/health", "text/plain", b"")
    token = head.partition("_streamlit_xsrf=")[2].partition(";")[0]
    kind, body = form(bytes(LARGE))
    more = f"X-Xsrftoken: {token}\r\nCookie: _streamlit_xsrf={token}\r\n"

    async def put(number: int) -> None:
        path = f"/_stcore/upload_file/{tabs[number % 8].session}/{number}"
        with suppress(*FAILURES):
            await ask(port, "PUT", path, kind, body, more=more)

    for first in range(0, 80, 8):
        await asyncio.gather(*(put(number) for number in range(first, first + 8)))
    await asyncio.sleep(max(0.0, until - time.monotonic()))
    for tab in tabs:
        await tab.close()


async def killed(port: int, until: float, process: int) -> None:
    """The decoders are killed again and again, as a machine short of memory does it."""
    own = Path(f"/proc/{process}/task/{process}/children")
    while time.monotonic() < until:
        for child in own.read_text().split():
            with suppress(OSError):
                if b"sandbox" in Path(f"/proc/{child}/cmdline").read_bytes():
                    os.kill(int(child), signal.SIGKILL)
        await asyncio.sleep(0.5)


ATTACKS: Mapping[str, Attack] = MappingProxyType(
    {
        "2 progressive bombs": pictures("scans without end", 2),
        "20 progressive bombs": pictures("scans without end", 20),
        "8 GIFs of 50 megapixels": pictures("large GIF", 8),
        "ever new configurations": configurations,
        "300 new page sessions": sessions,
        "1,000 unfinished headers": headers,
        "80 uploads of 9.9 MB": uploads,
        "killed decoders": killed,
    }
)

if __name__ == "__main__":
    name, port, seconds, process = sys.argv[1:]
    asyncio.run(ATTACKS[name](int(port), time.monotonic() + float(seconds), int(process)))
