"""Work on datasets that takes longer than a run of a page: in a thread, watched by all sessions, ended by none."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Lock, Thread
from typing import Any

from semsearch import server_log
from semsearch.errors import Busy

Progress = Callable[[int, int], None]


class Work:
    """One piece of work, begun when this is made."""

    def __init__(self, name: str, run: Callable[[Progress], Any]) -> None:
        """Begin ``run`` for the dataset of that name."""
        self.name, self._run = name, run
        self.done = self.total = 0
        """Pictures; the total is 0 as long as it is unknown."""
        self.finished: Future[Any] = Future()
        """What ``run`` gave."""
        Thread(target=self._work, name=f"dataset {name}", daemon=True).start()

    def _work(self) -> None:
        try:
            self.finished.set_result(self._run(self._count))
        except Exception as error:
            server_log.report(error)
            self.finished.set_exception(error)

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
