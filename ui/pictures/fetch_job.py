"""Fetches of pictures, each in a thread of its own: all sessions watch the same one, and leaving ends none."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Lock, Thread

from semsearch import server_log
from semsearch.data import datasets


class FetchJob:
    """One fetch of a dataset's pictures, begun when this is made."""

    def __init__(self, name: str, then: Callable[[str], None]) -> None:
        """Begin; ``then`` is called with the name when the pictures are here."""
        self.name, self._then = name, then
        self.done = self.total = 0
        """Pictures, or bytes while an archive comes; the total is 0 as long as it is unknown."""
        self.finished: Future[None] = Future()
        Thread(target=self._run, name=f"fetch {name}", daemon=True).start()

    @property
    def error(self) -> Exception | None:
        """What made it fail, if it has."""
        failure = self.finished.exception() if self.finished.done() else None
        return failure if isinstance(failure, Exception) else None

    def _run(self) -> None:
        try:
            datasets.fetch(self.name, progress=self._count)
            self._then(self.name)
        except Exception as error:
            server_log.report(error)
            self.finished.set_exception(error)
        else:
            self.finished.set_result(None)

    def _count(self, done: int, total: int) -> None:
        self.done, self.total = done, total


class FetchJobs:
    """At most one fetch at a time of each dataset; safe for threads."""

    def __init__(self, then: Callable[[str], None]) -> None:
        """Begin with none; ``then`` is called with the name of each dataset whose pictures have come."""
        self._then = then
        self._jobs: dict[str, FetchJob] = {}
        self._lock = Lock()

    def running(self, name: str) -> FetchJob | None:
        """The fetch of a dataset that is under way, if any."""
        job = self._jobs.get(name)
        return None if job is None or job.finished.done() else job

    def start(self, name: str) -> FetchJob:
        """The fetch that is under way, or a new one."""
        with self._lock:
            job = self.running(name) or FetchJob(name, self._then)
            self._jobs[name] = job
        return job
