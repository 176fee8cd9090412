"""The store of computed experiments: one file per layer, one description per unit, one manifest over all.

::

    <root>/manifest.json                     schema, units and their facts, SHA-256 of every file and of itself
    <root>/<dataset>/<model>/unit.json       what the unit was computed from, SHA-256 of its layers and of itself
    <root>/<dataset>/<model>/<layer>.npz     rankings, distances and scores of readouts × metrics; maps, or none

Reading checks the digest of a file before anything in it is looked at. No file holds code or pickles, and none a
number that is not finite, but for those that ``finite`` says: checked when written, before sealing and when read.
"""

import io
import lzma
import threading
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from semsearch.errors import InputError, IntegrityError
from semsearch.files.storage import write_bytes
from semsearch.models.catalog import READOUTS, Readout
from semsearch.ranking.projection import Trust
from semsearch.store import coding, finite

SCHEMA = 2
DEPTH = 50
"""Matches stored per query."""
METRICS = ("correlation", "cosine", "manhattan", "euclidean", "minkowski3", "chebyshev")
"""The metrics stored, in the order in which their rankings are coded."""
METHODS = ("umap", "tsne", "pca")
KINDS = tuple(f"{method}{dimensions}" for method in METHODS for dimensions in (2, 3))
COLUMNS = {
    "codes": None,
    "steps": np.uint8,
    "ends": np.float16,
    "scale": np.float32,
    "score": np.float32,
    "hits": np.uint8,
    "ap": np.float16,
}
"""What a layer file holds per readout and metric, and its dtype where the coding does not choose it."""
CURE = "compute it again with `semsearch precompute`, or restore it with `git checkout`"

_DAMAGE = (zipfile.BadZipFile, lzma.LZMAError, zlib.error, MemoryError, OverflowError, SyntaxError)


@dataclass(frozen=True)
class Map:
    """One projection of all items."""

    coordinates: np.ndarray
    """(n, 2 or 3) float32."""
    trust: Trust
    """How far to trust it."""


Maps = dict[tuple[Readout, str], Map]
"""By readout and kind."""
FIGURES = ("trustworthiness", "continuity", "overlap", "silhouette")


@dataclass(frozen=True)
class Ranking:
    """The nearest matches of every query of one experiment, nearest first."""

    ids: np.ndarray
    """(n, k) int32."""
    distances: np.ndarray
    """(n, k) float32; as read, rounded as ``coding.pack`` says."""
    scale: float
    """Median distance of all pairs, see ``metrics.scale``."""


@dataclass(frozen=True)
class Scores:
    """Scores of one or more experiments, each array (…, n) by query."""

    score: np.ndarray
    """Published score, float32, 0 to 100."""
    hits: np.ndarray
    """Matches of the query's class among the first fifteen, uint8."""
    average_precision: np.ndarray
    """Over the full ranking, float16; NaN for a query whose class has no other member."""


@dataclass(frozen=True)
class LayerResults:
    """All results of one layer; rankings and scores by readout and metric, of each readout for all metrics."""

    rankings: dict[tuple[Readout, str], Ranking]
    scores: dict[tuple[Readout, str], Scores]
    maps: Maps
    """Of a readout all kinds or none: maps that are drawn by themselves have files of their own, see ``mapfiles``."""

    @property
    def readouts(self) -> tuple[Readout, ...]:
        """Those that it holds, in the order in which they are stored."""
        return tuple(readout for readout in READOUTS.values() if (readout, METRICS[0]) in self.rankings)


def write_layer(folder: Path, layer: str, results: LayerResults) -> None:
    """Write ``<folder>/<layer>.npz``; equal results give equal bytes. InputError for what ``finite`` does not allow."""
    arrays = {}
    for readout in results.readouts:
        reference = coding.first_reference(len(results.rankings[readout, METRICS[0]].ids))
        rows = []
        for metric in METRICS:
            ranking, scores = results.rankings[readout, metric], results.scores[readout, metric]
            codes, reference = coding.encode(ranking.ids, reference)
            steps, ends = coding.pack(ranking.distances, ranking.scale)
            rows.append((codes.T, steps.T, ends, ranking.scale, scores.score, scores.hits, scores.average_precision))
        for (name, kind), column in zip(COLUMNS.items(), zip(*rows, strict=True), strict=True):
            arrays[_column(name, readout)] = np.asarray(column, kind)
        if (readout, KINDS[0]) in results.maps:
            columns = map_columns([results.maps[readout, kind] for kind in KINDS])
            arrays |= {_column(name, readout): values for name, values in columns.items()}
    if flaw := finite.layer_flaw(arrays):
        raise InputError(f"{flaw}; nothing was stored")
    write_bytes(folder / f"{layer}.npz", coding.zipped(arrays))


