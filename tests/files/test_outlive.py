"""Files that are cut, flipped, replaced or deleted while they are in use: right answers or clear refusals, no death."""

import os
import shutil
import subprocess
import sys
import threading
import time
import weakref
from types import SimpleNamespace

import pytest

from semsearch.data import datasets, identity
from semsearch.errors import IntegrityError, NotReady, PicturesUnavailable
from semsearch.files import sealed, storage
from semsearch.live import computing, galleries, search, vectorfiles
from semsearch.live.extractors import Tools
from semsearch.live.galleries import Galleries
from semsearch.models import catalog
from semsearch.results import experiments
from semsearch.store import opened
from semsearch.store.store import Store
from tests.worlds import small_world
from tests.worlds.files.bitmaps import write_bmp
from tests.worlds.live_world import GALLERIES, SPEC, TOOLS, find, forget, pairs

RIGHT = small_world.RANKINGS["mobilenetv2"]


@pytest.fixture
def world(home, tmp_path):
    small_world.add(tmp_path / "pictures")
    return tmp_path / "pictures"


def features(home, ending="f32"):
    return next((home / "features").glob(f"*.{ending}"))


CUT = """
import os, sys
from pathlib import Path
from semsearch.live import vectorfiles
from tests.worlds import live_world as world
vectorfiles.SMALL = int(sys.argv[1])
world.find(3)
world.forget()
shelf = world.GALLERIES.open("world", world.SPEC)
(file,) = (Path(os.environ["SEMSEARCH_HOME"]) / "features").glob("*.f32")
os.truncate(file, 0)
print(shelf.vectors[:, 0].tolist(), len(os.listdir(file.parent)))
"""


@pytest.mark.parametrize("small", [1_000_000, 0], ids=["read", "copied"])
def test_features_cut_while_they_are_in_use_kill_nobody(world, home, small):
    """In a process of its own, for it would die of a bus error; three names lie there: vectors, seal and lock."""
    done = subprocess.run([sys.executable, "-c", CUT, str(small)], capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, "[10.0, 11.0, 14.0, 0.0, 1.0, 3.0] 3"), done.stderr


@pytest.mark.parametrize("small", [1_000_000, 0], ids=["read", "copied"])
@pytest.mark.parametrize("ending", ["f32", "json"])
def test_a_flip_that_keeps_time_and_size_is_found(world, home, monkeypatch, ending, small):
    monkeypatch.setattr(vectorfiles, "SMALL", small)
    assert pairs(find(3)) == RIGHT
    file = features(home, ending)
    before, data = file.stat(), bytearray(file.read_bytes())
    place = 3 if ending == "f32" else data.index(b"3,")
    data[place] ^= 0x01
    with file.open("r+b") as out:
        out.write(data)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert pairs(find(3)) == RIGHT  # from memory
    forget()
    assert pairs(find(3)) == RIGHT  # computed again


@pytest.mark.parametrize("harm", ["flip", "delete", "folder"])
def test_features_damaged_while_they_are_in_use_are_mended_when_they_leave_memory(world, home, monkeypatch, harm):
    """Else they would have to be computed again, when nobody expects it."""
    whole = Galleries(TOOLS)
    monkeypatch.setattr(whole._open, "_keep", 1)
    vectors = whole.open("world", SPEC).vectors.tolist()
    file = features(home)
    if harm == "flip":
        file.write_bytes(file.read_bytes()[::-1])
    else:
        file.unlink()
    if harm == "folder":
        file.mkdir()
    other = catalog.FeatureSpec("mobilenetv2", small_world.LAST["mobilenetv2"], "max")
    whole.open("world", other)
    monkeypatch.setattr("semsearch.live.computing.computed", None)  # nothing is computed from here on
    assert Galleries(TOOLS).open("world", SPEC).vectors.tolist() == vectors
    assert whole.open("world", SPEC).vectors.tolist() == vectors


