"""Units put in place and sealed: what the manifest lists can be read at any time; a bad neighbour spoils nothing."""

import shutil

import numpy as np
import pytest

from semsearch.data import datasets
from semsearch.files import sealed
from semsearch.files.storage import sha256_file
from semsearch.models.catalog import FeatureSpec
from semsearch.store import units
from semsearch.store.experiment import Experiment
from semsearch.store.store import Store
from tests.worlds.colour_world import make_world
from tests.worlds.tiny_store import MODEL, write_store

LABELS = np.array([0, 0, 0, 1, 1, 1])
LINE = np.arange(12, dtype=np.float32).reshape(6, 2)


@pytest.fixture
def root(home, tmp_path):
    datasets.add("world", make_world(tmp_path / "world"))
    return write_store(tmp_path / "store", "world", LINE, LABELS)


def successor(tmp_path, root):
    """A finished unit with other results, waiting in the work folder."""
    other = write_store(tmp_path / "other", "world", LINE[::-1] ** 2, LABELS)
    work = root / ".work" / f"world.{MODEL}.k"
    work.parent.mkdir(exist_ok=True)
    shutil.move(other / "world" / MODEL, work)
    return work


def readable(root, manifest):
    """Whether each file that a manifest lists stands where the store looks for it."""
    facts = manifest["units"]["world"][MODEL]
    places = [root / "world" / MODEL, units.aside(root, "world", MODEL, facts["key"])]
    return all(
        any((place / name).is_file() and sha256_file(place / name) == pin for place in places)
        for name, pin in facts["files"].items()
    )


class Killed(BaseException):
    """Stands for a kill: nothing of ours catches it."""


def steps_until_killed(monkeypatch, at):
    """The ``at``-th rename, or removal of a folder, does not happen any more."""
    left = iter(range(at - 1, -1, -1))
    for module, name in ((units.os, "replace"), (units.shutil, "rmtree")):
        real = getattr(module, name)

        def step(*args, real=real, **options):
            if next(left, 0) == 0:
                raise Killed
            return real(*args, **options)

        monkeypatch.setattr(module, name, step)


@pytest.mark.parametrize("at", range(1, 7))
def test_a_unit_that_is_replaced_can_be_read_after_a_kill_at_any_step(root, tmp_path, monkeypatch, at):
    """It was removed before its successor stood: a kill between left a sealed manifest without files."""
    work = successor(tmp_path, root)
    before = sealed.read(root / "manifest.json", cure="")
    with monkeypatch.context() as patch:
        steps_until_killed(patch, at)
        try:
            units.put_in_place(root, "world", MODEL, work)
            units.seal(root)
        except Killed:
            pass
    assert readable(root, sealed.read(root / "manifest.json", cure=""))
    units.seal(root)
    after = sealed.read(root / "manifest.json", cure="")
    assert readable(root, after)
    store = Store(root)
    for layer in ("Conv1", "Conv_1"):
        store.ranking(Experiment("world", FeatureSpec(MODEL, layer, "avg"), "cosine"))
    assert (work.exists()) == (after == before)
    if work.exists():
        units.put_in_place(root, "world", MODEL, work)
        units.seal(root)
    assert not list(root.glob(".work/*.old"))
    assert sealed.read(root / "manifest.json", cure="") != before


def test_a_dataset_whose_card_is_gone_keeps_no_other_from_being_sealed(root, home, tmp_path):
    datasets.add("lost", make_world(tmp_path / "lost"))
    write_store(root, "lost", LINE, LABELS)
    (tmp_path / "lost" / "red" / "0.bmp").unlink()
    datasets.add("lost", tmp_path / "lost")
    write_store(root, "lost", LINE[1:], LABELS[1:], name="vgg16")
    (home / "datasets" / "lost" / "card.json").unlink()
    write_store(root, "world", LINE, LABELS, name="vgg16")
    store = Store(root)
    assert set(store.models("world")) == {MODEL, "vgg16"}
    assert len(store.models("lost")) == 1
