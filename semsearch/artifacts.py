"""The store of computed experiments: one file per layer, one description per unit, one manifest over all.

::

    <root>/manifest.json                     schema, units and their facts, SHA-256 of every file and of itself
    <root>/<dataset>/<model>/unit.json       what the unit was computed from, SHA-256 of its layers and of itself
    <root>/<dataset>/<model>/<layer>.npz     rankings, distances, scores and maps of all ways and metrics

Reading checks the digest of a file before anything in it is looked at. No file holds code or pickles.
"""

import hashlib
import io
import json
import lzma
import threading
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from semsearch import catalog, coding, datasets
from semsearch.catalog import WAYS
from semsearch.errors import InputError, IntegrityError
from semsearch.projection import Trust
from semsearch.storage import sha256_file, write_bytes

SCHEMA = 2
DEPTH = 50
"""Matches stored per query."""
METRICS = ("correlation", "cosine", "manhattan", "euclidean", "minkowski3", "chebyshev")
"""The metrics stored, in the order in which their rankings are coded."""
METHODS = ("umap", "tsne", "pca")
KINDS = tuple(f"{method}{dimensions}" for method in METHODS for dimensions in (2, 3))
LIBRARIES = ("keras", "numba", "numpy", "openvino", "pillow", "tensorflow-cpu", "umap-learn")
COLUMNS = {
    "codes": None,
    "steps": np.uint8,
    "ends": np.float16,
    "scale": np.float32,
    "score": np.float32,
    "hits": np.uint8,
    "ap": np.float16,
}
"""What a layer file holds per way and metric, and its dtype where the coding does not choose it."""
CURE = "compute it again with `semsearch precompute`, or restore it with `git checkout`"

_DAMAGE = (zipfile.BadZipFile, lzma.LZMAError, MemoryError, OverflowError, SyntaxError)


@dataclass(frozen=True)
class Map:
    """One projection of all items."""

    coordinates: np.ndarray
    """(n, 2 or 3) float32."""
    trust: Trust
    """How far to trust it."""


Maps = dict[tuple[str, str, str], Map]
"""By (pooling, preset, kind)."""
FIGURES = ("trustworthiness", "continuity", "overlap", "silhouette")


@dataclass(frozen=True)
class Ranking:
    """The nearest matches of every query of one experiment, nearest first."""

    ids: np.ndarray
    """(n, k) int32."""
    distances: np.ndarray
    """(n, k) float32; as read, rounded as ``coding.pack`` says."""
    scale: float
    """Median distance of all pairs, see ``metrics.similarity``."""


@dataclass(frozen=True)
class Scores:
    """Scores of one or more experiments, each array (…, n) by query."""

    score: np.ndarray
    """Published score, float32, 0 to 100."""
    hits: np.ndarray
    """Matches of the query's class among the first fifteen, uint8."""
    average_precision: np.ndarray
    """Over the full ranking, float16, NaN where undefined."""


@dataclass(frozen=True)
class LayerResults:
    """All results of one layer; rankings and scores by (pooling, preset, metric)."""

    rankings: dict[tuple[str, str, str], Ranking]
    scores: dict[tuple[str, str, str], Scores]
    maps: Maps


def write_layer(folder: Path, layer: str, results: LayerResults) -> None:
    """Write ``<folder>/<layer>.npz``; equal results give equal bytes."""
    arrays = {}
    for way in WAYS:
        reference = coding.first_reference(len(results.maps[*way, KINDS[0]].coordinates))
        rows = []
        for metric in METRICS:
            ranking, scores = results.rankings[*way, metric], results.scores[*way, metric]
            codes, reference = coding.encode(ranking.ids, reference)
            steps, ends = coding.pack(ranking.distances, ranking.scale)
            rows.append((codes.T, steps.T, ends, ranking.scale, scores.score, scores.hits, scores.average_precision))
        for (name, kind), column in zip(COLUMNS.items(), zip(*rows, strict=True), strict=True):
            arrays[f"{name}.{'.'.join(way)}"] = np.asarray(column, kind)
        maps = [results.maps[*way, kind] for kind in KINDS]
        joined = np.concatenate([found.coordinates for found in maps], axis=1)
        places, frames = coding.pack_map(joined)
        arrays[f"maps.{'.'.join(way)}"] = places.T
        arrays[f"frames.{'.'.join(way)}"] = frames
        arrays[f"kept.{'.'.join(way)}"] = np.asarray([found.trust.kept for found in maps], np.uint8)
        figures = [[getattr(found.trust, name) for name in FIGURES] for found in maps]
        arrays[f"trust.{'.'.join(way)}"] = np.asarray(figures, np.float32)
    write_bytes(folder / f"{layer}.npz", _zipped(arrays))