def test_galleries_leave_memory_when_they_are_more_than_may_be_kept(world, home, monkeypatch):
    """And all that was made of them; the last one stays, however large."""
    whole = Galleries(TOOLS)
    first = whole.open("world", SPEC)
    whole.calibrated(first, "cosine"), whole.prepared(first, "cosine"), whole.index(first, "cosine", "hnsw")
    made = (whole.calibrated, whole._prepared, whole._indices)
    assert [len(each._made) for each in made] == [1, 1, 1]
    assert whole.prepared(first, "cosine") is whole.prepared(first, "cosine")
    alive = weakref.ref(first)
    del first
    other = catalog.FeatureSpec("mobilenetv2", small_world.LAST["mobilenetv2"], "max")
    whole.open("world", other)
    assert alive()
    monkeypatch.setattr("semsearch.live.galleries.ROOM", 1)
    last = catalog.FeatureSpec("mobilenetv2", small_world.LAST["mobilenetv2"], "gem")
    third = whole.open("world", last)
    assert alive() is None and [len(each._made) for each in made] == [0, 0, 0]
    assert whole.open("world", last) is third and len(whole._open._galleries) == 1


def test_a_large_gallery_that_nobody_uses_leaves_memory(world, home, monkeypatch):
    """By itself, also when nobody asks for anything any more."""
    monkeypatch.setattr(vectorfiles, "SMALL", 0)
    monkeypatch.setattr("semsearch.live.galleries.RESTS", 0.05)
    alive = weakref.ref(Galleries(TOOLS).open("world", SPEC))
    until = time.monotonic() + 5
    while alive() and time.monotonic() < until:
        time.sleep(0.01)
    assert alive() is None


