"""The features of a dataset computed: its pictures through a network, once."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np

from semsearch import features
from semsearch.data import datasets, identity
from semsearch.data.datasets import Dataset
from semsearch.errors import ImageRefused, InputError, PicturesUnavailable
from semsearch.files.storage import is_here
from semsearch.live import vectorfiles
from semsearch.live.extractors import Extractor
from semsearch.live.vectorfiles import Stored
from semsearch.models.catalog import FeatureSpec
from semsearch.store import finite

Progress = Callable[[int, int], None]


def size(dataset: Dataset, spec: FeatureSpec, network: Extractor) -> int:
    """Bytes of the vectors of a dataset."""
    return 4 * network.dimensions[spec] * len(dataset.items)


def computed(
    dataset: Dataset, spec: FeatureSpec, network: Extractor, base: Path, *, progress: Progress | None
) -> Stored:
    """The features of all pictures that are those of the list; kept on disk under ``base``.

    PicturesUnavailable or InputError below 2 readable items, EngineError for features that are not finite.
    """
    if len(dataset.items) < 2:
        raise InputError(f"dataset {dataset.name}: expected at least 2 pictures to search among, got 1")
    vectorfiles.make_room(base.parent, size(dataset, spec, network), f"{dataset.name} under {spec.key}")
    if dataset.name in datasets.GROCERIES:  # whose package is installed here
        datasets.fetch(dataset.name)
    known = vectorfiles.of_others(base, {item.sha256 for item in dataset.items})
    n = len(dataset.items)
    vectors = vectorfiles.empty(base.parent, n, network.dimensions[spec])
    items: list[int] = []
    left_out: dict[int, str] = {}
    for id, outcome in _outcomes(dataset, spec, network, known):
        if isinstance(outcome, PicturesUnavailable):
            left_out[id] = str(outcome)
        elif not isinstance(outcome, ImageRefused):
            finite.check_features(outcome[spec], f"{dataset.name}/{dataset.items[id].shown} under {spec.key}")
            vectors[len(items)] = outcome[spec]
            items.append(id)
        if progress:
            progress(id + 1, n)
    vectors.flags.writeable = False
    pins = tuple(dataset.items[id].sha256 for id in items)
    stored = Stored(vectors[: len(items)], np.array(items, np.int64), left_out, pins)
    _expect_two(dataset, stored.items, stored.left_out)
    vectorfiles.write(base, stored)
    return stored


def _outcomes(
    dataset: Dataset, spec: FeatureSpec, network: Extractor, known: Mapping[str, np.ndarray]
) -> Iterator[tuple[int, features.Outcome]]:
    """What the network makes of each picture, or made of it before, where the file is there still.

    A picture of groceries that is spoiled meanwhile is put back.
    """
    old = {item.id for item in dataset.items if item.sha256 in known and is_here(dataset.place(item.id))}
    new = [identity.pinned(dataset, item.id) for item in dataset.items if item.id not in old]
    stream = iter(network.stream(new))
    for item in dataset.items:
        if item.id in old:
            yield item.id, {spec: known[item.sha256]}
            continue
        place, outcome = next(stream)
        if isinstance(outcome, PicturesUnavailable) and dataset.name in datasets.GROCERIES:
            datasets.fetch(dataset.name)
            ((_, outcome),) = network.stream([new[place]])
            if isinstance(outcome, PicturesUnavailable):
                changed = "changed while their features were computed; try again"
                raise PicturesUnavailable(f"pictures of {dataset.name} {changed}")
        yield item.id, outcome


def _expect_two(dataset: Dataset, usable: np.ndarray, left_out: dict[int, str]) -> None:
    if len(usable) >= 2:
        return
    short = f"dataset {dataset.name}: expected at least 2 readable pictures, got {len(usable)}"
    if left_out:
        first, reason = next(iter(left_out.items()))
        raise PicturesUnavailable(f"{short}; {dataset.items[first].shown} {reason}")
    raise InputError(short)