def _zipped(arrays: Mapping[str, np.ndarray]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, array in arrays.items():
            member = zipfile.ZipInfo(f"{name}.npy")
            member.compress_type = zipfile.ZIP_LZMA
            with archive.open(member, "w") as handle:
                np.lib.format.write_array(handle, np.ascontiguousarray(array), allow_pickle=False)
    return buffer.getvalue()


class Layer:
    """The results of one layer, unpacked as far as they are asked for."""

    def __init__(self, data: bytes) -> None:
        """Take the bytes of a layer file, verified by the caller."""
        self._arrays = np.load(io.BytesIO(data), allow_pickle=False)
        self._chains: dict[tuple[str, str], list[Ranking]] = {}
        self._lock = threading.Lock()

    def ranking(self, pooling: str, preset: str, metric: str) -> Ranking:
        """One ranking with ids as positions among the unit's items."""
        way = (pooling, preset)
        with self._lock:
            if way not in self._chains:
                self._chains[way] = self._decoded(way)
            return self._chains[way][METRICS.index(metric)]

    def _decoded(self, way: tuple[str, str]) -> list[Ranking]:
        columns = [self._column(name, way) for name in ("codes", "steps", "ends", "scale")]
        reference = coding.first_reference(columns[0].shape[2])
        chain = []
        for codes, steps, ends, scale in zip(*columns, strict=True):
            ids, reference = coding.decode(np.ascontiguousarray(codes.T), reference)
            chain.append(Ranking(ids, coding.unpack(steps.T, ends, float(scale)), float(scale)))
        return chain

    def _column(self, name: str, way: tuple[str, str]) -> np.ndarray:
        return np.asarray(self._arrays[f"{name}.{'.'.join(way)}"])

    def map(self, pooling: str, preset: str, kind: str) -> Map:
        """One map, and how far to trust it."""
        way, row = (pooling, preset), KINDS.index(kind)
        with self._lock:
            places, frames, kept, figures = (self._column(name, way) for name in ("maps", "frames", "kept", "trust"))
        first = sum(int(before[-1]) for before in KINDS[:row])
        axes = slice(first, first + int(kind[-1]))
        coordinates = coding.unpack_map(places[axes].T, frames[:, axes])
        trust = dict(zip(FIGURES, figures[row].tolist(), strict=True))
        return Map(coordinates, Trust(**trust, kept=kept[row]))

    @property
    def maps(self) -> Maps:
        """All maps of the layer."""
        return {(*way, kind): self.map(*way, kind) for way in WAYS for kind in KINDS}

    @property
    def scores(self) -> Scores:
        """Scores of all ways × metrics of the layer, each (ways × metrics, n)."""
        with self._lock:
            columns = [np.concatenate([self._column(name, way) for way in WAYS]) for name in ("score", "hits", "ap")]
        return Scores(*columns)


def read_layer(folder: Path, layer: str) -> Layer:
    """Read a layer file that no manifest covers yet; IntegrityError unless its arrays, written anew, give its bytes."""
    path = folder / f"{layer}.npz"
    try:
        data = path.read_bytes()
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            whole = _zipped(dict(arrays)) == data
    except (OSError, ValueError, KeyError, EOFError, NotImplementedError, RuntimeError, *_DAMAGE) as error:
        raise IntegrityError(f"{path} is not a whole layer file ({error}); {CURE}") from error
    if not whole:
        raise IntegrityError(f"{path} is not the layer file that was written; {CURE}")
    return Layer(data)


def layer_is_whole(folder: Path, layer: str) -> bool:
    """Whether a resumed run can keep that layer file."""
    try:
        read_layer(folder, layer)
    except IntegrityError:
        return False
    return True


def write_unit(folder: Path, facts: dict) -> None:
    """Describe a finished unit in ``<folder>/unit.json``: its facts, its files, the libraries.

    ``facts`` hold at least dataset, dataset_hash, items, model, schema and key. InputError when layers are missing.
    """
    files = {path.name: sha256_file(path) for path in sorted(folder.glob("*.npz"))}
    if files.keys() != (wanted := _files(facts["model"])):
        raise InputError(f"{folder}: expected the layer files {', '.join(sorted(wanted))}, got {', '.join(files)}")
    libraries = {name: version(name) for name in LIBRARIES}
    write_bytes(folder / "unit.json", signed({**facts, "files": files, "libraries": libraries}))


def unit_key(root: Path, dataset: str, model: str) -> str:
    """The key of the unit stored there, or empty if there is none or it is damaged."""
    folder = root / dataset / model
    try:
        facts = read_signed(folder / "unit.json")
        whole = all(sha256_file(folder / name) == digest for name, digest in facts["files"].items())
    except (IntegrityError, OSError):
        return ""
    current = facts["schema"] == SCHEMA and facts["files"].keys() == _files(model)
    return str(facts["key"]) if whole and current else ""


def seal(root: Path) -> None:
    """Write the manifest over all whole units at ``root``; the same units give the same bytes.

    Where units of a dataset were computed from different pictures, only those of its present pictures are taken.
    """
    units: dict[str, dict[str, dict]] = {}
    for path in sorted(root.glob("[!.]*/[!.]*/unit.json")):
        dataset, model = path.parent.parent.name, path.parent.name
        if model in catalog.models() and unit_key(root, dataset, model):
            units.setdefault(dataset, {})[model] = read_signed(path)
    units = {dataset: _alike(dataset, found) for dataset, found in units.items()}
    write_bytes(root / "manifest.json", signed({"schema": SCHEMA, "units": units}))


def _alike(dataset: str, units: dict[str, dict]) -> dict[str, dict]:
    """The units over the same pictures: the present ones, and of these the largest group that skipped the same."""
    groups: dict[tuple, dict[str, dict]] = {}
    for model, facts in units.items():
        groups.setdefault((facts["dataset_hash"], *facts["items"]), {})[model] = facts
    if len(groups) > 1:
        present = datasets.load(dataset).content_hash
        groups = {key: group for key, group in groups.items() if key[0] == present}
    return max(groups.values(), key=len, default={})


def _files(model: str) -> set[str]:
    return {f"{layer.name}.npz" for layer in catalog.model(model).layers}


def signed(facts: dict) -> bytes:
    """JSON of ``facts`` that carries its own SHA-256 as ``digest``."""
    body = {key: value for key, value in facts.items() if key != "digest"}
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return json.dumps({**body, "digest": digest(canonical.encode())}, indent=1, sort_keys=True).encode() + b"\n"


def read_signed(path: Path) -> dict[str, Any]:
    """What ``signed`` wrote; IntegrityError when it is missing, damaged or edited."""
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise IntegrityError(f"{path} is missing; {CURE}") from error
    except OSError as error:
        raise IntegrityError(f"{path} cannot be read ({error.strerror}); {CURE}") from error
    try:
        facts = json.loads(data)
        whole = isinstance(facts, dict) and signed(facts) == data
    except ValueError:
        whole = False
    if not whole:
        raise IntegrityError(f"{path} was damaged or edited by hand: its digest does not hold; {CURE}")
    return dict(facts)


def digest(data: bytes) -> str:
    """Hex SHA-256."""
    return hashlib.sha256(data).hexdigest()
