"""Loaded networks by spec, and the seam through which tests put exact small worlds in their place."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from weakref import ref

import numpy as np

from semsearch import features
from semsearch.errors import WeightsUnavailable
from semsearch.models import catalog, weights
from semsearch.models.catalog import FeatureSpec

PARAMETERS = 60_000_000
"""Numbers in the networks that are kept: those of two of the largest models, or several layers of smaller ones."""
RELEASE = 0.25
"""Seconds that the searches of a network that leaves get to end: a few passes, but not the features of a dataset."""


class Extractor(Protocol):
    """What a search needs of ``features.FeatureExtractor``."""

    engine_name: str
    dimensions: dict[FeatureSpec, int]

    def stream(self, pictures: Iterable[features.Picture]) -> Iterable[tuple[int, features.Outcome]]:
        """(position, one vector per spec or the refusal) for each picture, in order."""
        ...

    def each(self, squares: np.ndarray) -> Iterator[features.Vectors]:
        """One (d,) float32 vector per spec of each of (n, s, s, 3) uint8, in order."""
        ...


@dataclass(frozen=True)
class Tools:
    """The engine a search uses; tests put exact small worlds in its place."""

    extractor: Callable[[Sequence[FeatureSpec]], Extractor] = features.FeatureExtractor
    digest: Callable[[str], str] = lambda model: weights.local(model).digest
    alive: Callable[[Any], bool] = lambda network: True
    """Whether a network that ``extractor`` gave can still be used."""


DEFAULT = Tools()


@dataclass
class _Loaded:
    network: Extractor
    digest: str
    """Of the weights it was loaded from."""
    used: float = field(default_factory=time.monotonic)
    """When it was last asked for."""


class Extractors:
    """The networks used last, loaded once each; one that falls out is released when its last search ends."""

    def __init__(self, keep: int, tools: Tools) -> None:
        """Keep that many at most, made by ``tools``."""
        self._keep, self._tools, self._lock = keep, tools, threading.Lock()
        self._loading: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._loaded: dict[FeatureSpec, _Loaded] = {}

    def loaded(self, spec: FeatureSpec) -> Extractor | None:
        """The network of a spec if it is loaded, and alive."""
        with self._lock:
            entry = self._loaded.pop(spec, None)
            if not entry or not self._tools.alive(entry.network):
                return None
            self._loaded[spec] = entry
            entry.used = time.monotonic()
            return entry.network

    def rest(self, seconds: float) -> bool:
        """Let go of all that were not used for so long, but for the last; whether there are more than that one."""
        with self._lock:
            now = time.monotonic()
            for spec, entry in list(self._loaded.items())[:-1]:
                if now - entry.used > seconds:
                    del self._loaded[spec]
            return len(self._loaded) > 1

    def digest(self, spec: FeatureSpec, network: Extractor) -> str:
        """Of the weights that a network was loaded from, whatever became of their file."""
        with self._lock:
            entry = self._loaded.get(spec)
        return entry.digest if entry and entry.network is network else self._tools.digest(spec.model)

    def get(self, spec: FeatureSpec) -> Extractor:
        """The network of a spec, loaded where needed; raises as ``features.FeatureExtractor`` does."""
        if network := self.loaded(spec):
            return network
        with self._lock:
            loading = self._loading[spec.model]  # the conversion of one does not hold up another
        with loading:
            if network := self.loaded(spec):
                return network
            self._make_room(spec)
            digest, network = self._tools.digest(spec.model), self._tools.extractor([spec])
            if self._tools.digest(spec.model) != digest:
                raise WeightsUnavailable(f"the weights of {spec.model} were replaced while they were read; try again")
            with self._lock:
                self._loaded[spec] = _Loaded(network, digest)
                while len(self._loaded) > self._keep:  # another model came at the same time
                    del self._loaded[next(iter(self._loaded))]
            return network

    def _make_room(self, spec: FeatureSpec) -> None:
        """Let go of the networks used longest ago, and give their last searches time to end.

        It happens before the next one comes, so that no more than may be kept take memory.
        """
        leaving = []
        with self._lock:
            while self._loaded and not self._fits(spec):
                leaving.append(ref(self._loaded.pop(next(iter(self._loaded))).network))
        until = time.monotonic() + RELEASE
        while any(network() for network in leaving) and time.monotonic() < until:
            time.sleep(0.002)

    def _fits(self, spec: FeatureSpec) -> bool:
        size = sum(catalog.model(each.model).parameters for each in (*self._loaded, spec))
        return len(self._loaded) < self._keep and size <= PARAMETERS
