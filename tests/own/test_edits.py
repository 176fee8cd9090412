"""What a person does to a dataset of their own: every step is seen by all, and can be taken back."""

import os
import threading
import time
from multiprocessing import get_context

import numpy as np
import pytest

from semsearch import images
from semsearch.data import datasets
from semsearch.errors import InputError, IntegrityError, StorageError, UnknownName
from semsearch.files import storage
from semsearch.own import care, edits, ledger
from semsearch.own.edits import Given
from semsearch.settings import settings
from tests.worlds import rest_world

pytestmark = pytest.mark.usefixtures("home")


def given(*greens, title="cat"):
    return [Given(f"{green}.bmp", title, rest_world.bmp(green)) for green in greens]


@pytest.fixture
def mine():
    """A dataset of pictures that were given: three cats and two dogs."""
    edits.create_of("mine", given(1, 2, 3))
    return edits.add("mine", given(4, 5, title="dog")).dataset


def contents(name="mine"):
    dataset = datasets.load(name)
    return [(dataset.classes[item.label], item.shown) for item in dataset.items]


ALL = [("cat", "1.bmp"), ("cat", "2.bmp"), ("cat", "3.bmp"), ("dog", "4.bmp"), ("dog", "5.bmp")]


def test_pictures_that_are_given_are_a_dataset(mine):
    assert contents() == ALL and mine.has_pictures and mine.path(0).read_bytes() == rest_world.bmp(1)
    assert mine.root == settings().datasets / "mine" and datasets.verify("mine") == []


def test_a_dataset_moves_with_its_home(mine, tmp_path, monkeypatch):
    os.rename(settings().home, tmp_path / "elsewhere")
    monkeypatch.setenv("SEMSEARCH_HOME", str(tmp_path / "elsewhere"))
    assert contents() == ALL and datasets.load("mine").has_pictures
    edits.add("mine", given(6))
    assert len(contents()) == 6


def test_each_step_can_be_taken_back_in_turn(mine):
    edits.remove(mine, [0, 4])
    edits.relabel(datasets.load("mine"), [0], "Wolf")
    assert contents() == [("cat", "3.bmp"), ("dog", "4.bmp"), ("Wolf", "2.bmp")]
    assert edits.undo("mine")[0] == "2.bmp: class Wolf"
    assert edits.undo("mine")[0] == "removed 2 pictures" and contents() == ALL
    assert edits.undo("mine")[0] == "added 2 pictures" and contents() == ALL[:3]
    with pytest.raises(InputError, match="no step that can be taken back"):
        edits.undo("mine")
    steps = [(step.what, step.undone) for step in ledger.history("mine")]
    assert steps[-1] == ("added", 1) and [what for what, undone in steps if not undone] == []


def test_what_is_given_twice_is_named_and_what_was_removed_comes_back(mine):
    taken = edits.add("mine", [*given(1, 6), *given(6), Given("x.bmp", "cat", b"no picture"), Given("", "cat", b"")])
    assert taken.added == 1 and [file for file, _ in taken.refused] == ["1.bmp", "6.bmp", "x.bmp", ""]
    assert taken.refused[0][1] == taken.refused[1][1] == "the same picture is in the dataset already"
    edits.remove(taken.dataset, [0])
    assert ("cat", "1.bmp") not in contents()
    assert edits.add("mine", given(1)).added == 1 and ("cat", "1.bmp") in contents()
    assert len(os.listdir(settings().datasets / "mine" / "pictures")) == 6


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd.png", "passwd.png"),
        ("C:\\photos\\cat.bmp", "cat.bmp"),
        ("a/b\0c\n.bmp", "b%00c%0A.bmp"),
        ("..", "picture"),
        ("", "picture"),
        ("x" * 300 + ".bmp", "x" * 120 + ".bmp"),
        ("CON?<>|*.bmp", "CON_____.bmp"),
        ("1.BMP", "1 (2).BMP"),
    ],
)
def test_names_of_givers_stay_in_the_folder_of_the_dataset(mine, name, kept):
    edits.add("mine", [Given(name, "cat", rest_world.bmp(77))])
    assert kept.replace("%", "_") in [item.shown for item in datasets.load("mine").items]
    assert len(os.listdir(settings().datasets / "mine" / "pictures")) == 6


def test_a_choice_of_items_that_are_others_by_now_is_refused(mine):
    edits.remove(mine, [0])
    for act in (lambda: edits.remove(mine, [1]), lambda: edits.relabel(mine, [1], "Wolf")):
        with pytest.raises(InputError, match="mine was changed meanwhile"):
            act()
    assert contents() == ALL[1:]


