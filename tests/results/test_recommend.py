"""Which configuration a search begins with: one whose weights are here, whatever else is missing."""

import shutil

import numpy as np
import pytest

from semsearch.models import catalog, weights
from semsearch.results import latencies, recommend
from semsearch.store.store import Store
from tests.worlds.tiny_store import write_store

LABELS = np.array([0, 0, 0, 1, 1, 1])
APART = np.array([[0, 0], [1, 0], [2, 0], [100, 0], [101, 0], [102, 0]], np.float32)
MIXED = np.array([[0, 0], [2, 0], [4, 0], [1, 0], [3, 0], [6, 0]], np.float32)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recommend")
    for model, points in (("vgg16", APART), ("mobilenetv2", MIXED)):
        write_store(folder, "line", points, LABELS, name=model)
    return folder


@pytest.fixture
def store(root, tmp_path, monkeypatch):
    """VGG16 scores 100 and is not here; MobileNetV2 is here and scores less."""
    answers = {True: weights.WeightsStatus(True, "here", ""), False: weights.WeightsStatus(False, "not here", "")}
    monkeypatch.setattr(weights, "status", lambda model: answers[model == "mobilenetv2"])
    return Store(shutil.copytree(root, tmp_path / "store"))


def times(ms):
    """Each layer of each model takes so many milliseconds."""
    models = {name: {layer.name: ms for layer in catalog.model(name).layers} for name in ("vgg16", "mobilenetv2")}
    return latencies.Latency("two cores", models)


@pytest.mark.parametrize("table", ["none", "damaged", "a folder", "of an earlier version", "all too slow", "fast"])
def test_only_models_that_are_here_count_whatever_is_known_of_their_times(store, table):
    """Without the table the best of all models was recommended, here or not, and the default search answered 503."""
    path = store.root / latencies.FILE
    latencies.write(path, times(50.0 if table == "all too slow" else 5.0))
    if table == "damaged":
        path.write_bytes(path.read_bytes().replace(b"5.0", b"6.0", 1))
    elif table == "of an earlier version":
        path.write_text('{"machine": "x", "models": {}}')
    elif table in ("none", "a folder"):
        path.unlink()
        if table == "a folder":
            path.mkdir()
    best = recommend.recommend(store, "line")
    assert (best.spec.model, best.spec.pooling) == ("mobilenetv2", "avg")
    assert ("ms a picture" in best.reason) == (table == "fast")


def test_where_no_model_is_here_the_best_of_all_is_named(store, monkeypatch):
    monkeypatch.setattr(weights, "status", lambda model: weights.WeightsStatus(False, "not here", ""))
    assert recommend.recommend(store, "line").spec.model == "vgg16"
