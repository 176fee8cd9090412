"""Each step of a dataset, cut short at each thing it asks of the system: it is as before or as after, never between."""

import errno
import os
import shutil
from contextlib import suppress

import pytest

from semsearch.data import datasets
from semsearch.errors import StorageError
from semsearch.files import storage
from semsearch.own import care, edits, ledger, sync
from semsearch.own.edits import Given
from semsearch.settings import settings
from tests.worlds import rest_world

CALLS = ("replace", "fsync", "open", "mkdir", "unlink")
"""What files are made and moved by; the journal of SQLite has faults of its own below."""


class Killed(BaseException):
    """As a kill: nothing of ours catches it."""


@pytest.fixture
def mine(home, tmp_path):
    """A dataset of a folder of six pictures and one that was given, saved so that each case begins with it."""
    for place in range(6):
        storage.write_bytes(
            tmp_path / "photos" / ("cat" if place < 3 else "dog") / f"{place}.bmp", rest_world.at(place)
        )
    edits.create("mine", tmp_path / "photos")
    edits.add("mine", [Given("given.bmp", "dog", rest_world.at(9))])
    (tmp_path / "photos" / "cat" / "0.bmp").unlink()
    storage.write_bytes(tmp_path / "photos" / "cow" / "7.bmp", rest_world.at(7))
    shutil.copytree(home, tmp_path / "saved")
    return tmp_path


def contents():
    dataset = datasets.load("mine")
    return [(dataset.classes[item.label], item.shown) for item in dataset.items]


STEPS = {
    "add": lambda: edits.add("mine", [Given("new.bmp", "cat", rest_world.at(11)), Given("b.bmp", "cat", b"no")]),
    "remove": lambda: edits.remove(datasets.load("mine"), [1, 6]),
    "relabel": lambda: edits.relabel(datasets.load("mine"), [1], "Wolf"),
    "undo": lambda: edits.undo("mine"),
    "sync": lambda: sync.sync("mine", confirmed=True),
    "delete": lambda: care.delete("mine"),
}


def state():
    """What a reader sees, after whoever comes next has put it right."""
    if "mine" not in datasets.names():
        return "deleted", contents_of_deleted()
    assert care.repair("mine") == "whole"
    return "here", contents()


def contents_of_deleted():
    care.restore("mine")
    return contents()


def begin_anew(mine, home):
    shutil.rmtree(home)
    shutil.copytree(mine / "saved", home)


@pytest.mark.parametrize("how", ["full", "killed"])
@pytest.mark.parametrize("step", STEPS)
def test_a_step_is_done_or_not_wherever_it_is_cut_short(mine, home, monkeypatch, step, how):
    before = state()
    begin_anew(mine, home)
    STEPS[step]()
    after = state()
    assert before != after
    seen, k, reached = set(), 0, True
    while reached:
        begin_anew(mine, home)
        reached = _with_fault(monkeypatch, STEPS[step], k, how)
        now = state()
        assert now in (before, after), (step, k)
        seen.add(now == after)
        k += 1
    assert k > 3 and True in seen and (how == "full" or False in seen)


def _with_fault(monkeypatch, act, k, how):
    """Run ``act``, the k-th thing that it asks of the system failing; whether it came so far."""
    count, os_open = 0, os.open

    def failing(call):
        def asked(*arguments, **words):
            nonlocal count
            if how == "full" and call is os_open and not arguments[1] & (os.O_WRONLY | os.O_RDWR):
                return call(*arguments, **words)  # a disk that is full can be read
            count += 1
            if count == k + 1:
                raise (
                    Killed if how == "killed" else OSError(errno.ENOSPC, "No space left on device", str(arguments[:1]))
                )
            return call(*arguments, **words)

        return asked

    with monkeypatch.context() as patch:
        for name in CALLS:
            patch.setattr(os, name, failing(getattr(os, name)))
        with suppress(Killed, StorageError):
            act()
    return count > k


def test_what_a_kill_left_of_a_new_dataset_does_not_stand_in_its_way(home, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(edits, "_begin", lambda *_: (_ for _ in ()).throw(Killed()))
        with pytest.raises(Killed):
            edits.create_of("mine", [Given("a.bmp", "", rest_world.at(1))])
    assert "mine" not in datasets.names() and (settings().datasets / "mine" / "pictures").is_dir()
    edits.create_of("mine", [Given("b.bmp", "", rest_world.at(2))])
    assert [file for _, file in contents()] == ["b.bmp"] and len(ledger.history("mine")) == 1
