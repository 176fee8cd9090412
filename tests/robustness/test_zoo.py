"""A zoo of odd files: each is taken, or named as left out with its reason, by every door alike, in printable text."""

import csv
import ctypes
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from semsearch import cli, images, names
from semsearch.data import datasets, folder
from semsearch.errors import ImageRefused, InputError
from semsearch.images import formats
from semsearch.live import search
from semsearch.ranking import projection
from semsearch.results import precompute
from semsearch.results.extent import FULL
from semsearch.store import units
from semsearch.store.store import Map
from tests import ROOT
from tests.worlds import small_world
from tests.worlds.files import zoo
from tests.worlds.shipped import shipped
from ui import pictures, texts
from ui.embeddings import export as map_export
from ui.live import uploads

ASK = """
import json, sys
from pathlib import Path
from semsearch import cli
from semsearch.data import datasets
found = datasets.from_folder(Path(sys.argv[1]), name="zoo")
print(json.dumps({"classes": found.classes, "items": [[i.label, i.file, i.shown, i.sha256] for i in found.items],
                  "left_out": found.left_out}))
cli.main(["datasets", "add", "zoo", "--from", sys.argv[1], "--json"])
print("====")
sys.exit(cli.main(["datasets", "add", "zoo", "--from", sys.argv[1]]))
"""
"""Answers of Python, of the command line to machines and to people."""


def bound_by_permissions():
    """In a child: give up the powers by which root reads what it may not (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH)."""
    for power in (1, 2):
        ctypes.CDLL(None).prctl(24, power, 0, 0, 0)  # PR_CAPBSET_DROP; in vain for those who have it not


