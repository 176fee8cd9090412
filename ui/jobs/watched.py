"""Work in a thread of its own that pages watch, and may end: begun by one session, seen by all."""

import threading
from concurrent.futures import Future
from typing import Generic, TypeVar

from semsearch import server_log
from semsearch.errors import Cancelled

T = TypeVar("T")


class Watched(Generic[T]):
    """One piece of work: a subclass says in ``work`` what it is, and calls ``begin`` when it is ready."""

    def __init__(self) -> None:
        """Begin nothing yet."""
        self.finished: Future[T] = Future()
        self._stopped = False

    def begin(self, name: str) -> None:
        """Do ``work`` in a thread of that name."""
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def work(self) -> T:
        """Do it; raises Cancelled soon after ``stopping``."""
        raise NotImplementedError

    def stop(self) -> None:
        """Have it end at its next step."""
        self._stopped = True

    @property
    def stopping(self) -> bool:
        """Whether it was told to end."""
        return self._stopped

    @property
    def error(self) -> Exception | None:
        """What made it fail, if it has."""
        failure = self.finished.exception() if self.finished.done() else None
        return failure if isinstance(failure, Exception) else None

    def _run(self) -> None:
        try:
            result = self.work()
        except Cancelled as end:
            self.finished.set_exception(end)
        except Exception as error:
            server_log.report(error)
            self.finished.set_exception(error)
        else:
            self.finished.set_result(result)
