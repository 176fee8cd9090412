"""What is read and what is called by its name: HEIC of phones, pictures of large cameras, formats by their bytes."""

import io
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from semsearch import images
from semsearch.data import datasets
from semsearch.errors import ImageRefused
from semsearch.images import formats, pixels, structure
from tests.images.handmade import ALPHA, GREY, ON_WHITE, RGB, encode, exif, grey3, refusal
from tests.worlds.files import heif_files, zoo
from ui import pictures

pytestmark = pytest.mark.usefixtures("fresh_children")
DOORS = (images.load, images.load_isolated)
LARGE = np.array(Image.fromarray(RGB).resize((1600, 1200), Image.Resampling.BICUBIC))

# HEIC


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (heif_files.PLAIN, RGB),
        (heif_files.TURNED, RGB),
        (heif_files.TEN_BIT, RGB),
        (heif_files.SEVERAL, RGB),
        (heif_files.GREY, grey3(GREY)),
    ],
    ids=["plain", "turned", "ten bit", "several", "grey"],
)
def test_heic_gives_the_picture(door, data, expected):
    got = door(data)
    assert got.shape == expected.shape and np.abs(got.astype(int) - expected).max() <= 4


def test_the_turned_heic_has_both_kinds_of_turns():
    assert b"irot" in heif_files.TURNED and b"\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06" in heif_files.TURNED


@pytest.mark.parametrize("door", DOORS)
def test_a_clear_heic_is_composed_on_white(door):
    got = door(heif_files.ALPHA).astype(int)
    assert np.abs(got - ON_WHITE).max() <= 4 and (ALPHA == 0).any()


@pytest.mark.parametrize("door", DOORS)
def test_heic_that_is_no_whole_picture_is_refused(door):
    where = heif_files.PLAIN.index(b"ispe") + 8

    def sized(width, height):
        return heif_files.PLAIN[:where] + struct.pack(">II", width, height) + heif_files.PLAIN[where + 8 :]

    assert refusal(heif_files.PLAIN[:300], door) == "truncated"
    assert refusal(heif_files.PLAIN[:-100], door) == "truncated"
    assert refusal(sized(60_000, 60_000), door) == "too_large"
    assert refusal(sized(8_000, 8_000), door) == "too_large"
    assert refusal(sized(4, 4), door) == "corrupt"
    assert refusal(sized(7_000, 7_000), door) == "corrupt"


