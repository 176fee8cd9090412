"""More pictures than are queries: 330 on a line, in two classes by turns, 300 of them in the sample."""

from contextlib import contextmanager

import pytest

from semsearch.data import datasets
from semsearch.results import extent, precompute
from semsearch.results.extent import Extent
from tests.worlds import small_world
from tests.worlds.files.bitmaps import write_bmp

ITEMS, QUERIES = 330, 300
NAME = "many"


@contextmanager
def opened(folder):
    """Home and store in ``folder`` are those of this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEMSEARCH_HOME", str(folder / "home"))
        patch.setenv("SEMSEARCH_PRECOMPUTED", str(folder / "store"))
        patch.setattr(extent, "QUERIES", QUERIES)
        yield patch


def compute(maps=False):
    """The report of a run over the dataset with the quick readouts."""
    tools = precompute.Tools(extractor=small_world.Line, project=small_world.no_maps, digest=lambda model: "0" * 64)
    return precompute.precompute([NAME], ["mobilenetv2"], tools=tools, how_much=Extent(extent.POOLED.readouts, maps))


def make(folder):
    """Draw the pictures, make them a dataset and compute its results."""
    for place in range(ITEMS):
        write_bmp(folder / "pictures" / f"kind {'ab'[place % 2]}" / f"{place}.bmp", (place % 256, place // 256, 90))
    with opened(folder):
        datasets.add(NAME, folder / "pictures")
        compute()
