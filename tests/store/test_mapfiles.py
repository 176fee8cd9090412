"""Maps in files of their own: they come back, belong to one unit, and no damage to them gives another map."""

import numpy as np
import pytest

from semsearch.errors import InputError, NotComputed
from semsearch.models.catalog import FeatureSpec
from semsearch.ranking import projection
from semsearch.results.extent import POOLED
from semsearch.store import mapfiles
from semsearch.store.artifacts import Map
from semsearch.store.store import Store
from tests.worlds.tiny_store import MODEL, write_store

POINTS = np.array([[0, 0], [1, 0], [3, 0], [7, 0], [15, 0]], np.float32)
LABELS = np.array([0, 0, 1, 1, 1])
SPEC = FeatureSpec(MODEL, "Conv_1", "avg")


@pytest.fixture
def root(tmp_path):
    """A store without maps."""
    return write_store(tmp_path / "store", "line", POINTS, LABELS, how_much=POOLED)


def drawn():
    matrix = np.abs(POINTS[:, :1] - POINTS[:, 0])
    return Map(POINTS, projection.trust(matrix, POINTS, LABELS))


def test_a_map_drawn_later_is_read_as_if_it_had_been_stored(root):
    store = Store(root)
    assert not store.has_map("line", SPEC, "pca2")
    mapfiles.write(root / "line" / MODEL, "k", SPEC, "pca2", drawn())
    assert store.has_map("line", SPEC, "pca2") and not store.has_map("line", SPEC, "pca3")
    found = store.map("line", SPEC, "pca2")
    np.testing.assert_allclose(found.coordinates, POINTS, atol=15 / 4095)
    assert found.trust.overlap == np.float32(drawn().trust.overlap)
    assert found.trust.kept_neighbours.tolist() == drawn().trust.kept_neighbours.tolist()


def test_a_map_of_another_unit_layer_or_kind_is_none(root):
    unit = root / "line" / MODEL
    mapfiles.write(unit, "k", SPEC, "pca2", drawn())
    assert mapfiles.read(unit, "other pictures", SPEC, "pca2") is None
    other = FeatureSpec(MODEL, "Conv_1", "max")
    mapfiles.place(unit, SPEC, "pca2").rename(mapfiles.place(unit, other, "pca2"))
    assert mapfiles.read(unit, "k", other, "pca2") is None
    with pytest.raises(NotComputed):
        Store(root).map("line", other, "pca2")


def test_no_turned_bit_and_no_cut_gives_another_map(root):
    unit = root / "line" / MODEL
    mapfiles.write(unit, "k", SPEC, "pca2", drawn())
    file = mapfiles.place(unit, SPEC, "pca2")
    whole = file.read_bytes()
    for place in range(0, len(whole), 7):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << place // 7 % 8]) + whole[place + 1 :])
        assert mapfiles.read(unit, "k", SPEC, "pca2") is None
        file.write_bytes(whole[:place])
        assert mapfiles.read(unit, "k", SPEC, "pca2") is None


def test_a_map_that_is_not_finite_is_not_stored(root):
    places = np.where(POINTS == 7, np.nan, POINTS)
    with pytest.raises(InputError, match="finite"):
        mapfiles.write(root / "line" / MODEL, "k", SPEC, "pca2", Map(places, drawn().trust))
    assert not list(root.rglob("*.map"))
