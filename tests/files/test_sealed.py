"""Small JSON files that carry their own digest: no bit of one changes unseen."""

import json

import pytest

from semsearch.errors import IntegrityError, StorageError
from semsearch.files import sealed
from semsearch.results import latencies
from semsearch.settings import ROOT

FACTS = {"b": [1, 2.5, "ä"], "a": {"x": None}}


def damaged(data):
    """Each single-bit flip, each truncation, and one byte more."""
    for bit in range(8 * len(data)):
        spoiled = bytearray(data)
        spoiled[bit // 8] ^= 1 << bit % 8
        yield bytes(spoiled)
    yield from (data[:length] for length in range(len(data)))
    yield data + b"\n"


def test_what_was_written_is_read_and_all_damage_is_told(tmp_path):
    path = tmp_path / "facts.json"
    sealed.write(path, FACTS)
    whole = path.read_bytes()
    read = sealed.read(path, cure="make it anew")
    assert {key: read[key] for key in FACTS} == FACTS and read.keys() == {*FACTS, "digest"}
    assert sealed.to_bytes(read) == whole
    for spoiled in damaged(whole):
        with pytest.raises(IntegrityError, match="facts.json was damaged .*; make it anew"):
            sealed.from_bytes(spoiled, "facts.json", cure="make it anew")


def test_what_is_missing_or_another_kind_of_file_is_told(tmp_path, monkeypatch):
    for name in ("absent", "."):
        with pytest.raises(IntegrityError, match="is missing; make it anew"):
            sealed.read(tmp_path / name, cure="make it anew")
    (tmp_path / "plain.json").write_text(json.dumps(FACTS))
    (tmp_path / "deep.json").write_text("[" * 100_000)
    for name in ("plain", "deep"):
        with pytest.raises(IntegrityError, match="does not hold; make it anew"):
            sealed.read(tmp_path / f"{name}.json", cure="make it anew")

    def refuse(*_):
        raise OSError(24, "Too many open files")

    monkeypatch.setattr("pathlib.Path.read_bytes", refuse)
    with pytest.raises(StorageError, match="ulimit"):
        sealed.read(tmp_path / "plain.json", cure="make it anew")


def test_the_shipped_milliseconds_are_sealed():
    assert sealed.read(ROOT / "precomputed" / latencies.FILE, cure="")["machine"]