def text(name):
    return names.printable(os.fsdecode(name))


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """The zoo, registered as the dataset ``zoo``: its folder, what should be left out, and the three answers."""
    place = tmp_path_factory.mktemp("zoo")
    root = place / "zoo"
    root.mkdir()
    left = {text(file): reason for file, reason in zoo.build(root).items()}
    homes = {"SEMSEARCH_HOME": str(root / "our home"), "SEMSEARCH_PRECOMPUTED": str(root / "our results")}
    environment = {**os.environ, **homes, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [sys.executable, "-c", ASK, str(root)],
        env=environment,
        cwd=ROOT,
        preexec_fn=bound_by_permissions,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    python, rest = done.stdout.split("\n", 1)
    machines, people = rest.split("====\n")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in homes.items():
            patch.setenv(name, value)
        patch.setattr(pictures, "FOLDER", place / "static")
        yield root, left, json.loads(python), json.loads(machines), people
    zoo.open_again(root)
    shutil.rmtree(root)


@pytest.fixture(scope="module")
def dataset(world):
    return datasets.load("zoo")


class Everywhere(small_world.Line):
    """An extractor that puts each picture where it stands in the list."""

    def stream(self, given):
        for position, _ in enumerate(given):
            yield position, {spec: np.array([position, 5], np.float32) for spec in self.dimensions}


@pytest.fixture(scope="module")
def report(world):
    """What the precomputation of the zoo's results said."""
    tools = precompute.Tools(extractor=Everywhere, project=small_world.no_maps, digest=lambda model: "0" * 64)
    return precompute.precompute(["zoo"], ["mobilenetv2"], how_much=FULL, tools=tools)


def test_the_zoo_is_large(world):
    assert len(world[1]) + len(zoo.TAKEN) >= 100


def test_each_is_taken_or_left_out_with_its_reason(world):
    _, left, python, _, _ = world
    assert dict(map(tuple, python["left_out"])) == left
    taken = {text(file): title for file, (title, _) in zoo.TAKEN.items()} | {"Cats/linked.jpg": "Cats"}
    assert {shown: python["classes"][label] for label, _, shown, _ in python["items"]} == taken
    assert len(python["items"]) == len(taken) and len(python["left_out"]) == len(left)


def test_classes_are_in_natural_order_and_look_alike_once(world):
    classes = world[2]["classes"]
    assert classes == ["birds", "caf%E9", "caf\u00e9", "Cats", "cats", "日本"]
    labels = [label for label, *_ in world[2]["items"]]
    assert labels == sorted(labels)


def test_the_command_line_says_the_same_to_machines(world):
    _, left, python, machines, _ = world
    assert [[row["file"], row["reason"]] for row in machines["left_out"]] == python["left_out"]
    assert (machines["items"], machines["classes"]) == (len(python["items"]), len(python["classes"]))


def test_the_command_line_counts_every_reason_for_people(world):
    _, left, python, _, people = world
    head, total, *lines = people.splitlines()
    assert head == f"zoo: {len(python['items'])} pictures of {len(python['classes'])} classes"
    assert total == f"left out: {len(left)} files and folders; --json names all"
    reasons = list(left.values())
    assert len(lines) == len(set(reasons))
    for reason in set(reasons):
        said = reason.encode("ascii", "backslashreplace").decode()
        line = next(line for line in lines if line.startswith(f"  {reasons.count(reason)}, {said}: "))
        named = line.removeprefix(f"  {reasons.count(reason)}, {said}: ")
        first = next(file for file, why in python["left_out"] if why == reason)
        assert named.startswith(first.encode("ascii", "backslashreplace").decode())
        assert (" more" in named) == (reasons.count(reason) > folder.NAMED)


def test_python_reads_what_was_registered(world, dataset):
    _, _, python, _, _ = world
    assert [list(row) for row in dataset.left_out] == python["left_out"]
    assert [[item.label, item.file, item.shown, item.sha256] for item in dataset.items] == python["items"]


def test_files_are_found_by_their_bytes(dataset):
    data = {text(file): data for file, (_, data) in zoo.TAKEN.items()} | {"Cats/linked.jpg": zoo.JPEG}
    for item in dataset.items:
        assert dataset.path(item.id).read_bytes() == data[item.shown]
        assert item.sha256 == hashlib.sha256(data[item.shown]).hexdigest()
    assert datasets.verify("zoo") == [] and dataset.has_pictures


def test_all_that_is_taken_can_be_decoded_but_what_is_damaged(dataset):
    refused = set()
    for item in dataset.items:
        try:
            images.load_square(dataset.path(item.id), 8, resample="antialias")
        except ImageRefused:
            refused.add(item.shown)
    assert refused == zoo.DAMAGED


def test_one_damaged_picture_stops_no_precomputation(world, report):
    assert {line.split(": ")[0] for line in report.skipped} == {f"zoo/{file}" for file in zoo.DAMAGED}
    assert report.computed == 1 and units.unit_key(world[0] / "our results", "zoo", "mobilenetv2")


def test_a_page_names_what_was_left_out(world, report):
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    app.query_params["dataset"] = "zoo"
    app.run()
    assert not app.exception and not app.error
    damaged = dict(line.removeprefix("zoo/").split(": ", 1) for line in report.skipped)
    expected = world[1] | damaged
    assert [one.label for one in app.sidebar.expander if "left out" in one.label] == [f"{len(expected)} files left out"]
    table = app.sidebar.dataframe[0].value
    assert dict(zip(table["File or folder"], table["Left out because"], strict=True)) == expected
    counts = f"{len(world[2]['items'])} pictures of {len(world[2]['classes'])} classes"
    assert counts in [caption.value for caption in app.sidebar.caption]
    assert (pictures.FOLDER / "zoo").is_dir()


def test_tables_and_archives_of_the_page_name_and_hold_every_file(world, dataset):
    everyone = range(len(dataset.items))
    spots = np.zeros((len(everyone), 2), np.float32)
    trust = projection.Trust(0.0, 0.0, 0.0, 0.0, np.zeros(len(everyone), np.uint8))
    table = map_export.as_csv(dataset, everyone, everyone, Map(spots, trust)).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(table)))
    assert [row["file"] for row in rows] == [item.shown for item in dataset.items]
    with zipfile.ZipFile(io.BytesIO(map_export.as_zip(dataset, everyone))) as archive:
        names = archive.namelist()
        folders = {(item.label, name.partition("/")[0]) for item, name in zip(dataset.items, names, strict=True)}
        assert len(folders) == len({label for label, _ in folders}) == len({folder for _, folder in folders})
        assert len({name.casefold() for name in names}) == len(names) and not any(
            set(name) & set('<>:"|?*') for name in names
        )
        assert [hashlib.sha256(archive.read(name)).hexdigest() for name in archive.namelist()] == [
            item.sha256 for item in dataset.items
        ]


