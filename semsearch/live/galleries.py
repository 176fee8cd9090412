"""The datasets that are searched: their networks, their features, and what is known of these.

Features lie below ``settings().home / "features"``, under a key of all that changes them. A damaged file is computed
again, never used; once opened, a gallery needs its files no more, see ``vectorfiles.py``.
"""

import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from weakref import ReferenceType, WeakKeyDictionary, ref

from semsearch.data import datasets, identity
from semsearch.data.datasets import Dataset
from semsearch.errors import IntegrityError, UnknownName
from semsearch.files.storage import lock, matching
from semsearch.indices import index
from semsearch.indices.index import Index
from semsearch.live import computing, gallery, vectorfiles
from semsearch.live.computing import Progress
from semsearch.live.derived import Derived
from semsearch.live.extractors import DEFAULT, Extractor, Extractors, Tools
from semsearch.live.gallery import Gallery
from semsearch.live.vectorfiles import Stored
from semsearch.models.catalog import FeatureSpec
from semsearch.ranking import metrics
from semsearch.ranking.sums import Prepared
from semsearch.settings import settings
from semsearch.store import opened

SCHEMA = 3
NETWORKS, OPEN = 4, 8
"""Networks and galleries that are kept in memory: those used last."""
ROOM = 128_000_000
"""Bytes of the vectors of the galleries kept; the last one is kept however large it is."""
RESTS = 15.0
"""Seconds without use after which networks and large galleries are let go of, but for the last of each; the last large
gallery stays twice as long."""


class Galleries:
    """All that a process holds to search datasets, for many threads; another one shares nothing with it."""

    def __init__(self, tools: Tools = DEFAULT) -> None:
        """Load nothing yet; ``tools`` make the networks."""
        self.networks = Extractors(NETWORKS, tools)
        self.calibrated = Derived(8, gallery.calibrated)
        """``gallery.calibrated``, of the last galleries and metrics."""
        self._open = _OpenGalleries(OPEN, self.networks)
        self._prepared = Derived(4, _prepared)
        self._indices = Derived(2, _index)
        self._resting = threading.Lock()

    def open(self, dataset: str, spec: FeatureSpec, *, progress: Progress | None = None) -> Gallery:
        """The features of a dataset's readable items, from disk, or computed and stored; ``progress`` counts pictures.

        Items whose file is missing or is not the picture that was added are left out, and looked at again whenever
        the gallery is opened. UnknownName, PicturesUnavailable, WeightsUnavailable as the parts raise them; InputError
        below 2 readable items, EngineError for features that are not finite.
        """
        if found := self.kept(dataset, spec):
            return found
        request = self._request(_listed(dataset), spec, self.networks.get(spec))
        self._let_rest()
        with lock(request.base.with_suffix(".lock")):
            if found := self._read(request):
                return found
            self._open.make_room(computing.size(request.dataset, spec, request.network))
            parts = (request.dataset, spec, request.network, request.base)
            return self._open.put(request, computing.computed(*parts, progress=progress))

    def kept(self, dataset: str, spec: FeatureSpec) -> Gallery | None:
        """What ``open`` gives, its network loaded, from memory or disk; None where it is in neither. Raises alike."""
        if current := self._open.current(dataset, spec):
            return current
        self._let_rest()
        return self._read(self._request(_listed(dataset), spec, self.networks.get(spec)))

    def pictures(self, dataset: str) -> int:
        """How many there are in a dataset; raises as ``open`` does."""
        return len(_listed(dataset)[0].items)

    def at_once(self, dataset: str, spec: FeatureSpec) -> Gallery | None:
        """What ``open`` gives where the network is loaded and the features are too, or are a few megabytes on disk.

        None where it would take longer; raises as ``open`` does.
        """
        if current := self._open.current(dataset, spec):
            return current
        network = self.networks.loaded(spec)
        if network is None:
            return None
        request = self._request(_listed(dataset), spec, network)
        return self._read(request) if 0 < vectorfiles.size(request.base) <= vectorfiles.SMALL else None

    def _let_rest(self) -> None:
        """Have a look, after a while and again and again, at what nobody uses."""
        if self._resting.acquire(blocking=False):
            timer = threading.Timer(RESTS, self._rested)
            timer.daemon = True
            timer.start()

    def _rested(self) -> None:
        more = [holder.rest(RESTS) for holder in (self.networks, self._open)]
        self._resting.release()
        if any(more):
            self._let_rest()

    def prepared(self, searched: Gallery, metric: str) -> Prepared:
        """The vectors of a gallery as ``metrics.distances`` takes them."""
        return self._prepared(searched, metric)

    def index(self, searched: Gallery, metric: str, recipe: str) -> Index:
        """The index of a gallery by a recipe; raises as ``index.build``."""
        return self._indices(searched, metric, recipe)

    def _request(self, listed: tuple[Dataset, tuple], spec: FeatureSpec, network: Extractor) -> "_Request":
        dataset, stamp = listed
        facts = [SCHEMA, self.networks.digest(spec, network), spec.key, spec.size, network.engine_name]
        return _Request(dataset, spec, network, features_of(dataset, _digest(facts)), stamp)

    def _read(self, request: "_Request") -> Gallery | None:
        """From memory or disk, unless it is not there, or lacks a picture that can be had now."""
        if unchanged := self._open.same(request):
            return unchanged
        self._open.make_room(vectorfiles.size(request.base))
        stored = vectorfiles.read(request.base)
        if stored is None:
            return None
        again = identity.left_out(request.dataset, stored.left_out)
        if again.keys() != stored.left_out.keys():
            return None
        return self._open.put(request, replace(stored, left_out=again))


