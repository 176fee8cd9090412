"""The grid dataset × model × layer × pooling × metric, computed once and stored.

The work is cut into units, one per dataset and model. A unit is built in a folder named by all that
changes its result, layer file by layer file, and moved into the store when it is whole: a run that is
killed resumes at the layer it was in, and a run that finds nothing to do changes nothing.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from semsearch import features, images
from semsearch.data import datasets, identity
from semsearch.errors import ImageRefused, InputError, PicturesUnavailable
from semsearch.files import leftovers
from semsearch.files.storage import check_room, lock, private_file
from semsearch.models import catalog, weights
from semsearch.models.catalog import READOUTS, FeatureSpec
from semsearch.ranking import projection
from semsearch.results import layer_results
from semsearch.settings import cores, settings
from semsearch.store import artifacts, finite, units

Progress = Callable[[int, int], None]
Vectors = dict[FeatureSpec, np.ndarray]


class Extractor(Protocol):
    """What this module needs of ``features.FeatureExtractor``."""

    dimensions: dict[FeatureSpec, int]

    def stream(self, pictures: Iterable[features.Picture]) -> Iterable[tuple[int, features.Outcome]]:
        """(position, one vector per spec or why there is none) for each picture, in order."""
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

    Pictures that cannot be read, or are no longer those that the dataset lists, are left out of its results, listed
    in the report, and never stop the run. ``shard`` (i, n) does every n-th unit beginning with the i-th: n processes,
    on one machine or many with a common folder, share the work. ``progress`` is called with (steps done, steps in all).
    Raises UnknownName, PicturesUnavailable and WeightsUnavailable before anything is computed, StorageError when the
    disk has no room; what is whole by then is kept, and the next run goes on there.
    """
    tools = tools or Tools()
    report = Report(root or settings().precomputed)
    leftovers.sweep(report.root / ".work")
    todo = _units(names, models, tools, report)[shard[0] - 1 :: shard[1]]
    sizes = [2 * len(unit.usable) + len(catalog.grid(unit.model)) for unit in todo]
    done = 0
    with tools.project() as project:
        for unit, size in zip(todo, sizes, strict=True):
            before = done

            def step(count: int, before: int = before) -> None:
                if progress:
                    progress(before + count, sum(sizes))

            with lock(report.root / ".work" / f"{unit.dataset.name}.{unit.model}.lock"):
                _run_unit(unit, report, tools, project, step)
            done += size
            step(size)
    with lock(report.root / ".work" / "seal.lock"):
        units.seal(report.root)
    return report


def _units(names: Sequence[str], models: Sequence[str], tools: Tools, report: Report) -> list[_Unit]:
    digests = {model: tools.digest(catalog.model(model).name) for model in models}
    todo = []
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
        todo += [
            _Unit(dataset, usable, model, {**common, "model": model, "weights": digests[model]}) for model in models
        ]
    return todo


def _readable(dataset: datasets.Dataset) -> tuple[tuple[int, ...], dict[str, str]]:
    """The items that can be computed, and by file why each other one cannot."""

    def flaw(id: int) -> str:
        try:
            images.load_square(identity.pinned(dataset, id).read(), 1, resample="nearest")
        except (ImageRefused, PicturesUnavailable) as error:
            return str(error)
        return ""

    with ThreadPoolExecutor(cores()) as pool:
        flaws = list(pool.map(flaw, range(len(dataset.items))))
    usable = tuple(id for id, reason in enumerate(flaws) if not reason)
    refused = {dataset.items[id].shown: reason for id, reason in enumerate(flaws) if reason}
    if not any(os.path.isfile(dataset.place(item.id)) for item in dataset.items):
        dataset.path(0)  # says how to get them
    if len(usable) < 2:
        raise InputError(
            f"dataset {dataset.name}: expected at least 2 readable pictures, got {len(usable)}; "
            + "; ".join(f"{file}: {reason}" for file, reason in list(refused.items())[:3])
        )
    return usable, refused


