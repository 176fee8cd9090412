"""Fetches of pictures, each in a thread of its own: all sessions watch the same one, and leaving ends none."""

from collections.abc import Callable
from threading import Lock

from semsearch.data import datasets
from ui.jobs.watched import Watched


class FetchJob(Watched[None]):
    """One fetch of a dataset's pictures, begun when this is made."""

    def __init__(self, name: str, then: Callable[[str], None]) -> None:
        """Begin; ``then`` is called with the name when the pictures are here."""
        super().__init__()
        self.name, self._then = name, then
        self.done = self.total = 0
        """Pictures, or bytes while an archive comes; the total is 0 as long as it is unknown."""
        self.begin(f"fetch {name}")

    def work(self) -> None:
        """Fetch them."""
        datasets.fetch(self.name, progress=self._count)
        self._then(self.name)

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
