"""A network that was added, in every door a model of the catalogue goes through: the same answers from each."""

import keras
import numpy as np
import pytest

from semsearch import images
from semsearch.data import datasets
from semsearch.explain.maximise import objectives
from semsearch.explain.maximise.maximisation import Maximiser, Options
from semsearch.features import FeatureExtractor
from semsearch.live import reasons, search
from semsearch.live.serving import Service
from semsearch.models import added, layers
from semsearch.models.catalog import FeatureSpec
from semsearch.ranking import metrics
from semsearch.results import experiments, precompute
from semsearch.store.experiment import Experiment
from tests.worlds.colour_world import make_world

K = 4


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A dataset of six pictures, and a network of three convolutions with weights drawn from a seed."""
    folder = tmp_path_factory.mktemp("own")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEMSEARCH_HOME", str(folder / "home"))
        patch.setenv("SEMSEARCH_PRECOMPUTED", str(folder / "store"))
        datasets.add("colours", make_world(folder / "pictures"))
        keras.utils.set_random_seed(5)
        inputs = keras.Input((32, 32, 3))
        x = keras.layers.Rescaling(1 / 255, name="scale")(inputs)
        for name in ("one", "two", "three"):
            x = keras.layers.Conv2D(6, 3, padding="same", activation="relu", name=name)(x)
        keras.Model(inputs, x).save(folder / "mine.keras")
        yield FeatureSpec(added.add(folder / "mine.keras").name, "two", "avg")


@pytest.fixture(scope="module")
def truth(world):
    """(id, distance) of the nearest of picture 0, from the vectors themselves."""
    dataset = datasets.load("colours")
    vectors = FeatureExtractor([world]).extract([dataset.path(item.id) for item in dataset.items])[world]
    distances = metrics.pairwise(vectors, ["cosine"])["cosine"][0]
    nearest = [item for item in np.argsort(distances, kind="stable").tolist() if item != 0][:K]
    return [(item, float(distances[item])) for item in nearest]


def test_live_search_gives_the_true_nearest(world, truth):
    found = search.search(datasets.load("colours").path(0).read_bytes(), search.Question("colours", world, k=K + 1))
    pairs = [(match.item, match.distance) for match in found.matches if match.item != 0]
    assert [item for item, _ in pairs] == [item for item, _ in truth]
    np.testing.assert_allclose([each for _, each in pairs], [each for _, each in truth], atol=1e-5)


def test_stored_results_are_the_same_ranking(world, truth):
    precompute.precompute(["colours"], [world.model])
    found = experiments.matches(experiments.open_store(), Experiment("colours", world, "cosine"), 0, k=K)
    assert [match.item for match in found] == [item for item, _ in truth]


def test_the_server_explains_a_match(world):
    picture, match = (images.load(datasets.load("colours").path(item)) for item in (0, 1))
    service = Service(seconds=120)
    try:
        why = reasons.Why(search.Example(picture), [search.Example(match)], world)
        answer = service.explain(why).result(120)
    finally:
        service.close()
    assert [square.shape for square in answer.squares] == [(32, 32, 3)] * 2
    [agreement] = answer.agreements
    assert agreement.exact
    np.testing.assert_allclose([heat.sum() for heat in agreement.heat], agreement.value, atol=1e-5)


def test_its_layers_are_known_and_its_channels_can_be_looked_at(world):
    rows = [(row.name, row.receptive_field) for row in layers.table(world.model)]
    assert rows == [("picture", 1), ("scale", 1), ("one", 3), ("two", 5), ("three", 7)]
    made = Maximiser(world.model, "two", options=Options(size=64, steps=8), batch=1).run([objectives.channel(2)])
    assert made.pictures.shape == (1, 64, 64, 3) and made.activations[0] > 0
