"""How many sessions of the pages there are, and how many of them begin at the same time."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from semsearch.errors import Busy

SESSIONS, OF_ONE = 240, 160
"""Sessions at once, and those of one client: a proxy that does not pass on who asks makes all visitors one."""
BEGINNING = 2
"""Sessions that begin at once: the first run of their page has not ended."""
WAITING, CROWD = 64, 8
"""Sessions that wait until they may begin; from how many on a new visitor is better told to come back."""
BEGUN = 3.0
"""Seconds after which a session no longer counts as one that begins: whoever says nothing holds up nobody."""


@dataclass(eq=False)
class Place:
    """A session, from when it knocks until it has gone."""

    client: str
    number: int
    may_begin: asyncio.Event = field(default_factory=asyncio.Event)


class Door:
    """Lets sessions in, those of clients with few that begin before those of clients with many. One event loop."""

    def __init__(
        self, sessions: int = SESSIONS, of_one: int = OF_ONE, *, beginning: int = BEGINNING, begun: float = BEGUN
    ) -> None:
        """Be empty; the limits are those above."""
        self._sessions, self._of_one, self._most, self._begun = sessions, of_one, beginning, begun
        self._inside: Counter[str] = Counter()
        self._waiting: set[Place] = set()
        self._beginning: set[Place] = set()
        self._number = 0

    @property
    def crowded(self) -> bool:
        """Whether a new visitor would wait for long, or find no place."""
        return len(self._waiting) >= CROWD or self._inside.total() >= self._sessions

    @asynccontextmanager
    async def entered(self, client: str) -> AsyncIterator[Callable[[], None]]:
        """Wait until a session of that client may begin; what is given is to be called when its first run has ended.

        Busy at once when there is no place. The session counts until the block ends.
        """
        if self._inside.total() >= self._sessions or self._inside[client] >= self._of_one:
            raise Busy("as many visitors as there is room for are here; try again in a minute")
        if len(self._waiting) >= WAITING:
            raise Busy("many visitors have come at once; try again in a few seconds")
        self._number += 1
        place = Place(client, self._number)
        self._inside[client] += 1
        self._waiting.add(place)
        timer: asyncio.TimerHandle | None = None
        try:
            self._let_in()
            await place.may_begin.wait()
            timer = asyncio.get_running_loop().call_later(self._begun, self._has_begun, place)
            yield lambda: self._has_begun(place)
        finally:
            if timer:
                timer.cancel()
            self._inside[client] -= 1
            self._inside += Counter()  # forget whoever has none
            self._waiting.discard(place)
            self._has_begun(place)

    def _has_begun(self, place: Place) -> None:
        self._beginning.discard(place)
        self._let_in()

    def _let_in(self) -> None:
        while self._waiting and len(self._beginning) < self._most:
            beginning = Counter(place.client for place in self._beginning)
            place = min(self._waiting, key=lambda one: (beginning[one.client], one.number))
            self._waiting.discard(place)
            self._beginning.add(place)
            place.may_begin.set()
