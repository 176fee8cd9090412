"""A seeded tenth of benchmarks/flips.py: what is made of each kind of file when a bit of it is turned, or it is cut."""

import pytest

from benchmarks import flip_kinds, flips
from ui import pictures

KINDS = (
    "card of a dataset",
    "picture, read for features",
    "picture, verified",
    "thumbnail",
    "weights",
    "weights, their header alone",
    "reason of a failed pull",
    "converted network, model.xml",
    "converted network, model.bin",
    "converted network, manifest.json",
    "features",
    "features, their items",
    "manifest of results",
    "description of a unit",
    "layer of results",
    "layer of results, not sealed yet",
    "map drawn later",
    "table of milliseconds",
    "what a job is asked",
    "how far a job is",
)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("flips")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEMSEARCH_HOME", str(folder / "home"))
        patch.setattr(pictures, "FOLDER", folder / "thumbnails")
        yield flip_kinds.kinds(folder)


def test_all_kinds_are_here(world):
    assert tuple(world) == KINDS


@pytest.mark.parametrize("name", KINDS)
def test_no_damage_gives_a_wrong_answer_or_an_error_without_a_cure(world, name):
    counted = flips.run(world[name], share=0.1)
    assert counted.total() and not [word for word in flips.BAD if counted[word]], counted


def test_a_wrong_answer_and_an_error_of_others_are_seen(tmp_path):
    """What the harness is for: a file without a seal."""
    path = tmp_path / "plain.txt"
    path.write_text("12")
    assert flips.run(flip_kinds.Kind(path, lambda: int(path.read_text()))).keys() == {"wrong", "traceback"}
