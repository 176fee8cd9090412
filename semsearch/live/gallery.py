"""The features of a dataset that is searched: computed once, kept on disk, verified, and judged.

They lie below ``settings().home / "features"``, under a key of all that changes them. A damaged file is computed
again, never used; once opened, a gallery needs its files no more, see ``vectorfiles.py``.
"""

import hashlib
import json
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from weakref import ReferenceType, ref

import numpy as np

from semsearch.data import datasets, identity
from semsearch.errors import ImageRefused, InputError, IntegrityError, PicturesUnavailable, UnknownName
from semsearch.files.storage import lock
from semsearch.indices import faiss_index
from semsearch.live import vectorfiles
from semsearch.live.extractors import DEFAULT, Extractor, Tools, extractor, extractors
from semsearch.live.vectorfiles import Stored
from semsearch.models.catalog import FeatureSpec
from semsearch.ranking import metrics
from semsearch.ranking.sums import Prepared
from semsearch.settings import settings
from semsearch.store import finite, opened

Progress = Callable[[int, int], None]
SCHEMA = 2
ALL_PAIRS = 2_000
"""Items up to which all pairs are looked at; of more, SAMPLE are drawn and compared with all."""
SAMPLE = 500
OPEN_GALLERIES = 8
"""Galleries kept open."""


@dataclass(frozen=True, eq=False)
class Gallery:
    """The readable items of a dataset under one spec."""

    vectors: np.ndarray
    """(n, d) float32, read-only, in memory or in a file that nobody else can open."""
    items: np.ndarray
    """Item of each row, (n,), rising."""
    labels: np.ndarray
    """Class of each row, (n,)."""
    left_out: dict[int, str] = field(default_factory=dict)
    """Why other items are not among them though they could, by id: their file was missing or another."""


def gallery(dataset: str, spec: FeatureSpec, *, progress: Progress | None = None, tools: Tools = DEFAULT) -> Gallery:
    """The features of a dataset's readable items, from disk, or computed and stored; ``progress`` counts pictures.

    Items whose file is missing or is not the picture that was added are left out, and looked at again whenever the
    gallery is opened. UnknownName, PicturesUnavailable, WeightsUnavailable as the parts raise them; InputError below
    2 readable items, EngineError for features that are not finite.
    """
    if found := kept(dataset, spec, tools=tools):
        return found
    request = _request(_listed(dataset), spec, extractor(spec, tools), tools)
    with lock(request.base.with_suffix(".lock")):
        return _opened(request) or _open_galleries.put(request, _computed(request, progress))


def kept(dataset: str, spec: FeatureSpec, *, tools: Tools = DEFAULT) -> Gallery | None:
    """What ``gallery`` gives, its network loaded, from memory or disk; None where it is in neither. Raises alike."""
    if current := _open_galleries.current(dataset, spec, tools):
        return current
    return _opened(_request(_listed(dataset), spec, extractor(spec, tools), tools))


def ready(dataset: str, spec: FeatureSpec, *, tools: Tools = DEFAULT) -> bool:
    """Whether ``gallery`` would answer at once, with network and features already loaded; raises as it does.

    Features of a few megabytes that lie on disk are loaded here.
    """
    if _open_galleries.current(dataset, spec, tools):
        return True
    network = extractors.loaded(spec, tools)
    if network is None:
        return False
    request = _request(_listed(dataset), spec, network, tools)
    return vectorfiles.is_small(request.base) and _opened(request) is not None


def calibrate(distances: np.ndarray, labels: np.ndarray, rows: np.ndarray | None = None) -> float | None:
    """The largest distance up to which nearest matches are right at least half of the time; None if there is none.

    An item's nearest other item (equal distances by id) is right when it is of the same class; the share is over
    all items whose nearest is at most that far. ``distances`` is (m, n) from the items ``rows``, (m,), by
    default all, to all n; ``labels`` is (n,).
    """
    rows = np.arange(len(distances)) if rows is None else rows
    ids, nearest = metrics.rank(distances, 1, exclude=rows)
    order = np.argsort(nearest[:, 0], kind="stable")
    far, right = nearest[order, 0], (labels[ids[:, 0]] == labels[rows])[order]
    share = np.cumsum(right) / np.arange(1, len(far) + 1)
    last = np.append(far[1:] != far[:-1], True)
    fits = np.flatnonzero(last & (share >= 0.5))
    return float(far[fits[-1]]) if fits.size else None


