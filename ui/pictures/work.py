"""Work on datasets that takes longer than a run of a page: in a thread, watched by all sessions, ended by none."""

from collections.abc import Callable
from threading import Lock
from typing import Any

from semsearch.errors import Busy
from ui.jobs.watched import Watched

Progress = Callable[[int, int], None]


class Work(Watched[Any]):
    """One piece of work, begun when this is made."""

    def __init__(self, name: str, run: Callable[[Progress], Any]) -> None:
        """Begin ``run`` for the dataset of that name."""
        super().__init__()
        self.name, self._steps = name, run
        self.done = self.total = 0
        """Pictures; the total is 0 as long as it is unknown."""
        self.begin(f"dataset {name}")

    def work(self) -> Any:  # noqa: ANN401 - what was asked for
        """Do what it was begun with."""
        return self._steps(self._count)

    def _count(self, done: int, total: int) -> None:
        self.done, self.total = done, total


class Works:
    """At most one piece of work at a time; safe for threads."""

    def __init__(self) -> None:
        """Begin with none."""
        self._lock, self._last = Lock(), list[Work]()

    def running(self) -> Work | None:
        """What is under way, if anything."""
        return next((work for work in self._last if not work.finished.done()), None)

    def start(self, name: str, run: Callable[[Progress], Any]) -> Work:
        """Begin; Busy while other work is under way."""
        with self._lock:
            if other := self.running():
                raise Busy(f"{other.name} is being worked on; wait until that is done")
            self._last[:] = [Work(name, run)]
            return self._last[0]