def test_a_search_answers_in_printable_text(dataset, monkeypatch, capsys):
    everyone = [search.Match(item.id + 1, item.id, item.label, 0.5, 0.5) for item in dataset.items]
    answer = search.SearchResult(tuple(everyone), ((0, 1.0),), None, {})
    said = json.dumps(search.document(answer, dataset), ensure_ascii=False).encode("utf-8").decode("utf-8")
    assert [match["file"] for match in json.loads(said)["matches"]] == [item.shown for item in dataset.items]
    monkeypatch.setattr(search, "search", lambda *_, **__: answer)
    assert cli.main(["search", "caf\udce9.jpg", "--in", "zoo", "--model", "mobilenetv2"]) == 0
    assert cli.main(["search", "caf\udce9.jpg", "--in", "zoo", "--model", "mobilenetv2", "--json"]) == 0
    out = capsys.readouterr().out
    assert all(item.shown in out for item in dataset.items if item.shown.isascii())
    assert '"query": "caf%E9.jpg"' in out
    assert not [mark for mark in zoo.LEAKED if mark in said or (mark != "\n" and mark in out)]


# Folders of one kind


def write(root, *files):
    for file in files:
        path = root / os.fsdecode(file)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(zoo.PNG)


def test_a_folder_with_only_loose_pictures_is_one_class_named_after_it(tmp_path):
    write(tmp_path / "My  cafe\u0301s", "2.png", "10.png", "1")
    (tmp_path / "My  cafe\u0301s" / "sub").mkdir()
    (tmp_path / "My  cafe\u0301s" / "notes.txt").write_bytes(b"words")
    found = datasets.from_folder(tmp_path / "My  cafe\u0301s", name="loose")
    assert found.classes == ("My caf\u00e9s",) and [item.file for item in found.items] == ["1", "2.png", "10.png"]
    assert found.left_out == (("notes.txt", "not a picture"), ("sub", "a folder without pictures that can be taken"))


def test_a_folder_without_any_picture_says_what_it_holds_instead(tmp_path):
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "1.jxl").write_bytes(b"\xff\x0a")
    with pytest.raises(
        InputError, match=r"expected pictures .* got none; 2 left out, such as c: .*; c/1.jxl: a JPEG XL"
    ):
        datasets.from_folder(tmp_path, name="none")


def test_one_picture_is_one_picture(home, tmp_path, capsys):
    write(tmp_path / "one", "c/1.png")
    assert cli.main(["datasets", "add", "one", "--from", str(tmp_path / "one")]) == 0
    (tmp_path / "one" / "x.txt").write_bytes(b"x")
    cli.main(["datasets", "add", "one", "--from", str(tmp_path / "one")])
    first, second, total, reason = capsys.readouterr().out.splitlines()
    assert first == second == "one: 1 picture of 1 class"
    assert total.startswith("left out: 1 file or folder;") and reason == "  1, not a picture: x.txt"


def test_a_folder_is_told_by_name_though_the_name_is_not_utf8(home, tmp_path, capsys):
    root = tmp_path / os.fsdecode(b"bilder\xe9")
    write(root, "c/1.png", "c/2.png")
    assert datasets.add("named", root).source.endswith("bilder%E9")
    assert cli.main(["datasets", "add", "named", "--from", str(root)]) == 0
    (root / "c" / "1.png").unlink()
    with pytest.raises(Exception, match="bilder%E9/c/1.png is not here"):
        datasets.load("named").path(0)
    assert cli.main(["datasets", "add", "named", "--from", str(tmp_path / os.fsdecode(b"none\xe9"))]) == 2
    assert "none%E9" in capsys.readouterr().err