@lru_cache(8)
def calibrated(searched: Gallery, metric: str) -> tuple[float, float | None]:
    """The typical distance of a gallery's pairs (``metrics.scale``) and the threshold of ``calibrate``."""
    n = len(searched.items)
    if n <= ALL_PAIRS:
        matrix = metrics.pairwise(searched.vectors, [metric])[metric]
        return metrics.scale(matrix), calibrate(matrix, searched.labels)
    rows = np.sort(np.random.default_rng(0).choice(n, SAMPLE, replace=False))
    matrix = metrics.distances(searched.vectors[rows], searched.vectors, metric)
    return metrics.typical(matrix), calibrate(matrix, searched.labels, rows)


@lru_cache(4)
def prepared(searched: Gallery, metric: str) -> Prepared:
    """The vectors of a gallery as ``metrics.distances`` takes them."""
    return metrics.prepared(searched.vectors, metric)


@lru_cache(2)
def approximate(searched: Gallery, metric: str) -> faiss_index.Approximate:
    """The approximate index of a gallery."""
    return faiss_index.Approximate(searched.vectors, metric)


@dataclass(frozen=True)
class _Request:
    """What features to have: of which pictures, through which network, and where they are kept."""

    dataset: datasets.Dataset
    spec: FeatureSpec
    tools: Tools
    network: Extractor
    base: Path
    stamp: tuple
    """Of the dataset's card, taken before it was read."""


def _listed(name: str) -> tuple[datasets.Dataset, tuple]:
    """The dataset, and the stamp that its card had before it was read."""
    stamp = _stamp([settings().datasets / name / "card.json"])
    try:
        return datasets.load(name), stamp
    except (IntegrityError, UnknownName):
        return opened.dataset(name), stamp  # the last good list, or why there is none


def _request(listed: tuple[datasets.Dataset, tuple], spec: FeatureSpec, network: Extractor, tools: Tools) -> _Request:
    dataset, stamp = listed
    digest = extractors.digest(spec, tools, network)
    facts = [SCHEMA, dataset.content_hash, digest, spec.key, spec.size, network.engine_name]
    key = hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]
    return _Request(dataset, spec, tools, network, settings().home / "features" / key, stamp)


@dataclass(frozen=True)
class _OpenGallery:
    gallery: Gallery
    base: Path
    network: ReferenceType[Extractor]
    stamp: tuple
    curable: tuple[Path, ...]
    """Files of the items that were left out."""
    before: tuple
    """Their stamp."""


class _OpenGalleries:
    """The galleries of the last searches, whatever becomes of their files."""

    def __init__(self, keep: int) -> None:
        self._keep, self._lock = keep, threading.Lock()
        self._galleries: dict[tuple[str, FeatureSpec, Tools], _OpenGallery] = {}

    def clear(self) -> None:
        with self._lock:
            self._galleries.clear()

    def current(self, dataset: str, spec: FeatureSpec, tools: Tools) -> Gallery | None:
        """The gallery, while the card, the network and the files that were left out are as they were."""
        card, network = settings().datasets / dataset / "card.json", extractors.loaded(spec, tools)
        with self._lock:
            entry = self._galleries.get((dataset, spec, tools))
        if not entry or network is None or entry.network() is not network or entry.stamp != _stamp([card]):
            return None
        return entry.gallery if entry.before == _stamp(entry.curable) else None

    def same(self, request: _Request) -> Gallery | None:
        """The gallery, when a look at card and network showed that nothing has changed."""
        with self._lock:
            entry = self._galleries.get((request.dataset.name, request.spec, request.tools))
        if not entry or entry.base != request.base or entry.before != _stamp(entry.curable):
            return None
        self._remember(request, replace(entry, network=ref(request.network), stamp=request.stamp))
        return entry.gallery

    def put(self, request: _Request, stored: Stored) -> Gallery:
        dataset = request.dataset
        searched = Gallery(stored.vectors, stored.items, dataset.labels[stored.items], stored.left_out)
        curable = _curable(dataset, stored.left_out)
        entry = _OpenGallery(searched, request.base, ref(request.network), request.stamp, curable, _stamp(curable))
        self._remember(request, entry)
        return searched

    def _remember(self, request: _Request, entry: _OpenGallery) -> None:
        key = (request.dataset.name, request.spec, request.tools)
        with self._lock:
            self._galleries.pop(key, None)
            self._galleries[key] = entry
            while len(self._galleries) > self._keep:
                del self._galleries[next(iter(self._galleries))]


