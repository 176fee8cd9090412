"""What killed processes leave is removed by the next one, and what a living one makes stays."""

import os
import subprocess
import sys

import pytest

from semsearch import cli
from semsearch.files import leftovers, storage
from semsearch.settings import ROOT

WRITER = """
import signal, sys
from pathlib import Path
from semsearch.files import staging, storage
place = Path(sys.argv[1])
with storage.lock(place / ".new.lock"), staging.staged(place / "new") as stage:
    (stage / "half").write_bytes(b"half")
    with storage.lock(place / ".weights.lock"), staging.scratch(place / ".weights.part") as scratch:
        (scratch / "half").write_bytes(b"half")
        with storage.atomic_path(place / "file.bin") as temporary:
            temporary.write_bytes(b"half")
            print("begun", flush=True)
            signal.pause()
"""


def names(folder):
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".lock")


@pytest.mark.parametrize("place", ["features", "datasets/mine", "weights", "datasets", "engines"])
def test_what_a_process_makes_stays_while_it_lives_and_goes_when_it_is_killed(home, place):
    folder = home / place
    folder.mkdir(parents=True)
    words = [sys.executable, "-c", WRITER, str(folder)]
    with subprocess.Popen(words, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE) as writer:
        writer.stdout.readline()
        made = names(folder)
        assert len(made) == 3
        leftovers.sweep()
        assert names(folder) == made
        writer.kill()
    assert names(folder) == made
    leftovers.sweep(home / "datasets" / "mine") if "/" in place else cli.main(["models", "list", "--json"])
    assert names(folder) == []


def test_a_folder_whose_successor_never_came_is_put_back(home):
    """Killed between the two names: what stood there is all that there is."""
    aside = home / "datasets" / ".mine.old.tmp"
    aside.mkdir(parents=True)
    (aside / "card.json").write_bytes(b"{}")
    leftovers.sweep()
    assert names(home / "datasets") == ["mine"] and names(home / "datasets" / "mine") == ["card.json"]


def test_what_only_looks_like_a_leftover_stays(home):
    kept = [".hidden.jpg", ".mine.aside", "x.1.00000000.tmp.f32", ".x.tmp.f32", ".a.1.0000000.tmp.json"]
    (home / "features").mkdir(parents=True)
    for name in kept:
        (home / "features" / name).write_bytes(b"")
    leftovers.sweep()
    assert names(home / "features") == sorted(kept)


def test_a_place_that_cannot_be_looked_into_stops_nothing(home, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    (home / "features").mkdir(parents=True)
    monkeypatch.setattr(storage.os, "listdir", refuse)
    leftovers.sweep()


def test_a_temporary_deleted_under_its_writer_is_written_all_the_same(tmp_path):
    with storage.atomic_path(tmp_path / "x.bin") as temporary:
        temporary.unlink()
        temporary.write_bytes(b"whole")
    assert names(tmp_path) == ["x.bin"]
