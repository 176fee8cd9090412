"""Datasets at the edge, by name: features placed by hand, tiny real pictures, and the store of their results."""

from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np

from semsearch.data import datasets
from semsearch.errors import ImageRefused
from semsearch.results import precompute
from semsearch.results.extent import FULL
from tests.worlds.files.bitmaps import write_bmp

MODEL = "mobilenetv2"
UNREADABLE = -1.0
"""First feature of a picture whose file is none."""


@dataclass(frozen=True)
class World:
    """A row of features for each picture, and the class of each."""

    features: np.ndarray
    labels: tuple[int, ...]

    def add(self, folder, name="edge"):
        """Write the pictures below ``folder`` and register them: picture i is the i-th of the dataset."""
        for item, label in enumerate(self.labels):
            path = folder / f"kind {label}" / f"{item}.bmp"
            write_bmp(path, (item % 256, 40, 90))
            if self.features[item, 0] == UNREADABLE:
                path.write_bytes(b"no picture")
        return datasets.add(name, folder)

    def compute(self, root, project=None, name="edge"):
        """Compute the store of the dataset, with the start of each map, made small, for it unless ``project`` draws."""
        drawn = project or (lambda method, distances, start: start / (np.abs(start).max() or 1))
        tools = precompute.Tools(
            extractor=self.extractor, project=lambda: nullcontext(drawn), digest=lambda model: "0" * 64
        )
        return precompute.precompute([name], [MODEL], root=root, how_much=FULL, tools=tools)

    def extractor(self, specs):
        """What reads the features of a picture from the number in its name."""
        return _Placed(self.features, specs)


class _Placed:
    engine_name = "placed"

    def __init__(self, features, specs):
        self._features, self.specs = features, specs
        self.dimensions = dict.fromkeys(specs, features.shape[1])

    def stream(self, pictures):
        for position, picture in enumerate(pictures):
            row = self._features[int(picture.path.stem)]
            bad = ImageRefused("corrupt", "expected a picture, got none")
            yield position, bad if row[0] == UNREADABLE else dict.fromkeys(self.specs, row)

    def each(self, squares):
        for _ in squares:
            yield dict.fromkeys(self.specs, self._features[0])


def _world(rows, labels):
    return World(np.array(rows, np.float32), tuple(sorted(labels)))


def _cloud(n, classes):
    draw = np.random.default_rng(n)
    labels = sorted(item % classes for item in range(n))
    return _world(draw.normal(np.eye(classes, 3)[labels] if classes < 9 else 0, 0.6, (n, 3)), labels)


ONE = np.ones(3)
_eps = np.spacing(np.float32(1))
WORLDS = {
    "two pictures of two classes": _world([[1, 0], [0, 1]], [0, 1]),
    "two pictures of one class": _world([[1, 0], [0, 1]], [0, 0]),
    "two equal pictures": _world([[1, 2], [1, 2]], [0, 1]),
    "three pictures, two of them equal": _world([[1, 0], [1, 0], [0, 1]], [0, 0, 1]),
    **{f"{n} pictures": _cloud(n, 2) for n in (4, 15, 16, 17, 31)},
    "one class": _cloud(8, 1),
    "classes of one": _cloud(6, 6),
    "one large class beside classes of one": _world(np.arange(46).reshape(23, 2) % 7, [0] * 20 + [1, 2, 3]),
    "equal pictures": _world([ONE] * 8, [0, 1] * 4),
    "blank pictures": _world([0 * ONE] * 8, [0, 1] * 4),
    "blank pictures beside others": _world([0 * ONE] * 4 + [ONE, 2 * ONE, [3, 1, 0]], [0, 1, 0, 1, 0, 1, 1]),
    "constant features": _world([place * ONE for place in range(1, 9)], [0, 1] * 4),
    "frames that differ at the limit of float32": _world(
        [ONE + _eps * np.array([frame % 2, frame % 3 == 0, frame == 7]) for frame in range(10)], [0, 1] * 5
    ),
    "copies and a stray": _world([ONE] * 9 + [ONE + _eps * np.eye(3)[0]] * 2 + [[9e4, -9e4, 5]], [0, 1, 1] * 4),
    "large features": _world(_cloud(9, 2).features * 1e30, [0, 1, 1] * 3),
    "tiny features": _world(_cloud(9, 2).features * 1e-42, [0, 1, 1] * 3),
}
"""Those with results."""
LARGE = {"257 pictures": _cloud(257, 5), "1000 classes of one": _cloud(1_000, 1_000)}
"""Those of which one layer is computed, and stored for all."""
LARGEST = np.finfo(np.float32).max
REFUSED = {
    "one picture": (_world([ONE], [0]), "expected at least 2 readable pictures, got 1"),
    "one readable picture": (_world([ONE, -ONE, -ONE], [0, 0, 1]), "expected at least 2 readable pictures, got 1"),
    "distances beyond float32": (
        _world([ONE * LARGEST, ONE * -LARGEST, ONE], [0, 0, 1]),
        "dataset edge, model mobilenetv2, layer Conv1: a distance of .* is beyond float32",
    ),
    "features that are no number": (
        _world([ONE, [1, np.nan, 1], ONE], [0, 0, 1]),
        "edge/kind 0/1.bmp under mobilenetv2.Conv1.*: expected finite features",
    ),
    "infinite features": (_world([ONE, [1, np.inf, 1], ONE], [0, 0, 1]), "expected finite features"),
}
"""Those that are refused, and in which words."""
