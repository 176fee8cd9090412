"""The commands of look-alikes and labels: what neighbours say, without what was decided."""

import json

import numpy as np
import pytest

from semsearch import cli
from semsearch.live import galleries
from semsearch.live.gallery import Gallery
from semsearch.own import edits
from semsearch.own.edits import Given
from tests.worlds import rest_world

SPEC = ("--model", "mobilenetv2")


@pytest.fixture
def mine(home, monkeypatch):
    """Four cats, of which two are copies, and a dog among them; their features are points on a line."""
    pictures = [Given(f"{green}.bmp", "cat", rest_world.bmp(green)) for green in range(1, 5)]
    dataset = edits.create_of("mine", [*pictures, Given("9.bmp", "dog", rest_world.bmp(9))]).dataset
    vectors = np.array([[1, 0], [1, 0], [1, 1], [1, 2], [1, 1.5]], np.float32)

    class Few:
        def open(self, name, spec, *, progress=None):
            return Gallery(vectors, np.arange(5), dataset.labels)

    monkeypatch.setattr(galleries, "shared", Few)
    return dataset


def run(capsys, *words):
    code = cli.main(list(words))
    return code, capsys.readouterr().out


def test_look_alikes_are_listed_until_they_are_to_stay(mine, capsys):
    code, out = run(capsys, "datasets", "duplicates", "mine", *SPEC, "--metric", "euclidean", "--json")
    assert (code, json.loads(out)) == (0, [{"group": 1, "stays": "1.bmp", "looks_like_it": ["2.bmp"]}])
    _, out = run(capsys, "datasets", "duplicates", "mine", *SPEC, "--metric", "euclidean")
    assert "the largest file of each group" in out
    assert "2 look-alikes stay" in run(capsys, "datasets", "keep", "mine", "1.bmp", "2.bmp")[1]
    assert run(capsys, "datasets", "duplicates", "mine", *SPEC, "--metric", "euclidean", "--json")[1] == "[]\n"
    run(capsys, "datasets", "undo", "mine")
    assert "1.bmp" in run(capsys, "datasets", "duplicates", "mine", *SPEC, "--metric", "euclidean")[1]


def test_labels_are_doubted_until_they_are_right(mine, capsys):
    _, out = run(capsys, "datasets", "doubts", "mine", *SPEC, "--metric", "euclidean", "--json")
    assert json.loads(out) == [{"file": "9.bmp", "class": "dog", "neighbours": "4 of 4", "are": "cat"}]
    assert "confirm" in run(capsys, "datasets", "doubts", "mine", *SPEC, "--metric", "euclidean")[1]
    run(capsys, "datasets", "confirm", "mine", "9.bmp")
    assert run(capsys, "datasets", "doubts", "mine", *SPEC, "--metric", "euclidean", "--json")[1] == "[]\n"
