"""The harness that breaks stores finds the faults of one that writes in place, and none of ours: a small part of it."""

import pytest

from benchmarks import fault_stores, faults
from semsearch.own import edits


@pytest.fixture(autouse=True)
def decoding(monkeypatch):
    """The harness decodes no pictures; whoever comes next does."""
    monkeypatch.setattr(edits, "_flaw", edits._flaw)


def test_no_kill_loses_anything():
    found = faults.kills(fault_stores.Own, 8, 0)
    assert (found.tries, found.lost, found.mismatched, found.unreadable) == (8, 0, 0, 0) and found.slowest < 2


def test_the_same_harness_finds_the_faults_of_a_store_that_writes_in_place():
    found = faults.kills(fault_stores.InPlace, 30, 0)
    assert found.unreadable and found.mismatched


def test_no_full_or_faulty_disk_leaves_anything_between():
    for name, found in faults.faults(0, every=40).items():
        assert found.tries >= 3 and not found.lost + found.mismatched + found.unreadable, name


def test_a_crowd_of_writers_loses_and_doubles_nothing():
    found, _ = faults.crowd(2, 3, 2)
    assert not found.lost + found.mismatched + found.unreadable


def test_what_was_removed_from_many_stays_away_also_after_damage():
    _, away, _ = faults.large(500, 100)
    assert away
