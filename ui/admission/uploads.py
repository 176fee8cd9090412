"""What one session, and all, may ask for: how often, and how much the files take that their page has not taken yet."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

from semsearch.errors import Busy, InputError

ALLOWED = MappingProxyType(
    {
        "job": ((0.05, 6), (0.2, 30)),
        "link": ((0.5, 10), (20, 100)),
        "picture": ((8, 160), (100, 800)),
        "report": ((0.2, 3), (0.5, 6)),
        "search": ((5, 60), (400, 1_000)),
    }
)
"""(a second, at once) of one session, and of all: pictures from links, pictures opened, reports, searches; jobs and
measurements that are begun."""
OF_ONE, OF_ALL = 40_000_000, 160_000_000
"""Bytes that wait or are on their way, of one session and of all."""


class Uploads:
    """Counts what is on its way and what was not taken yet."""

    def __init__(self, held: Callable[[], Mapping[str, int]], *, of_one: int = OF_ONE, of_all: int = OF_ALL) -> None:
        """``held`` gives the bytes that each session holds now."""
        self._held, self._of_one, self._of_all = held, of_one, of_all
        self._coming: Counter[str] = Counter()

    @contextmanager
    def coming(self, session: str, size: int) -> Iterator[None]:
        """Count ``size`` bytes of a session while the block reads them; InputError or Busy where they are too many."""
        held = self._held()
        if held.get(session, 0) + self._coming[session] + size > self._of_one:
            raise InputError(f"expected at most {self._of_one // 1_000_000} MB of one visitor at once, got more")
        if sum(held.values()) + self._coming.total() + size > self._of_all:
            raise Busy("the pictures of all visitors together are too large; try again in a minute")
        self._coming[session] += size
        try:
            yield
        finally:
            self._coming[session] -= size
            self._coming += Counter()  # forget whoever sends none
