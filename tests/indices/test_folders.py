"""Indices on disk: what is loaded answers as what was saved, and nothing that was damaged is believed."""

import numpy as np
import pytest

from semsearch.errors import IntegrityError, SpecMismatch
from semsearch.indices import faiss_index, folders
from semsearch.indices.recipes import RECIPES
from tests.indices.conftest import clouds


@pytest.mark.parametrize("recipe", RECIPES)
def test_what_was_saved_is_loaded(recipe, made, vectors, tmp_path):
    one = made(recipe, "cosine")
    folders.save(one, tmp_path / "index", features="abc")
    again = folders.load(tmp_path / "index", features="abc")
    points = clouds(2)[::60]
    for found, expected in zip(again.search(points, 9, vectors), one.search(points, 9, vectors), strict=True):
        assert found.tolist() == expected.tolist()
    allowed = np.arange(0, 600, 3)
    assert again.candidates(points[0], 5, allowed).tolist() == one.candidates(points[0], 5, allowed).tolist()
    assert again.memory == one.memory
    files = sum(file.stat().st_size for file in (tmp_path / "index").iterdir())
    assert folders.size(one) < files < folders.size(one) + 2_000


def test_a_save_replaces_what_was_there_and_leaves_nothing_beside(made, tmp_path):
    folders.save(made("rabitq", "cosine"), tmp_path / "index")
    folders.save(made("exact", "cosine"), tmp_path / "index")
    assert [file.name for file in (tmp_path / "index").iterdir()] == ["seal.json"]
    assert {file.name for file in tmp_path.iterdir()} == {"index", "index.lock"}
    assert folders.load(tmp_path / "index").recipe == "exact"


def test_a_save_that_fails_leaves_the_old_one(made, tmp_path, monkeypatch):
    folders.save(made("exact", "cosine"), tmp_path / "index")

    def fail(self, out):
        out(b"half")
        raise OSError(28, "no space")

    with monkeypatch.context() as patch:
        patch.setattr(faiss_index.Structure, "write", fail)
        with pytest.raises(Exception, match="the disk is full|no space"):
            folders.save(made("pca-ivf", "cosine"), tmp_path / "index")
    assert folders.load(tmp_path / "index").recipe == "exact"


@pytest.mark.parametrize("recipe", ["hnsw", "pca-ivf", "rabitq", "pq"])
def test_damage_is_found_before_a_byte_is_used(recipe, made, tmp_path, monkeypatch):
    """A flipped bit, a cut, an empty and a missing file, of each file there is."""
    folders.save(made(recipe, "cosine"), tmp_path / "index")
    monkeypatch.setattr(faiss_index, "read", lambda *parts: pytest.fail("damaged bytes were read"))
    monkeypatch.setattr(folders, "_array", lambda data: pytest.fail("damaged bytes were read"))
    rng = np.random.default_rng(5)
    for file in sorted((tmp_path / "index").iterdir()):
        whole = file.read_bytes()
        place = int(rng.integers(len(whole)))
        flipped = whole[:place] + bytes([whole[place] ^ 1 << int(rng.integers(8))]) + whole[place + 1 :]
        for harm in (flipped, whole[: len(whole) // 2], whole[:-1], b"", whole + b"\0", None):
            file.unlink() if harm is None else file.write_bytes(harm)
            with pytest.raises(IntegrityError, match="build the index again"):
                folders.load(tmp_path / "index")
            file.write_bytes(whole)


def test_an_index_of_other_features_is_refused(made, tmp_path):
    folders.save(made("pca-ivf", "cosine"), tmp_path / "index", features="those")
    with pytest.raises(SpecMismatch, match="of the features 'these', got one of 'those'"):
        folders.load(tmp_path / "index", features="these")
