"""Live search: any picture, or several with weights, against a dataset, under any features and metric.

The features of a dataset are computed once for each spec and kept below ``settings().home / "features"``,
under a key of all that changes them; a damaged file is computed again, never used.
"""

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from semsearch import datasets, features, images, metrics, weights
from semsearch.catalog import PRESETS, FeatureSpec
from semsearch.errors import ImageRefused, InputError, UnknownName
from semsearch.settings import settings
from semsearch.storage import atomic_path, lock, sha256_file, write_bytes

Picture = features.Picture
Query = Picture | int
Progress = Callable[[int, int], None]
SCHEMA = 1


class Extractor(Protocol):
    """What this module needs of ``features.FeatureExtractor``."""

    engine_name: str

    def stream(self, pictures: Iterable[Picture]) -> Iterable[tuple[int, features.Vectors | ImageRefused]]:
        """(position, one vector per spec or the refusal) for each picture, in order."""
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


@dataclass(frozen=True)
class Found:
    """One match; ``rank`` counts from 1, ``similarity`` is for showing."""

    rank: int
    item: int
    label: int
    distance: float
    similarity: float


@dataclass(frozen=True)
class SearchResult:
    """What a search found."""

    matches: tuple[Found, ...]
    vote: tuple[tuple[int, float], ...]
    """(class, its share of the matches), largest first, equal shares by class."""
    good: bool
    """Whether the first match is at most ``threshold`` away."""
    threshold: float | None
    """See ``calibrate``."""
    timings: dict[str, float]
    """Seconds: ``gallery`` (open the network, load or compute the features), ``decode``, ``features``, ``search``."""


def gallery(dataset: str, spec: FeatureSpec, *, progress: Progress | None = None, tools: Tools = DEFAULT) -> Gallery:
    """The features of a dataset's readable items, from disk, or computed and stored; ``progress`` counts pictures.

    UnknownName, PicturesUnavailable, WeightsUnavailable as the parts raise them; InputError below 2 readable items.
    """
    found = datasets.load(dataset)
    extractor = _extractor(spec, tools)
    facts = [SCHEMA, found.content_hash, tools.digest(spec.model), spec.key, spec.size, extractor.engine_name]
    key = hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]
    base = settings().home / "features" / key
    with lock(base.with_suffix(".lock")):
        if not _whole(base):
            _loaded.cache_clear()
            _compute(found, spec, extractor, base, progress)
    return _loaded(base, found.content_hash, dataset)


def calibrate(distances: np.ndarray, labels: np.ndarray) -> float | None:
    """The largest distance up to which nearest matches are right at least half of the time; None if there is none.

    Each item's nearest other item (equal distances by id) is right when it is of the same class; the share
    is over all items whose nearest is at most that far. ``distances`` is (n, n), ``labels`` (n,).
    """
    ids, nearest = metrics.rank(distances, 1, exclude=np.arange(len(distances)))
    order = np.argsort(nearest[:, 0], kind="stable")
    far, right = nearest[order, 0], (labels[ids[:, 0]] == labels)[order]
    share = np.cumsum(right) / np.arange(1, len(far) + 1)
    last = np.append(far[1:] != far[:-1], True)
    fits = np.flatnonzero(last & (share >= 0.5))
    return float(far[fits[-1]]) if fits.size else None


def search(
    queries: Query | Sequence[tuple[Query, float]],
    *,
    dataset: str,
    spec: FeatureSpec,
    metric: str = "cosine",
    k: int = 15,
    exclude: Iterable[int] = (),
    classes: Iterable[int] | None = None,
    progress: Progress | None = None,
    tools: Tools = DEFAULT,
) -> SearchResult:
    """The k nearest items to a picture or an item id, or to several with weights; equal distances by item id.

    One query is used as it is. Several, as (query, weight), become the mean of the L2-normalised vectors of
    positive weight minus that of negative weight, each times its weight (Rocchio 1971). Items used as
    queries and those of ``exclude`` are left out; ``classes`` keeps only those labels. InputError for no
    query, a zero weight, k < 1 or an item without features; ImageRefused for a bad picture.
    """
    if metric not in metrics.METRICS:
        raise UnknownName("metric", metric, metrics.METRICS)
    asked = [(queries, 1.0)] if isinstance(queries, bytes | Path | np.ndarray | int) else list(queries)
    if k < 1 or not asked or any(not np.isfinite(weight) or weight == 0 for _, weight in asked):
        raise InputError(f"expected k of at least 1 and queries with weights other than 0; got k = {k}, {len(asked)}")
    start = time.perf_counter()
    shelf = gallery(dataset, spec, progress=progress, tools=tools)
    scale, threshold = _calibrated(shelf, metric)
    timings = {"gallery": time.perf_counter() - start, "decode": 0.0, "features": 0.0}
    vectors = [_vector(query, shelf, spec, tools, timings) for query, _ in asked]
    start = time.perf_counter()
    point = vectors[0] if len(asked) == 1 and asked[0][1] > 0 else _rocchio(vectors, [w for _, w in asked])
    keep = ~np.isin(shelf.items, [*exclude, *(query for query, _ in asked if isinstance(query, int))])
    if classes is not None:
        keep &= np.isin(shelf.labels, list(classes))
    matches = _nearest(point, shelf, keep, metric=metric, k=k, scale=scale)
    timings["search"] = time.perf_counter() - start
    good = bool(matches) and threshold is not None and matches[0].distance <= threshold
    return SearchResult(matches, _vote(matches), good, threshold, timings)


