"""The features of a dataset that is searched: computed once, kept on disk, verified, and judged.

They lie below ``settings().home / "features"``, under a key of all that changes them; a damaged file is
computed again, never used.
"""

import hashlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np

from semsearch import datasets, features, index, metrics, weights
from semsearch.catalog import FeatureSpec
from semsearch.errors import ImageRefused, InputError
from semsearch.settings import settings
from semsearch.storage import atomic_path, lock, remove_leftovers, sha256_file, write_bytes

Progress = Callable[[int, int], None]
SCHEMA = 1
ALL_PAIRS = 2_000
"""Items up to which all pairs are looked at; of more, SAMPLE are drawn and compared with all."""
SAMPLE = 500
SHELVES = 8
"""Galleries kept open."""
LARGEST, ROOM = 3_000_000_000, 6_000_000_000
"""Bytes of the features of one dataset under one spec, and of all that are kept."""


class Extractor(Protocol):
    """What a search needs of ``features.FeatureExtractor``."""

    engine_name: str
    dimensions: dict[FeatureSpec, int]

    def stream(self, pictures: Iterable[features.Picture]) -> Iterable[tuple[int, features.Vectors | ImageRefused]]:
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


DEFAULT = Tools()


@dataclass(frozen=True, eq=False)
class Gallery:
    """The readable items of a dataset under one spec."""

    vectors: np.ndarray
    """(n, d) float32, a read-only memory map."""
    items: np.ndarray
    """Item of each row, (n,), rising."""
    labels: np.ndarray
    """Class of each row, (n,)."""


def gallery(dataset: str, spec: FeatureSpec, *, progress: Progress | None = None, tools: Tools = DEFAULT) -> Gallery:
    """The features of a dataset's readable items, from disk, or computed and stored; ``progress`` counts pictures.

    UnknownName, PicturesUnavailable, WeightsUnavailable as the parts raise them; InputError below 2 readable items.
    """
    if kept := _kept(dataset, spec, tools):
        return kept
    found, network = datasets.load(dataset), extractor(spec, tools)
    base = _base(found, spec, network, tools)
    if not _whole(base):
        with lock(base.with_suffix(".lock")):
            if not _whole(base):
                _compute(found, spec, network, base, progress)
    shelf = _loaded(base, found)
    _shelves[dataset, spec, tools] = (_stamp(dataset, base), base, network, shelf)
    while len(_shelves) > SHELVES:
        _shelves.pop(next(iter(_shelves)), None)
    return shelf


def ready(dataset: str, spec: FeatureSpec, *, tools: Tools = DEFAULT) -> bool:
    """Whether ``gallery`` would answer from disk, with the network already loaded; raises as it does."""
    if _kept(dataset, spec, tools):
        return True
    network = _extractors.found(spec, tools)
    return network is not None and _whole(_base(datasets.load(dataset), spec, network, tools))


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
def calibrated(shelf: Gallery, metric: str) -> tuple[float, float | None]:
    """The typical distance of a gallery's pairs (``metrics.scale``) and the threshold of ``calibrate``."""
    n = len(shelf.items)
    if n <= ALL_PAIRS:
        matrix = metrics.pairwise(shelf.vectors, [metric])[metric]
        return metrics.scale(matrix), calibrate(matrix, shelf.labels)
    rows = np.sort(np.random.default_rng(0).choice(n, SAMPLE, replace=False))
    matrix = metrics.distances(shelf.vectors[rows], shelf.vectors, metric)
    return float(np.median(matrix)), calibrate(matrix, shelf.labels, rows)


@lru_cache(4)
def prepared(shelf: Gallery, metric: str) -> metrics.Prepared:
    """The vectors of a gallery as ``metrics.distances`` takes them."""
    return metrics.prepared(shelf.vectors, metric)


@lru_cache(2)
def approximate(shelf: Gallery, metric: str) -> index.Approximate:
    """The approximate index of a gallery."""
    return index.Approximate(shelf.vectors, metric)


class _Extractors:
    """The networks used last, loaded once each; one that falls out is released when its last search ends."""

    def __init__(self, keep: int) -> None:
        self._keep, self._lock, self._loading = keep, threading.Lock(), threading.Lock()
        self._loaded: dict[tuple[FeatureSpec, Tools], Extractor] = {}

    def found(self, spec: FeatureSpec, tools: Tools) -> Extractor | None:
        with self._lock:
            if kept := self._loaded.pop((spec, tools), None):
                self._loaded[spec, tools] = kept
            return kept

    def get(self, spec: FeatureSpec, tools: Tools) -> Extractor:
        if kept := self.found(spec, tools):
            return kept
        with self._loading:
            network = self.found(spec, tools) or tools.extractor([spec])
            with self._lock:
                self._loaded[spec, tools] = network
                while len(self._loaded) > self._keep:
                    del self._loaded[next(iter(self._loaded))]
            return network


