"""A dataset is checked whole, taken along in one file, brought back, and exported with its features."""

import hashlib
import io
import json
import os
import random
import zipfile

import numpy as np
import pytest

from semsearch import cli
from semsearch.data import datasets
from semsearch.errors import InputError, IntegrityError, UnknownName
from semsearch.files import sealed, storage
from semsearch.indices import index, space
from semsearch.keeping import backup, export, verify
from semsearch.live import galleries, vectorfiles
from semsearch.live.gallery import Gallery
from semsearch.live.vectorfiles import Stored
from semsearch.models.catalog import FeatureSpec
from semsearch.own import care, edits, ledger
from semsearch.own.edits import Given
from semsearch.ranking import metrics
from tests.worlds import rest_world

SPEC = FeatureSpec("mobilenetv2", "Conv_1", "avg")


@pytest.fixture
def mine(home):
    """Three cats and a dog that were given, one of them taken out, with features of one network."""
    given = [Given(f"{green}.bmp", "cat" if green < 4 else "dog", rest_world.bmp(green)) for green in range(1, 6)]
    dataset = edits.remove(edits.create_of("mine", given).dataset, [4])
    base = galleries.features_of(dataset, "a" * 24)
    rows = np.arange(8, dtype=np.float32).reshape(4, 2)
    vectorfiles.write(base, Stored(rows, np.arange(4), {}, tuple(item.sha256 for item in dataset.items)))
    return dataset


def problems(name="mine"):
    return [problem for part in verify.verify(name) for problem in part.problems]


def test_what_is_whole_has_no_problem_and_every_part_is_counted(mine):
    parts = [(part.what, part.checked) for part in verify.verify("mine")]
    assert parts == [
        ("history and list", 2),
        ("pictures", 4),
        ("features aaaaaaaa", 4),
        ("features aaaaaaaa: found in the index exact", 4),
    ]
    assert problems() == []
    with pytest.raises(UnknownName):
        verify.verify("none")


def test_each_damage_is_named_with_its_cure(mine):
    mine.place(1).unlink()
    storage.write_bytes(mine.place(0), b"other")
    base = galleries.kept_files(mine)[0]
    data = bytearray(base.with_suffix(".f32").read_bytes())
    data[5] ^= 1
    base.with_suffix(".f32").write_bytes(data)
    found = " ".join(problems())
    assert "1.bmp" in found and "2.bmp" in found and "the next search computes them again" in found
    ledger.place("mine").write_bytes(b"no ledger" * 500)
    assert any("semsearch datasets repair" in problem for problem in problems())


def test_features_of_other_pictures_are_named(mine):
    base = galleries.kept_files(mine)[0]
    stored = vectorfiles.read(base)
    vectorfiles.write(base, Stored(stored.vectors, stored.items, {}, stored.pins[::-1]))
    assert ["of other pictures than those listed" in problem for problem in problems()] == [True]


def test_a_picture_that_an_index_does_not_find_is_told(mine, monkeypatch):
    class Blind:
        recipe, side, structure = "hnsw", np.arange(2), object()

        def candidates(self, point, count):
            return np.array([0])

    monkeypatch.setattr(index, "build", lambda *_: Blind())
    assert problems() == ["3 pictures do not find themselves; choose the exact index"]
    assert "2 of them looked at in every search" in verify.verify("mine")[-1].what


def test_a_backup_brings_all_of_a_dataset_back_on_another_machine(mine, tmp_path, monkeypatch):
    backup.backup("mine", tmp_path / "mine.zip")
    steps = ledger.history("mine")
    monkeypatch.setenv("SEMSEARCH_HOME", str(tmp_path / "elsewhere"))
    again = backup.restore(tmp_path / "mine.zip")
    assert (
        again.content_hash == mine.content_hash
        and again.has_pictures
        and again.path(0).read_bytes() == rest_world.bmp(1)
    )
    assert ledger.history("mine") == steps and problems() == []
    assert len(galleries.kept_files(again)) == 1, "no network is needed again"
    assert edits.undo("mine")[0] == "removed 5.bmp" and len(datasets.load("mine").items) == 5
    with pytest.raises(InputError, match="there is a dataset mine already; delete it first"):
        backup.restore(tmp_path / "mine.zip")
    care.delete("mine")
    assert len(backup.restore(tmp_path / "mine.zip").items) == 4


def test_a_backup_is_never_written_over_a_file(mine, tmp_path):
    (tmp_path / "there.zip").write_bytes(b"mine")
    with pytest.raises(InputError, match="is there already"):
        backup.backup("mine", tmp_path / "there.zip")
    assert (tmp_path / "there.zip").read_bytes() == b"mine"
    with pytest.raises(InputError, match="comes with semsearch"):
        backup.backup("groceries200", tmp_path / "new.zip")
    assert os.listdir(tmp_path) == ["there.zip"] or not (tmp_path / "new.zip").exists()


