"""Whose picture is decoded next: a fair queue in front of the decoders.

There are two places. Small pictures, which nearly all are, may use either; large ones only the last, so that they
never hold both. Who holds no place comes first, and among those the client that had least of the decoders: each has an
account of seconds, and a picture is in turn by the account of its client, as in start-time fair queueing (Goyal 1996).
So a client of many pictures, of costly ones, or of ones that are refused waits for itself.
"""

import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from semsearch.errors import Busy

PLACES = 2
LARGE = 8
"""Large pictures that may wait, of all clients."""
LARGE_EACH = 2
"""Large pictures of one client that may wait."""
CLIENTS = 1_000
"""Accounts after which those are forgotten that have no more than anybody."""
REFUSED = 10
"""How many times the seconds of a picture count that came to nothing."""


@dataclass(eq=False)
class _Ticket:
    client: str
    large: bool
    account: float
    """Seconds that its client had when it asked, or that those in turn have who had least."""


class Turns:
    """The places at decoders, and who waits for them."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self._changed = threading.Condition()
        self._holders: list[str | None] = [None] * PLACES
        self._waiting: list[_Ticket] = []
        self._accounts: dict[str, float] = {}
        self._now = 0.0  # the account of the last who came in turn: nobody has saved up more than that

    @contextmanager
    def turn(self, client: str, *, large: bool, deadline: float) -> Iterator[None]:
        """Hold a place; Busy if too many large pictures wait, or when ``deadline``, of the monotonic clock, passes.

        Who has no deadline, but an infinite one, waits however many do.
        """
        place = self._take(client, large, deadline)
        begun, weight = time.monotonic(), REFUSED
        try:
            yield
            weight = 1
        finally:
            with self._changed:
                self._holders[place] = None
                self._charge(client, weight * (time.monotonic() - begun))
                self._changed.notify_all()

    def _take(self, client: str, large: bool, deadline: float) -> int:
        with self._changed:
            if large and not math.isinf(deadline):
                self._refuse_large(client)
            ticket = _Ticket(client, large, max(self._now, self._accounts.get(client, 0.0)))
            self._waiting.append(ticket)
            try:
                while (place := self._place(ticket)) is None:
                    left = deadline - time.monotonic()
                    if left <= 0:
                        raise Busy("no decoder of pictures became free in time; try again in a few seconds")
                    self._changed.wait(min(left, threading.TIMEOUT_MAX))
                self._holders[place] = client
                self._now = max(self._now, ticket.account)
                return place
            finally:
                self._waiting.remove(ticket)
                self._changed.notify_all()

    def _refuse_large(self, client: str) -> None:
        waiting = [ticket.client for ticket in self._waiting if ticket.large]
        if len(waiting) >= LARGE or waiting.count(client) >= LARGE_EACH:
            raise Busy("too many large pictures wait for being decoded; try again in a few seconds, or make it smaller")

    def _place(self, ticket: _Ticket) -> int | None:
        """The place that a ticket may take now."""
        for place in (PLACES - 1,) if ticket.large else range(PLACES):
            if self._holders[place] is None:
                rivals = [other for other in self._waiting if place == PLACES - 1 or not other.large]
                if min(rivals, key=self._rank) is ticket:
                    return place
        return None

    def _rank(self, ticket: _Ticket) -> tuple[bool, float]:
        """Least first, of equals the one that came first: ``min`` keeps the order of arrival."""
        return ticket.client in self._holders, ticket.account

    def _charge(self, client: str, seconds: float) -> None:
        self._accounts[client] = max(self._now, self._accounts.get(client, 0.0)) + seconds
        if len(self._accounts) > CLIENTS:
            self._accounts = {client: account for client, account in self._accounts.items() if account > self._now}
