"""The networks of a server, loaded in a process of their own: neither their memory nor their crash comes into it.

::

    host = Host("the networks", Networks)        in the server; starts nothing
    tools = hosted(host)                         what ``Galleries`` makes networks with
"""

import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import count
from weakref import finalize

import numpy as np

from semsearch import features
from semsearch.images import sandbox
from semsearch.live.extractors import Tools
from semsearch.models.catalog import FeatureSpec
from semsearch.processes.host import Host, Session

HANGS = 30.0
"""Seconds without a vector after which a pass through a network is given up, and the process with it."""
YIELDS = 0.03
"""Seconds at most that a picture of a dataset waits for the searches that are under way."""
NICE = 2
"""How far the process stands back behind pages and decoders of searches: a dataset keeps every core busy."""


class Networks:
    """All that lives in the process: networks by their number."""

    def __init__(self) -> None:
        """Load nothing yet."""
        self._loaded: dict[int, features.FeatureExtractor] = {}
        self._numbers = count()
        self._changed, self._searches = threading.Condition(), 0
        with suppress(OSError):
            os.nice(NICE)

    def load(self, specs: Sequence[FeatureSpec]) -> tuple[int, str, dict[FeatureSpec, int]]:
        """Load a network; its number, engine and dimensions, or as ``features.FeatureExtractor`` raises."""
        network = features.FeatureExtractor(specs, isolated=True)
        number = next(self._numbers)
        self._loaded[number] = network
        return number, network.engine_name, network.dimensions

    def each(self, number: int, squares: np.ndarray) -> Iterator[features.Vectors]:
        """As ``features.FeatureExtractor.each`` of that network: what a search asks for, before any dataset."""
        network = self._loaded[number]
        with self._changed:
            self._searches += 1
        try:
            yield from network.each(squares)
        finally:
            with self._changed:
                self._searches -= 1
                self._changed.notify_all()

    def stream(self, number: int, pictures: Sequence[features.Picture]) -> Iterator[tuple[int, features.Outcome]]:
        """As ``features.FeatureExtractor.stream`` of that network; files are decoded in children of this process."""
        try:
            yield from self._loaded[number].stream(pictures, before=self._after_searches)
        finally:
            sandbox.close_idle()

    def _after_searches(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: not self._searches, YIELDS)

    def release(self, number: int) -> None:
        """Let go of a network."""
        self._loaded.pop(number, None)


class HostedNetwork:
    """A network of that process, an ``Extractor``; let go of there when it is no longer referred to here."""

    def __init__(self, session: Session, specs: Sequence[FeatureSpec]) -> None:
        """Load it; raises as ``features.FeatureExtractor``, and ProcessLost."""
        self._session = session
        self._number, self.engine_name, self.dimensions = session.call("load", tuple(specs))
        finalize(self, session.tell, "release", self._number)

    @property
    def alive(self) -> bool:
        """Whether its process is."""
        return self._session.alive

    def each(self, squares: np.ndarray) -> Iterator[features.Vectors]:
        """One (d,) float32 vector per spec of each of (n, s, s, 3) uint8, in order; ProcessLost as it comes."""
        return self._session.stream("each", self._number, squares, silence=HANGS)

    def stream(self, pictures: Iterable[features.Picture]) -> Iterator[tuple[int, features.Outcome]]:
        """(position, one vector per spec or the refusal) for each file, in order; ProcessLost as it comes."""
        return self._session.stream("stream", self._number, list(pictures))


def hosted(host: Host) -> Tools:
    """Tools whose networks live in the process of ``host``."""

    def load(specs: Sequence[FeatureSpec]) -> HostedNetwork:
        return HostedNetwork(host.session(), specs)

    return Tools(extractor=load, alive=lambda network: network.alive)
