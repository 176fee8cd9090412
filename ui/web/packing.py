"""Files compressed for browsers: each once and quickly when it is first asked for, and once more, better, behind that.

At quality 5 brotli takes no longer than gzip, and makes scripts smaller by 7 %; at quality 10, by 14 %, and takes
twenty times as long. So whoever comes first is not held up, and all who come later get less.
"""

import asyncio
import gzip
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue

import brotli

QUICK, SMALL = 5, 10
"""Qualities of brotli: at once, and behind that."""
PATIENCE = 20.0
"""Seconds that a server's first visitors have the processor for themselves."""
Source = Callable[[], bytes]
"""Gives what a file holds, or raises OSError."""


class Packing:
    """What was compressed, by any name of a file."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._quick: dict[tuple[str, str], asyncio.Task[bytes]] = {}
        self._small: dict[str, bytes] = {}
        self._waiting: SimpleQueue[tuple[str, Source]] | None = None

    async def get(self, name: str, source: Source, accepted: str) -> tuple[str, bytes]:
        """How a file is compressed for a browser that reads ``accepted``, and it; empty where it is not, or is gone."""
        reads = {word.partition(";")[0].strip() for word in accepted.split(",")}
        coding = next((one for one in ("br", "gzip") if one in reads), "")
        if coding == "br" and name in self._small:
            return coding, self._small[name]
        if not coding:
            return "", b""
        if (coding, name) not in self._quick:
            self._quick[coding, name] = asyncio.create_task(asyncio.to_thread(_quickly, source, coding))
            if coding == "br":
                self._later(name, source)
        return coding, await asyncio.shield(
            self._quick[coding, name]
        )  # whoever leaves takes it from none of the others

    def _later(self, name: str, source: Source) -> None:
        if self._waiting is None:
            self._waiting = SimpleQueue()
            threading.Thread(target=_behind, args=(self._waiting, self._small), name="pack", daemon=True).start()
        self._waiting.put((name, source))


def _quickly(source: Source, coding: str) -> bytes:
    try:
        data = source()
    except OSError:
        return b""
    return gzip.compress(data, mtime=0) if coding == "gzip" else _brotli(data, QUICK)


def _brotli(data: bytes, quality: int) -> bytes:
    packed: bytes = brotli.compress(data, mode=brotli.MODE_TEXT, quality=quality)
    return packed


def _behind(waiting: "SimpleQueue[tuple[str, Source]]", done: dict[str, bytes]) -> None:
    """Compress what waits, one after the other, with what of the processor nobody else wants."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)
    time.sleep(PATIENCE)
    while True:
        name, source = waiting.get()
        with suppress(OSError):
            done[name] = _brotli(source(), SMALL)