def _run_unit(
    unit: _Unit, report: Report, tools: Tools, project: projection.Project, step: Callable[[int], None]
) -> None:
    if units.unit_key(report.root, unit.dataset.name, unit.model) == unit.key:
        report.already += 1
        return
    work = report.root / ".work" / f"{unit.dataset.name}.{unit.model}.{unit.key}"
    _compute_layers(unit, work, tools, project, step)
    units.write_unit(work, {**unit.facts, "key": unit.key})
    units.put_in_place(report.root, unit.dataset.name, unit.model, work)
    report.computed += 1


def _compute_layers(
    unit: _Unit, work: Path, tools: Tools, project: projection.Project, step: Callable[[int], None]
) -> None:
    layers = list(catalog.model(unit.model).layer_names)
    missing = [name for name in layers if not artifacts.layer_is_whole(work, name)]
    specs = [spec for spec in catalog.grid(unit.model) if spec.layer in missing]
    count = 2 * len(unit.usable)
    with _extracted(unit, specs, tools, work.parent, step) as vectors:
        maps: artifacts.Maps = {}
        labels = unit.dataset.labels[list(unit.usable)]
        for name in layers:
            if name in missing:
                layer_vectors = {spec: vectors[spec] for spec in specs if spec.layer == name}
                with _named(unit, name):
                    artifacts.write_layer(work, name, layer_results.results(layer_vectors, labels, project, maps))
            maps = artifacts.read_layer(work, name).maps
            count += len(READOUTS)
            step(count)


@contextmanager
def _named(unit: _Unit, layer: str) -> Iterator[None]:
    """Say of which dataset, model and layer the features are that cannot be compared, drawn or stored."""
    try:
        yield
    except InputError as error:
        raise InputError(f"dataset {unit.dataset.name}, model {unit.model}, layer {layer}: {error}") from error


@contextmanager
def _extracted(
    unit: _Unit, specs: Sequence[FeatureSpec], tools: Tools, folder: Path, step: Callable[[int], None]
) -> Iterator[Vectors]:
    """The vectors of the unit, in a file on the disk of the store: the largest layers take gigabytes.

    They come from the network of all layers also when few are missing: one cut to these rounds in another way.
    StorageError before the first picture when there is no room for them.
    """
    whole = [[spec for spec in catalog.grid(unit.model) if spec.preset == preset] for preset in catalog.PRESETS]
    extractors = [tools.extractor(group) for group in whole] if specs else []
    n = len(unit.usable)
    lengths = {spec: n * length for each in extractors for spec, length in each.dimensions.items() if spec in specs}
    size = 4 * sum(lengths.values())
    check_room(folder, size, f"{unit.dataset.name} under {unit.model}, features of {n:,} pictures")
    with private_file(folder, size) as file:
        room = np.memmap(file, np.float32, "r+", shape=(size // 4,)) if size else np.empty(0, np.float32)
        ends = np.cumsum(list(lengths.values()))
        vectors = {
            spec: room[end - length : end].reshape(n, -1)
            for (spec, length), end in zip(lengths.items(), ends, strict=True)
        }
        _extract(unit, extractors, vectors, step)
        yield vectors


def _extract(unit: _Unit, extractors: Sequence[Extractor], vectors: Vectors, step: Callable[[int], None]) -> None:
    done = 0
    for extractor in extractors:
        for position, row in extractor.stream([identity.pinned(unit.dataset, item) for item in unit.usable]):
            picture = f"{unit.dataset.name}/{unit.dataset.items[unit.usable[position]].shown}"
            if isinstance(row, PicturesUnavailable):
                raise PicturesUnavailable(f"{picture} {row}")
            if isinstance(row, ImageRefused):
                raise row
            for spec, rows in vectors.items():
                if spec in row:
                    finite.check_features(row[spec], f"{picture} under {spec.key}")
                    rows[position] = row[spec]
            done += 1
            step(done)
