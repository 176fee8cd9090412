"""Pictures that are being maximised, each watched by a thread of its own; all sessions share them."""

import threading
from collections import OrderedDict
from functools import cache

import numpy as np

from semsearch.errors import Busy, Cancelled
from semsearch.explain.maximise import asked
from semsearch.explain.maximise.asked import Made, Request
from semsearch.explain.maximise.hosted import Maximising
from semsearch.processes.host import Host
from ui.jobs.watched import Watched

MOST = 4
"""Pictures that are made or wait at once."""
KEPT = 16
IDLE = 300.0
"""Seconds without a picture after which the process, and its gigabyte, goes."""


class Making(Watched[Made]):
    """One picture, begun when this is made."""

    def __init__(self, request: Request, start: np.ndarray | None, host: Host) -> None:
        """Begin, in a process of ``host``."""
        super().__init__()
        self.request = request
        self.so_far: Made | None = None
        self._start, self._host = start, host
        self.begin(f"maximise {request.layer}")

    def work(self) -> Made:
        """Make it, or find it kept."""
        if made := asked.kept(self.request):
            return made
        for made in self._host.session().stream("maximise", self.request, self._start):
            self.so_far = made or self.so_far
            if self.stopping:
                raise Cancelled("the picture was cancelled")
        if self.so_far is None:
            raise Cancelled("the picture was cancelled")
        asked.keep(self.request, self.so_far)
        return self.so_far


class Makings:
    """Those under way, one of each request, and the last that are done; safe for threads."""

    def __init__(self, host: Host) -> None:
        """Begin with none; ``host`` has the process."""
        self._lock, self._host = threading.Lock(), host
        self._last: OrderedDict[Request, Making] = OrderedDict()
        self._idle: threading.Timer | None = None

    def of(self, request: Request) -> Making | None:
        """The one under way, or the last that was begun, of a request."""
        return self._last.get(request)

    def start(self, request: Request, start: np.ndarray | None = None) -> Making:
        """The one under way of that request, or a new one; Busy while as many are made or wait as can."""
        with self._lock:
            other = self._last.get(request)
            if other and not other.error:
                return other
            if sum(not each.finished.done() for each in self._last.values()) >= MOST:
                raise Busy("as many pictures are being made as can wait; try again in a minute")
            self._last.pop(request, None)
            made = self._last[request] = Making(request, start, self._host)
            made.finished.add_done_callback(lambda _: self._rest())
            while len(self._last) > KEPT and next(iter(self._last.values())).finished.done():
                self._last.popitem(last=False)
            return made

    def _rest(self) -> None:
        """Let the process go when nobody has used it for long."""
        if self._idle:
            self._idle.cancel()
        self._idle = threading.Timer(IDLE, self._close)
        self._idle.daemon = True
        self._idle.start()

    def _close(self) -> None:
        with self._lock:
            if all(each.finished.done() for each in self._last.values()):
                self._host.close()


@cache
def makings() -> Makings:
    """Those of this process, which all sessions share."""
    return Makings(Host("the picture could not be made", Maximising))
