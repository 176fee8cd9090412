"""Searches of many users through one model: admitted or told "busy" at once, batched, in time, healthy or red.

::

    submit ── Busy, or a place inside ──▶ one of a few threads: features of the dataset, decoding in a child
           ──▶ ModelWorker: the pictures that wait for one network go through it together
           ──▶ ranking ──▶ the Future of the request

A request that was cancelled, or whose deadline passed, is dropped wherever it waits. What a request gets does
not depend on who was beside it.
"""

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from typing import TypeVar

import numpy as np

from semsearch import images
from semsearch.errors import Busy, NotReady, TooLate
from semsearch.files import limits, storage
from semsearch.live import reasons, search
from semsearch.live.galleries import Galleries
from semsearch.live.gallery import Gallery
from semsearch.live.networks import Networks, hosted
from semsearch.live.preparations import Preparation, Preparations
from semsearch.live.worker import ModelWorker
from semsearch.models.catalog import FeatureSpec
from semsearch.processes.host import Host
from semsearch.store import opened

Answer = TypeVar("Answer")
CAPACITY = 96
"""Requests inside at once, at work or waiting; the next is told that the server is busy."""
THREADS = 16
"""Requests at work at once: enough to keep every core busy while some wait for the decoder or the network."""
SECONDS = 10.0
"""Deadline of a request that names none."""
PATIENCE = 2.0
"""Seconds that a request waits for features of its dataset that are being computed."""


@dataclass(frozen=True)
class Health:
    """How a service is."""

    healthy: bool
    reason: str
    """Empty, or why it is not healthy."""
    inside: int
    capacity: int
    served: int
    refused: int
    """Told that the server is busy."""
    failed: int
    """Ended with an error of another kind, the user's own included."""
    restarts: int
    """Of the model worker."""
    median: float
    """Seconds from being admitted to being answered, of the last 1,000 served; ``high`` is the 95th percentile."""
    high: float
    troubles: tuple[str, ...]
    """What is wrong with files while the service goes on without them; it heals when they are whole again."""
    limits: tuple[str, ...]
    """What cannot be written, and what follows."""


