"""Zip files that may be anybody's: pictures come out one by one, and nothing is written but what is a picture."""

import io
import os
import zipfile

import pytest

from semsearch import cli
from semsearch.data import datasets
from semsearch.errors import InputError, StorageError
from semsearch.images import pixels
from semsearch.own import edits, zipped
from semsearch.own.zipped import Zip
from tests.worlds import rest_world


def zipped_file(path, files, kind=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", kind) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def given(path):
    return [(one.title, one.file) for one in Zip(path).given()]


def test_folders_are_classes_whether_their_own_folder_was_zipped_or_not(tmp_path):
    files = {"cat/1.bmp": b"1", "dog/deep/er/2.bmp": b"2", "dog/3.bmp": b"3"}
    expected = [("cat", "1.bmp"), ("dog", "2.bmp"), ("dog", "3.bmp")]
    assert given(zipped_file(tmp_path / "a.zip", files)) == expected
    wrapped = {f"photos/{name}": data for name, data in files.items()} | {"__MACOSX/photos/cat/._1.bmp": b"x"}
    assert given(zipped_file(tmp_path / "b.zip", wrapped)) == expected
    assert given(zipped_file(tmp_path / "c.zip", {"1.bmp": b"1", "2.bmp": b"2"})) == [("", "1.bmp"), ("", "2.bmp")]
    assert given(zipped_file(tmp_path / "d.zip", {"cat/1.bmp": b"1", "cat/2.bmp": b"2"}))[0] == ("cat", "1.bmp")


def test_what_systems_leave_is_named_and_not_read(tmp_path):
    names = ("cat/._1.jpg", "cat/.hidden.jpg", "Thumbs.db", "__MACOSX/cat/1.jpg", "cat/1.jpg", "/etc/../cat/2.jpg")
    found = Zip(zipped_file(tmp_path / "a.zip", dict.fromkeys(names, b"x")))
    assert [file for file, _ in found.left_out] == list(names[:4]) and len(found) == 2


def test_what_leads_out_of_the_zip_leads_nowhere(home, tmp_path):
    names = ("../../out.bmp", "/tmp/abs.bmp", "cat/../../up.bmp", "C:\\windows\\x.bmp")
    path = zipped_file(tmp_path / "a.zip", {name: rest_world.at(place) for place, name in enumerate(names)})
    taken = edits.create_of("mine", Zip(path).given())
    kept = {place.name for place in (home / "datasets" / "mine" / "pictures").iterdir()}
    assert taken.added == 4 and taken.refused == () and kept == {"out.bmp", "abs.bmp", "up.bmp", "x.bmp"}
    assert sorted(os.listdir(tmp_path)) == ["a.zip", "home"]


def test_a_bomb_a_flaw_and_words_are_refused_one_by_one(home, tmp_path, monkeypatch):
    monkeypatch.setattr(pixels, "MAX_BYTES", 10_000)
    good = rest_world.at(3)
    path = zipped_file(
        tmp_path / "a.zip",
        {
            "a/bomb.bmp": bytes(50_000_000),
            "a/good.bmp": good,
            "a/words.jpg": b"words",
            "a/flawed.bmp": rest_world.at(5),
        },
        zipfile.ZIP_DEFLATED,
    )
    data = bytearray(path.read_bytes())
    at = data.rindex(b"a/flawed.bmp", 0, data.rindex(b"PK\x01\x02")) + len(b"a/flawed.bmp") + 8
    data[at] ^= 0xFF
    path.write_bytes(data)
    taken = edits.create_of("mine", Zip(path).given())
    assert taken.added == 1 and {file for file, _ in taken.refused} == {"bomb.bmp", "words.jpg", "flawed.bmp"}


@pytest.mark.parametrize("data", [b"", b"words", b"PK\x03\x04" + bytes(40)])
def test_what_is_no_zip_says_so(tmp_path, data):
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(InputError, match=r"a\.zip: expected a zip file, got"):
        Zip(tmp_path / "a.zip")


def test_an_encrypted_or_crowded_zip_is_refused(tmp_path, monkeypatch):
    path = zipped_file(tmp_path / "a.zip", {"1.bmp": b"1", "2.bmp": b"2"})
    monkeypatch.setattr(zipped, "MOST", 1)
    with pytest.raises(InputError, match="at most 1 files, not encrypted; got 2"):
        Zip(path)
    monkeypatch.undo()
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(InputError, match="got an encrypted one"):
        Zip(path)
    with pytest.raises(StorageError):
        Zip(tmp_path / "none.zip")


def test_a_zip_becomes_a_dataset_by_command(home, tmp_path, capsys):
    files = {f"photos/cat/{place}.bmp": rest_world.at(place) for place in range(3)} | {"photos/notes/a.txt": b"words"}
    path = zipped_file(tmp_path / "a.zip", files)
    assert cli.main(["datasets", "create", "mine", "--from", str(path)]) == 0
    said = capsys.readouterr().out
    assert "mine: 3 pictures of 1 class" in said and "a.txt" in said
    assert [item.shown for item in datasets.load("mine").items] == ["0.bmp", "1.bmp", "2.bmp"]
    with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as archive:
        assert len(archive.namelist()) == 4