_open_galleries = _OpenGalleries(OPEN_GALLERIES)


def _curable(dataset: datasets.Dataset, left_out: Iterable[int]) -> tuple[Path, ...]:
    return tuple(dataset.place(id) for id in left_out)


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


def _opened(request: _Request) -> Gallery | None:
    """From memory or disk, unless it is not there, or lacks a picture that can be had now."""
    if unchanged := _open_galleries.same(request):
        return unchanged
    stored = vectorfiles.read(request.base)
    if stored is None:
        return None
    again = identity.left_out(request.dataset, stored.left_out)
    if again.keys() != stored.left_out.keys():
        return None
    return _open_galleries.put(request, replace(stored, left_out=again))


def _computed(request: _Request, progress: Progress | None) -> Stored:
    """The features of all pictures that are those of the list; kept on disk."""
    dataset = request.dataset
    if len(dataset.items) < 2:
        raise InputError(f"dataset {dataset.name}: expected at least 2 pictures to search among, got 1")
    size = 4 * request.network.dimensions[request.spec] * len(dataset.items)
    vectorfiles.make_room(request.base.parent, size, f"{dataset.name} under {request.spec.key}")
    stored = _extracted(request, progress)
    if stored.left_out and dataset.name in datasets.GROCERIES:  # whose package is installed here
        datasets.fetch(dataset.name)
        stored = _extracted(request, progress)
        if stored.left_out:
            raise PicturesUnavailable(
                f"pictures of {dataset.name} changed while their features were computed; try again"
            )
    _expect_two(dataset, stored.items, stored.left_out)
    vectorfiles.write(request.base, stored)
    return stored


def _extracted(request: _Request, progress: Progress | None) -> Stored:
    dataset, spec, network = request.dataset, request.spec, request.network
    n = len(dataset.items)
    vectors = vectorfiles.empty(request.base.parent, n, network.dimensions[spec])
    items: list[int] = []
    left_out: dict[int, str] = {}
    for id, outcome in network.stream([identity.pinned(dataset, id) for id in range(n)]):
        if isinstance(outcome, PicturesUnavailable):
            left_out[id] = str(outcome)
        elif not isinstance(outcome, ImageRefused):
            finite.check_features(outcome[spec], f"{dataset.name}/{dataset.items[id].shown} under {spec.key}")
            vectors[len(items)] = outcome[spec]
            items.append(id)
        if progress:
            progress(id + 1, n)
    vectors.flags.writeable = False
    return Stored(vectors[: len(items)], np.array(items, np.int64), left_out)


def _expect_two(dataset: datasets.Dataset, usable: np.ndarray, left_out: dict[int, str]) -> None:
    if len(usable) >= 2:
        return
    short = f"dataset {dataset.name}: expected at least 2 readable pictures, got {len(usable)}"
    if left_out:
        first, reason = next(iter(left_out.items()))
        raise PicturesUnavailable(f"{short}; {dataset.items[first].shown} {reason}")
    raise InputError(short)