@pytest.mark.parametrize("ids", [[], [-1], [5], [0, 99]])
def test_items_that_are_none_are_refused(mine, ids):
    with pytest.raises(InputError, match="expected items from 0 to 4, got"):
        edits.remove(mine, ids)


def test_the_last_picture_stays(mine):
    with pytest.raises(InputError, match="expected at least one picture to stay; delete the dataset instead"):
        edits.remove(mine, range(5))
    assert contents() == ALL


def test_a_dataset_is_made_of_a_folder_and_a_table(tmp_path):
    for number in range(3):
        storage.write_bytes(tmp_path / "flat" / f"{number}.bmp", rest_world.bmp(number))
    labels = edits.read_labels(b"\xef\xbb\xbffile,class,more\n0.bmp, Cat ,x\n2.bmp,Dog,y\n1.bmp,,\n")
    edits.create("mine", tmp_path / "flat", labels=labels)
    assert contents() == [("Cat", "0.bmp"), ("Dog", "2.bmp"), ("flat", "1.bmp")]
    with pytest.raises(InputError, match=r"labels of pictures in the folder, got none\.bmp"):
        edits.create("other", tmp_path / "flat", labels={"none.bmp": "Cat"})
    for table in (b"a,b\n1,2\n", b"\xff\xfe", b"file\n1\n"):
        with pytest.raises(InputError, match="columns file and class"):
            edits.read_labels(table)


@pytest.mark.parametrize("name", ["", "Mine", "a/b", "groceries200", "mine", "x" * 65])
def test_a_name_that_is_taken_or_none_is_refused(mine, tmp_path, name):
    for act in (lambda: edits.create(name, tmp_path), lambda: edits.create_of(name, given(9))):
        with pytest.raises(InputError, match="expected a name|there is a dataset"):
            act()
    assert contents() == ALL


def test_pictures_that_cannot_be_taken_are_no_dataset():
    with pytest.raises(InputError, match=r"none of the pictures can be taken: a\.bmp: "):
        edits.create_of("none", [Given("a.bmp", "", b"words")])
    assert "none" not in datasets.names() and not os.path.lexists(settings().datasets / "none")


def test_what_comes_with_semsearch_cannot_be_changed(home):
    dataset = datasets.load("groceries200")
    for act in (
        lambda: edits.remove(dataset, [0]),
        lambda: edits.undo("groceries200"),
        lambda: care.delete("groceries"),
    ):
        with pytest.raises(InputError, match="comes with semsearch and cannot be changed"):
            act()
    with pytest.raises(UnknownName, match="unknown dataset 'none'"):
        edits.undo("none")


def test_a_kill_between_ledger_and_card_is_made_good(mine, monkeypatch):
    """The step counts: whoever writes or repairs next publishes it."""
    write = storage.write_bytes

    def killed(path, data):
        if path.name == "card.json":
            raise KeyboardInterrupt
        write(path, data)

    monkeypatch.setattr(storage, "write_bytes", killed)
    with pytest.raises(KeyboardInterrupt):
        edits.remove(mine, [0])
    assert contents() == ALL  # what readers see
    monkeypatch.setattr(storage, "write_bytes", write)
    assert care.status("mine").pictures == 4 and contents() == ALL[1:]
    assert edits.undo("mine")[0] == "removed 1.bmp" and contents() == ALL


def test_what_the_disk_refuses_changes_nothing(mine, monkeypatch):
    def full(path, data):
        raise StorageError("cannot use it: the disk is full")

    monkeypatch.setattr(edits.storage, "write_bytes", full)
    with pytest.raises(StorageError):
        edits.add("mine", given(6))
    monkeypatch.undo()


@pytest.mark.parametrize("damage", [b"", b"{", None])
def test_a_damaged_card_is_written_again_from_the_ledger(mine, damage):
    edits.remove(mine, [0])
    card = settings().datasets / "mine" / "card.json"
    whole = card.read_bytes()
    card.unlink() if damage is None else card.write_bytes(damage)
    assert care.repair("mine") == "whole" and card.read_bytes() == whole and contents() == ALL[1:]


