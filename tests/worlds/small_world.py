"""Six pictures on a line, in two classes, with the store of their results: every answer is known by hand."""

import re
from contextlib import contextmanager

import numpy as np

from semsearch.data import datasets
from semsearch.models import catalog
from semsearch.results import precompute
from semsearch.results.extent import FULL
from tests.worlds.files.bitmaps import write_bmp

PLACES = {"<b>pear": (10, 11, 14), "apple": (0, 1, 3)}
"""Where the pictures of each class lie; items 0 to 5 in this order."""
MODELS = ("mobilenetv2", "vgg16")
CHANGED = "changed since the dataset was added: run `semsearch datasets add world --from FOLDER`"
"""Why a picture is left out that is no more what was added."""
RANKINGS = {
    "mobilenetv2": [(4, 1), (5, 3), (0, 10), (1, 11), (2, 14)],
    "vgg16": [(0, 0), (1, 1), (4, 1), (5, 3), (2, 4)],
}
"""(item, euclidean distance) of the matches of item 3, at 0, nearest first; VGG16 sees places modulo 5."""


class Line:
    """An extractor that reads the place of a picture from its file name."""

    def __init__(self, specs):
        self.dimensions = dict.fromkeys(specs, 2)

    def stream(self, pictures):
        for position, picture in enumerate(pictures):
            place = int(re.sub(r"\D", "", picture.path.stem))
            yield position, {spec: self._vector(spec, place) for spec in self.dimensions}

    @staticmethod
    def _vector(spec, place):
        return np.array([place % 5 if spec.model == "vgg16" else place, 5], np.float32)


@contextmanager
def no_maps():
    yield lambda method, distances, start: start


def draw(folder):
    """Write the pictures below ``folder``."""
    for red, (kind, places) in enumerate(PLACES.items()):
        for place in places:
            write_bmp(folder / kind / f"{place}.bmp", (200 * red, 15 * place, 90))


def add(folder):
    """Write the pictures below ``folder`` and register them as the dataset ``world``."""
    draw(folder)
    return datasets.add("world", folder)


def compute(folder):
    """Compute the store of the dataset ``world`` in ``folder``."""
    tools = precompute.Tools(extractor=Line, project=no_maps, digest=lambda model: "0" * 64)
    precompute.precompute(["world"], MODELS, root=folder, how_much=FULL, tools=tools)


LAST = {model: catalog.model(model).layers[-1].name for model in MODELS}