def test_the_reader_of_heic_is_loaded_for_heic_only_and_leaves_pillow_as_it_was():
    code = """
import sys
from PIL import Image
from semsearch import images
from tests.worlds.files import heif_files, zoo
images.load(zoo.JPEG)
print("pi_heif" in sys.modules)
images.load(heif_files.PLAIN)
print("pi_heif" in sys.modules, "HEIF" in Image.OPEN)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True", "False"]


# Limits follow cost


def test_a_camera_of_61_megapixels_is_within_the_limits():
    data = encode(Image.new("L", (9504, 6336), 77), "JPEG")
    for door in (images.load_square, images.load_square_isolated):
        assert (door(data, 64, resample="antialias") == 77).all()
        assert (door(data, 64, resample="nearest") == 77).all()
    assert 9504 * 6336 <= pixels.MAX_PIXELS and 9504 * 6336 * 3 < pixels.MAX_BYTES - 1_000_000


@pytest.fixture
def small_limits(monkeypatch):
    """LARGE, 1.9 megapixels, is beyond what may be decoded, not beyond what may be reduced."""
    monkeypatch.setattr(pixels, "MAX_PIXELS", 500_000)
    monkeypatch.setattr(pixels, "MAX_REDUCED", 2_000_000)


def test_only_what_is_decoded_counts(small_limits, monkeypatch):
    data = encode(LARGE, "JPEG", quality=95)
    assert refusal(data) == "too_large"
    assert images.load(data, at_least=150).shape == (300, 400, 3)
    assert refusal(data, lambda source: images.load(source, at_least=500)) == "too_large"
    for resample in images.RESAMPLES:
        whole = np.array(Image.fromarray(LARGE).resize((10, 10), Image.Resampling.BOX)).astype(int)
        assert np.abs(images.load_square(data, 10, resample=resample) - whole).max() < 25
        tiny = images.load_square(data, 10, resample=resample, crop=(0.0, 0.0, 0.01, 0.01))
        assert np.abs(tiny.astype(int) - LARGE[:8, :8].mean((0, 1))).max() < 25
    monkeypatch.setattr(pixels, "MAX_REDUCED", 1_900_000)
    assert refusal(data, lambda source: images.load(source, at_least=150)) == "too_large"


def test_what_is_held_whole_counts_whole(small_limits):
    def square(data):
        return images.load_square(data, 10, resample="antialias")

    assert refusal(encode(LARGE, "JPEG", progressive=True), square) == "too_large"
    for kind in ("PNG", "TIFF", "WEBP", "BMP", "GIF", "AVIF"):
        assert refusal(encode(LARGE[:1000, :1000], kind), square) == "too_large"
    assert square(encode(LARGE[:300], "JPEG", progressive=True)).shape == (10, 10, 3)


def scans(*components, frame=0xC0):
    """The markers of a JPEG of three components whose first scan holds so many of them."""
    head = b"\xff\xd8\xff\xe0" + struct.pack(">H", 4) + b"\xff\xc0" + b"\xff\xff"
    head += bytes([frame]) + struct.pack(">HBHHB", 17, 8, 9, 9, 3) + bytes(9)
    return head + b"".join(b"\xff\xda" + struct.pack(">HB", 6 + 2 * n, n) + bytes(2 * n + 3) for n in components)


def test_scans_that_must_all_be_kept_are_told_from_one_scan():
    assert not structure.jpeg(scans(3)).whole
    assert structure.jpeg(scans(1, 1, 1)).whole and structure.jpeg(scans(3, frame=0xC2)).whole
    for hostile in (b"\xff\xd8", b"\xff\xd8" + b"\xff" * 100, scans(), b"\xff\xd8\xff\xe0\0\0" * 9):
        assert structure.jpeg(hostile).whole
    assert not structure.jpeg(encode(LARGE, "JPEG")).whole and not structure.jpeg(zoo.JPEG).whole
    frame = structure.jpeg(encode(LARGE, "JPEG", progressive=True))
    assert frame.whole and frame.scans == 10


def test_thumbnails_decode_no_more_than_they_show(small_limits, home, tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "FOLDER", tmp_path / "static")
    (tmp_path / "large" / "c").mkdir(parents=True)
    (tmp_path / "large" / "c" / "1.jpg").write_bytes(encode(LARGE, "JPEG", exif=exif(6)))
    dataset = datasets.add("large", tmp_path / "large")
    monkeypatch.setattr(pixels, "MAX_PIXELS", 1_000_000)
    pictures.ensure_thumbnails(dataset)
    [file] = (tmp_path / "static" / "large").iterdir()
    assert images.load(file).shape == (256, 192, 3)


# By name


@pytest.mark.parametrize("data", sorted({data for data, why in zoo.LEFT_OUT.values() if "cannot be read here" in why}))
def test_what_is_not_read_is_called_by_its_name(data):
    what = formats.foreign(data)
    if not what:
        assert data in (zoo.TIFF, b"sensor"), "only by its ending"
        return
    for door in DOORS:
        with pytest.raises(ImageRefused, match=f"got {what}") as caught:
            door(data)
        assert caught.value.reason == "format"


@pytest.mark.parametrize("tags", [{50706: b"\1\4\0\0"}, {254: 1, 330: 8}])
def test_the_preview_in_a_raw_photo_is_not_taken_for_the_picture(tags):
    info = TiffImagePlugin.ImageFileDirectory_v2()
    for tag, value in tags.items():
        info[tag] = value
    data = encode(RGB, "TIFF", tiffinfo=info)
    with pytest.raises(ImageRefused, match="a raw photo of a camera, which cannot be read here"):
        images.load(data)
    assert (images.load(encode(RGB, "TIFF")) == RGB).all()


def test_every_picture_that_is_read_is_known_by_its_first_bytes():
    out = io.BytesIO()
    Image.fromarray(RGB).save(out, "MPO", save_all=True, append_images=[Image.fromarray(RGB)])
    samples = {kind: encode(RGB, kind) for kind in formats.FORMATS if kind != "HEIF"} | {"HEIF": heif_files.PLAIN}
    assert {kind: formats.kind(data[: formats.HEAD]) for kind, data in samples.items()} == {k: k for k in samples}
    assert formats.kind(out.getvalue()[: formats.HEAD]) == "JPEG"
    for brand, others, kind in ((b"mif1", b"avif", "AVIF"), (b"mif1", b"heic", "HEIF"), (b"msf1", b"hevc", "HEIF")):
        assert formats.kind(zoo.BOX % (brand, others)) == kind
    assert not any(formats.foreign(data[: formats.HEAD]) for data in samples.values())


@pytest.mark.shared_data
def test_no_picture_of_badimages_is_taken_for_something_else(shared_data):
    for path in sorted((shared_data / "badimages").rglob("*")):
        if path.is_file() and path.suffix.lower() in formats.ENDINGS:
            head = path.read_bytes()[: formats.HEAD]
            try:
                images.load(path)
            except ImageRefused:
                continue
            assert formats.kind(head), path
    assert Path(path).exists()