def test_no_flipped_bit_of_a_ledger_is_taken_for_what_was_written(mine):
    """Each is refused, or changes nothing that counts; repair keeps every picture."""
    place = ledger.place("mine")
    whole, rng = place.read_bytes(), np.random.default_rng(3)
    refused = 0
    written = [at for at, byte in enumerate(whole) if byte]
    for at, bit in zip(rng.choice(written, 150, replace=False), rng.integers(0, 8, 150), strict=True):
        flipped = bytearray(whole)
        flipped[at] ^= 1 << int(bit)
        place.write_bytes(flipped)
        try:
            with ledger.writing("mine") as book:
                assert sorted(book.pictures) == [f"/pictures/{number}.bmp" for number in range(1, 6)]
                assert {one.state for one in book.pictures.values()} == {"here"}
        except (IntegrityError, StorageError):
            refused += 1
        assert contents() == ALL
    assert refused > 40
    place.write_bytes(whole[:100])
    with pytest.raises(IntegrityError, match="semsearch datasets repair"):
        edits.undo("mine")
    assert care.repair("mine") == "its history was damaged and begins anew with the 5 pictures as they are"
    assert contents() == ALL and len(ledger.history("mine")) == 1
    edits.remove(datasets.load("mine"), [0])
    assert contents() == ALL[1:]


def test_a_folder_that_is_added_again_is_a_new_beginning(tmp_path):
    for number in range(3):
        storage.write_bytes(tmp_path / "flat" / f"{number}.bmp", rest_world.bmp(number))
    edits.create("mine", tmp_path / "flat")
    storage.write_bytes(tmp_path / "flat" / "9.bmp", rest_world.bmp(9))
    datasets.add("mine", tmp_path / "flat")
    assert care.status("mine").pictures == 4
    edits.remove(datasets.load("mine"), [3])
    assert edits.undo("mine")[0] == "removed 9.bmp" and len(contents()) == 4


def test_a_deleted_dataset_can_be_brought_back(mine):
    care.delete("mine")
    assert "mine" not in datasets.names() and care.deleted() == ("mine",)
    with pytest.raises(UnknownName):
        datasets.load("mine")
    edits.create_of("mine", given(8))
    with pytest.raises(InputError, match="there is another dataset mine by now"):
        care.restore("mine")
    care.delete("mine")  # takes the place of the first
    care.restore("mine")
    assert contents() == [("cat", "8.bmp")] and care.deleted() == ()
    with pytest.raises(UnknownName, match="unknown deleted dataset"):
        care.restore("mine")


def test_the_table_of_a_dataset_gives_its_classes_again(mine, tmp_path):
    table = care.table(mine)
    assert table.decode("utf-8-sig").splitlines()[:2] == ["file,class,sha256", f"1.bmp,cat,{mine.items[0].sha256}"]
    assert edits.read_labels(table) == {file: title for title, file in ALL}


def test_files_are_found_by_their_path_or_their_name(tmp_path):
    for green, place in enumerate(("cat/1", "cat/2", "dog/2")):
        storage.write_bytes(tmp_path / f"{place}.bmp", rest_world.bmp(green))
    dataset = edits.create("mine", tmp_path)
    assert edits.items(dataset, ["1.bmp", "dog/2.bmp"]) == [0, 2]
    with pytest.raises(InputError, match=r"several are called 2\.bmp"):
        edits.items(dataset, ["2.bmp"])
    with pytest.raises(InputError, match=r"none is called 3\.bmp"):
        edits.items(dataset, ["3.bmp"])


def _add_many(home, first):
    os.environ["SEMSEARCH_HOME"] = home
    for green in range(first, first + 8):
        edits.add("mine", given(green))


def test_four_writers_lose_and_double_nothing_while_others_read(mine):
    context, home = get_context("spawn"), str(settings().home)
    writers: list = [context.Process(target=_add_many, args=(home, 10 + 8 * n)) for n in range(2)]
    writers += [threading.Thread(target=_add_many, args=(home, 26 + 8 * n)) for n in range(2)]
    torn, stop = [], threading.Event()

    def read():
        while not stop.is_set():
            seen = datasets.load("mine")
            time.sleep(0.01)
            torn.extend(item.shown for item in seen.items if not storage.is_here(seen.place(item.id)))

    readers = [threading.Thread(target=read) for _ in range(2)]
    for one in [*writers, *readers]:
        one.start()
    for one in writers:
        one.join()
    stop.set()
    for one in readers:
        one.join()
    names = [f"{n}.bmp" for n in [*range(1, 6), *range(10, 42)]]
    assert sorted(file for _, file in contents()) == sorted(names) and torn == []


def test_a_picture_is_what_was_given(mine):
    assert images.load(mine.path(1)).shape == images.load(rest_world.bmp(2)).shape
