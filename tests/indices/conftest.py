"""What the tests of indices share: a world of clouds, and one index of it by each recipe."""

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from semsearch.indices import index, recipes

CLOUDS, EACH, DIMENSION = 12, 50, 24


def clouds(seed):
    """(600, 24) float32 around twelve centres, and the like of them for another seed."""
    centres = np.random.default_rng(0).normal(size=(CLOUDS, DIMENSION))
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(CLOUDS * EACH, DIMENSION))
    return (np.repeat(centres, EACH, axis=0) + 0.6 * noise).astype(np.float32)


@pytest.fixture(scope="package")
def vectors():
    """The features that are indexed: 600, of which rows 7 and 300 … 309 are copies of row 3."""
    made = clouds(1)
    made[[7, *range(300, 310)]] = made[3]
    made.flags.writeable = False
    return made


@pytest.fixture(scope="package", autouse=True)
def one_thread():
    """Threads that wait for each other take longer than worlds so small, most of all on a busy machine."""
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="package")
def few():
    """Structures are built for more than 40 vectors, so that small worlds have them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recipes, "FEW", 40)
        yield


@pytest.fixture(scope="package")
def made(vectors, few):
    """An index by recipe and metric, built once."""
    kept = {}

    def get(recipe, metric):
        if (recipe, metric) not in kept:
            kept[recipe, metric] = index.build(vectors, metric, recipe)
        return kept[recipe, metric]

    return get
