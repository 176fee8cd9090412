"""The grid dataset × model × layer × pooling × metric, computed once and stored.

The work is cut into units, one per dataset and model. A unit is built in a folder named by all that
changes its result, layer file by layer file, and moved into the store when it is whole: a run that is
killed resumes at the layer it was in, and a run that finds nothing to do changes nothing.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from semsearch import features, images
from semsearch.data import datasets, identity
from semsearch.errors import ImageRefused, InputError, PicturesUnavailable
from semsearch.files import leftovers
from semsearch.files.storage import lock
from semsearch.models import catalog, weights
from semsearch.ranking import projection
from semsearch.results import extent, extraction, layer_results
from semsearch.results.extent import Extent
from semsearch.settings import cores, settings
from semsearch.store import artifacts, units

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Tools:
    """The engines that a run uses; tests put exact small worlds in their place."""

    extractor: extraction.Make = features.FeatureExtractor
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
    extent: Extent
    common: dict
    """Its facts but for the extent."""

    @property
    def facts(self) -> dict:
        return {**self.common, **self.extent.facts}

    @property
    def sample(self) -> np.ndarray | None:
        """The rows of its queries, where these are not all."""
        return extent.sample(len(self.usable))

    @property
    def key(self) -> str:
        return _key(self.facts)

    def serves(self, key: str) -> bool:
        """Whether the unit of that key holds all of this one."""
        return key in [_key({**self.common, **wider.facts}) for wider in self.extent.covering]

    @property
    def passes(self) -> int:
        """Pictures that go through the network."""
        return len(self.extent.presets) * len(self.usable)

    @property
    def steps(self) -> int:
        return self.passes + len(self.extent.grid(self.model))


def _key(facts: dict) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


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
    how_much: Extent | None = None,
    progress: Progress | None = None,
    tools: Tools | None = None,
) -> Report:
    """Compute every unit of ``names`` × ``models`` that the store at ``root`` lacks, and seal the store.

    ``how_much`` of the grid is by default ``extent.usual``; a unit that holds more serves too. Of many pictures a
    seeded sample are the queries, see ``extent.sample``.
    Pictures that cannot be read, or are no longer those that the dataset lists, are left out of its results, listed
    in the report, and never stop the run. ``shard`` (i, n) does every n-th unit beginning with the i-th: n processes,
    on one machine or many with a common folder, share the work. ``progress`` is called with (steps done, steps in all).
    Raises UnknownName, PicturesUnavailable and WeightsUnavailable before anything is computed, StorageError when the
    disk has no room; what is whole by then is kept, and the next run goes on there.
    """
    tools = tools or Tools()
    report = Report(root or settings().precomputed)
    leftovers.sweep(report.root / ".work")
    todo = _units(names, models, how_much, tools, report)[shard[0] - 1 :: shard[1]]
    total, done = sum(unit.steps for unit in todo), 0
    with tools.project() as project:
        for unit in todo:
            before = done

            def step(count: int, before: int = before) -> None:
                if progress:
                    progress(before + count, total)

            with lock(report.root / ".work" / f"{unit.dataset.name}.{unit.model}.lock"):
                _run_unit(unit, report, tools, project, step)
            done += unit.steps
            step(unit.steps)
    with lock(report.root / ".work" / "seal.lock"):
        units.seal(report.root)
    return report


def _units(
    names: Sequence[str], models: Sequence[str], how_much: Extent | None, tools: Tools, report: Report
) -> list[_Unit]:
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
        much, sample = how_much or extent.usual(name), extent.sample(len(usable))
        if sample is not None:
            much = replace(much, maps=False)
            common["queries"] = np.asarray(usable)[sample].tolist()
        todo += [
            _Unit(
                *(dataset, usable, model, much),
                {**common, "model": model, "weights": digests[model]},
            )
            for model in models
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
    if unit.serves(units.unit_key(report.root, unit.dataset.name, unit.model)):
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
    specs = [spec for spec in unit.extent.grid(unit.model) if spec.layer in missing]
    count = unit.passes

    def compute(layer: str, vectors: extraction.Vectors, draw: layer_results.Drawing | None = None) -> None:
        layer_vectors = {spec: vectors[spec] for spec in specs if spec.layer == layer}
        with _named(unit, layer):
            labels = unit.dataset.labels[list(unit.usable)]
            artifacts.write_layer(work, layer, layer_results.results(layer_vectors, labels, draw, unit.sample))

    if not specs:
        return
    with extraction.extracted(unit.dataset, unit.usable, specs, tools.extractor, work.parent, step) as vectors:
        if not unit.extent.maps:
            workers = cores() if unit.sample is None else 1  # blocks of a sample are large, and use all threads
            for _ in _side_by_side(lambda layer: compute(layer, vectors), missing, workers):
                count += len(unit.extent.readouts)
                step(count)
            return
        maps: artifacts.Maps = {}
        for name in layers:
            if name in missing:
                compute(name, vectors, (project, maps))
            maps = artifacts.read_layer(work, name).maps
            count += len(unit.extent.readouts)
            step(count)


def _side_by_side(compute: Callable[[str], None], layers: Sequence[str], workers: int) -> Iterator[None]:
    """Compute layers that do not depend on each other, so many at a time."""
    from threadpoolctl import threadpool_limits

    pool = ThreadPoolExecutor(workers, "layers")
    try:
        with threadpool_limits(1, user_api="blas"):  # held here, for each thread would give back what others hold
            yield from pool.map(compute, layers)
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _named(unit: _Unit, layer: str) -> Iterator[None]:
    """Say of which dataset, model and layer the features are that cannot be compared, drawn or stored."""
    try:
        yield
    except InputError as error:
        raise InputError(f"dataset {unit.dataset.name}, model {unit.model}, layer {layer}: {error}") from error
