"""A watched folder: the dataset follows it, by what the system tells and by looking anyway."""

import threading
import time

import pytest

from semsearch.data import datasets
from semsearch.errors import InputError, UnknownName
from semsearch.files import storage
from semsearch.own import edits, watch
from semsearch.own.edits import Given
from tests.worlds import rest_world


@pytest.fixture
def root(home, tmp_path):
    """A folder of eleven pictures that is a dataset."""
    for place in range(11):
        storage.write_bytes(tmp_path / "photos" / "cat" / f"{place}.bmp", rest_world.at(place))
    edits.create("mine", tmp_path / "photos")
    return tmp_path / "photos"


def watched(act, expected, **how):
    """What is told while ``act`` changes the folder, until that many lines are there."""
    told, ended, failed = [], threading.Event(), []

    def run():
        try:
            watch.watch("mine", told.append, ended=ended, **how)
        except Exception as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    time.sleep(0.5)
    act()
    end = time.monotonic() + 20
    while len(told) < expected and not failed and time.monotonic() < end:
        time.sleep(0.02)
    ended.set()
    thread.join(10)
    assert not failed and not thread.is_alive()
    return told


def test_what_the_system_tells_is_followed_once_it_has_settled(root):
    def act():
        for place in (20, 21, 22):
            storage.write_bytes(root / "dog" / f"{place}.bmp", rest_world.bmp(place))
            time.sleep(0.02)

    assert watched(act, 1, settle=0.5, sweep=60) == ["mine: 3 added; 14 pictures of 2 classes"]


def test_what_nobody_tells_is_found_by_looking(root, monkeypatch):
    monkeypatch.setattr(watch._Hints, "dispatch", lambda *_: None)
    assert watched((root / "cat" / "0.bmp").unlink, 1, settle=0, sweep=0.3)[0].startswith("mine: 1 gone")


def test_what_looks_wrong_is_told_once_and_changes_nothing(root):
    def act():
        for place in range(5):
            (root / "cat" / f"{place}.bmp").unlink()
        time.sleep(1)

    told = watched(act, 1, settle=0.2, sweep=0.3)
    assert len(told) == 1 and "confirm that they are to leave" in told[0] and len(datasets.load("mine").items) == 11


def test_what_cannot_be_watched_says_why(root):
    edits.create_of("given", [Given("1.bmp", "", rest_world.at(1))])
    with pytest.raises(InputError, match="no folder to watch"):
        watch.watch("given", print)
    with pytest.raises(InputError, match="seconds of 0 or more"):
        watch.watch("mine", print, settle=-1)
    with pytest.raises(UnknownName):
        watch.watch("none", print)