class Service:
    """One model worker for all who ask in this process; close it, or let it end with the process."""

    def __init__(
        self, *, capacity: int = CAPACITY, seconds: float = SECONDS, galleries: Galleries | None = None
    ) -> None:
        """Start no thread and no process before the first request; by default networks are in one of their own."""
        self._host = Host("the networks of this server", Networks)
        self._capacity, self._seconds = capacity, seconds
        self._galleries = galleries or Galleries(hosted(self._host))
        self._lock = threading.Lock()
        self._inside = self._served = self._refused = self._failed = 0
        self._took: deque[float] = deque(maxlen=1_000)
        self._pool = ThreadPoolExecutor(THREADS, "search")
        self._preparations = Preparations(self._galleries)
        self._worker = ModelWorker(self._galleries.networks)

    def submit(
        self, examples: search.Picture | int | Sequence[search.Example], question: search.Question, *, client: str = ""
    ) -> Future[search.SearchResult]:
        """What ``search.search`` gives, later; Busy at once when as many as can be are inside.

        ``client`` tells those apart who ask: none of them gets more than its share of what is prepared.
        The future raises as ``search.search`` does, and NotReady while features are being computed, TooLate past
        the deadline, EngineError when the model failed. Cancelled while it waits, it is never begun.
        """
        return self._enter(self._answer, examples, question, client)

    def explain(self, why: reasons.Why, *, client: str = "") -> Future[reasons.Reason]:
        """What ``reasons.reason`` gives, later; admitted, waited for and raised as ``submit`` does."""
        return self._enter(self._explained, why, client)

    def admit(self) -> None:
        """Busy when ``submit`` would say so now; to ask before a request is read."""
        with self._lock:
            self._refuse_if_full()

    def prepare(self, dataset: str, spec: FeatureSpec, *, client: str = "") -> Preparation:
        """Have the features of a dataset at hand, once however many ask; Busy as ``Preparations.ask``."""
        return self._preparations.ask(dataset, spec, client)

    def gallery(self, dataset: str, spec: FeatureSpec) -> Gallery:
        """The features of a dataset, best ``prepare``d before; raises as ``Galleries.open``."""
        return self._galleries.open(dataset, spec)

    def health(self) -> Health:
        """How it is now; unhealthy when the model worker hangs, keeps dying or failing, or no features can be had."""
        reason, limited = self._worker.trouble() or limits.searches(), limits.limits()
        with self._lock:
            took = sorted(self._took) or [0.0]
            middle, high = (took[int(share * (len(took) - 1))] for share in (0.5, 0.95))
            counts = (self._inside, self._capacity, self._served, self._refused, self._failed)
            return Health(not reason, reason, *counts, self._worker.restarts, middle, high, opened.troubles(), limited)

    def close(self) -> None:
        """Drop what waits and end the threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._preparations.close()
        self._worker.close()
        self._host.close()

    def _enter(self, work: Callable[..., Answer], *arguments: object) -> Future[Answer]:
        """Have one of the threads do ``work`` for one who asks, with the time at which it was let in."""
        with self._lock:
            self._refuse_if_full()
            self._inside += 1
        begun = time.monotonic()
        try:
            future = self._pool.submit(work, *arguments, begun)
        except BaseException:
            self._leave(begun, None)
            raise
        future.add_done_callback(lambda done: self._leave(begun, done))
        return future

    def _refuse_if_full(self) -> None:
        if self._inside >= self._capacity:
            self._refused += 1
            raise Busy(f"expected at most {self._capacity} searches at once, got one more; try again in a second")

    def _answer(
        self,
        examples: search.Picture | int | Sequence[search.Example],
        question: search.Question,
        client: str,
        begun: float,
    ) -> search.SearchResult:
        deadline, waited = self._begun(begun)
        with storage.explained(f"the features of {question.dataset}"), images.asked_by(client, deadline):
            searched = self._opened(question, client, deadline)
            opening = time.monotonic() - begun - waited
            through = self._through(deadline)
            result = search.within(searched, examples, question, through=through, galleries=self._galleries)
        timings = {**result.timings, "gallery": opening + result.timings["gallery"]}
        return replace(result, timings={"waiting": waited, **timings})

    def _explained(self, why: reasons.Why, client: str, begun: float) -> reasons.Reason:
        deadline, _ = self._begun(begun)
        with storage.explained(f"the network {why.spec.model}"), images.asked_by(client, deadline):
            return reasons.reason(why, through=self._through(deadline))

    def _begun(self, begun: float) -> tuple[float, float]:
        """The deadline of a request that was let in at ``begun``, and how long it has waited; TooLate past it."""
        waited = time.monotonic() - begun
        if waited > self._seconds:
            raise TooLate(f"expected a start within {self._seconds:g} s, got none; try again")
        return begun + self._seconds, waited

    def _through(self, deadline: float) -> search.Through:
        def through(spec: FeatureSpec, square: np.ndarray) -> np.ndarray:
            return self._worker.vector(spec, square, deadline=deadline)

        return through

    def _opened(self, question: search.Question, client: str, deadline: float) -> Gallery:
        """The gallery that is asked, at once or after a while; NotReady when it takes longer."""
        parts = (question.dataset, question.spec)
        if found := self._galleries.at_once(*parts):
            return found
        self._await(self.prepare(*parts, client=client), deadline)
        return self._galleries.open(*parts)

    @staticmethod
    def _await(preparation: Preparation, deadline: float) -> None:
        try:
            preparation.finished.result(max(0.0, min(PATIENCE, deadline - time.monotonic())))
        except TimeoutError:
            far = f"{preparation.done:,} of {preparation.total:,} pictures done" if preparation.total else "just begun"
            raise NotReady(
                f"the features of this dataset are being computed, {far}; try again in a few seconds"
            ) from None

    def _leave(self, begun: float, done: Future | None) -> None:
        good = done is not None and not done.cancelled() and done.exception() is None
        with self._lock:
            self._inside -= 1
            self._served += good
            self._failed += not good
            if good:
                self._took.append(time.monotonic() - begun)


@cache
def service() -> Service:
    """The service of this process, for pages and server alike."""
    return Service()


class Allowance:
    """How often each client may ask: ``burst`` times at once, then ``rate`` times a second."""

    def __init__(self, rate: float, burst: int, *, clients: int = 10_000) -> None:
        """Remember the last ``clients`` of them."""
        self._rate, self._burst, self._clients = rate, burst, clients
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, client: str, *, now: float | None = None) -> None:
        """Count one request of a client; Busy when it asked too often."""
        now = time.monotonic() if now is None else now
        with self._lock:
            left, since = self._left.pop(client, (float(self._burst), now))
            left = min(float(self._burst), left + (now - since) * self._rate)
            self._left[client] = (left - 1 if left >= 1 else left, now)
            while len(self._left) > self._clients:
                self._left.popitem(last=False)
        if left < 1:
            raise Busy(f"expected at most {self._rate:g} requests a second from one client, got more; try again later")