@pytest.mark.parametrize("bad", ["~nobody-of-that-name/x", "a\0b", "loop"])
def test_what_is_no_folder_is_refused_in_words(tmp_path, monkeypatch, bad):
    monkeypatch.chdir(tmp_path)
    Path("loop").symlink_to("loop")
    with pytest.raises(InputError, match="expected a folder"):
        datasets.from_folder(Path(bad), name="bad")


def test_cards_from_before_load(home, tmp_path):
    write(tmp_path / "old", "c/1.png")
    (tmp_path / "old" / "x.txt").write_bytes(b"x")
    added = datasets.add("old", tmp_path / "old")
    path = home / "datasets" / "old" / "card.json"
    card = json.loads(path.read_text())
    assert card.pop("left_out") == [["x.txt", "not a picture"]] and added.left_out and card.pop("seal")
    path.write_text(json.dumps(card))
    assert datasets.load("old").left_out == () and datasets.load("old").items == added.items


# Text


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("plain.jpg", "plain.jpg"),
        ("Größe 日本 👩\u200d🚀\u202f.jpg", "Größe 日本 👩\u200d🚀\u202f.jpg"),
        (os.fsdecode(b"caf\xe9.jpg"), "caf%E9.jpg"),
        ("a\nb\tc\x1b\x7f\x85", "a%0Ab%09c%1B%7F%C2%85"),
        ("x\u202ey\u2066z\u200f", "x%E2%80%AEy%E2%81%A6z%E2%80%8F"),
        ("\ud800", "%ED%A0%80"),
        ("می\u200cخواهم 🏳️\u200d🌈 👩🏽\u200d🚀 🧑\u200d⚕️", "می\u200cخواهم 🏳️\u200d🌈 👩🏽\u200d🚀 🧑\u200d⚕️"),
        ("क्\u200dष क्\u200cष ക്\u200d", "क्\u200dष क्\u200cष ക്\u200d"),
        ("c\u200dat c\u200cat 日\u200d本", "c%E2%80%8Dat c%E2%80%8Cat 日%E2%80%8D本"),
        ("👩\u200d\u200d🚀 \u200dx 👩\u200d", "👩%E2%80%8D%E2%80%8D🚀 %E2%80%8Dx 👩%E2%80%8D"),
        ("ب\u200dب دا\u200cد", "ب%E2%80%8Dب دا%E2%80%8Cد"),
        ("c\u200bat\ufeff\u00ad\u2060", "c%E2%80%8Bat%EF%BB%BF%C2%AD%E2%81%A0"),
    ],
)
def test_names_come_out_as_printable_text(name, expected):
    assert names.printable(name) == expected
    assert names.printable(expected) == expected
    expected.encode("utf-8")


def test_titles_that_look_the_same_are_the_same():
    alike = ["caf\u00e9 au  lait", " cafe\u0301 au lait", "caf\u00e9\u00a0au lait\u3000"]
    assert {names.title(name) for name in alike} == {"caf\u00e9 au lait"}
    assert names.title("A") != names.title("a") and names.title("  ") == "%20%20"


def test_words_on_pages_and_in_errors_are_printable():
    assert texts.plain("caf\udce9 \n b") == "caf%E9 b"
    given, (refused,) = uploads.accept([("\ud800\x1b.jpg", lambda: b"")])
    assert not given and refused.startswith("%ED%A0%80%1B.jpg: ")
    assert str(InputError("no \udce9\nor \x1b[0m")) == "no %E9\nor %1B[0m"
    assert str(ImageRefused("format", "\udce9")) == "%E9"


def test_only_those_who_open_files_use_their_real_names():
    places = shipped()
    used = {path.name for path in places if re.search(r"(\]|\bitem|\bone)\.file\b", path.read_text(encoding="utf-8"))}
    assert used == {"datasets.py", "dataset.py", "pictures.py", "edits.py"}


def test_the_lists_of_endings_are_one(world):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert not [ending for ending in formats.ENDINGS if f"`{ending}`" not in readme]
    assert {Path(text(file)).suffix.lower() for file in zoo.TAKEN} >= set(formats.ENDINGS)
