"""The grid dataset × model × layer × pooling × metric, computed once and stored.

The work is cut into units, one per dataset and model. A unit is built in a folder named by all that
changes its result, layer file by layer file, and moved into the store when it is whole: a run that is
killed resumes at the layer it was in, and a run that finds nothing to do changes nothing.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from semsearch import artifacts, catalog, datasets, features, images, metrics, projection, scores, weights
from semsearch.catalog import WAYS, FeatureSpec
from semsearch.errors import ImageRefused, InputError
from semsearch.settings import settings
from semsearch.storage import lock, remove_leftovers

Progress = Callable[[int, int], None]
Vectors = dict[FeatureSpec, np.ndarray]


class Extractor(Protocol):
    """What this module needs of ``features.FeatureExtractor``."""

    dimensions: dict[FeatureSpec, int]

    def stream(self, pictures: Iterable[Path]) -> Iterable[tuple[int, Vectors | ImageRefused]]:
        """(position, one vector per spec or the refusal) for each picture, in order."""
        ...


@dataclass(frozen=True)
class Tools:
    """The engines that a run uses; tests put exact small worlds in their place."""

    extractor: Callable[[Sequence[FeatureSpec]], Extractor] = features.FeatureExtractor
    project: Callable[[], AbstractContextManager[projection.Project]] = projection.map_worker
    digest: Callable[[str], str] = lambda model: weights.local(model).digest


@dataclass
class Report:
    """What a run did."""

    root: Path
    computed: int = 0
    already: int = 0
    skipped: list[str] = field(default_factory=list)
    """``dataset/file: reason`` for each picture that could not be read."""


@dataclass(frozen=True)
class _Unit:
    dataset: datasets.Dataset
    usable: tuple[int, ...]
    model: str
    facts: dict

    @property
    def key(self) -> str:
        return hashlib.sha256(json.dumps(self.facts, sort_keys=True).encode()).hexdigest()[:16]


def parse_shard(text: str) -> tuple[int, int]:
    """``i/n`` as two numbers with 1 ≤ i ≤ n; InputError otherwise."""
    part, slash, whole = text.partition("/")
    if slash and part.isdecimal() and whole.isdecimal() and 1 <= int(part) <= int(whole):
        return int(part), int(whole)
    raise InputError(f"expected a shard i/n with 1 ≤ i ≤ n, such as 2/4; got {text!r}")


def models_here() -> list[str]:
    """Names of the models whose weights are on this machine."""
    return [name for name in catalog.models() if weights.status(name).here]


def precompute(
    names: Sequence[str],
    models: Sequence[str],
    *,
    root: Path | None = None,
    shard: tuple[int, int] = (1, 1),
    progress: Progress | None = None,
    tools: Tools | None = None,
) -> Report:
    """Compute every unit of ``names`` × ``models`` that the store at ``root`` lacks, and seal the store.

    Pictures that cannot be read are left out of their dataset's results, listed in the report, and never
    stop the run. ``shard`` (i, n) does every n-th unit beginning with the i-th: n processes, on one machine
    or many with a common folder, share the work. ``progress`` is called with (steps done, steps in all).
    Raises UnknownName, PicturesUnavailable and WeightsUnavailable before anything is computed.
    """
    tools = tools or Tools()
    report = Report(root or settings().precomputed)
    units = _units(names, models, tools, report)[shard[0] - 1 :: shard[1]]
    sizes = [2 * len(unit.usable) + len(catalog.grid(unit.model)) for unit in units]
    done = 0
    with tools.project() as project:
        for unit, size in zip(units, sizes, strict=True):
            before = done

            def step(count: int, before: int = before) -> None:
                if progress:
                    progress(before + count, sum(sizes))

            with lock(report.root / ".work" / f"{unit.dataset.name}.{unit.model}.lock"):
                _run_unit(unit, report, tools, project, step)
            done += size
            step(size)
    with lock(report.root / ".work" / "seal.lock"):
        artifacts.seal(report.root)
    return report


def _units(names: Sequence[str], models: Sequence[str], tools: Tools, report: Report) -> list[_Unit]:
    digests = {model: tools.digest(catalog.model(model).name) for model in models}
    units = []
    for name in names:
        dataset = datasets.load(name)
        usable, refused = _readable(dataset)
        report.skipped += [f"{name}/{file}: {reason}" for file, reason in refused.items()]
        common = {
            "dataset": name,
            "dataset_hash": dataset.content_hash,
            "items": list(usable),
            "skipped": refused,
            "schema": artifacts.SCHEMA,
        }
        units += [
            _Unit(dataset, usable, model, {**common, "model": model, "weights": digests[model]}) for model in models
        ]
    return units


def _readable(dataset: datasets.Dataset) -> tuple[tuple[int, ...], dict[str, str]]:
    usable, refused = [], {}
    for item in dataset.items:
        try:
            images.load_square(dataset.path(item.id), 1, resample="nearest")
            usable.append(item.id)
        except ImageRefused as error:
            refused[item.shown] = str(error)
    if len(usable) < 2:
        raise InputError(f"dataset {dataset.name}: expected at least 2 readable pictures, got {len(usable)}")
    return tuple(usable), refused


def _run_unit(
    unit: _Unit, report: Report, tools: Tools, project: projection.Project, step: Callable[[int], None]
) -> None:
    if artifacts.unit_key(report.root, unit.dataset.name, unit.model) == unit.key:
        report.already += 1
        return
    work = report.root / ".work" / f"{unit.dataset.name}.{unit.model}.{unit.key}"
    _compute_layers(unit, work, tools, project, step)
    artifacts.write_unit(work, {**unit.facts, "key": unit.key})
    final = report.root / unit.dataset.name / unit.model
    if final.exists():
        shutil.rmtree(final)
    final.parent.mkdir(parents=True, exist_ok=True)
    os.replace(work, final)
    report.computed += 1


def _compute_layers(
    unit: _Unit, work: Path, tools: Tools, project: projection.Project, step: Callable[[int], None]
) -> None:
    remove_leftovers(work)
    layers = [layer.name for layer in catalog.model(unit.model).layers]
    missing = [name for name in layers if not artifacts.layer_is_whole(work, name)]
    specs = [spec for spec in catalog.grid(unit.model) if spec.layer in missing]
    count = 2 * len(unit.usable)
    scratch = work.with_suffix(".scratch")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    vectors = _extract(unit, specs, tools, scratch, step)
    maps: artifacts.Maps = {}
    for name in layers:
        if name in missing:
            own = {spec: vectors[spec] for spec in specs if spec.layer == name}
            artifacts.write_layer(work, name, _results(unit, own, project, maps))
        maps = artifacts.read_layer(work, name).maps
        count += len(WAYS)
        step(count)
    shutil.rmtree(scratch)


def _extract(
    unit: _Unit, specs: Sequence[FeatureSpec], tools: Tools, scratch: Path, step: Callable[[int], None]
) -> Vectors:
    """All vectors of the unit, flattened ones in files under ``scratch``: the largest layers take gigabytes."""
    vectors: Vectors = {}
    done = 0
    for preset in catalog.PRESETS:
        wanted = [spec for spec in specs if spec.preset == preset]
        if not wanted:
            continue
        extractor = tools.extractor(wanted)
        for spec in wanted:
            shape = (len(unit.usable), extractor.dimensions[spec])
            file = scratch / f"{spec.key}.f32"
            vectors[spec] = np.memmap(file, np.float32, "w+", shape=shape)
        for position, row in extractor.stream([unit.dataset.path(item) for item in unit.usable]):
            if isinstance(row, ImageRefused):
                raise row
            for spec in wanted:
                vectors[spec][position] = row[spec]
            done += 1
            step(done)
    return vectors


def _results(
    unit: _Unit, vectors: Vectors, project: projection.Project, previous: artifacts.Maps
) -> artifacts.LayerResults:
    results = artifacts.LayerResults({}, {}, {})
    labels = unit.dataset.labels[list(unit.usable)]
    for spec, rows in vectors.items():
        way = (spec.pooling, spec.preset)
        distances = metrics.pairwise(rows, tuple(metrics.METRICS))
        for metric, matrix in distances.items():
            ranked, scored = _ranking(matrix, labels)
            results.rankings[*way, metric] = ranked
            results.scores[*way, metric] = scored
        results.maps.update(_maps(way, distances, labels, project, previous))
    return results


def _maps(
    way: tuple[str, str],
    distances: dict[str, np.ndarray],
    labels: np.ndarray,
    project: projection.Project,
    previous: artifacts.Maps,
) -> artifacts.Maps:
    """All maps of one way: PCA of Euclidean distances; the others of cosine distances, begun at the layer before."""
    maps: artifacts.Maps = {}
    for kind in artifacts.KINDS:
        method, dimensions = kind[:-1], int(kind[-1])
        basis = distances["euclidean" if method == "pca" else "cosine"]
        before = previous.get((*way, kind))
        found = projection.pca(distances["euclidean"], dimensions)
        if method == "pca" and before is not None:
            found = found * np.where((found * before.coordinates).sum(0) < 0, -1, 1).astype(np.float32)
        elif before is not None:
            found = projection.align(project(method, basis, before.coordinates), before.coordinates)
        elif method != "pca":
            found = project(method, basis, found)
        maps[*way, kind] = artifacts.Map(found, projection.trust(basis, found, labels))
    return maps


def _ranking(matrix: np.ndarray, labels: np.ndarray) -> tuple[artifacts.Ranking, artifacts.Scores]:
    """Top matches of every item by a distance matrix (n, n), and each item's scores over the full ranking."""
    everyone = np.arange(len(matrix))
    ids, distances = metrics.rank(matrix, len(matrix) - 1, exclude=everyone)
    hits = scores.hits(labels, labels[ids])
    top = hits[:, : scores.PUBLISHED_K]
    return (
        artifacts.Ranking(ids[:, : artifacts.DEPTH], distances[:, : artifacts.DEPTH], metrics.scale(matrix)),
        artifacts.Scores(
            scores.published_score(top), scores.count(top), scores.average_precision(hits, scores.relevant(labels))
        ),
    )
