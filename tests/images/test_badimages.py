"""Every file of badimages: a picture or a refusal, in time, in bounded memory, as its manifest says."""

import csv
import json
import time
import warnings
from pathlib import Path

import numpy as np
import pytest

from semsearch import images
from semsearch.errors import ImageRefused
from semsearch.images import sandbox
from tests.worlds.files.bad_images import ACCEPTED

pytestmark = pytest.mark.shared_data

REASONS = {
    "PIL.UnidentifiedImageError": {"format"},
    "builtins.OSError": {"corrupt", "truncated"},
}
"""What we say where the manifest has an exception of Pillow."""


TURNED = {
    *(f"exif_orientation/{name}_{turn}.jpg" for name in ("Landscape", "Portrait") for turn in (5, 6, 7, 8)),
    *(f"imgproxy/testdata/orientation-{turn}.png" for turn in (5, 6, 7, 8)),
}
"""Files whose width and height are swapped against the manifest, which gives them as stored: EXIF turns them."""

CORRUPT = {
    "imgproxy/testdata/bmp-invalid-bpp.bmp": "Unsupported BMP pixel depth",
    "pngsuite/png/xdtn0g01.png": "cannot load this image",
}
"""Files that are recognised and then refused: a depth of 40 bits per pixel; a PNG without pixel data."""

SECONDS = 10
RESIDENT_KB = 300_000


@pytest.fixture(scope="module")
def folder(shared_data):
    return shared_data / "badimages"


@pytest.fixture(scope="module")
def manifest(folder):
    with (folder / "MANIFEST.tsv").open(newline="") as lines:
        return {row["path"]: row for row in csv.DictReader(lines, delimiter="\t")}


def outcomes(door, folder, names):
    """Per file: (width, height) or the refusal, and the seconds it took."""
    table = {}
    for name in names:
        start = time.perf_counter()
        try:
            array = door(folder / name)
            assert array.dtype == np.uint8 and array.ndim == 3 and array.shape[2] == 3, name
            found = (array.shape[1], array.shape[0])
        except ImageRefused as refused:
            found = refused
        table[name] = found, time.perf_counter() - start
    return table


def plain(table):
    return {name: (found.reason if isinstance(found, ImageRefused) else found) for name, (found, _) in table.items()}


@pytest.fixture(scope="module")
def isolated(folder, manifest):
    sandbox.close_idle()
    return outcomes(images.load_isolated, folder, manifest)


def test_manifest_lists_every_file(folder, manifest):
    here = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} - {"MANIFEST.tsv"}
    assert here == set(manifest) and len(manifest) > 600


def test_child_survives_all_files_in_bounded_memory(isolated):
    assert not {"crash", "timeout", "memory"} & {word for word in plain(isolated).values() if isinstance(word, str)}
    assert len(sandbox._IDLE) == 1, "the child that read the first file also read the last"
    status = Path(f"/proc/{sandbox._IDLE[0]._process.pid}/status").read_text().splitlines()
    peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    assert peak < RESIDENT_KB


def test_no_file_is_slow(isolated):
    assert max(seconds for _, seconds in isolated.values()) < SECONDS


def test_outcomes_are_those_of_the_manifest(isolated, manifest):
    expected = {}
    for name, row in manifest.items():
        outcome = row["pillow13_outcome"]
        if outcome == "ok" or name in ACCEPTED:
            size = int(row["width"]), int(row["height"])
            expected[name] = size[::-1] if name in TURNED else size
        else:
            expected[name] = REASONS[outcome]
    found = plain(isolated)
    differences = {
        name: (found[name], wanted)
        for name, wanted in expected.items()
        if found[name] != wanted and not (isinstance(wanted, set) and found[name] in wanted)
    }
    assert not differences


def test_every_listed_difference_is_one(isolated, manifest):
    assert all(manifest[name]["pillow13_outcome"] != "ok" for name in ACCEPTED)
    for name in TURNED:
        assert (int(manifest[name]["height"]), int(manifest[name]["width"])) == plain(isolated)[name]
    for name, words in CORRUPT.items():
        refused, _ = isolated[name]
        assert refused.reason == "corrupt" and words in str(refused)
    assert {name for name, word in plain(isolated).items() if word == "corrupt"} == set(CORRUPT)


def test_decoding_in_process_has_the_same_outcomes(isolated, folder, manifest):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        here = outcomes(images.load, folder, manifest)
    assert plain(here) == plain(isolated)
    assert max(seconds for _, seconds in here.values()) < SECONDS


def test_png_suite_pixels_are_right(folder, isolated):
    """The suite's own listings of every pixel, composed on white: within 1, as 16 bits may round either way."""
    compared = 0
    for path in sorted((folder / "pngsuite" / "png").glob("*.png")):
        listing = folder / "pngsuite" / "json" / f"{path.stem}.json"
        if isinstance(isolated[f"pngsuite/png/{path.name}"][0], ImageRefused) or not listing.exists():
            continue
        rgb = images.load(path)
        pixels = np.array(json.loads(listing.read_text()), float).reshape(*rgb.shape[:2], 4)
        pixels /= 65_535 if path.stem.endswith("16") else 255
        white = 255 * (pixels[..., :3] * pixels[..., 3:] + 1 - pixels[..., 3:])
        assert np.abs(rgb - white).max() <= 1.01, path.name
        compared += 1
    assert compared > 150


@pytest.mark.parametrize("scene", ["Landscape", "Portrait"])
def test_orientations_show_one_scene(folder, scene):
    upright = images.load(folder / f"exif_orientation/{scene}_1.jpg").astype(int)
    for turn in range(9):
        other = images.load(folder / f"exif_orientation/{scene}_{turn}.jpg").astype(int)
        assert other.shape == upright.shape
        assert np.abs(other - upright).mean() < 6, turn
        assert min(np.abs(wrong - upright).mean() for wrong in (other[::-1], other[:, ::-1], other[::-1, ::-1])) > 40


def test_pictures_with_equal_pixels_are_turned_by_their_tag(folder):
    """imgproxy stores one picture, with tags of its own choice: file 1 has the tag of file 3."""
    flat, *tagged = (images.load(folder / f"imgproxy/testdata/orientation-{number}.png") for number in range(9))
    turned = {
        2: flat[:, ::-1],
        3: flat[::-1, ::-1],
        4: flat[::-1],
        5: flat.transpose(1, 0, 2),
        6: np.rot90(flat, -1),
        7: flat[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(flat, 1),
    }
    for number, expected in {1: turned[3], **turned}.items():
        assert (tagged[number - 1] == expected).all(), number
