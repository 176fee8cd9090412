"""Which files of a dataset are the pictures that its list names: what is used is what was compared with it."""

import os
import pickle

import pytest

from semsearch.data import datasets, identity
from semsearch.errors import ImageRefused, PicturesUnavailable, StorageError
from tests.worlds import small_world
from tests.worlds.small_world import CHANGED


@pytest.fixture
def world(home, tmp_path):
    return small_world.add(tmp_path / "pictures")


def file(dataset, id):
    return dataset.root / dataset.items[id].file


def test_right_files_are_read_also_at_the_other_end_of_a_pipe(world):
    assert identity.left_out(world, range(6)) == {}
    for id in range(6):
        assert pickle.loads(pickle.dumps(identity.pinned(world, id))).read() == file(world, id).read_bytes()


def test_each_kind_of_wrong_file_is_left_out_with_its_reason(world):
    """One item of each: replaced, cut, gone, a folder, a pipe that nobody writes to; only item 5 is right."""
    file(world, 0).write_bytes(file(world, 1).read_bytes())
    os.truncate(file(world, 1), 20)
    for id in (2, 3, 4):
        file(world, id).unlink()
    file(world, 3).mkdir()
    os.mkfifo(file(world, 4))
    gone = "is not on this machine: run `semsearch datasets add world --from FOLDER`"
    assert identity.left_out(world, range(6)) == {0: CHANGED, 1: CHANGED, 2: gone, 3: gone, 4: gone}


def test_every_single_bit_flip_and_every_cut_is_told(world):
    picture, path = identity.pinned(world, 2), file(world, 2)
    whole = path.read_bytes()
    for bit in range(8 * len(whole)):
        spoiled = bytearray(whole)
        spoiled[bit // 8] ^= 1 << bit % 8
        path.write_bytes(spoiled)
        with pytest.raises(PicturesUnavailable, match="changed since"):
            picture.read()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(PicturesUnavailable, match="changed since"):
            picture.read()
    path.write_bytes(whole)
    assert picture.read() == whole


def test_a_file_that_the_disk_refuses_is_left_out_and_one_for_which_there_is_no_room_is_not(world, monkeypatch):
    def refuse(number):
        def read(path):
            raise OSError(number, os.strerror(number), str(path))

        return read

    monkeypatch.setattr(identity, "_bytes", refuse(5))
    reason = identity.left_out(world, [4])[4]
    assert reason.startswith("cannot be read (Input/output error)") and str(world.root) not in reason
    monkeypatch.setattr(identity, "_bytes", refuse(24))
    with pytest.raises(StorageError, match="ulimit"):
        identity.left_out(world, [4])


def test_a_file_that_no_picture_can_be_is_not_read(world, monkeypatch):
    monkeypatch.setattr(identity, "MAX_BYTES", 100)
    with pytest.raises(ImageRefused, match="246 bytes"):
        identity.pinned(world, 2).read()


def test_pictures_of_a_known_dataset_are_fetched_again(home):
    dataset = datasets.load("fashion200")
    assert identity.left_out(dataset, [7]) == {7: "is not on this machine: run `semsearch datasets fetch fashion200`"}