def test_the_last_large_gallery_stays_twice_as_long(world, home, monkeypatch):
    monkeypatch.setattr(vectorfiles, "SMALL", 0)
    whole, other = Galleries(TOOLS), catalog.FeatureSpec("mobilenetv2", small_world.LAST["mobilenetv2"], "max")
    clock = [0]
    monkeypatch.setattr(galleries, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    first, last = (weakref.ref(whole.open("world", spec)) for spec in (SPEC, other))
    rested = []
    for clock[0] in (10, 11, 20, 21):
        rested.append((whole._open.rest(10), first() is not None, last() is not None))
    assert rested == [(True, True, True), (True, False, True), (True, False, True), (False, False, False)]


def test_a_gallery_in_use_outstays_one_that_came_later(world, home, monkeypatch):
    whole = Galleries(TOOLS)
    monkeypatch.setattr(whole._open, "_keep", 2)
    specs = [catalog.FeatureSpec("mobilenetv2", small_world.LAST["mobilenetv2"], pooling) for pooling in ("max", "gem")]
    first = whole.open("world", SPEC)
    second = weakref.ref(whole.open("world", specs[0]))
    assert whole.at_once("world", SPEC) is first
    whole.open("world", specs[1])
    assert whole.at_once("world", SPEC) is first and second() is None


def test_features_damaged_on_disk_are_mended_when_room_is_made(world, home, monkeypatch):
    whole = Galleries(TOOLS)
    vectors = whole.open("world", SPEC).vectors.tolist()
    features(home).unlink()
    whole._open.make_room(galleries.ROOM)
    monkeypatch.setattr("semsearch.live.computing.computed", None)  # nothing is computed from here on
    assert Galleries(TOOLS).open("world", SPEC).vectors.tolist() == vectors


def test_a_large_gallery_makes_room_before_it_comes(world, home, monkeypatch):
    """Both at once would take twice the memory."""
    whole = Galleries(TOOLS)
    alive = weakref.ref(whole.open("world", SPEC))
    monkeypatch.setattr("semsearch.live.galleries.ROOM", 1)
    before = []
    monkeypatch.setattr(
        "semsearch.live.computing.computed", lambda *parts, original=computing.computed, **more: (
            before.append(alive()), original(*parts, **more))[1],
    )  # fmt: skip
    other = catalog.FeatureSpec("mobilenetv2", small_world.LAST["mobilenetv2"], "max")
    assert whole.open("world", other) and before == [None]


def test_features_of_others_under_our_name_are_not_taken(world, home):
    other = catalog.FeatureSpec("vgg16", small_world.LAST["vgg16"], "avg")
    find(3)
    own = features(home).with_suffix("")
    find(3, spec=other)
    (their,) = {file.with_suffix("") for file in (home / "features").glob("*.f32")} - {own}
    for ending in (".f32", ".json"):
        shutil.copyfile(own.with_suffix(ending), their.with_suffix(ending))
    assert vectorfiles.read(their) is None and vectorfiles.read(own) is not None


@pytest.mark.parametrize("ending", ["f32", "json", "lock"])
def test_a_folder_where_a_file_belongs_is_moved_aside(world, home, ending):
    find(3)
    file = features(home, ending)
    file.unlink()
    (file / "inside").mkdir(parents=True)
    if ending == "lock":
        features(home).unlink()
    forget()
    assert pairs(find(3)) == RIGHT and file.is_file()


def test_a_file_where_a_folder_belongs_is_moved_aside(world, home):
    find(3)
    shutil.rmtree(home / "features")
    (home / "features").write_text("no folder")
    forget()
    assert pairs(find(3)) == RIGHT and features(home).is_file()
    (aside,) = home.glob(".features.*.aside")
    assert aside.read_text() == "no folder"


def test_a_lock_that_is_deleted_under_its_waiters_still_locks(tmp_path, monkeypatch):
    """The first holder's file is deleted while the second waits at it; the third comes by the new one."""
    path, inside, most, waiting = tmp_path / "x.lock", 0, [], threading.Event()
    first = storage.lock(path)
    first.__enter__()

    def hold():
        nonlocal inside
        with storage.lock(path):
            inside += 1
            most.append(inside)
            time.sleep(0.1)
            inside -= 1

    def waits(handle, how, flock=storage.fcntl.flock):
        waiting.set()
        flock(handle, how)

    monkeypatch.setattr(storage.fcntl, "flock", waits)
    waiter = threading.Thread(target=hold)
    waiter.start()
    assert waiting.wait(20)  # its file is open
    path.unlink()
    with storage.lock(path):
        inside += 1
        first.__exit__(None, None, None)
        time.sleep(0.2)
        inside -= 1
    waiter.join(5)
    assert most == [1]


def test_a_cache_that_may_only_be_read_is_searched(world, home, monkeypatch):
    find(3)
    forget()

    def refuse(*_, **__):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(vectorfiles.os, "utime", refuse)
    assert pairs(find(3)) == RIGHT


def test_a_picture_replaced_under_its_name_is_left_out_until_it_is_right(world, home):
    """Item 4, the apple at 1, becomes another picture, then a deleted one, then itself again."""
    file = world / "apple" / "1.bmp"
    right = file.read_bytes()
    file.write_bytes((world / "<b>pear" / "14.bmp").read_bytes())
    assert pairs(find(3)) == [pair for pair in RIGHT if pair[0] != 4]
    assert GALLERIES.open("world", SPEC).left_out == {4: small_world.CHANGED}
    with pytest.raises(PicturesUnavailable, match="picture 4 of this dataset changed since"):
        find(4)
    file.unlink()
    assert pairs(find(3)) == [pair for pair in RIGHT if pair[0] != 4]
    assert "not on this machine" in GALLERIES.open("world", SPEC).left_out[4]
    file.write_bytes(right)
    assert pairs(find(3)) == RIGHT
    forget()
    assert pairs(find(3)) == RIGHT and GALLERIES.open("world", SPEC).left_out == {}


def test_a_picture_that_is_damaged_for_the_moment_in_which_it_is_read_is_left_out(world, home, monkeypatch):
    """Neither before nor after anything is to be seen of it; what is decoded is what was compared."""
    read = identity._bytes
    monkeypatch.setattr(identity, "_bytes", lambda path: read(path)[: -1 if path.stem == "1" else None])
    assert pairs(find(3)) == [pair for pair in RIGHT if pair[0] != 4]
    monkeypatch.undo()
    monkeypatch.setenv("SEMSEARCH_HOME", str(home))
    forget()
    assert pairs(find(3)) == RIGHT


def test_a_picture_that_can_be_fetched_again_is_put_back_and_only_it_computed_again(world, home, monkeypatch):
    """As those of groceries, whose package is installed here: at the start, and while features are computed."""
    file, other = world / "apple" / "1.bmp", world / "<b>pear" / "14.bmp"
    whole, passed, fetched = {path: path.read_bytes() for path in (file, other)}, [], []

    def fetch(name):
        fetched.append(name)
        for path, data in whole.items():
            path.write_bytes(data)

    def read(path, original=identity._bytes):
        passed.append(path.name)
        if len(fetched) == 1:  # damaged after all were looked at
            file.write_bytes(b"damaged")
        return original(path)

    monkeypatch.setattr(computing, "datasets", SimpleNamespace(GROCERIES=("world",), fetch=fetch))
    monkeypatch.setattr(identity, "_bytes", read)
    other.unlink()
    forget()
    gallery = GALLERIES.open("world", SPEC)
    assert (gallery.left_out, fetched) == ({}, ["world", "world"])
    assert sorted(passed) == sorted([*(path.name for path in world.rglob("*.bmp")), "1.bmp"])
    monkeypatch.setattr(computing.datasets, "fetch", fetched.append)
    file.unlink()
    forget()
    shutil.rmtree(home / "features")
    with pytest.raises(PicturesUnavailable, match="pictures of world changed while"):
        GALLERIES.open("world", SPEC)


def test_a_loaded_gallery_needs_neither_files_nor_pictures(world, home):
    find(3)
    shutil.rmtree(home / "features")
    shutil.rmtree(world)
    assert pairs(find(3)) == RIGHT


def test_without_pictures_or_features_the_reason_is_told(world, home):
    shutil.rmtree(world)
    with pytest.raises(PicturesUnavailable, match="at least 2 readable pictures, got 0; .* datasets add world"):
        find(3)


def test_a_damaged_card_leaves_the_last_good_list(world, home):
    card = home / "datasets" / "world" / "card.json"
    before, whole = opened.dataset("world"), card.read_bytes()
    assert pairs(find(3)) == RIGHT
    for damaged in (b"", whole[:-9], whole.replace(b"apple", b"apply")):
        card.write_bytes(damaged)
        assert opened.dataset("world") == before and pairs(find(3)) == RIGHT
        assert opened.troubles()[-1].startswith("the list of dataset world is damaged")
    card.unlink()
    with pytest.raises(PicturesUnavailable, match="taken away"):
        opened.dataset("world")
    card.write_bytes(whole)
    assert opened.dataset("world") == before and pairs(find(3)) == RIGHT
    assert not [trouble for trouble in opened.troubles() if "world" in trouble]


def test_weights_replaced_under_a_loaded_network_do_not_name_its_features(world, home):
    digest = ["1" * 64]
    galleries = Galleries(Tools(extractor=TOOLS.extractor, digest=lambda model: digest[0]))
    asked = search.Question("world", SPEC, "euclidean")
    search.search(3, asked, galleries=galleries)
    own = features(home).name
    digest[0] = "2" * 64
    galleries._open._galleries.clear()
    search.search(3, asked, galleries=galleries)
    assert features(home).name == own and len(list((home / "features").glob("*.f32"))) == 1


@pytest.fixture
def stored(world, computed_world, tmp_path):
    """A copy of the small world's store, and how to ask a Store for the matches of item 3."""
    root = shutil.copytree(computed_world, tmp_path / "store")
    asked = experiments.Experiment("world", SPEC, "euclidean")

    def ask(store):
        return [(match.item, round(match.distance)) for match in experiments.matches(store, asked, 3, k=5)]

    return root, ask


def test_a_unit_set_aside_is_read_until_its_successor_is_sealed(stored):
    root, ask = stored
    store = Store(root)
    key = store.facts("world", SPEC.model)["key"]
    aside = root / ".work" / f"world.{SPEC.model}.{key}.old"
    aside.parent.mkdir(exist_ok=True)
    (root / "world" / SPEC.model).rename(aside)
    assert ask(store) == RIGHT
    shutil.copytree(aside, root / "world" / SPEC.model)
    (root / "world" / SPEC.model / f"{SPEC.layer}.npz").write_bytes(b"of the successor")
    assert ask(Store(root)) == RIGHT


@pytest.mark.parametrize("how", ["delete", "cut", "folder"])
def test_layers_that_cannot_be_read_are_told_and_heal(stored, how):
    root, ask = stored
    store, file = Store(root), root / "world" / SPEC.model / f"{SPEC.layer}.npz"
    whole = file.read_bytes()
    os.truncate(file, 100) if how == "cut" else file.unlink()
    if how == "folder":
        file.mkdir()
    with pytest.raises(IntegrityError, match="expected SHA-256"):
        ask(store)
    if how == "folder":
        file.rmdir()
    file.write_bytes(whole)
    assert ask(store) == RIGHT


def test_results_sealed_anew_under_an_open_store_are_told(stored):
    root, ask = stored
    store = Store(root)
    manifest = sealed.read(root / "manifest.json", cure="")
    manifest["units"]["world"].pop("vgg16")
    (root / "manifest.json").write_bytes(sealed.to_bytes(manifest))
    (root / "world" / SPEC.model / f"{SPEC.layer}.npz").unlink()
    with pytest.raises(NotReady, match="renewed a moment ago"):
        ask(store)


@pytest.mark.parametrize("how", ["delete", "cut", "folder"])
def test_the_last_good_manifest_goes_on(stored, monkeypatch, how):
    root, ask = stored
    monkeypatch.setenv("SEMSEARCH_PRECOMPUTED", str(root))
    manifest, store = root / "manifest.json", opened.results()
    whole = manifest.read_bytes()
    os.truncate(manifest, 100) if how == "cut" else manifest.unlink()
    if how == "folder":
        manifest.mkdir()
    assert opened.results() is store and ask(opened.results()) == RIGHT
    if how == "folder":
        manifest.rmdir()
    manifest.write_bytes(whole)
    assert opened.results() is store and opened.troubles() == ()


def test_another_sealed_file_is_no_manifest_and_no_seal(stored, home):
    """Whole by their own digests, yet of something else."""
    root, _ = stored
    shutil.copyfile(root / "world" / SPEC.model / "unit.json", root / "manifest.json")
    with pytest.raises(IntegrityError, match="expected a manifest"):
        Store(root)
    find(3)
    shutil.copyfile(root / "manifest.json", features(home, "json"))
    forget()
    assert pairs(find(3)) == RIGHT


def test_the_card_of_another_dataset_is_damage(world, home):
    write_bmp(world.parent / "other" / "pear" / "3.bmp", (1, 2, 3))
    other = datasets.add("other", world.parent / "other")
    shutil.copyfile(home / "datasets" / other.name / "card.json", home / "datasets" / "world" / "card.json")
    with pytest.raises(IntegrityError):
        datasets.load("world")


def test_what_stands_in_the_way_of_unpacking_is_removed(home):
    """A file for the folder of pictures, and what an earlier unpacking left: a file as well."""
    place = home / "datasets" / "groceries200"
    place.parent.mkdir(parents=True)
    place.write_text("no folder")
    place.with_name(".groceries200.old.tmp").write_text("left")
    assert datasets.load("groceries200").has_pictures
    shutil.rmtree(place)
    place.write_text("no folder")
    assert datasets.load("groceries200").has_pictures
