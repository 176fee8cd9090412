"""Measurements of indices, one at a time, each in a thread of its own: all sessions watch it, and leaving ends none."""

from collections import OrderedDict
from concurrent.futures import wait as wait_for
from dataclasses import dataclass
from functools import cache
from threading import Lock

from semsearch.errors import Busy, Cancelled, InputError
from semsearch.indices import lab, recipes
from semsearch.indices.lab import Report
from semsearch.live import serving
from semsearch.live.preparations import Preparation
from semsearch.models.catalog import FeatureSpec
from ui.jobs.watched import Watched

LARGEST = 1_000_000_000
"""Bytes of features that a page measures on: held-out queries take a copy of them."""
GRAPH = 500_000_000
"""Bytes of an index that a page builds only to measure it."""
KEPT = 16


@dataclass(frozen=True)
class Subject:
    """What is measured on: the features of a dataset as it is now, under one metric."""

    dataset: str
    content: str
    """Digest of its list."""
    spec: FeatureSpec
    metric: str


class Measuring(Watched[Report]):
    """One measurement, begun when this is made."""

    def __init__(self, subject: Subject, client: str) -> None:
        """Begin, for a client of the service."""
        super().__init__()
        self.subject, self._client = subject, client
        self.preparation: Preparation | None = None
        """Features on their way, as long as they are."""
        self.done = self.total = 0
        """Recipes; the total is 0 until the features are here."""
        self.begin(f"measure {subject.dataset}")

    def work(self) -> Report:
        """Wait for the features and measure; ``stop`` ends it before the next recipe."""
        service, subject = serving.service(), self.subject
        self.preparation = service.prepare(subject.dataset, subject.spec, client=self._client)
        while not self.preparation.finished.done():
            self._told(0, 0)
            wait_for([self.preparation.finished], 0.2)
        self.preparation.finished.result()
        self.preparation = None
        vectors = service.gallery(subject.dataset, subject.spec).vectors
        if vectors.nbytes > LARGEST:
            limit = (
                f"expected features of at most {LARGEST / 1e9:g} GB for this page, got {vectors.nbytes / 1e9:.1f} GB"
            )
            raise InputError(f"{limit}; run `semsearch bench index {subject.dataset}`, or choose another layer")
        rest, queries = lab.held_out(vectors)
        heavy = recipes.weight("hnsw", *rest.shape) > GRAPH
        names = [name for name in recipes.RECIPES if not (heavy and name == "hnsw")]
        return lab.measure(rest, queries, subject.metric, names=names, progress=self._told)

    def _told(self, done: int, total: int) -> None:
        self.done, self.total = done, total
        if self.stopping:
            raise Cancelled("the measurement was cancelled")


class Measurements:
    """At most one under way, and the last reports; safe for threads."""

    def __init__(self) -> None:
        """Begin with none."""
        self._lock = Lock()
        self._last: OrderedDict[Subject, Measuring] = OrderedDict()

    def of(self, subject: Subject) -> Measuring | None:
        """The one under way, or the last that was begun, of a subject."""
        return self._last.get(subject)

    def running(self) -> Measuring | None:
        """The one under way, of whatever subject."""
        return next((one for one in list(self._last.values()) if not one.finished.done()), None)

    def start(self, subject: Subject, client: str) -> Measuring:
        """The one under way of that subject, or a new one; Busy while another is under way."""
        with self._lock:
            other = self.running()
            if other and other.subject == subject:
                return other
            if other:
                raise Busy("another dataset or configuration is being measured on this server; try again in a minute")
            self._last.pop(subject, None)
            self._last[subject] = Measuring(subject, client)
            while len(self._last) > KEPT:
                self._last.popitem(last=False)
            return self._last[subject]


@cache
def measurements() -> Measurements:
    """Those of this process, which all sessions share."""
    return Measurements()
