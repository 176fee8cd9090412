"""Which files of a dataset are the pictures that its list names, before features are computed and after."""

import os

import pytest

from semsearch.data import datasets, identity
from tests import small_world

CHANGED = "changed since the dataset was added: run `semsearch datasets add world --from FOLDER`"


@pytest.fixture
def world(home, tmp_path):
    return small_world.add(tmp_path / "pictures")


def file(dataset, id):
    return dataset.root / dataset.items[id].file


def test_right_files_are_right(world):
    checked = identity.check(world)
    assert (checked.items, checked.left_out, checked.changed()) == (tuple(range(6)), {}, {})


def test_each_kind_of_wrong_file_is_left_out_with_its_reason(world, monkeypatch):
    """One item of each: replaced, cut, gone, a folder, a pipe that nobody writes to; only item 5 is left."""
    file(world, 0).write_bytes(file(world, 1).read_bytes())
    os.truncate(file(world, 1), 20)
    for id in (2, 3, 4):
        file(world, id).unlink()
    file(world, 3).mkdir()
    os.mkfifo(file(world, 4))
    checked = identity.check(world)
    gone = "is not on this machine: run `semsearch datasets add world --from FOLDER`"
    assert checked.items == (5,)
    assert checked.left_out == {0: CHANGED, 1: CHANGED, 2: gone, 3: gone, 4: gone}


def test_a_file_that_the_disk_refuses_is_left_out(world, monkeypatch):
    def refuse(path):
        raise OSError(5, "Input/output error", str(path))

    monkeypatch.setattr(identity, "sha256_file", refuse)
    reason = identity.check(world, [4]).left_out[4]
    assert reason.startswith("cannot be read (Input/output error)") and str(world.root) not in reason


@pytest.mark.parametrize("how", ["flip", "replace", "delete", "swap_and_back"])
def test_what_changes_after_it_was_read_is_seen(world, how):
    """Also a flip that keeps size and time, made right after the file was written, and one that is undone."""
    path, data = file(world, 2), file(world, 2).read_bytes()
    path.write_bytes(data)
    checked, about = identity.check(world), path.stat()
    if how == "replace":
        path.with_suffix(".new").write_bytes(data)
        path.with_suffix(".new").replace(path)
    elif how == "delete":
        path.unlink()
    else:
        path.write_bytes(data[:-1] + b"x")
        if how == "swap_and_back":
            path.write_bytes(data)
        os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))
    assert list(checked.changed()) == [2]


def test_pictures_of_a_known_dataset_are_fetched_again(home):
    dataset = datasets.load("fashion200")
    assert identity.check(dataset, [7]).left_out == {
        7: "is not on this machine: run `semsearch datasets fetch fashion200`"
    }
