"""``semsearch bench index``, over features of a network that reads nothing from pictures but their place."""

import json

import numpy as np
import pytest

from semsearch import cli
from semsearch.indices.recipes import RECIPES
from semsearch.live import galleries
from semsearch.live.gallery import Gallery
from tests.worlds.live_world import SPEC


@pytest.fixture
def features(home, monkeypatch):
    """A gallery of 90 pictures, whatever is asked for."""
    vectors = np.random.default_rng(0).normal(size=(90, 6)).astype(np.float32)
    asked = []

    class Here:
        def open(self, name, spec, *, progress):
            asked.append((name, spec.key))
            return Gallery(vectors, np.arange(90), np.zeros(90, int))

    monkeypatch.setattr(galleries, "shared", Here)
    return asked


WORDS = ("bench", "index", "groceries200", "--model", "mobilenetv2")


def test_all_recipes_are_in_the_table(features, capsys):
    assert cli.main(list(WORDS)) == 0
    out = capsys.readouterr().out.splitlines()
    assert features == [("groceries200", SPEC.key)]
    assert out[0].startswith("groceries200: 81 vectors of 6 numbers, ") and "9 queries" in out[0]
    assert [line.split("|")[1].strip() for line in out[3:-1]] == [*RECIPES]
    assert all(line.split("|")[2].strip() == "1.000" for line in out[3:-1])
    assert out[-1].startswith("best within the budget: ")


def test_a_metric_names_what_cannot_do_it(features, capsys):
    assert cli.main([*WORDS, "--metric", "manhattan"]) == 0
    out = capsys.readouterr().out
    assert "the index rabitq can do cosine, euclidean, correlation, not manhattan; use exact or hnsw for that" in out


def test_json_holds_everything(features, capsys):
    assert cli.main([*WORDS, "--json", "--memory", "5"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["dataset"] == "groceries200" and told["configuration"]["metric"] == "cosine"
    assert [row["recipe"] for row in told["rows"]] == [*RECIPES] and told["count"] == 81
    assert told["rows"][0]["recall"]["10"] == {"mean": 1.0, "low": 1.0, "least": 1.0}
    assert told["best"] in RECIPES and set(told["frontier"]) <= RECIPES.keys()


def test_a_budget_that_nothing_is_within_is_said(features, capsys):
    assert cli.main([*WORDS, "--milliseconds", "0"]) == 3
    captured = capsys.readouterr()
    assert captured.err == "semsearch: no index is within that budget; allow more memory or more time\n"
    assert "exact" in captured.out
