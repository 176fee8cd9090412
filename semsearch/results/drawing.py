"""Maps drawn when they are wanted: of one readout under one model, first of the layer that is looked at."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from semsearch.data import datasets
from semsearch.data.datasets import Dataset
from semsearch.errors import InputError, NotComputed, SpecMismatch, UnknownName
from semsearch.files import sealed
from semsearch.files.storage import is_here, lock
from semsearch.models import catalog
from semsearch.models.catalog import READOUTS, FeatureSpec
from semsearch.processes.child import Child
from semsearch.ranking import graph, metrics, projection
from semsearch.results import extraction
from semsearch.settings import settings
from semsearch.store import artifacts, mapfiles

LARGE = 2_000
"""Items up to which a map is drawn from all distances, as stored ones are; beyond, from a graph of neighbours."""
Call = Callable[..., Any]
"""(function, arguments …) → what the function returns, from a process of its own."""
Report = Callable[[str, int, int], None]
"""(phase in words, steps done, steps in all)."""


@dataclass(frozen=True)
class Wanted:
    """The maps that are wanted: of one kind, of all layers, one of them first."""

    dataset: str
    model: str
    readout: str
    """A key of READOUTS."""
    kind: str
    """See artifacts.KINDS."""
    layer: str

    @property
    def specs(self) -> tuple[FeatureSpec, ...]:
        """The layers in the order in which they are drawn: that one, those after it, then those before."""
        names = catalog.model(self.model).layer_names
        place = catalog.model(self.model).place(self.layer) - 1
        return tuple(
            READOUTS[self.readout].spec(self.model, name) for name in (*names[place:], *reversed(names[:place]))
        )


def draw(
    wanted: Wanted,
    *,
    root: Path | None = None,
    make: extraction.Make,
    report: Report,
    worker: AbstractContextManager[Child] | None = None,
) -> int:
    """Draw what is lacking of the wanted maps, and keep each when it is there; how many were drawn.

    Each is laid over that of the layer beside it. NotComputed without results of the dataset under that model,
    SpecMismatch when its pictures are others now; a run that was ended goes on at the map that it was at.
    """
    if wanted.kind not in artifacts.KINDS or wanted.readout not in READOUTS:
        raise UnknownName("map", f"{wanted.readout} {wanted.kind}", artifacts.KINDS)
    root = root or settings().precomputed
    unit, dataset = root / wanted.dataset / wanted.model, datasets.load(wanted.dataset)
    facts = _facts(unit, dataset)
    known = {spec: mapfiles.read(unit, facts["key"], spec, wanted.kind) for spec in wanted.specs}
    lacking = [spec for spec in wanted.specs if known[spec] is None]
    if not lacking:
        return 0
    items = facts["items"]

    def step(done: int) -> None:
        report("Pictures through the network", done, len(items))

    with (
        lock(root / ".work" / f"{wanted.dataset}.{wanted.model}.maps.lock"),
        extraction.extracted(dataset, items, lacking, make, root / ".work", step) as vectors,
        worker or Child("the maps could not be drawn") as child,
    ):
        labels = dataset.labels[items]
        for count, spec in enumerate(wanted.specs):
            report("Drawing the map of a layer", count, len(wanted.specs))
            if spec in lacking:
                before = _beside(wanted.specs, count, known)
                known[spec] = drawn = _drawn(vectors[spec], labels, wanted.kind, before, child.call)
                mapfiles.write(unit, facts["key"], spec, wanted.kind, drawn)
    return len(lacking)


def _facts(unit: Path, dataset: Dataset) -> dict[str, Any]:
    cure = f"run `semsearch precompute {dataset.name} --models {unit.name}`"
    if not is_here(unit / "unit.json"):
        raise NotComputed(f"{dataset.name}: {unit.name} has no results yet, and so no map; {cure}")
    facts = sealed.read(unit / "unit.json", cure=cure)
    if facts["dataset_hash"] != dataset.content_hash:
        raise SpecMismatch(f"{dataset.name} has changed since its results were computed; {cure}")
    return facts


def _beside(
    specs: Sequence[FeatureSpec], count: int, known: dict[FeatureSpec, artifacts.Map | None]
) -> np.ndarray | None:
    """The map of the layer beside that one, of those that were drawn before it."""
    names = catalog.model(specs[0].model).layer_names
    place = names.index(specs[count].layer)
    for spec in specs[:count]:
        if abs(names.index(spec.layer) - place) == 1 and (drawn := known[spec]):
            return drawn.coordinates
    return None


def _drawn(rows: np.ndarray, labels: np.ndarray, kind: str, before: np.ndarray | None, call: Call) -> artifacts.Map:
    """A map of features (n, d), begun at that of another layer, and laid over it."""
    method, dimensions = kind[:-1], int(kind[-1])
    if len(rows) > LARGE:
        return _of_graph(rows, labels, method, dimensions, before, call)
    basis = "euclidean" if method == "pca" else "cosine"
    matrices = metrics.pairwise(rows, ("euclidean", basis))
    coordinates = projection.pca(matrices["euclidean"], dimensions)
    if method != "pca":
        start = coordinates if before is None else before
        coordinates = call(getattr(projection, f"draw_{method}"), matrices[basis], start)
    coordinates = _laid(coordinates, before, method)
    return artifacts.Map(coordinates, projection.trust(matrices[basis], coordinates, labels))


def one_map(rows: np.ndarray, labels: np.ndarray, kind: str) -> artifacts.Map:
    """The map of that kind of features (n, d) and labels (n,), by itself."""
    with Child("the map could not be drawn") as child:
        return _drawn(rows, labels, kind, None, child.call)


def _of_graph(
    rows: np.ndarray, labels: np.ndarray, method: str, dimensions: int, before: np.ndarray | None, call: Call
) -> artifacts.Map:
    euclidean = method == "pca"
    compared = np.ascontiguousarray(rows) if euclidean else graph.directed(rows)
    neighbours = graph.nearest(compared, max(graph.NEEDED[method], projection.NEIGHBOURS), euclidean=euclidean)
    coordinates = before
    if before is None or euclidean:
        coordinates = graph.components(rows, dimensions)
    if not euclidean:
        near = graph.Graph(*(values[:, : graph.NEEDED[method]] for values in (neighbours.ids, neighbours.distances)))
        coordinates = call(graph.draw, method, near, coordinates)
    if coordinates is None:
        raise InputError(f"no such map: {method}")
    coordinates = _laid(coordinates, before, method)
    return artifacts.Map(coordinates, graph.trust(compared, neighbours, coordinates, labels, euclidean=euclidean))


def _laid(coordinates: np.ndarray, before: np.ndarray | None, method: str) -> np.ndarray:
    """A map laid over another of the same items; of principal components only the signs of the axes are free."""
    if before is None:
        return coordinates
    if method != "pca":
        return projection.align(coordinates, before)
    same = (coordinates.astype(np.float64) * before).sum(0) >= 0
    return np.asarray(coordinates * np.where(same, 1, -1), np.float32)
