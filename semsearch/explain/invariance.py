"""How much of a ranking survives when the query is turned, cut, mirrored, blurred, darkened, compressed or made grey.

    python -m semsearch.explain.invariance [--models mobilenetv2 efficientnetlite0]

Each picture of groceries200 is changed and searched with, by average pooling and cosine, at each of the eight layers:
the number is the share of the 15 nearest of the untouched picture that are still among the 15 nearest. What was
measured lies beside the stored results, sealed.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np

from semsearch import images
from semsearch.data import datasets
from semsearch.features import FeatureExtractor
from semsearch.files import sealed
from semsearch.files.storage import read_here
from semsearch.images import changes
from semsearch.models import catalog
from semsearch.models.catalog import FeatureSpec
from semsearch.ranking import metrics
from semsearch.settings import settings

FILE = "invariance.json"
"""Beside the manifest of a store."""
DATASET, NEAREST = "groceries200", 15
_CURE = "measure again with `python -m semsearch.explain.invariance`, or delete it"


@dataclass(frozen=True)
class Change:
    """One way in which a picture comes otherwise, weak to strong."""

    title: str
    strengths: tuple[int, ...]
    unit: str
    """Behind each strength."""
    words: str
    """What becomes of a picture, with a place for the strength."""
    apply: Callable[[np.ndarray, float], np.ndarray]
    advice: str
    """For who sees that little survives it."""


_CHANGES = (
    Change("Turned", (5, 15, 45, 90), "°", "turned by {}°", changes.turned, "bring pictures the same way up"),
    Change("Cut", (10, 25, 50), " %", "cut by {} %", changes.cut, "have things equally large in pictures"),
    Change("Mirrored", (1,), "", "mirrored", changes.mirrored, "take pictures from the same side"),
    Change("Blurred", (1, 2, 4), " %", "blurred by {} %", changes.blurred, "leave out blurred pictures"),
    Change("Darker", (20, 40, 60), " %", "{} % darker", changes.darker, "expose pictures alike"),
    Change("JPEG quality", (50, 20, 5), "", "a JPEG of quality {}", changes.compressed, "compress pictures less"),
    Change("Grey", (1,), "", "made grey", changes.grey, "do not mix grey and coloured pictures"),
)
_NAMES = ("rotation", "crop", "mirror", "blur", "light", "jpeg", "grey")
CHANGES: Mapping[str, Change] = MappingProxyType(dict(zip(_NAMES, _CHANGES, strict=True)))
Kept = dict[str, list[float]]
"""By name of a change: the share that survives each strength."""


def kept(model: str) -> dict[str, Kept]:
    """What survives at each layer of a model, by its name; raises as ``FeatureExtractor`` and ``datasets.load``."""
    specs = [FeatureSpec(model, layer, "avg") for layer in catalog.model(model).layer_names]
    network, dataset = FeatureExtractor(specs), datasets.load(DATASET)
    loaded = (images.load(dataset.path(item.id), at_least=2 * specs[0].size) for item in dataset.items)
    vectors = [network.extract(_variants(rgb)) for rgb in loaded]
    return {spec.layer: survived(np.stack([each[spec] for each in vectors])) for spec in specs}


def _variants(rgb: np.ndarray) -> list[np.ndarray]:
    """The untouched picture, then each change in each strength."""
    return [rgb, *(change.apply(rgb, strength) for change in CHANGES.values() for strength in change.strengths)]


def survived(vectors: np.ndarray) -> Kept:
    """Of features (n, 1 + changes in all strengths, d), the untouched first: what survives of the rankings."""
    untouched, places = vectors[:, 0], np.arange(len(vectors))

    def nearest(queries: np.ndarray) -> np.ndarray:
        return metrics.rank(metrics.distances(queries, untouched, "cosine"), NEAREST, exclude=places)[0]

    before, column = nearest(untouched), 1
    found: Kept = {}
    for name, change in CHANGES.items():
        found[name] = []
        for _ in change.strengths:
            after = nearest(vectors[:, column])
            same = [np.isin(a, b).mean() for a, b in zip(after, before, strict=True)]
            found[name].append(round(float(np.mean(same)), 4))
            column += 1
    return found


def write(path: Path, measured: Mapping[str, Mapping[str, Kept]]) -> None:
    """Keep what was measured by model and layer, sealed; StorageError when it cannot be."""
    sealed.write(path, {"dataset": DATASET, "nearest": NEAREST, "models": measured})


def read(path: Path) -> dict[str, dict[str, Kept]]:
    """What ``write`` wrote, nothing without the file; IntegrityError when it is damaged."""
    data = read_here(path)
    if data is None:
        return {}
    models: dict[str, dict[str, Kept]] = sealed.from_bytes(data, str(path), cure=_CURE)["models"]
    return models


def advice(found: Kept) -> str:
    """What disturbs a layer most and what least, by the middle strength of each change, and what to do about it."""
    middle = {name: shares[len(shares) // 2] for name, shares in found.items()}
    worst, best = min(middle, key=middle.__getitem__), max(middle, key=middle.__getitem__)
    said = {name: CHANGES[name].words.format(CHANGES[name].strengths[len(found[name]) // 2]) for name in (best, worst)}
    return (
        f"Most matches stay when the query is {said[best]}, {100 * middle[best]:.0f} % of them; fewest when it is "
        f"{said[worst]}, {100 * middle[worst]:.0f} %: {CHANGES[worst].advice}."
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and write the file anew with what it held of other models."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", choices=catalog.models(), default=["mobilenetv2", "efficientnetlite0"])
    parser.add_argument("--out", type=Path, default=settings().precomputed / FILE)
    given = parser.parse_args(arguments)
    for model in given.models:
        write(given.out, {**read(given.out), model: kept(model)})


if __name__ == "__main__":
    main()
