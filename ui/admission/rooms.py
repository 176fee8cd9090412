"""How many bytes of their own pictures all sessions together keep."""

import threading
from functools import cache

from semsearch.errors import Busy

OF_ALL = 200_000_000
"""Bytes."""


class Room:
    """Bytes that each session keeps, within a limit for all."""

    def __init__(self, of_all: int = OF_ALL) -> None:
        """Hold nothing yet."""
        self._of_all, self._lock = of_all, threading.Lock()
        self._kept: dict[str, int] = {}

    def keep(self, session: str, size: int) -> None:
        """A session keeps ``size`` bytes from now on; Busy when it would be more than before, and too much for all."""
        with self._lock:
            before = self._kept.pop(session, 0)
            if size > before and sum(self._kept.values()) + size > self._of_all:
                self._kept[session] = before
                raise Busy("the pictures of all visitors together are too large; try again in a minute")
            if size:
                self._kept[session] = size

    def forget(self, session: str) -> None:
        """The session has ended."""
        self.keep(session, 0)


@cache
def pictures() -> Room:
    """That of this process."""
    return Room()
