"""Where a picture stands for a query under every model and layer, against the rankings one by one."""

import numpy as np
import pytest

from semsearch.errors import UnknownName
from semsearch.models import catalog
from semsearch.models.catalog import READOUTS
from semsearch.results import experiments, ranks
from semsearch.store.artifacts import DEPTH
from semsearch.store.experiment import Experiment
from tests.worlds import small_world


@pytest.fixture
def store(computed_world, home, tmp_path):
    small_world.add(tmp_path / "world")
    return experiments.open_store(computed_world)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_the_rank_of_every_picture_is_its_place_in_each_ranking(store, metric):
    nearest = ranks.nearest(store, "world", READOUTS["avg"], metric)
    items = np.arange(6)
    for query in range(6):
        for item in range(6):
            found = ranks.of_item(nearest, items, query, item)
            assert found.shape == (2, 8)
            for row, model in enumerate(store.models("world")):
                for column, layer in enumerate(catalog.model(model).layers):
                    one = Experiment("world", READOUTS["avg"].spec(model, layer.name), metric)
                    matches = experiments.matches(store, one, query, k=DEPTH)
                    place = next((match.rank for match in matches if match.item == item), 0)
                    assert found[row, column] == place


def test_a_picture_beyond_the_stored_matches_and_the_query_itself_have_no_rank(store):
    nearest = ranks.nearest(store, "world", READOUTS["avg"], "euclidean")
    assert not ranks.of_item(nearest[..., :2], np.arange(6), 3, 2).any()
    assert not ranks.of_item(nearest, np.arange(6), 3, 3).any()


def test_a_query_without_results_is_unknown(store):
    nearest = ranks.nearest(store, "world", READOUTS["avg"], "euclidean")
    with pytest.raises(UnknownName, match="query with stored results"):
        ranks.of_item(nearest, np.arange(6), 6, 0)