def map_columns(maps: Sequence[Map]) -> dict[str, np.ndarray]:
    """Maps of the same items as the arrays that are stored of them."""
    places, frames = coding.pack_map(np.concatenate([drawn.coordinates for drawn in maps], axis=1))
    figures = [[getattr(drawn.trust, name) for name in FIGURES] for drawn in maps]
    return {
        "maps": places.T,
        "frames": frames,
        "kept": np.asarray([drawn.trust.kept_neighbours for drawn in maps], np.uint8),
        "trust": np.asarray(figures, np.float32),
    }


def map_of(columns: Mapping[str, np.ndarray], row: int, axes: slice) -> Map:
    """One of the maps in ``map_columns``."""
    coordinates = coding.unpack_map(columns["maps"][axes].T, columns["frames"][:, axes])
    trust = dict(zip(FIGURES, columns["trust"][row].tolist(), strict=True))
    return Map(coordinates, Trust(**trust, kept_neighbours=columns["kept"][row]))


class Layer:
    """The results of one layer, unpacked as far as they are asked for."""

    def __init__(self, data: bytes, path: Path) -> None:
        """Take the bytes of the layer file ``path``, verified by the caller."""
        self._path = path
        self._arrays = np.load(io.BytesIO(data), allow_pickle=False)
        self.readouts = tuple(one for one in READOUTS.values() if _column("codes", one) in self._arrays.files)
        """Those that the file holds, in the order in which they are stored."""
        self._chains: dict[Readout, list[Ranking]] = {}
        self._lock = threading.Lock()

    def ranking(self, readout: Readout, metric: str) -> Ranking:
        """One ranking with ids as positions among the unit's items."""
        with self._lock:
            if readout not in self._chains:
                self._chains[readout] = self._decoded(readout)
            return self._chains[readout][METRICS.index(metric)]

    def _decoded(self, readout: Readout) -> list[Ranking]:
        columns = [self._column(name, readout) for name in ("codes", "steps", "ends", "scale")]
        reference = coding.first_reference(columns[0].shape[2])
        chain = []
        for codes, steps, ends, scale in zip(*columns, strict=True):
            ids, reference = coding.decode(np.ascontiguousarray(codes.T), reference)
            chain.append(Ranking(ids, coding.unpack(steps.T, ends, float(scale)), float(scale)))
        return chain

    def _column(self, name: str, readout: Readout) -> np.ndarray:
        column = _column(name, readout)
        values = np.asarray(self._arrays[column])
        if flaw := finite.flaw(column, values):
            raise IntegrityError(f"{self._path}: {flaw}; {CURE}")
        return values

    def map(self, readout: Readout, kind: str) -> Map:
        """One map, and how far to trust it; for readouts of which the file ``has_maps``."""
        row = KINDS.index(kind)
        with self._lock:
            columns = {name: self._column(name, readout) for name in ("maps", "frames", "kept", "trust")}
        first = sum(int(before[-1]) for before in KINDS[:row])
        return map_of(columns, row, slice(first, first + int(kind[-1])))

    def has_maps(self, readout: Readout) -> bool:
        """Whether the file holds the maps of that readout."""
        return _column("maps", readout) in self._arrays.files

    @property
    def maps(self) -> Maps:
        """All maps of the layer."""
        return {(one, kind): self.map(one, kind) for one in self.readouts if self.has_maps(one) for kind in KINDS}

    @cached_property
    def scores(self) -> Scores:
        """Scores of all readouts × metrics of the layer, each (readouts × metrics, n); unpacked once, for reading."""
        with self._lock:
            score, hits, average = (
                np.concatenate([self._column(name, readout) for readout in self.readouts])
                for name in ("score", "hits", "ap")
            )
        for values in (score, hits, average):
            values.setflags(write=False)
        return Scores(score, hits, average)


def _column(name: str, readout: Readout) -> str:
    """The name of an array in a layer file."""
    return f"{name}.{readout.pooling}.{readout.preset}"


def read_layer(folder: Path, layer: str) -> Layer:
    """Read a layer file that no manifest covers yet; IntegrityError unless its arrays, written anew, give its bytes."""
    path = folder / f"{layer}.npz"
    try:
        data = path.read_bytes()
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            held = dict(arrays)
            whole = coding.zipped(held) == data
            flaw = finite.layer_flaw(held)
    except (OSError, ValueError, KeyError, EOFError, NotImplementedError, RuntimeError, *_DAMAGE) as error:
        raise IntegrityError(f"{path} is not a whole layer file ({error}); {CURE}") from error
    if not whole:
        raise IntegrityError(f"{path} is not the layer file that was written; {CURE}")
    if flaw:
        raise IntegrityError(f"{path}: {flaw}; {CURE}")
    return Layer(data, path)


def layer_is_whole(folder: Path, layer: str) -> bool:
    """Whether a resumed run can keep that layer file."""
    try:
        read_layer(folder, layer)
    except IntegrityError:
        return False
    return True
