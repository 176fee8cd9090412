"""Features on their way, asked for by many clients: what lies ready is opened beside what must be computed.

::

    ask ──▶ one of OPENERS: the network is loaded, features that are kept are opened ──▶ finished
                        └──▶ one of MAKERS: features are computed ──▶ finished

Of one dataset, and of one client, one preparation is computed at a time: whoever asks for ever more, or has pictures
that take for ever, leaves the other maker to the others. While nobody else waits, a short one of the same client may
pass its long one.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from semsearch.errors import Busy, EngineError, SemsearchError
from semsearch.files import storage
from semsearch.live.galleries import Galleries
from semsearch.models.catalog import FeatureSpec

PREPARING, SHARE = 24, 8
"""Datasets, each under one spec, that are being prepared or wait for that: of all clients, and of one."""
OPENERS, MAKERS = 4, 2
SHORT = 500
"""Pictures up to which a preparation is a matter of seconds: who comes while it is computed can wait for it."""


@dataclass(eq=False)
class Preparation:
    """Features of a dataset on their way: ``done`` of ``total`` pictures, both 0 until the network is loaded."""

    dataset: str
    spec: FeatureSpec
    client: str
    """Who asked first."""
    pictures: int = 0
    """Of the dataset; 0 until it is known that features must be computed."""
    finished: Future = field(default_factory=Future)
    done: int = 0
    total: int = 0


class Preparations:
    """All that are under way, each once however many ask."""

    def __init__(self, galleries: Galleries) -> None:
        """Start no thread before the first is asked for."""
        self._galleries = galleries
        self._lock = threading.Lock()
        self._under_way: dict[tuple[str, FeatureSpec], Preparation] = {}
        self._waiting: list[Preparation] = []
        self._computing: list[Preparation] = []
        self._openers = ThreadPoolExecutor(OPENERS, "open")
        self._makers = ThreadPoolExecutor(MAKERS, "prepare")

    def ask(self, dataset: str, spec: FeatureSpec, client: str) -> Preparation:
        """The one under way, or a new one; Busy when too many others wait, or too many of this client."""
        with self._lock:
            if preparation := self._under_way.get((dataset, spec)):
                return preparation
            self._refuse_if_full(client)
            preparation = self._under_way[dataset, spec] = Preparation(dataset, spec, client)
        self._openers.submit(self._carry, preparation, self._open)
        return preparation

    def close(self) -> None:
        """Drop what waits and end the threads."""
        for pool in (self._openers, self._makers):
            pool.shutdown(wait=False, cancel_futures=True)

    def _refuse_if_full(self, client: str) -> None:
        mine = sum(preparation.client == client for preparation in self._under_way.values())
        for number, limit, whose in ((len(self._under_way), PREPARING, ""), (mine, SHARE, " for one client")):
            if number >= limit:
                most = f"expected at most {limit} datasets in preparation{whose}"
                raise Busy(f"{most}, got one more; try again in a minute")

    def _carry(self, preparation: Preparation, step: Callable[[Preparation], bool]) -> None:
        """Take a step, and tell those who wait when it was the last one, or failed."""
        error: Exception | None = None
        try:
            with storage.explained(f"the features of {preparation.dataset}"):
                last = step(preparation)
        except SemsearchError as refusal:
            error = refusal
        except Exception as failure:
            error = EngineError(f"the features of {preparation.dataset} could not be computed: {failure!r}")
        if not error and not last:
            return
        with self._lock:
            del self._under_way[preparation.dataset, preparation.spec]
        if error:
            preparation.finished.set_exception(error)
        else:
            preparation.finished.set_result(None)

    def _open(self, preparation: Preparation) -> bool:
        if self._galleries.kept(preparation.dataset, preparation.spec):
            return True
        preparation.pictures = self._galleries.pictures(preparation.dataset)
        with self._lock:
            self._waiting.append(preparation)
        self._makers.submit(self._make)
        return False

    def _make(self) -> None:
        """Compute whatever may be computed now, first come, first served."""
        while preparation := self._next():
            self._carry(preparation, self._compute)
            with self._lock:
                self._computing.remove(preparation)

    def _next(self) -> Preparation | None:
        with self._lock:
            clients = {one.client for one in self._computing}
            datasets = {one.dataset for one in self._computing}
            free = [one for one in self._waiting if one.dataset not in datasets]
            others = [one for one in free if one.client not in clients]
            for preparation in others or [one for one in free if one.pictures <= SHORT]:
                self._waiting.remove(preparation)
                self._computing.append(preparation)
                return preparation
            return None

    def _compute(self, preparation: Preparation) -> bool:
        def progress(done: int, total: int) -> None:
            preparation.done, preparation.total = done, total

        self._galleries.open(preparation.dataset, preparation.spec, progress=progress)
        return True
