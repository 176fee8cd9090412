"""What was decided of pictures is remembered, by content, and taken back like any other step."""

import sqlite3

import pytest

from semsearch.data import datasets
from semsearch.errors import InputError, IntegrityError
from semsearch.own import decisions, edits, ledger, tables
from semsearch.own.decisions import ALIKE, LABEL, Decision
from semsearch.own.edits import Given
from tests.worlds import rest_world

pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture
def mine():
    """Four cats and a dog."""
    cats = [Given(f"{green}.bmp", "cat", rest_world.bmp(green)) for green in range(1, 5)]
    return edits.create_of("mine", [*cats, Given("9.bmp", "dog", rest_world.bmp(9))]).dataset


def made():
    with ledger.writing("mine") as book:
        return {decisions.from_facts(line) for line in book.decisions}


def asked(dataset):
    return decisions.open_groups(dataset, [(0, 1), (1, 2, 3)], made()), [
        item.id for item in dataset.items if decisions.doubted(dataset, item.id, made())
    ]


def test_what_was_decided_is_not_asked_again_until_it_is_taken_back(mine):
    assert asked(mine) == ([(0, 1), (1, 2, 3)], [0, 1, 2, 3, 4])
    assert decisions.keep(mine, [3, 1, 2]).content_hash == mine.content_hash
    decisions.confirm(mine, [0, 4])
    assert asked(mine) == ([(0, 1)], [1, 2, 3])
    assert [step.what for step in ledger.history("mine")][:2] == ["2 labels are right", "3 look-alikes stay"]
    assert edits.undo("mine")[0] == "2 labels are right" and asked(mine) == ([(0, 1)], [0, 1, 2, 3, 4])
    assert edits.undo("mine")[0] == "3 look-alikes stay" and asked(mine)[0] == [(0, 1), (1, 2, 3)]


def test_a_decision_is_of_contents_and_of_a_class(mine):
    decisions.keep(mine, [0, 1, 2])
    decisions.confirm(mine, [3])
    after = edits.remove(mine, [0])
    assert decisions.open_groups(after, [(0, 1)], made()) == [] and not decisions.doubted(after, 2, made())
    assert decisions.open_groups(after, [(0, 1, 2)], made()) == [(0, 1, 2)], "one more looks like them"
    after = edits.relabel(after, [2], "dog")
    four = next(item.id for item in after.items if item.shown == "4.bmp")
    assert decisions.doubted(after, four, made()), "its class is another one by now"


def test_what_was_decided_before_is_no_step(mine):
    decisions.keep(mine, [0, 1])
    steps = len(ledger.history("mine"))
    decisions.keep(mine, [1, 0])
    assert len(ledger.history("mine")) == steps
    decisions.confirm(mine, [0])
    decisions.confirm(mine, [0, 1])
    assert made() == {
        Decision(ALIKE, tuple(sorted([mine.items[0].sha256, mine.items[1].sha256]))),
        *(Decision(LABEL, (mine.items[id].sha256,), "cat") for id in (0, 1)),
    }
    edits.undo("mine")
    assert not decisions.doubted(mine, 0, made()) and decisions.doubted(mine, 1, made())


@pytest.mark.parametrize("ids", [[], [0], [0, 0], [0, 9]])
def test_what_is_no_choice_is_refused(mine, ids):
    with pytest.raises(InputError, match="expected (items from|at least two)"):
        decisions.keep(mine, ids)
    assert made() == set()


def test_the_largest_file_is_proposed_to_stay_and_of_equals_the_first(mine):
    mine.place(2).write_bytes(mine.place(2).read_bytes() + b"more")
    assert decisions.keeper(mine, [0, 2, 3]) == 2 and decisions.keeper(mine, [3, 1]) == 1
    mine.place(1).unlink()
    assert decisions.keeper(mine, [3, 1]) == 3


def test_a_history_of_before_decisions_goes_on(mine):
    edits.relabel(mine, [0], "lion")
    with sqlite3.connect(ledger.place("mine")) as before:
        before.execute("DROP TABLE decisions")
        before.execute("PRAGMA user_version = 1")
    dataset = datasets.load("mine")
    decisions.confirm(dataset, [0])
    assert [step.what for step in ledger.history("mine")][1] == "1.bmp: class lion" and len(made()) == 1
    with sqlite3.connect(ledger.place("mine")) as after:
        assert after.execute("PRAGMA user_version").fetchone() == (tables.SCHEMA,)


@pytest.mark.parametrize("change", ["UPDATE decisions SET generation = 1", "DELETE FROM decisions"])
def test_a_decision_that_was_not_written_by_us_is_damage(mine, change):
    decisions.keep(mine, [0, 1])
    with sqlite3.connect(ledger.place("mine")) as connection:
        connection.execute(change)
    with pytest.raises(IntegrityError, match="semsearch datasets repair mine"):
        made()