def test_no_damaged_backup_becomes_a_dataset(mine, tmp_path):
    """Every kind of place: 60 flips and 20 cuts, seeded, over all bytes of the file."""
    backup.backup("mine", tmp_path / "mine.zip")
    whole = (tmp_path / "mine.zip").read_bytes()
    care.delete("mine")
    dice, file, survived = random.Random(1), tmp_path / "damaged.zip", 0
    for number in range(80):
        place = dice.randrange(len(whole))
        data = bytearray(whole if number < 60 else whole[:place])
        if number < 60:
            data[place] ^= 1 << dice.randrange(8)
        file.write_bytes(data)
        try:
            again = backup.restore(file)
        except (InputError, IntegrityError):
            assert "mine" not in datasets.names(), number
        else:  # a bit that means nothing, such as the date of a member
            survived += 1
            assert again.items == mine.items and datasets.verify("mine") == []
            care.delete("mine")
    assert survived < 30


@pytest.mark.parametrize("member", ["dataset/../../evil", "dataset/pictures/..", "/etc/passwd", "weights/x"])
def test_a_hostile_backup_leads_nowhere(home, tmp_path, member):
    from semsearch.files import sealed

    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.writestr(member, b"evil")
        facts = {"schema": 1, "name": "mine", "files": {member: "0" * 64}}
        archive.writestr("manifest.json", sealed.to_bytes(facts))
    with pytest.raises((InputError, IntegrityError)):
        backup.restore(tmp_path / "evil.zip")
    assert datasets.names() == datasets.KNOWN and not list(tmp_path.rglob("evil"))
    (tmp_path / "words.zip").write_bytes(b"words")
    with pytest.raises(InputError, match="expected a backup of a dataset"):
        backup.restore(tmp_path / "words.zip")


def test_a_parquet_file_holds_the_features_of_each_picture(mine):
    import pyarrow.parquet

    rows = np.arange(6, dtype=np.float32).reshape(3, 2)
    data = export.parquet(mine, SPEC, Gallery(rows, np.array([0, 2, 3]), mine.labels[[0, 2, 3]]))
    table = pyarrow.parquet.read_table(io.BytesIO(data))
    assert table.column("file").to_pylist() == ["1.bmp", "3.bmp", "4.bmp"]
    assert table.column("class").to_pylist() == ["cat", "cat", "dog"]
    assert np.array_equal(np.array(table.column("features").to_pylist(), np.float32), rows)
    assert table.column("sha256").to_pylist()[0] == mine.items[0].sha256
    about = json.loads(table.schema.metadata[b"semsearch"])
    assert about["dataset"] == "mine" and about["spec"]["layer"] == "Conv_1"


@pytest.mark.parametrize("metric", metrics.METRICS)
def test_a_faiss_file_gives_the_same_pairs(mine, metric):
    """Ties and more than there are included; distances as the manifest says they come of scores."""
    import faiss

    rows = np.array([[3, 1, 0], [1, 2, 2], [3, 1, 0]], np.float32)
    data, manifest = export.faiss(mine, SPEC, metric, Gallery(rows, np.array([0, 2, 3]), mine.labels[[0, 2, 3]]))
    index = faiss.deserialize_index(np.frombuffer(data, np.uint8))
    scores, places = index.search(space.straight(rows[:1], metric), 5)
    distance = {
        "half of the score": lambda score: score / 2,
        "the square root of the score": np.sqrt,
        "the score": lambda score: score,
        "the cube root of the score": np.cbrt,
    }[manifest["distance"]]
    expected = metrics.pairwise(rows, [metric])[metric][0]
    assert places[0].tolist()[3:] == [-1, -1] and sorted(places[0][:3]) == [0, 1, 2] and places[0][2] == 1
    np.testing.assert_allclose(distance(scores[0][:3]), expected[places[0][:3]], atol=1e-5)
    assert [(file, title) for file, title, _ in manifest["items"]] == [
        ("1.bmp", "cat"),
        ("3.bmp", "cat"),
        ("4.bmp", "dog"),
    ]
    assert manifest["items"][1][2] == mine.items[2].sha256
    assert manifest["sha256"] == hashlib.sha256(data).hexdigest() and manifest["metric"] == metric


def test_the_commands_say_what_they_did_in_words_and_as_json(mine, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*words):
        return cli.main(["datasets", *words]), capsys.readouterr().out

    code, out = run("verify", "mine", "--json")
    assert code == 0 and [row["problems"] for row in json.loads(out)] == [[]] * 4
    assert "none" in run("verify", "mine")[1]
    code, out = run("backup", "mine", "--json")
    assert json.loads(out) == {
        "dataset": "mine",
        "file": "mine-backup.zip",
        "bytes": os.stat("mine-backup.zip").st_size,
    }
    assert "mine.csv: 4 pictures of 2 classes" in run("export", "mine")[1]
    run("delete", "mine")
    assert json.loads(run("import", "mine-backup.zip", "--json")[1])["missing"] == 0
    features = Gallery(np.ones((4, 2), np.float32), np.arange(4), mine.labels)
    monkeypatch.setattr(galleries, "shared", lambda: type("G", (), {"open": lambda *_, **__: features})())
    assert "mine.parquet" in run("export", "mine", "--format", "parquet", "--model", "mobilenetv2")[1]
    words = ("export", "mine", "--format", "faiss", "--model", "mobilenetv2")
    assert "mine.faiss.json" in run(*words)[1]
    assert sealed.read(tmp_path / "mine.faiss.json", cure="")["metric"] == "cosine"
    assert run(*words)[0] == 2, "nothing is written over"
    datasets.load("mine").place(0).unlink()
    code, out = run("verify", "mine")
    assert code == 4 and "1.bmp" in out