def _nearest(
    point: np.ndarray, shelf: Gallery, keep: np.ndarray, *, metric: str, k: int, scale: float
) -> tuple[Found, ...]:
    row = metrics.distances(point[None], shelf.vectors, metric)[:, keep]
    ids, near = metrics.rank(row, k)
    alike = metrics.similarity(near, metric, scale)[0]
    rows = np.flatnonzero(keep)[ids[0]]
    return tuple(
        Found(place + 1, int(shelf.items[at]), int(shelf.labels[at]), float(near[0, place]), float(alike[place]))
        for place, at in enumerate(rows)
    )


def _vote(matches: Sequence[Found]) -> tuple[tuple[int, float], ...]:
    labels = [match.label for match in matches]
    shares = {label: labels.count(label) / len(labels) for label in labels}
    return tuple(sorted(shares.items(), key=lambda pair: (-pair[1], pair[0])))


def _rocchio(vectors: Sequence[np.ndarray], signed: Sequence[float]) -> np.ndarray:
    total = np.zeros(len(vectors[0]))
    for vector, weight in zip(vectors, signed, strict=True):
        alike = sum((other > 0) == (weight > 0) for other in signed)
        length = np.linalg.norm(vector.astype(np.float64))
        total += weight / alike * (vector / length if length else vector)
    return total.astype(np.float32)


def _vector(query: Query, shelf: Gallery, spec: FeatureSpec, tools: Tools, timings: dict[str, float]) -> np.ndarray:
    if isinstance(query, int):
        if not (shelf.items == query).any():
            raise InputError(f"expected an item with features, 0 … {shelf.items.max()}; got {query}")
        return np.asarray(shelf.vectors[int(np.searchsorted(shelf.items, query))])
    start = time.perf_counter()
    if not isinstance(query, np.ndarray):
        query = images.load_isolated(query, at_least=spec.size if PRESETS[spec.preset].resample == "antialias" else 0)
    decoded = time.perf_counter()
    _, result = next(iter(_extractor(spec, tools).stream([query])))
    if isinstance(result, ImageRefused):
        raise result
    timings["decode"] += decoded - start
    timings["features"] += time.perf_counter() - decoded
    return result[spec]


@lru_cache(4)
def _extractor(spec: FeatureSpec, tools: Tools) -> Extractor:
    return tools.extractor([spec])


@lru_cache(4)
def _calibrated(shelf: Gallery, metric: str) -> tuple[float, float | None]:
    matrix = metrics.pairwise(shelf.vectors, [metric])[metric]
    return metrics.scale(matrix), calibrate(matrix, shelf.labels)


def _compute(
    dataset: datasets.Dataset, spec: FeatureSpec, extractor: Extractor, base: Path, progress: Progress | None
) -> None:
    paths = [dataset.path(item.id) for item in dataset.items]
    items: list[int] = []
    with atomic_path(base.with_suffix(".f32")) as temporary:
        with temporary.open("wb") as out:
            for position, row in extractor.stream(paths):
                if not isinstance(row, ImageRefused):
                    out.write(np.asarray(row[spec], np.float32).tobytes())
                    items.append(position)
                if progress:
                    progress(position + 1, len(paths))
        if len(items) < 2:
            raise InputError(f"dataset {dataset.name}: expected at least 2 readable pictures, got {len(items)}")
        seal = {"items": items, "sha256": sha256_file(temporary)}
    write_bytes(base.with_suffix(".json"), json.dumps(seal).encode())


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


@lru_cache(4)
def _loaded(base: Path, content_hash: str, dataset: str) -> Gallery:
    items = np.array(json.loads(base.with_suffix(".json").read_bytes())["items"], np.int64)
    vectors = np.memmap(base.with_suffix(".f32"), np.float32, "r").reshape(len(items), -1)
    return Gallery(vectors, items, datasets.load(dataset).labels[items])


def document(result: SearchResult, dataset: datasets.Dataset) -> dict[str, Any]:
    """The result in plain types for JSON, with class titles and files."""
    rows = [
        {**asdict(m), "class": dataset.classes[m.label], "file": dataset.items[m.item].file} for m in result.matches
    ]
    vote = [{"class": dataset.classes[label], "share": share} for label, share in result.vote]
    known = {"good": result.good, "threshold": result.threshold, "timings": result.timings}
    return {"matches": rows, "vote": vote, **known}
