"""The store opened for reading: each file's digest is checked before anything in it is looked at."""

import threading
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from semsearch.errors import IntegrityError, NotComputed, NotReady, StorageError, UnknownName
from semsearch.files import sealed
from semsearch.files.storage import explain, of_machine
from semsearch.models import catalog
from semsearch.models.catalog import READOUTS, FeatureSpec, Readout
from semsearch.settings import cores
from semsearch.store import mapfiles
from semsearch.store.artifacts import CURE, KINDS, METRICS, SCHEMA, Layer, Map, Ranking, Scores
from semsearch.store.experiment import Experiment
from semsearch.store.units import aside, digest


@dataclass(frozen=True)
class ScoreTable:
    """The scores of all experiments of a dataset; row i is ``specs[i]`` with ``metrics[i]``."""

    specs: tuple[FeatureSpec, ...]
    metrics: tuple[str, ...]
    queries: np.ndarray
    """(m,) int32 ids of the queries, the columns."""
    scores: Scores
    """Arrays (rows, n)."""


KEPT = 10
"""Layers: the eight of a model that a map travels through, and two of what it is compared with."""


class Store:
    """A store opened for reading; safe for threads; keeps the last opened layers in memory."""

    def __init__(self, root: Path, *, keep: int = KEPT) -> None:
        """Read and check the manifest at ``root``; IntegrityError if it is missing, damaged or of another schema."""
        self.root = root
        manifest = sealed.read(root / "manifest.json", cure=CURE)
        if not isinstance(manifest.get("units"), dict):
            raise IntegrityError(f"{root}: expected a manifest, got another sealed file; {CURE}")
        if manifest.get("schema") != SCHEMA:
            raise IntegrityError(f"{root}: expected schema {SCHEMA}, got {manifest.get('schema')}; {CURE}")
        self.digest: str = manifest["digest"]
        """Of the manifest: two stores of one digest hold the same."""
        self._units: dict[str, dict[str, dict]] = manifest["units"]
        self._layers: OrderedDict[tuple[str, str, str], Layer] = OrderedDict()
        self._keep, self._lock = keep, threading.Lock()
        self._tables: dict[str, ScoreTable] = {}

    @property
    def datasets(self) -> tuple[str, ...]:
        """Names of the datasets with results."""
        return tuple(self._units)

    def models(self, dataset: str) -> tuple[str, ...]:
        """Names of the models with results for a dataset, in catalogue order."""
        if dataset not in self._units:
            raise UnknownName("dataset with stored results", dataset, self._units)
        return tuple(name for name in catalog.models() if name in self._units[dataset])

    def facts(self, dataset: str, model: str) -> dict[str, Any]:
        """What a unit was computed from: hashes, weights, skipped pictures, libraries."""
        if model not in self.models(dataset):
            raise UnknownName(f"model with stored results for {dataset}", model, self.models(dataset))
        return self._units[dataset][model]

    def items(self, dataset: str, model: str) -> np.ndarray:
        """Ids of the items that results were computed of, (n,) int32: row i of every map is ``items[i]``."""
        return np.asarray(self.facts(dataset, model)["items"], np.int32)

    def queries(self, dataset: str, model: str) -> np.ndarray:
        """Ids of those that were queries, rising, (m,) int32: row i of rankings and scores is of ``queries[i]``.

        All items; of a large dataset a seeded sample, see ``extent.sample``.
        """
        facts = self.facts(dataset, model)
        return np.asarray(facts.get("queries", facts["items"]), np.int32)

    def readouts(self, dataset: str, model: str) -> tuple[Readout, ...]:
        """The readouts with results for a model, in the order in which they are stored."""
        keys = self.facts(dataset, model).get("readouts", list(READOUTS))
        return tuple(readout for key, readout in READOUTS.items() if key in keys)

    def has(self, dataset: str, spec: FeatureSpec) -> bool:
        """Whether there are results of that spec."""
        known = dataset in self._units and spec.model in self._units[dataset]
        return known and spec.readout in self.readouts(dataset, spec.model)

    def ranking(self, experiment: Experiment) -> Ranking:
        """The ranking of every query of one experiment, ids being item ids."""
        spec, metric = experiment.spec, experiment.stored_metric
        self._rank(metric)
        stored = self._layer_with(experiment.dataset, spec).ranking(spec.readout, metric)
        return Ranking(self.items(experiment.dataset, spec.model)[stored.ids], stored.distances, stored.scale)

    def map(self, dataset: str, spec: FeatureSpec, kind: str) -> Map:
        """The map of one kind (see artifacts.KINDS), and how far to trust it; NotComputed when it was never drawn."""
        if kind not in KINDS:
            raise UnknownName("stored kind of map", kind, KINDS)
        layer, unit = self._layer_with(dataset, spec), self.root / dataset / spec.model
        if layer.has_maps(spec.readout):
            return layer.map(spec.readout, kind)
        if drawn := mapfiles.read(unit, self.facts(dataset, spec.model)["key"], spec, kind):
            return drawn
        raise NotComputed(
            f"{dataset}: the map {kind} of {spec.key} is not drawn yet; draw it on the page Embeddings, or all maps "
            f"with `semsearch precompute {dataset} --models {spec.model} --full`"
        )

    def has_map(self, dataset: str, spec: FeatureSpec, kind: str) -> bool:
        """Whether ``map`` has that one."""
        if not self.has(dataset, spec):
            return False
        if self.facts(dataset, spec.model).get("maps", True):
            return True
        unit = self.root / dataset / spec.model
        return mapfiles.read(unit, self.facts(dataset, spec.model)["key"], spec, kind) is not None

    def score(self, experiment: Experiment) -> Scores:
        """The scores of one experiment, each array (n,)."""
        readout, metric = experiment.spec.readout, self._rank(experiment.stored_metric)
        layer = self._layer_with(experiment.dataset, experiment.spec)
        row = layer.readouts.index(readout) * len(METRICS) + metric
        layer_scores = layer.scores
        return Scores(layer_scores.score[row], layer_scores.hits[row], layer_scores.average_precision[row])

    def scores(self, dataset: str) -> ScoreTable:
        """The scores of every stored experiment of a dataset."""
        if dataset not in self._tables:
            models = self.models(dataset)
            layers = [(model, layer.name) for model in models for layer in catalog.model(model).layers]
            with ThreadPoolExecutor(cores()) as pool:
                by_layer = list(pool.map(lambda where: self._read(dataset, *where).scores, layers))
            specs = [readout.spec(*where) for where in layers for readout in self.readouts(dataset, where[0])]
            rows = [(spec, metric) for spec in specs for metric in METRICS]
            joined = Scores(
                np.concatenate([scores.score for scores in by_layer]),
                np.concatenate([scores.hits for scores in by_layer]),
                np.concatenate([scores.average_precision for scores in by_layer]),
            )
            columns = tuple(spec for spec, _ in rows), tuple(metric for _, metric in rows)
            self._tables[dataset] = ScoreTable(*columns, self.queries(dataset, models[0]), joined)
        return self._tables[dataset]

    @staticmethod
    def _rank(metric: str) -> int:
        if metric not in METRICS:
            raise UnknownName("stored metric", metric, METRICS)
        return METRICS.index(metric)

    def _layer_with(self, dataset: str, spec: FeatureSpec) -> Layer:
        """The layer of a spec; NotComputed when it has no results of that readout."""
        layer = self._layer(dataset, spec)
        if spec.readout in layer.readouts:
            return layer
        cure = f"run `semsearch precompute {dataset} --models {spec.model} --full`"
        raise NotComputed(f"{dataset}: {spec.model} has no results with the pooling {spec.readout.title} yet; {cure}")

    def _layer(self, dataset: str, spec: FeatureSpec) -> Layer:
        key = (dataset, spec.model, spec.layer)
        with self._lock:
            if key not in self._layers:
                self._layers[key] = self._read(*key)
                while len(self._layers) > self._keep:
                    self._layers.popitem(last=False)
            self._layers.move_to_end(key)
            return self._layers[key]

    def _read(self, dataset: str, model: str, layer: str) -> Layer:
        facts, file = self.facts(dataset, model), f"{layer}.npz"
        usual = self.root / dataset / model / file
        # A unit that is replaced is set aside until the new one is sealed.
        before = aside(self.root, dataset, model, facts["key"]) / file
        expected, digests = facts["files"].get(file), []
        for path in (usual, before):
            data = _bytes(path)
            digests.append(digest(data))
            if digests[-1] == expected:
                return Layer(data, path)
        if self._was_renewed():
            raise NotReady("the stored results were renewed a moment ago; try again")
        raise IntegrityError(f"{usual}: expected SHA-256 {expected}, got {digests[0]}; {CURE}")

    def _was_renewed(self) -> bool:
        """Whether another manifest, and a whole one, lies on disk now."""
        try:
            return bool(sealed.read(self.root / "manifest.json", cure=CURE)["digest"] != self.digest)
        except (IntegrityError, StorageError):
            return False


def _bytes(path: Path) -> bytes:
    """What is in a file; nothing where it cannot be read. StorageError when the machine fails, not the file."""
    try:
        return path.read_bytes()
    except OSError as error:
        if of_machine(error):
            raise explain(error, path) from error
        return b""
