"""Labels that neighbours disagree with, in a small world on a line where every neighbour is known."""

import numpy as np
import pytest

from semsearch.errors import InputError
from semsearch.live import checkup
from semsearch.live.checkup import Checkup, Doubt
from semsearch.live.gallery import Gallery


def gallery(places, labels, items=None):
    vectors = np.array([[place, 0] for place in places], np.float32)
    return Gallery(vectors, np.arange(len(places)) if items is None else np.array(items), np.array(labels))


def test_a_picture_among_those_of_another_class_is_doubted(monkeypatch):
    monkeypatch.setattr(checkup, "K", 3)
    searched = gallery([0, 1, 2, 3, 20, 21, 22, 23], [0, 0, 1, 0, 1, 1, 1, 1], items=range(10, 18))
    found = checkup.checkup(searched, "euclidean")
    assert found.k == 3 and found.doubts == (Doubt(12, 0, 0, 3),)


def test_the_clearest_comes_first_and_equals_by_item(monkeypatch):
    monkeypatch.setattr(checkup, "K", 4)
    found = checkup.checkup(gallery([0, 1, 2, 3, 4, 5], [0, 0, 0, 1, 1, 0]), "euclidean")
    assert found.doubts == (Doubt(3, 1, 0, 3), Doubt(4, 1, 0, 3))


def test_half_and_half_is_no_doubt_and_neither_are_copies(monkeypatch):
    monkeypatch.setattr(checkup, "K", 2)
    found = checkup.checkup(gallery([0, 1, 2], [0, 1, 2]), "euclidean")
    assert found.doubts == ()
    copies = checkup.checkup(gallery([5, 5, 5], [0, 1, 1]), "euclidean")
    assert copies == Checkup(2, (), (), (0, 1, 2), ((0, 1, 2),))  # nobody else is there to be asked


def test_look_alikes_are_groups_and_a_chain_of_them_is_one():
    """The typical distance of a pair is about 40 here, so near is within 4."""
    places = [0, 3, 6, 50, 50, 100, 120]
    found = checkup.checkup(gallery(places, [0] * 7, items=[2, 4, 6, 8, 10, 12, 14]), "euclidean")
    assert found.alike == ((2, 4, 6), (8, 10))


def test_what_all_find_and_what_nobody_finds(monkeypatch):
    monkeypatch.setattr(checkup, "K", 1)
    around = [(np.cos(angle), np.sin(angle)) for angle in np.linspace(0, 2 * np.pi, 5, endpoint=False)]
    vectors = np.array([[0, 0], *around, [50, 0]], np.float32) * 2
    searched = Gallery(vectors, np.arange(7), np.zeros(7, np.int64))
    found = checkup.checkup(searched, "euclidean")
    assert found.hubs == ((0, 5),) and found.unseen == (2, 3, 4, 5, 6) and found.doubts == ()


def test_pieces_give_what_the_whole_gives(monkeypatch):
    rng = np.random.default_rng(5)
    searched = Gallery(rng.normal(size=(70, 4)).astype(np.float32), np.arange(70), rng.integers(0, 3, 70))
    whole, steps = checkup.checkup(searched, "cosine"), []
    monkeypatch.setattr(checkup, "_BLOCK", 16)
    assert checkup.checkup(searched, "cosine", progress=lambda *step: steps.append(step)) == whole
    assert steps == [(16, 70), (32, 70), (48, 70), (64, 70), (70, 70)] and len(whole.doubts) > 3


def test_one_picture_has_no_neighbours():
    with pytest.raises(InputError):
        checkup.checkup(gallery([1], [0]), "cosine")
