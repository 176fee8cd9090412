"""A dataset brought up to date with its folder: the named situations, each with its right answer."""

import os
import shutil
import unicodedata

import pytest

from semsearch.data import datasets, folder
from semsearch.errors import InputError, PicturesUnavailable, UnknownName
from semsearch.own import care, edits, ledger, sync
from semsearch.own.sync import Plan
from tests.worlds import rest_world

PNG = b"\x89PNG\r\n\x1a\n"
pytestmark = pytest.mark.usefixtures("home")


def put(root, *files):
    """Pictures in a folder, each with its own content: the number in its name, or what stands behind a =."""
    for file in files:
        name, _, content = file.partition("=")
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(PNG + os.fsencode(content or name))


@pytest.fixture
def root(tmp_path):
    """A folder with two classes of ten pictures each, and the dataset ``mine`` made of it."""
    root = tmp_path / "photos"
    put(root, *(f"{kind}/{number}.png" for kind in ("cat", "dog") for number in range(10)))
    edits.create("mine", root)
    return root


def contents():
    """(class, file) of all pictures."""
    dataset = datasets.load("mine")
    return [(dataset.classes[item.label], item.shown) for item in dataset.items]


def told(plan):
    """What a plan says happens."""
    parts = {name: getattr(plan, name) for name in ("added", "changed", "moved", "back", "gone", "unread")}
    return {name: list(files) for name, files in parts.items() if files}


def rename(root, old, new):
    (root / new).parent.mkdir(parents=True, exist_ok=True)
    (root / old).rename(root / new)


NFC, NFD = (unicodedata.normalize(form, "café.png") for form in ("NFC", "NFD"))
SITUATIONS = {
    "nothing happened": (lambda root: None, {}),
    "a file was added": (lambda root: put(root, "cat/new.png"), {"added": ["cat/new.png"]}),
    "a class was added": (lambda root: put(root, "cow/1.png=cow"), {"added": ["cow/1.png"]}),
    "a file was deleted": (lambda root: (root / "cat/3.png").unlink(), {"gone": ["cat/3.png"]}),
    "same name, other content": (lambda root: put(root, "cat/3.png=other"), {"changed": ["cat/3.png"]}),
    "a file was renamed": (
        lambda root: rename(root, "cat/3.png", "cat/three.png"),
        {"moved": [("cat/3.png", "cat/three.png")]},
    ),
    "only the case of a name": (
        lambda root: rename(root, "cat/3.png", "cat/3.PNG"),
        {"moved": [("cat/3.png", "cat/3.PNG")]},
    ),
    "to another class": (
        lambda root: rename(root, "cat/3.png", "dog/three.png"),
        {"moved": [("cat/3.png", "dog/three.png")]},
    ),
    "a whole class renamed": (
        lambda root: rename(root, "cat", "tiger"),
        {"moved": [(f"cat/{n}.png", f"tiger/{n}.png") for n in range(10)]},
    ),
    "two files swapped": (
        lambda root: [
            rename(root, "cat/1.png", "x"),
            rename(root, "cat/2.png", "cat/1.png"),
            rename(root, "x", "cat/2.png"),
        ],
        {"changed": ["cat/1.png", "cat/2.png"]},
    ),
    "a copy beside": (
        lambda root: shutil.copy(root / "cat/1.png", root / "cat/copy.png"),
        {"added": ["cat/copy.png"]},
    ),
    "touched only": (lambda root: os.utime(root / "cat/1.png", (1, 1)), {}),
    "the clock went back": (
        lambda root: [put(root, "cat/1.png=CAT/1.png"), os.utime(root / "cat/1.png", (1, 1))],
        {"changed": ["cat/1.png"]},
    ),
    "a file of no bytes": (lambda root: (root / "cat/empty.png").write_bytes(b""), {}),
    "a picture was emptied": (lambda root: (root / "cat/1.png").write_bytes(b""), {"gone": ["cat/1.png"]}),
    "what is no picture": (lambda root: (root / "cat/notes.txt").write_text("words"), {}),
    "what systems leave": (lambda root: put(root, "cat/._1.png", "cat/Thumbs.db", "@eaDir/1.png"), {}),
    "hidden files": (lambda root: put(root, "cat/.hidden.png", ".cache/1.png"), {}),
    "a name of other bytes": (
        lambda root: put(root, os.fsdecode(b"cat/\xff.png")),
        {"added": ["cat/%FF.png"]},
    ),
    "a name of 255 bytes": (lambda root: put(root, f"cat/{'n' * 251}.png"), {"added": [f"cat/{'n' * 251}.png"]}),
    "a link in a circle": (lambda root: (root / "cat/loop").symlink_to(root / "cat"), {}),
    "a link to nothing": (lambda root: (root / "cat/none.png").symlink_to(root / "gone.png"), {}),
    "a pipe": (lambda root: os.mkfifo(root / "cat/pipe.png"), {}),
    "a folder of the name of a picture": (
        lambda root: [(root / "cat/1.png").unlink(), (root / "cat/1.png").mkdir()],
        {"gone": ["cat/1.png"]},
    ),
    "twins of an accent": (
        lambda root: put(root, f"cat/{NFC}=c", f"cat/{NFD}=d"),
        {"added": [f"cat/{NFD}", f"cat/{NFC}"]},
    ),
    "a loose file": (lambda root: put(root, "loose.png"), {}),
    "a deeper folder": (
        lambda root: rename(root, "cat/1.png", "cat/2020/may/1.png"),
        {"moved": [("cat/1.png", "cat/2020/may/1.png")]},
    ),
}