@cache
def shared() -> Galleries:
    """Those of this process, for whoever has none of its own: the library and the command line."""
    return Galleries()


def kept_files(dataset: Dataset) -> list[Path]:
    """Where the features of a dataset's present list lie, of every network, as ``vectorfiles.files`` takes them."""
    pattern = features_of(dataset, "*").with_suffix(".json")
    return [seal.with_suffix("") for seal in matching(pattern.parent, pattern.name)]


def features_of(dataset: Dataset, network: str) -> Path:
    """Where the features are kept that a network, given by its digest, makes of a dataset's present list."""
    return settings().home / "features" / f"{network}-{_digest(dataset.content_hash)}"


def _listed(name: str) -> tuple[Dataset, tuple]:
    """The dataset, and the stamp that its card had before it was read."""
    stamp = _stamp([settings().datasets / name / "card.json"])
    try:
        return datasets.load(name), stamp
    except (IntegrityError, UnknownName):
        return opened.dataset(name), stamp  # the last good list, or why there is none


def _digest(facts: object) -> str:
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:24]


def _prepared(searched: Gallery, metric: str) -> Prepared:
    return metrics.prepared(searched.vectors, metric)


def _index(searched: Gallery, metric: str, recipe: str) -> Index:
    return index.build(searched.vectors, metric, recipe)


@dataclass(frozen=True)
class _Request:
    """What features to have: of which pictures, through which network, and where they are kept."""

    dataset: Dataset
    spec: FeatureSpec
    network: Extractor
    base: Path
    stamp: tuple
    """Of the dataset's card, taken before it was read."""


@dataclass(frozen=True)
class _OpenGallery:
    gallery: Gallery
    stored: Stored
    base: Path
    network: ReferenceType[Extractor]
    stamp: tuple
    curable: tuple[Path, ...]
    """Files of the items that were left out."""
    before: tuple
    """Their stamp."""
    files: tuple
    """Stamp of the features on disk, when they were last known to be whole."""


