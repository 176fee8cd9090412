"""The store: what goes in comes out, and damage is found before it is used."""

import json
import random
import shutil
import time

import numpy as np
import pytest

from semsearch.data import datasets
from semsearch.errors import InputError, IntegrityError, UnknownName
from semsearch.files import sealed
from semsearch.models.catalog import READOUTS, FeatureSpec, model
from semsearch.store import artifacts, coding, units
from semsearch.store.experiment import Experiment
from semsearch.store.store import Store
from tests.worlds.colour_world import make_world
from tests.worlds.files.bitmaps import write_bmp
from tests.worlds.tiny_store import MODEL, results, write_store

POINTS = np.array([[0, 0], [1, 0], [3, 0], [7, 0], [15, 0]], np.float32)
LABELS = np.array([0, 0, 1, 1, 1])
SPEC = FeatureSpec(MODEL, "Conv_1", "avg")


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A store that is only read."""
    return write_store(tmp_path_factory.mktemp("written") / "store", "line", POINTS, LABELS)


@pytest.fixture
def root(written, tmp_path):
    """A copy of it for one test to spoil."""
    return shutil.copytree(written, tmp_path / "store")


def test_a_stored_ranking_is_the_known_one(root):
    found = Store(root).ranking(Experiment("line", SPEC, "euclidean"))
    pairs = list(zip(found.ids[2].tolist(), found.distances[2].tolist(), strict=True))
    assert [item for item, _ in pairs] == [1, 0, 3, 4]
    np.testing.assert_allclose([distance for _, distance in pairs], [2, 3, 4, 12], atol=10 / 80 + 0.02)
    assert found.scale == 6.5


def test_every_ranking_score_and_map_comes_back(root):
    store, expected = Store(root), results(POINTS, LABELS)
    table = store.scores("line")
    assert len(table.specs) == 8 * 4 * 6
    for row, (spec, metric) in enumerate(zip(table.specs, table.metrics, strict=True)):
        assert np.array_equal(
            store.ranking(Experiment("line", spec, metric)).ids, expected.rankings[spec.readout, metric].ids
        )
        np.testing.assert_allclose(table.scores.score[row], expected.scores[spec.readout, metric].score, rtol=1e-6)
        assert np.array_equal(table.scores.hits[row], expected.scores[spec.readout, metric].hits)
        np.testing.assert_allclose(
            table.scores.average_precision[row], expected.scores[spec.readout, metric].average_precision, rtol=1e-3
        )
    for kind in artifacts.KINDS:
        found = store.map("line", SPEC, kind)
        drawn = expected.maps[READOUTS["avg"], kind].coordinates
        np.testing.assert_allclose(found.coordinates, drawn, atol=15 / coding.MAP_STEPS)
        assert found.trust.overlap == expected.maps[READOUTS["avg"], kind].trust.overlap
        assert (
            found.trust.kept_neighbours.tolist() == expected.maps[READOUTS["avg"], kind].trust.kept_neighbours.tolist()
        )


def test_equal_results_give_equal_bytes(tmp_path):
    for name in "ab":
        artifacts.write_layer(tmp_path / name, "Conv_1", results(POINTS, LABELS))
    assert (tmp_path / "a" / "Conv_1.npz").read_bytes() == (tmp_path / "b" / "Conv_1.npz").read_bytes()


def test_sealing_twice_changes_nothing(root):
    before = (root / "manifest.json").read_bytes()
    units.seal(root)
    assert (root / "manifest.json").read_bytes() == before


def test_a_damaged_unit_is_not_sealed(root):
    (root / "line" / MODEL / "Conv_1.npz").write_bytes(b"")
    units.seal(root)
    assert Store(root).datasets == ()


def test_coordinates_of_any_size_come_back_within_half_a_step(tmp_path):
    found = results(POINTS, LABELS)
    wide = np.array([[-4e5, 0], [3e5, 1e-3], [1, 5e-4], [2, 2e-4], [70_000, 0]], np.float32)
    trust = found.maps[READOUTS["avg"], "pca2"].trust
    found.maps[READOUTS["avg"], "pca2"] = artifacts.Map(wide, trust)
    found.maps[READOUTS["max"], "pca2"] = artifacts.Map(np.ones_like(wide), trust)
    artifacts.write_layer(tmp_path, "Conv_1", found)
    back = artifacts.read_layer(tmp_path, "Conv_1").maps
    half = (wide.max(0) - wide.min(0)) / coding.MAP_STEPS / 2
    assert (np.abs(back[READOUTS["avg"], "pca2"].coordinates - wide) <= half * 1.001).all()
    assert back[READOUTS["max"], "pca2"].coordinates.tolist() == np.ones_like(wide).tolist()


def test_a_unit_without_all_its_layers_is_refused_and_one_of_another_schema_not_sealed(root):
    folder = root / "line" / MODEL
    facts = {key: value for key, value in sealed.read(folder / "unit.json", cure="").items() if key != "files"}
    units.write_unit(folder, {**facts, "schema": 0})
    units.seal(root)
    assert Store(root).datasets == ()
    (folder / "Conv_1.npz").unlink()
    with pytest.raises(InputError, match="Conv_1.npz"):
        units.write_unit(folder, facts)


def test_units_of_pictures_that_were_replaced_are_not_sealed(home, tmp_path):
    datasets.add("world", make_world(tmp_path / "world"))
    write_store(tmp_path / "store", "world", np.eye(6, 2, dtype=np.float32), np.array([0, 0, 0, 1, 1, 1]))
    write_bmp(tmp_path / "world" / "red" / "3.bmp", (9, 9, 200))
    datasets.add("world", tmp_path / "world")
    points = np.arange(14, dtype=np.float32).reshape(7, 2)
    write_store(tmp_path / "store", "world", points, np.array([0, 0, 0, 1, 1, 1, 1]), name="vgg16")
    store = Store(tmp_path / "store")
    assert store.models("world") == ("vgg16",)
    assert store.scores("world").scores.score.shape == (192, 7)


@pytest.mark.parametrize("seed", range(60))
def test_damage_to_a_layer_that_is_not_sealed_yet_is_found(layer_bytes, tmp_path, seed):
    (tmp_path / "Conv_1.npz").write_bytes(damaged(layer_bytes, random.Random(seed)))
    assert not artifacts.layer_is_whole(tmp_path, "Conv_1")
    with pytest.raises(IntegrityError, match="Conv_1.npz"):
        artifacts.read_layer(tmp_path, "Conv_1")


@pytest.fixture(scope="module")
def layer_bytes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("layer")
    artifacts.write_layer(folder, "Conv_1", results(POINTS, LABELS))
    assert artifacts.layer_is_whole(folder, "Conv_1")
    return (folder / "Conv_1.npz").read_bytes()


def damaged(data, rng):
    """The bytes with one bit flipped, or cut short."""
    data = bytearray(data)
    if rng.random() < 0.3:
        return bytes(data[: rng.randrange(len(data))])
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(data)


@pytest.mark.parametrize("seed", range(60))
def test_damage_is_found_before_use_and_named(root, seed):
    rng = random.Random(seed)
    path = root / rng.choice(["manifest.json", f"line/{MODEL}/Conv_1.npz"])
    path.write_bytes(damaged(path.read_bytes(), rng))
    with pytest.raises(IntegrityError, match=path.name) as caught:
        Store(root).ranking(Experiment("line", SPEC, "cosine"))
    assert "semsearch precompute" in str(caught.value)


@pytest.mark.parametrize("seed", range(20))
def test_a_damaged_unit_description_counts_as_not_computed(root, seed):
    path = root / "line" / MODEL / "unit.json"
    assert units.unit_key(root, "line", MODEL) == "k"
    path.write_bytes(damaged(path.read_bytes(), random.Random(seed)))
    assert units.unit_key(root, "line", MODEL) == ""


def test_an_edited_manifest_is_refused(root):
    path = root / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["units"]["line"][MODEL]["items"] = [4, 3, 2, 1, 0]
    path.write_text(json.dumps(manifest))
    with pytest.raises(IntegrityError, match="edited by hand"):
        Store(root)


def test_a_missing_store_and_another_schema_are_refused(root, tmp_path):
    with pytest.raises(IntegrityError, match="missing"):
        Store(tmp_path / "nowhere")
    (root / "manifest.json").write_bytes(sealed.to_bytes({"schema": 99, "units": {}}))
    with pytest.raises(IntegrityError, match="expected schema 2, got 99"):
        Store(root)


def test_what_is_not_stored_is_answered_with_what_is(root):
    store = Store(root)
    with pytest.raises(UnknownName, match="line"):
        store.models("iconic200")
    with pytest.raises(UnknownName, match=MODEL):
        store.ranking(Experiment("line", FeatureSpec("vgg16", "block5_conv3", "avg"), "cosine"))
    with pytest.raises(UnknownName, match="flatten published"):
        store.ranking(Experiment("line", FeatureSpec(MODEL, "Conv_1", "flatten"), "cosine"))
    with pytest.raises(UnknownName, match="tsne3"):
        store.map("line", SPEC, "umap4")
    with pytest.raises(UnknownName, match="chebyshev"):
        store.ranking(Experiment("line", SPEC, "hamming"))


def test_scores_of_a_layer_are_unpacked_once_and_stay_as_they_are(computed_world, monkeypatch):
    """A page asks for them four times in a run."""
    layer, unpacked = Store(computed_world)._layer("world", FeatureSpec("vgg16", "block5_conv3", "avg")), []
    column = artifacts.Layer._column
    monkeypatch.setattr(artifacts.Layer, "_column", lambda self, *what: unpacked.append(what) or column(self, *what))
    first = layer.scores
    assert layer.scores is first and len(unpacked) == 3 * len(READOUTS)
    with pytest.raises(ValueError, match="read-only"):
        first.score[0, 0] = 100


def test_a_map_that_travels_beside_another_model_reads_each_layer_once(computed_world, monkeypatch):
    """One layer more than was kept, read in turn, would push out each just before it is wanted."""
    store, read = Store(computed_world), []
    whole = Store._read
    monkeypatch.setattr(Store, "_read", lambda self, *where: read.append(where) or whole(self, *where))
    wanted = [("mobilenetv2", layer.name) for layer in model("mobilenetv2").layers]
    wanted += [("vgg16", "block5_conv3"), ("vgg16", "block1_conv1")]
    for _ in range(3):
        for name, layer in wanted:
            store.map("world", FeatureSpec(name, layer, "avg"), "umap2")
    assert len(read) == len(wanted) == 10


def test_few_layers_stay_in_memory(root):
    store = Store(root, keep=2)
    for layer in model(MODEL).layers:
        store.ranking(Experiment("line", FeatureSpec(MODEL, layer.name, "avg"), "cosine"))
    assert [key[2] for key in store._layers] == ["block_14_project", "Conv_1"]


def test_opening_one_experiment_takes_less_than_fifty_milliseconds(tmp_path):
    rng = np.random.default_rng(0)
    features = rng.normal(size=(200, 8)).astype(np.float32)
    root = write_store(tmp_path / "store", "cloud", features, np.arange(200) // 20)
    times = []
    for _ in range(5):
        store = Store(root)
        start = time.perf_counter()
        store.ranking(Experiment("cloud", SPEC, "chebyshev"))
        times.append(time.perf_counter() - start)
    assert min(times) < 0.05
