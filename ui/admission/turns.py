"""Turns at running a page: all runs share one interpreter, and each that is at work slows down all others.

First runs, of sessions that have been shown nothing yet, have a lane of their own: however many new visitors come,
those who are already in go past them.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache

FIRST, LATER = 1, 2
"""Runs at work at once: first ones, and those of sessions that have been shown a page."""
REST, FEW = 2.0, 3
"""After a first run the next begins so many times as long later as it took, for as much time is for those who are in;
at once where no more than so many wait."""
POLL = 0.5
"""Seconds after which whoever waits is asked whether it still wants to."""
LONGEST = 5.0
"""Seconds after which a run is no longer counted: it waits for something else, and nobody shall wait for that."""


@dataclass(eq=False)
class Turn:
    """One run that is at work, or waits for it."""

    lane: "Lane"
    since: float
    """Seconds of the monotonic clock; the smallest goes first."""
    bell: threading.Event = field(default_factory=threading.Event)
    start: float = 0.0
    """When it began; 0 before."""


class Lane:
    """So many turns at once, in the order in which they were asked for."""

    def __init__(self, size: int, rest: float = 0.0) -> None:
        """Have room for ``size``; after a turn the next begins ``rest`` times as long later as that one took."""
        self._size, self._rest, self._lock = size, rest, threading.Lock()
        self._free = 0.0
        self._waiting: set[Turn] = set()
        self._running: set[Turn] = set()

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def join(self, turn: Turn, waiting: Callable[[int], None]) -> None:
        """Wait for the turn; ``waiting`` is told now and then how many are before it, and ends that by raising."""
        with self._lock:
            self._waiting.add(turn)
            self._begin()
        while not turn.start:
            rest = self._free - time.monotonic()
            turn.bell.wait(rest if 0 < rest < POLL else POLL)
            turn.bell.clear()
            with self._lock:
                self._begin()
                before = sum(other.since < turn.since for other in self._waiting)
            if not turn.start:
                waiting(before)

    def leave(self, turn: Turn) -> None:
        """Give the turn, or the wait for it, to the next; nothing when it was given already."""
        with self._lock:
            self._waiting.discard(turn)
            if turn in self._running:
                self._running.discard(turn)
                now = time.monotonic()
                if len(self._waiting) > FEW:
                    self._free = now + self._rest * min(now - turn.start, 1.0)
            turn.start = 0.0
            self._begin()
            if self._waiting:
                min(self._waiting, key=lambda one: one.since).bell.set()

    def _begin(self) -> None:
        now = time.monotonic()
        self._running = {turn for turn in self._running if now - turn.start < LONGEST}
        while self._waiting and len(self._running) < self._size and now >= self._free:
            turn = min(self._waiting, key=lambda one: one.since)
            self._waiting.discard(turn)
            self._running.add(turn)
            turn.start = now
            turn.bell.set()


class Turns:
    """The turns of one server."""

    def __init__(self, first: int = FIRST, later: int = LATER) -> None:
        """So many first and later runs at once."""
        self.first, self.later = Lane(first, REST), Lane(later)
        self._mine = threading.local()

    @contextmanager
    def taken(self, lane: Lane, since: float, waiting: Callable[[int], None]) -> Iterator[None]:
        """Be at work in the block; ``since`` and ``waiting`` as in ``Lane.join``."""
        turn = self._mine.turn = Turn(lane, since)
        try:
            lane.join(turn, waiting)
            yield
        finally:
            self._mine.turn = None
            lane.leave(turn)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Let others go while the block only waits; then take the turn of this thread again, where it had one."""
        turn: Turn | None = getattr(self._mine, "turn", None)
        if turn:
            turn.lane.leave(turn)
        yield
        if turn:
            turn.lane.join(turn, lambda before: None)


@cache
def turns() -> Turns:
    """Those of this process."""
    return Turns()