class _OpenGalleries:
    """The galleries of the last searches, whatever becomes of their files; these are mended when one leaves."""

    def __init__(self, keep: int, networks: Extractors) -> None:
        self._keep, self._networks, self._lock = keep, networks, threading.Lock()
        self._galleries: dict[tuple[str, FeatureSpec], _OpenGallery] = {}
        self._used: WeakKeyDictionary[Gallery, float] = WeakKeyDictionary()

    def current(self, dataset: str, spec: FeatureSpec) -> Gallery | None:
        """The gallery, while the card, the network and the files that were left out are as they were."""
        card, network = settings().datasets / dataset / "card.json", self._networks.loaded(spec)
        with self._lock:
            if entry := self._galleries.get((dataset, spec)):
                self._last((dataset, spec), entry)
        if not entry or network is None or entry.network() is not network or entry.stamp != _stamp([card]):
            return None
        return entry.gallery if entry.before == _stamp(entry.curable) else None

    def same(self, request: _Request) -> Gallery | None:
        """The gallery, when a look at card and network showed that nothing has changed."""
        with self._lock:
            entry = self._galleries.get((request.dataset.name, request.spec))
        if not entry or entry.base != request.base or entry.before != _stamp(entry.curable):
            return None
        self._remember(request, replace(entry, network=ref(request.network), stamp=request.stamp))
        return entry.gallery

    def put(self, request: _Request, stored: Stored) -> Gallery:
        """Keep what was read or computed."""
        dataset = request.dataset
        searched = Gallery(stored.vectors, stored.items, dataset.labels[stored.items], stored.left_out)
        curable = tuple(dataset.place(id) for id in stored.left_out)
        stamps = (request.stamp, curable, _stamp(curable), _stamp(vectorfiles.files(request.base)))
        entry = _OpenGallery(searched, stored, request.base, ref(request.network), *stamps)
        self._remember(request, entry)
        return searched

    def make_room(self, size: int) -> None:
        """Let go of those used longest ago until so many bytes more are within ROOM, or none is left."""
        with self._lock:
            leaving = self._oldest(lambda: bool(self._galleries) and self._size() + size > ROOM)
        _mend(leaving)

    def rest(self, seconds: float) -> bool:
        """Let go of large galleries not used for so long, the last one twice as long; whether any are left."""
        with self._lock:
            now = time.monotonic()
            large = [key for key, one in self._galleries.items() if one.gallery.vectors.nbytes > vectorfiles.SMALL]
            idle = [(key, now - self._used[self._galleries[key].gallery]) for key in large]
            leaving = [key for key, unused in idle if unused > seconds * (2 if key == large[-1] else 1)]
            entries = [self._galleries.pop(key) for key in leaving]
        _mend(entries)
        return len(large) > len(leaving)

    def _remember(self, request: _Request, entry: _OpenGallery) -> None:
        with self._lock:
            self._last((request.dataset.name, request.spec), entry)
            leaving = self._oldest(
                lambda: len(self._galleries) > self._keep or (len(self._galleries) > 1 and self._size() > ROOM)
            )
        _mend(leaving)

    def _last(self, key: tuple[str, FeatureSpec], entry: _OpenGallery) -> None:
        """Have it be the one used last; called with the lock held, as are those below."""
        self._galleries.pop(key, None)
        self._galleries[key] = entry
        self._used[entry.gallery] = time.monotonic()

    def _oldest(self, more: Callable[[], bool]) -> list[_OpenGallery]:
        """Those used longest ago, taken away as long as there are ``more`` than may be kept."""
        leaving = []
        while more():
            leaving.append(self._galleries.pop(next(iter(self._galleries))))
        return leaving

    def _size(self) -> int:
        return sum(entry.gallery.vectors.nbytes for entry in self._galleries.values())


def _mend(leaving: Iterable[_OpenGallery]) -> None:
    """Write features again whose files were damaged while they were in memory."""
    for entry in leaving:
        if entry.files != _stamp(vectorfiles.files(entry.base)):
            vectorfiles.mend(entry.base, entry.stored)


def _stamp(paths: Iterable[Path]) -> tuple:
    """What changes when one of these files does."""
    seen: list[int | str] = [str(settings().home)]
    for path in paths:
        try:
            about = path.stat()
            seen += [about.st_mtime_ns, about.st_size, about.st_ino, about.st_ctime_ns]
        except (OSError, ValueError):
            seen.append(0)
    return tuple(seen)