_extractors = _Extractors(4)
extractor = _extractors.get
"""The loaded network of a spec; raises as ``features.FeatureExtractor`` does."""


def _base(dataset: datasets.Dataset, spec: FeatureSpec, network: Extractor, tools: Tools) -> Path:
    facts = [SCHEMA, dataset.content_hash, tools.digest(spec.model), spec.key, spec.size, network.engine_name]
    return settings().home / "features" / hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]


_shelves: dict[tuple[str, FeatureSpec, Tools], tuple[tuple, Path, Extractor, Gallery]] = {}


def _kept(dataset: str, spec: FeatureSpec, tools: Tools) -> Gallery | None:
    """The gallery of the last search, while the dataset's card, the files and the network are those it came from."""
    if not (found := _shelves.get((dataset, spec, tools))):
        return None
    stamp, base, network, shelf = found
    same = _extractors.found(spec, tools) is network and _stamp(dataset, base) == stamp
    return shelf if same else None


def _stamp(dataset: str, base: Path) -> tuple:
    """What changes when a dataset's card or the files of its features do."""
    seen: list[int | str] = [str(base.parent), str(settings().home)]
    for path in (settings().datasets / dataset / "card.json", base.with_suffix(".f32"), base.with_suffix(".json")):
        try:
            about = path.stat()
            seen += [about.st_mtime_ns, about.st_size, about.st_ino]
        except OSError:
            seen.append(0)
    return tuple(seen)


def _compute(
    dataset: datasets.Dataset, spec: FeatureSpec, network: Extractor, base: Path, progress: Progress | None
) -> None:
    paths = [dataset.path(item.id) for item in dataset.items]
    _make_room(base.parent, 4 * network.dimensions[spec] * len(paths), f"{dataset.name} under {spec.key}")
    items: list[int] = []
    remove_leftovers(base.parent, base.name)
    with atomic_path(base.with_suffix(".f32")) as temporary:
        with temporary.open("wb") as out:
            for position, row in network.stream(paths):
                if not isinstance(row, ImageRefused):
                    out.write(np.asarray(row[spec], np.float32).tobytes())
                    items.append(position)
                if progress:
                    progress(position + 1, len(paths))
        if len(items) < 2:
            raise InputError(f"dataset {dataset.name}: expected at least 2 readable pictures, got {len(items)}")
        seal = {"items": items, "sha256": sha256_file(temporary)}
    write_bytes(base.with_suffix(".json"), json.dumps(seal).encode())


def _make_room(folder: Path, size: int, what: str) -> None:
    """Delete the features that were used longest ago until ``size`` bytes more are within ROOM."""
    if size > LARGEST:
        limit = f"expected features of at most {LARGEST / 1e9:g} GB"
        raise InputError(f"{what}: {limit}, got {size / 1e9:.1f} GB; pool, or choose a later layer")
    files = sorted(folder.glob("*.f32"), key=lambda file: file.stat().st_atime_ns)
    total = sum(file.stat().st_size for file in files)
    for file in files:
        if total + size <= ROOM:
            return
        total -= file.stat().st_size
        for part in (file.with_suffix(".json"), file):
            part.unlink(missing_ok=True)


@lru_cache(64)
def _proved(file: Path, changed: int, size: int, seal: bytes) -> bool:
    """Whether a file has the digest of its seal; remembered until its time or size changes."""
    try:
        return bool(json.loads(seal)["sha256"] == sha256_file(file))
    except (ValueError, KeyError, TypeError):
        return False


def _whole(base: Path) -> bool:
    file = base.with_suffix(".f32")
    try:
        about, seal = file.stat(), base.with_suffix(".json").read_bytes()
    except FileNotFoundError:
        return False
    return _proved(file, about.st_mtime_ns, about.st_size, seal)


def _loaded(base: Path, dataset: datasets.Dataset) -> Gallery:
    items = np.array(json.loads(base.with_suffix(".json").read_bytes())["items"], np.int64)
    file = base.with_suffix(".f32")
    os.utime(file, ns=(time.time_ns(), file.stat().st_mtime_ns))
    vectors = np.memmap(file, np.float32, "r").reshape(len(items), -1)
    return Gallery(vectors, items, dataset.labels[items])