@pytest.mark.parametrize("name", SITUATIONS)
def test_a_situation_has_its_right_answer(root, name):
    happens, expected = SITUATIONS[name]
    before = contents()
    happens(root)
    plan = sync.plan("mine")
    assert told(plan) == expected and contents() == before  # a plan changes nothing
    done, dataset = sync.sync("mine")
    assert done == plan and contents() == [(dataset.classes[i.label], i.shown) for i in dataset.items]
    files = {file for _, file in before} - set(expected.get("gone", ())) - {old for old, _ in expected.get("moved", ())}
    files |= {*expected.get("added", ()), *(new for _, new in expected.get("moved", ()))}
    assert {file for _, file in contents()} == files
    again = sync.plan("mine")
    assert told(again) == {} and again.unchanged == len(files)  # a second run does nothing
    steps = len(ledger.history("mine"))
    sync.sync("mine")
    assert len(ledger.history("mine")) == steps


def test_what_left_comes_back_with_its_file(root):
    rename(root, "cat/3.png", "../aside.png")
    sync.sync("mine")
    assert ("cat", "cat/3.png") not in contents() and care.status("mine").gone == 1
    rename(root, "../aside.png", "dog/3b.png")
    plan, _ = sync.sync("mine")
    assert told(plan) == {"back": ["dog/3b.png"]} and ("dog", "dog/3b.png") in contents()
    assert care.status("mine").gone == 0


def test_what_a_person_removed_stays_away_wherever_it_goes(root):
    dataset = datasets.load("mine")
    edits.remove(dataset, edits.items(dataset, ["cat/3.png"]))
    for move in (lambda: None, lambda: rename(root, "cat/3.png", "dog/other.png")):
        move()
        plan, _ = sync.sync("mine")
        assert told(plan) == {} and len(contents()) == 19
    put(root, "dog/other.png=something else")
    assert told(sync.sync("mine")[0]) == {"back": ["dog/other.png"]}


def test_a_class_that_a_person_chose_stays_wherever_the_file_goes(root):
    dataset = datasets.load("mine")
    edits.relabel(dataset, edits.items(dataset, ["cat/3.png"]), "Lion")
    rename(root, "cat/3.png", "dog/three.png")
    sync.sync("mine")
    assert ("Lion", "dog/three.png") in contents()


@pytest.mark.parametrize(
    ("happens", "said"),
    [
        (lambda root: shutil.move(root, root.with_name("elsewhere")), "is not there; connect its disk"),
        (lambda root: [shutil.rmtree(root), root.mkdir()], "expected some of the 20 pictures of mine, got no pictures"),
        (lambda root: [shutil.rmtree(root), put(root, "cat/1.png=strange")], "got 1 other pictures; is this the right"),
        (lambda root: [shutil.rmtree(root), root.write_bytes(b"")], "is not there"),
    ],
    ids=["gone", "empty", "another disk", "a file in its place"],
)
def test_a_folder_that_looks_wrong_stops_the_sync(root, happens, said):
    before = contents()
    happens(root)
    for run in (sync.plan, sync.sync):
        with pytest.raises(PicturesUnavailable, match=said):
            run("mine")
    assert contents() == before and care.status("mine").gone == 0


