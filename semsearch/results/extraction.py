"""The features of a unit: its pictures through the network, once for each preset, into a file that nobody can cut."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import numpy as np

from semsearch import features
from semsearch.data import identity
from semsearch.data.datasets import Dataset
from semsearch.errors import ImageRefused, PicturesUnavailable
from semsearch.files.storage import check_room, private_file
from semsearch.models import catalog
from semsearch.models.catalog import FeatureSpec
from semsearch.store import finite

Vectors = dict[FeatureSpec, np.ndarray]
Step = Callable[[int], None]


class Extractor(Protocol):
    """What this module needs of ``features.FeatureExtractor``."""

    dimensions: dict[FeatureSpec, int]

    def stream(self, pictures: Iterable[features.Picture]) -> Iterable[tuple[int, features.Outcome]]:
        """(position, one vector per spec or why there is none) for each picture, in order."""
        ...


Make = Callable[[Sequence[FeatureSpec]], Extractor]


@contextmanager
def extracted(
    dataset: Dataset, items: Sequence[int], specs: Sequence[FeatureSpec], make: Make, folder: Path, step: Step
) -> Iterator[Vectors]:
    """The features of some items of a dataset under specs of one model, (n, d) float32 by spec.

    They lie in a file on the disk of ``folder``, for the largest layers take gigabytes; ``step`` is told how many
    pictures are done, counted anew for each preset. They come from the network of all layers also when few are asked
    for: one cut to these rounds in another way. StorageError before the first picture when there is no room for them.
    """
    presets = [name for name in catalog.PRESETS if any(spec.preset == name for spec in specs)]
    extractors = [make([spec for spec in catalog.grid(specs[0].model) if spec.preset == name]) for name in presets]
    n = len(items)
    lengths = {spec: n * length for each in extractors for spec, length in each.dimensions.items() if spec in specs}
    size = 4 * sum(lengths.values())
    model = f" under {specs[0].model}" if specs else ""
    check_room(folder, size, f"{dataset.name}{model}, features of {n:,} pictures")
    with private_file(folder, size) as file:
        room = np.memmap(file, np.float32, "r+", shape=(size // 4,)) if size else np.empty(0, np.float32)
        ends = np.cumsum(list(lengths.values()))
        vectors = {
            spec: room[end - length : end].reshape(n, -1)
            for (spec, length), end in zip(lengths.items(), ends, strict=True)
        }
        _fill(vectors, extractors, dataset, items, step)
        yield vectors


def _fill(
    vectors: Vectors, extractors: Sequence[Extractor], dataset: Dataset, items: Sequence[int], step: Step
) -> None:
    done = 0
    for extractor in extractors:
        for position, row in extractor.stream([identity.pinned(dataset, item) for item in items]):
            picture = f"{dataset.name}/{dataset.items[items[position]].shown}"
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
