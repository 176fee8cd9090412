"""The features of a dataset computed: its pictures through a network, once."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from semsearch import features
from semsearch.data import datasets, identity
from semsearch.data.datasets import Dataset
from semsearch.errors import ImageRefused, InputError, PicturesUnavailable
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
    stored = _extracted(dataset, spec, network, base.parent, progress)
    _expect_two(dataset, stored.items, stored.left_out)
    vectorfiles.write(base, stored)
    return stored


def _extracted(
    dataset: Dataset, spec: FeatureSpec, network: Extractor, folder: Path, progress: Progress | None
) -> Stored:
    n = len(dataset.items)
    vectors = vectorfiles.empty(folder, n, network.dimensions[spec])
    items: list[int] = []
    left_out: dict[int, str] = {}
    for id, outcome in _outcomes(dataset, network):
        if isinstance(outcome, PicturesUnavailable):
            left_out[id] = str(outcome)
        elif not isinstance(outcome, ImageRefused):
            finite.check_features(outcome[spec], f"{dataset.name}/{dataset.items[id].shown} under {spec.key}")
            vectors[len(items)] = outcome[spec]
            items.append(id)
        if progress:
            progress(id + 1, n)
    vectors.flags.writeable = False
    return Stored(vectors[: len(items)], np.array(items, np.int64), left_out)


def _outcomes(dataset: Dataset, network: Extractor) -> Iterator[tuple[int, features.Outcome]]:
    """What the network makes of each picture; one of groceries that is spoiled meanwhile is put back."""
    pictures = [identity.pinned(dataset, id) for id in range(len(dataset.items))]
    for id, outcome in network.stream(pictures):
        if isinstance(outcome, PicturesUnavailable) and dataset.name in datasets.GROCERIES:
            datasets.fetch(dataset.name)
            ((_, again),) = network.stream([pictures[id]])
            if isinstance(again, PicturesUnavailable):
                changed = "changed while their features were computed; try again"
                raise PicturesUnavailable(f"pictures of {dataset.name} {changed}")
            yield id, again
        else:
            yield id, outcome


def _expect_two(dataset: Dataset, usable: np.ndarray, left_out: dict[int, str]) -> None:
    if len(usable) >= 2:
        return
    short = f"dataset {dataset.name}: expected at least 2 readable pictures, got {len(usable)}"
    if left_out:
        first, reason = next(iter(left_out.items()))
        raise PicturesUnavailable(f"{short}; {dataset.items[first].shown} {reason}")
    raise InputError(short)