def test_a_folder_that_moved_is_taken_where_it_is_said_to_be(root, tmp_path):
    shutil.move(root, tmp_path / "new place")
    plan, dataset = sync.sync("mine", folder=tmp_path / "new place")
    assert told(plan) == {} and dataset.root == tmp_path / "new place" and dataset.has_pictures
    put(tmp_path / "strange", "a/1.png=strange")
    with pytest.raises(PicturesUnavailable, match="is this the right folder"):
        sync.sync("mine", folder=tmp_path / "strange")
    assert datasets.load("mine").root == tmp_path / "new place"


def test_more_than_a_tenth_leaves_only_when_that_is_confirmed(root):
    for number in range(3):
        (root / f"cat/{number}.png").unlink()
    with pytest.raises(InputError, match=r"3 of 20 pictures are no longer .*, such as cat/0.png, .* Nothing"):
        sync.sync("mine")
    assert len(contents()) == 20
    plan, _ = sync.sync("mine", confirmed=True)
    assert plan.gone == ("cat/0.png", "cat/1.png", "cat/2.png") and len(contents()) == 17
    assert edits.undo("mine")[0] == "sync: 3 gone" and len(contents()) == 20


def test_what_could_not_be_read_stays_as_it_is(root, monkeypatch):
    """A folder that a server lost, or that may not be entered just now, is no deletion."""
    listed = folder._listed

    def without_dogs(place):
        yield from (row for row in listed(place) if not row[0].startswith("dog"))
        yield "dog", f"{folder.CANNOT} opened: Permission denied", False

    monkeypatch.setattr(folder, "_listed", without_dogs)
    plan, _ = sync.sync("mine")
    assert len(plan.unread) == 10 and told(plan) == {"unread": [f"dog/{n}.png" for n in range(10)]}
    assert len(contents()) == 20


def test_a_file_that_vanishes_meanwhile_is_left_for_the_next_time(root, monkeypatch):
    look = folder._look

    def gone(path, known):
        if path.endswith("cat/3.png"):
            os.unlink(path)
        return look(path, known)

    monkeypatch.setattr(folder, "_look", gone)
    plan, _ = sync.sync("mine")
    assert plan.unread == ("cat/3.png",) and len(contents()) == 20
    monkeypatch.setattr(folder, "_look", look)
    assert sync.sync("mine")[0].gone == ("cat/3.png",)


def test_only_what_has_another_stamp_is_read(root, monkeypatch):
    put(root, "cat/new.png")
    read = []
    digest = folder.hashlib.file_digest
    monkeypatch.setattr(folder.hashlib, "file_digest", lambda file, kind: read.append(file.name) or digest(file, kind))
    sync.sync("mine")
    sync.sync("mine")
    assert len(read) == 1


def test_what_semsearch_keeps_is_never_taken(tmp_path):
    put(tmp_path, "cat/1.png", "cat/2.png", "home/features/x.png")
    edits.create("mine", tmp_path)
    assert [file for _, file in contents()] == ["cat/1.png", "cat/2.png"]
    given = [edits.Given("b.bmp", "cat", rest_world.bmp(7))]
    edits.add("mine", given)
    assert told(sync.sync("mine")[0]) == {} and [file for _, file in contents()] == ["b.bmp", "cat/1.png", "cat/2.png"]


def test_what_cannot_be_synced_says_why(home):
    with pytest.raises(UnknownName, match="unknown dataset 'none'"):
        sync.plan("none")
    with pytest.raises(InputError, match="groceries200 comes with semsearch"):
        sync.sync("groceries200")
    edits.create_of("given", [edits.Given("a.bmp", "", rest_world.bmp(1))])
    with pytest.raises(InputError, match="were given to semsearch, so there is no folder"):
        sync.sync("given")


def test_a_plan_says_how_much_in_words():
    assert Plan().words() == "nothing to do" and Plan().empty
    assert Plan(added=("a",), moved=(("b", "c"),) * 1200).words() == "1 added, 1,200 moved"
