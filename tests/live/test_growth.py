"""A dataset that changes: only new pictures go through the network, and answers are about the pictures of now."""

import pytest

from semsearch.data import datasets
from semsearch.live import search
from semsearch.live.extractors import Tools
from semsearch.live.galleries import Galleries
from semsearch.own import edits, sync
from semsearch.own.edits import Given
from tests.worlds import rest_world
from tests.worlds.live_world import SPEC, Green


class Counting(Green):
    """Keeps the names of the pictures that it was asked for."""

    asked: list = []  # noqa: RUF012 - emptied by each test

    def stream(self, pictures):
        self.asked += [picture.path.name for picture in pictures]
        yield from super().stream(pictures)


@pytest.fixture
def galleries(home):
    Counting.asked.clear()
    return Galleries(Tools(extractor=Counting, digest=lambda model: "0" * 64))


def given(*places):
    """Pictures of these places on the line of the small world."""
    return [Given(f"{place}.bmp", "class", rest_world.at(place)) for place in places]


def found(galleries, query, *, k=9):
    """(file, distance) of its matches."""
    result = search.search(query, search.Question("mine", SPEC, "euclidean", k), galleries=galleries)
    dataset = datasets.load("mine")
    return [(dataset.items[match.item].shown, match.distance) for match in result.matches]


def test_only_new_pictures_go_through_the_network(galleries):
    edits.create_of("mine", given(1, 5, 9))
    assert found(galleries, 0) == [("5.bmp", 4), ("9.bmp", 8)]
    assert Counting.asked == ["1.bmp", "5.bmp", "9.bmp"]
    added = edits.add("mine", given(2, 7))
    assert found(galleries, 0) == [("2.bmp", 1), ("5.bmp", 4), ("7.bmp", 6), ("9.bmp", 8)]
    assert Counting.asked[3:] == ["2.bmp", "7.bmp"]
    after = edits.remove(added.dataset, edits.items(added.dataset, ["5.bmp"]))
    assert found(galleries, 0) == [("2.bmp", 1), ("7.bmp", 6), ("9.bmp", 8)]
    edits.relabel(after, [0], "other")
    edits.undo("mine")
    edits.undo("mine")
    assert [name for name, _ in found(galleries, 0)] == ["2.bmp", "5.bmp", "7.bmp", "9.bmp"]
    assert len(Counting.asked) == 5


def test_a_copy_in_another_dataset_is_known_too(galleries, tmp_path):
    edits.create_of("first", given(1, 5, 9))
    search.search(0, search.Question("first", SPEC, "euclidean"), galleries=galleries)
    edits.create_of("mine", given(9, 1))
    assert found(galleries, 0) == [("9.bmp", 8)] and len(Counting.asked) == 3


def test_what_is_known_is_left_out_all_the_same_while_its_file_is_gone(galleries, tmp_path):
    for place in (1, 5, 9):
        (tmp_path / "photos").mkdir(exist_ok=True)
        (tmp_path / "photos" / f"{place}.bmp").write_bytes(rest_world.at(place))
    edits.create("mine", tmp_path / "photos")
    found(galleries, 0)
    (tmp_path / "photos" / "2.bmp").write_bytes(rest_world.at(2))
    sync.sync("mine")
    (tmp_path / "photos" / "9.bmp").unlink()
    assert found(galleries, 0) == [("2.bmp", 1), ("5.bmp", 4)]
    gallery = galleries.open("mine", SPEC)
    assert list(gallery.left_out) == [3] and "is not on this machine" in gallery.left_out[3]


def test_damaged_features_of_before_are_not_taken_over(galleries, home):
    edits.create_of("mine", given(1, 5, 9))
    found(galleries, 0)
    (file,) = (home / "features").glob("*.f32")
    data = bytearray(file.read_bytes())
    data[0] ^= 1
    file.write_bytes(data)
    edits.add("mine", given(2))
    assert found(Galleries(galleries.networks._tools), 0) == [("2.bmp", 1), ("5.bmp", 4), ("9.bmp", 8)]
    assert Counting.asked[3:] == ["1.bmp", "2.bmp", "5.bmp", "9.bmp"]
