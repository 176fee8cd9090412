"""Hand-made pictures in every mode, hostile bytes, and the child that decodes them."""

import io
import os
import random
import signal
import struct
import subprocess
import sys
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile

from semsearch import images
from semsearch.errors import ImageRefused, InputError, TooLate, UnknownName
from semsearch.images import colours, decoder, formats, pixels, sandbox
from tests.images.handmade import ALPHA, GREY, ON_WHITE, RGB, H, W, chunk, encode, exif, grey3, png, refusal
from tests.worlds.files import heif_files

pytestmark = pytest.mark.usefixtures("fresh_children")

PILLOW_FORMATS = [kind for kind in formats.FORMATS if kind != "HEIF"]
"""What the tests can write."""
REASONS = {"empty", "unreadable", "format", "too_large", "truncated", "corrupt", "memory"}
ORIENTED = {
    1: RGB,
    2: RGB[:, ::-1],
    3: RGB[::-1, ::-1],
    4: RGB[::-1],
    5: RGB.transpose(1, 0, 2),
    6: np.rot90(RGB, 1),
    7: RGB[::-1, ::-1].transpose(1, 0, 2),
    8: np.rot90(RGB, -1),
}
"""What a camera stores for each orientation so that RGB is what people see."""


def palette_picture():
    colours, places = np.unique(RGB.reshape(-1, 3), axis=0, return_inverse=True)
    picture = Image.fromarray(places.reshape(H, W).astype(np.uint8), "L")
    picture.putpalette(colours.tobytes())
    return picture, colours, places.reshape(H, W)


def same(source, expected, tolerance=0):
    got = images.load(source)
    assert got.dtype == np.uint8 and got.shape == expected.shape
    assert np.abs(got.astype(int) - expected).max() <= tolerance


# The same picture in every mode


@pytest.mark.parametrize(
    ("kind", "options", "tolerance"),
    [
        ("PNG", {}, 0),
        ("BMP", {}, 0),
        ("TIFF", {}, 0),
        ("TIFF", {"compression": "tiff_lzw"}, 0),
        ("WEBP", {"lossless": True}, 0),
        ("JPEG", {"quality": 98, "subsampling": 0}, 4),
        ("AVIF", {"quality": 100, "subsampling": "4:4:4"}, 4),
    ],
)
def test_every_format_gives_the_picture(kind, options, tolerance):
    same(encode(RGB, kind, **options), RGB, tolerance)


def test_array_is_writable_and_own():
    array = images.load(encode(RGB))
    array[0, 0] = 7
    assert images.load_isolated(encode(RGB)).flags.writeable


def test_path_and_bytes_agree(tmp_path):
    path = tmp_path / "a b.c.PNG"
    path.write_bytes(encode(RGB))
    same(path, RGB)
    same(path.read_bytes(), RGB)


def test_palette_equals_rgb():
    same(encode(palette_picture()[0]), RGB)
    same(encode(palette_picture()[0], "GIF"), RGB)
    same(encode(palette_picture()[0], "TIFF"), RGB)


def test_grey_equals_three_equal_channels():
    same(encode(GREY), grey3(GREY))
    same(encode(grey3(GREY)), grey3(GREY))
    assert (images.load(encode(GREY, "JPEG")) == images.load(encode(GREY, "JPEG"))[..., :1]).all()


def test_sixteen_bit_grey_is_scaled_not_clipped():
    same(encode(GREY.astype(np.uint16) * 257), grey3(GREY))
    every = np.arange(65_536, dtype=np.uint16).reshape(256, 256)
    expected = grey3(np.rint(every / 257).astype(np.uint8))
    same(encode(every), expected)
    same(encode(every, "TIFF"), expected)
    same(encode(Image.frombytes("I;16B", (256, 256), every.astype(">u2").tobytes()), "TIFF"), expected)
    same(encode(every.astype(np.int32), "TIFF"), expected)


def test_sixteen_bit_colour():
    rows = [row.astype(">u2").tobytes() for row in RGB.astype(np.uint16) * 257]
    same(png(W, H, 16, 2, rows), RGB)


def test_wide_integers_and_floats():
    same(encode(np.array([[-5, 0, 65_535 * 4]], np.int32), "TIFF"), grey3(np.array([[0, 0, 255]])))
    same(encode(GREY.astype(np.float32) / 255, "TIFF"), grey3(GREY))
    same(encode(GREY.astype(np.float32), "TIFF"), grey3(GREY))
    same(encode(GREY.astype(np.float32) * 257, "TIFF"), grey3(GREY))
    odd = np.array([[np.nan, np.inf, -np.inf, 0.5]], np.float32)
    with np.errstate(all="raise", divide="ignore"):
        same(encode(odd, "TIFF"), grey3(np.array([[0, 255, 0, 128]])))
        same(encode(odd[:, :3], "TIFF"), grey3(np.array([[0, 255, 0]])))


def test_one_bit():
    bits = GREY > 100
    same(encode(Image.fromarray(bits)), grey3(np.where(bits, 255, 0)))
    same(encode(Image.fromarray(bits), "TIFF", compression="group4"), grey3(np.where(bits, 255, 0)))


def test_transparency_is_composed_on_white():
    opaque = np.dstack([RGB, np.full((H, W), 255, np.uint8)])
    same(encode(opaque), RGB)
    same(encode(np.dstack([RGB, ALPHA])), ON_WHITE)
    same(encode(np.dstack([RGB, ALPHA]), "WEBP", lossless=True, exact=True), ON_WHITE)
    same(encode(np.dstack([RGB, ALPHA]), "TIFF"), ON_WHITE)
    grey_alpha = Image.merge("LA", (Image.fromarray(GREY), Image.fromarray(ALPHA)))
    same(encode(grey_alpha), np.where(ALPHA[..., None], grey3(GREY), 255))
    half = np.dstack([RGB, np.full((H, W), 128, np.uint8)])
    same(encode(half), np.rint(RGB * (128 / 255) + 255 * (127 / 255)), 1)


def test_palette_with_transparency():
    picture, shades, places = palette_picture()
    clear = bytes(0 if place % 2 else 255 for place in range(len(shades)))
    expected = np.where((places % 2)[..., None], 255, RGB)
    same(encode(picture, transparency=clear), expected)
    one = np.where((places == 5)[..., None], 255, RGB)
    same(encode(picture, transparency=5), one)
    same(encode(picture, "GIF", transparency=5), one)
    with_alpha = picture.convert("RGBA").convert("PA")
    [band] = colours.Upright(with_alpha, 1, (0, 0, W, H)).bands((0, 0, W, H))
    assert band.mode == "RGB"


def test_transparent_colour_of_every_depth():
    rows = [bytes(row) for row in RGB]
    expected = np.where((RGB == RGB[3, 4]).all(-1)[..., None], 255, RGB)
    same(png(W, H, 8, 2, rows, chunk(b"tRNS", struct.pack(">3H", *RGB[3, 4]))), expected)
    wide = [row.astype(">u2").tobytes() for row in RGB.astype(np.uint16) * 256 + 5]
    key = struct.pack(">3H", *(int(value) * 256 + 5 for value in RGB[3, 4]))
    same(png(W, H, 16, 2, wide, chunk(b"tRNS", key)), expected)
    nibbles = np.arange(16, dtype=np.uint8)[None]
    packed = bytes(2 * i << 4 | 2 * i + 1 for i in range(8))
    same(
        png(16, 1, 4, 0, [packed], chunk(b"tRNS", struct.pack(">H", 3))),
        grey3(np.where(nibbles == 3, 255, nibbles * 17)),
    )
    same(png(4, 1, 2, 0, [b"\x1b"], chunk(b"tRNS", struct.pack(">H", 1))), grey3(np.array([[0, 255, 170, 255]])))
    same(png(8, 1, 1, 0, [b"\x0f"], chunk(b"tRNS", struct.pack(">H", 0))), grey3(np.full((1, 8), 255)))
    deep = np.array([[0, 1, 256, 65_535]], np.uint16)
    same(
        png(4, 1, 16, 0, [deep.astype(">u2").tobytes()], chunk(b"tRNS", struct.pack(">H", 1))),
        grey3(np.array([[0, 255, 1, 255]])),
    )


def test_other_colour_spaces():
    inks = np.dstack([RGB, np.full((H, W), 51, np.uint8)])
    printed = (255 - RGB.astype(int)) * (255 - 51) / 255
    same(encode(Image.fromarray(inks, "CMYK"), "TIFF"), np.rint(printed), 1)
    assert images.load(encode(Image.fromarray(inks, "CMYK"), "JPEG")).shape == RGB.shape
    same(encode(Image.fromarray(RGB).convert("YCbCr"), "TIFF"), RGB, 3)
    lab = np.array([[[255, 128, 128], [0, 128, 128], [138, 209, 198]]], np.uint8)
    planes = [Image.fromarray(lab[..., band]) for band in range(3)]
    same(
        encode(Image.merge("LAB", planes), "TIFF"), np.array([[[255] * 3, [0] * 3, [255, 0, 0]]]), 6
    )  # 8-bit LAB steps are that coarse


# Orientation and frames


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(
    ("kind", "options", "tolerance"),
    [
        ("PNG", {}, 0),
        ("TIFF", {}, 0),
        ("TIFF", {"compression": "tiff_lzw"}, 0),
        ("WEBP", {"lossless": True}, 0),
        ("JPEG", {"quality": 98, "subsampling": 0}, 5),
        ("AVIF", {"quality": 100, "subsampling": "4:4:4"}, 5),
    ],
)
def test_orientation_is_applied_once(kind, options, tolerance, orientation):
    same(encode(ORIENTED[orientation], kind, exif=exif(orientation), **options), RGB, tolerance)


def test_orientation_in_exif_and_xmp_is_still_applied_once():
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf tiff:Orientation="6"/></x:xmpmeta>'
    same(encode(ORIENTED[6], "JPEG", quality=98, subsampling=0, exif=exif(6), xmp=xmp), RGB, 5)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize(
    "bad", [b"Exif\0\0garbage of no kind", b"Exif\0\0II*\0\xff\xff\xff\x7f", exif(6)[:20], exif(9)]
)
def test_corrupt_exif_is_ignored(kind, bad):
    options = {"quality": 98, "subsampling": 0} if kind == "JPEG" else {"lossless": True} if kind == "WEBP" else {}
    same(encode(RGB, kind, exif=bad, **options), RGB, 5)


def test_first_frame_only():
    frames = [Image.fromarray(np.full((H, W, 3), value, np.uint8)) for value in (0, 255)]
    for kind in ("GIF", "TIFF", "WEBP", "PNG", "AVIF"):
        data = encode(frames[0], kind, save_all=True, append_images=frames[1:])
        same(data, np.zeros((H, W, 3)), 3)


def test_mpo_opens_as_jpeg():
    data = encode(Image.fromarray(RGB), "MPO", save_all=True, append_images=[Image.fromarray(255 - RGB)], quality=98)
    assert Image.open(io.BytesIO(data)).format == "MPO"
    assert np.abs(images.load(data).astype(int) - RGB).mean() < 4
    large = Image.fromarray(RGB).resize((1600, 1200))
    data = encode(large, "MPO", save_all=True, append_images=[large])
    assert images.load(data, at_least=100).shape == (300, 400, 3)


def test_warnings_of_the_host_do_not_decide():
    broken = bytearray(encode(Image.fromarray(RGB), "MPO", save_all=True, append_images=[Image.fromarray(RGB)]))
    where = broken.index(b"MPF\0") + 4
    broken[where : where + 4] = b"XXXX"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        strict = images.load(bytes(broken))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert (strict == images.load(bytes(broken))).all()


# Reduced decoding


def test_at_least_keeps_twice_the_side():
    large = Image.fromarray(RGB).resize((1600, 1200), Image.Resampling.BICUBIC)
    data = encode(large, "JPEG", quality=90)
    shapes = {at: images.load(data, at_least=at).shape for at in (0, 60, 75, 150, 151, 300, 301, 600, 601, 5000)}
    sides = {0: 1200, 60: 150, 75: 150, 150: 300, 151: 600, 300: 600, 301: 1200, 600: 1200, 601: 1200, 5000: 1200}
    assert {at: shape[0] for at, shape in shapes.items()} == sides
    small = images.resize(images.load(data, at_least=150), 150, resample="antialias")
    full = images.resize(images.load(data), 150, resample="antialias")
    assert np.abs(small.astype(int) - full).max() <= 4
    assert images.load(encode(large), at_least=60).shape == (1200, 1600, 3)
    assert (images.load_isolated(data, at_least=150) == images.load(data, at_least=150)).all()


def test_at_least_turns_too():
    stored = Image.fromarray(RGB).resize((1600, 1200))
    assert images.load(encode(stored, "JPEG", exif=exif(6)), at_least=100).shape == (400, 300, 3)


# Refusals


def test_empty_garbage_and_wrong_types(tmp_path):
    assert refusal(b"") == "empty"
    assert refusal(b"not a picture at all") == "format"
    assert refusal(bytes(1000)) == "format"
    assert refusal(b"<svg xmlns='http://www.w3.org/2000/svg'/>") == "format"
    with pytest.raises(InputError, match="expected bytes or a Path, got str"):
        images.load(str(tmp_path))


@pytest.mark.parametrize("kind", ["PPM", "ICO", "TGA", "JPEG2000", "EPS", "PDF"])
def test_formats_outside_the_list(kind):
    assert refusal(encode(RGB, kind)) == "format"


def test_paths_that_cannot_be_read(tmp_path):
    assert refusal(tmp_path / "absent.png") == "unreadable"
    assert refusal(tmp_path) == "unreadable"
    assert refusal(Path("a\0b")) == "unreadable"
    fifo = tmp_path / "fifo.png"
    os.mkfifo(fifo)
    assert refusal(fifo) == "unreadable"
    assert refusal(Path("/dev/zero")) == "unreadable"
    (tmp_path / "empty.png").touch()
    assert refusal(tmp_path / "empty.png") == "empty"


@pytest.mark.parametrize("kind", PILLOW_FORMATS)
def test_truncated_files_are_refused(kind):
    data = encode(np.random.default_rng(1).integers(0, 256, (40, 50, 3), dtype=np.uint8), kind)
    assert refusal(data[: len(data) // 2]) in {"truncated", "corrupt", "format"}
    if kind in {"JPEG", "PNG", "BMP", "TIFF"}:
        assert ImageFile.LOAD_TRUNCATED_IMAGES is False
    if kind in {"JPEG", "PNG", "BMP"}:
        assert refusal(data[: len(data) * 3 // 4]) == "truncated"


def bombs():
    data = bytearray(encode(RGB, "GIF"))
    data[6:10] = struct.pack("<HH", 60_000, 60_000)
    yield "gif", bytes(data)
    data = bytearray(encode(RGB, "BMP"))
    data[18:26] = struct.pack("<ii", 60_000, 60_000)
    yield "bmp", bytes(data)
    data = bytearray(encode(RGB, "JPEG"))
    where = data.index(b"\xff\xc0") + 5
    data[where : where + 4] = struct.pack(">HH", 60_000, 60_000)
    yield "jpeg", bytes(data)
    data = bytearray(encode(RGB, "TIFF"))
    for tag, value in ((256, W), (257, H)):
        where = data.index(struct.pack("<HHII", tag, 4, 1, value))
        data[where : where + 12] = struct.pack("<HHII", tag, 4, 1, 60_000)
    yield "tiff", bytes(data)
    for width in (8_000, 11_000, 60_000, 2**31 - 1):
        yield f"png {width}", png(width, width, 8, 2, [b"\0"])
    yield "webp", b"RIFF\x1e\0\0\0WEBPVP8X\x0a\0\0\0\x10\0\0\0" + b"\xff\x3f\0" * 2 + bytes(8)


@pytest.mark.parametrize("data", [pytest.param(data, id=name) for name, data in bombs()])
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_bombs_are_too_large(data):
    assert refusal(data) == "too_large"
    assert refusal(data, images.load_isolated) == "too_large"


def test_bombs_are_refused_without_allocating():
    code = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (350 << 20, 350 << 20))
from semsearch import errors, images
for line in sys.stdin:
    try:
        images.load(bytes.fromhex(line))
    except errors.ImageRefused as refusal:
        print(refusal.reason)
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        input="\n".join(data.hex() for _, data in bombs()),
        capture_output=True,
        text=True,
        cwd=Path(images.__file__).parents[1],
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )
    *reasons, resident = done.stdout.split()
    assert reasons == ["too_large"] * len(list(bombs())), done.stderr
    assert int(resident) < 100_000


@pytest.mark.parametrize("kind", PILLOW_FORMATS)
def test_limits_are_checked_before_decoding(kind, monkeypatch, tmp_path):
    data = encode(RGB, kind)

    def never(*_):
        raise AssertionError("pixels were decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", never)
    monkeypatch.setattr(pixels, "MAX_PIXELS", H * W - 1)
    assert refusal(data) == "too_large"
    monkeypatch.setattr(Image, "open", never)
    monkeypatch.setattr(pixels, "MAX_BYTES", len(data) - 1)
    assert refusal(data) == "too_large"
    (tmp_path / "large").write_bytes(data)
    assert refusal(tmp_path / "large") == "too_large"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (MemoryError(), "memory"),
        (Image.DecompressionBombError("x"), "too_large"),
        (Image.DecompressionBombWarning("x"), "too_large"),
        (EOFError(), "truncated"),
        (OSError("image file is truncated (3 bytes not processed)"), "truncated"),
        (SyntaxError("broken PNG file"), "corrupt"),
        *[
            (kind("x"), "corrupt")
            for kind in (ValueError, KeyError, IndexError, TypeError, struct.error, OverflowError)
        ],
        *[(kind("x"), "corrupt") for kind in (ZeroDivisionError, AttributeError, RecursionError, AssertionError)],
    ],
)
def test_every_exception_becomes_a_refusal(error, reason, monkeypatch):
    def fail(self):
        raise error

    monkeypatch.setattr(ImageFile.ImageFile, "load", fail)
    with pytest.raises(ImageRefused) as caught:
        images.load(encode(RGB))
    assert caught.value.reason == reason and caught.value.__cause__ is error


def seeds():
    picture = Image.fromarray(RGB)
    yield from (encode(picture, kind) for kind in PILLOW_FORMATS)
    yield encode(picture, "JPEG", progressive=True, exif=exif(6))
    yield encode(picture.convert("CMYK"), "JPEG")
    yield encode(picture, "MPO", save_all=True, append_images=[picture])
    yield encode(palette_picture()[0], transparency=bytes(range(192)))
    yield encode(palette_picture()[0], "GIF", transparency=3)
    yield encode(GREY.astype(np.uint16) * 257)
    yield encode(np.dstack([RGB, ALPHA]), "WEBP", lossless=True, exif=exif(3))
    yield encode(np.dstack([RGB, ALPHA]), "AVIF", exif=exif(8))
    yield encode(picture, "TIFF", compression="tiff_lzw", exif=exif(5))
    yield encode(GREY.astype(np.float32), "TIFF")
    yield from (heif_files.PLAIN, heif_files.TURNED, heif_files.TEN_BIT, heif_files.ALPHA)


def mutations(count):
    dice = random.Random(2)
    originals = list(seeds())
    for number in range(count):
        data = bytearray(originals[number % len(originals)])
        for _ in range(dice.choice([1, 1, 2, 5, 20])):
            place = dice.randrange(len(data))
            kind = dice.randrange(4)
            if kind == 0:
                data[place] ^= 1 << dice.randrange(8)
            elif kind == 1:
                data[place] = dice.choice([0, 1, 127, 128, 255])
            elif kind == 2:
                data[place:place] = dice.randbytes(dice.randrange(1, 9))
            elif len(data) > 20:
                del data[place : place + dice.randrange(1, 9) if dice.random() < 0.8 else len(data)]
            if not data:
                break
        yield bytes(data)


def outcome(door, data):
    try:
        array = door(data)
    except ImageRefused as refused:
        return refused.reason
    assert array.dtype == np.uint8 and array.ndim == 3 and array.shape[2] == 3 and array.size
    return array.tobytes()


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_mutations_are_pictures_or_refusals():
    seen = [outcome(images.load, data) for data in mutations(2_000)]
    words = {word for word in seen if isinstance(word, str)}
    assert words <= REASONS and {"format", "corrupt", "truncated"} <= words
    assert 200 < sum(isinstance(word, bytes) for word in seen) < 1_800


def test_the_child_decodes_as_this_process_does():
    images.load_isolated(encode(RGB))
    pid = sandbox._IDLE[0]._process.pid
    for data in mutations(200):
        assert outcome(images.load_isolated, data) == outcome(images.load, data)
    assert [child._process.pid for child in sandbox._IDLE] == [pid]


# The child


def idle_pid():
    assert (images.load_isolated(encode(RGB)) == RGB).all()
    return sandbox._IDLE[-1]._process.pid


def works_with_another_child(pid):
    assert idle_pid() != pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_child_is_reused_small_and_knows_no_secrets(monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "hunter2")
    pid = idle_pid()
    assert refusal(b"garbage", images.load_isolated) == "format"
    assert refusal(Path("/absent"), images.load_isolated) == "unreadable"
    assert idle_pid() == pid
    proc = Path("/proc") / str(pid)
    assert "hunter2" not in (proc / "environ").read_text()
    resident = next(line for line in (proc / "status").read_text().splitlines() if line.startswith("VmHWM"))
    assert int(resident.split()[1]) < 100_000
    mapped = (proc / "maps").read_text()
    assert not [name for name in ("tensorflow", "openvino", "pyarrow", "numba") if name in mapped]


def test_child_is_limited():
    limits = (Path("/proc") / str(idle_pid()) / "limits").read_text().splitlines()
    soft = {line[:26].strip(): line[26:].split()[0] for line in limits[1:]}
    assert int(soft["Max data size"]) == decoder.SMALL_MEMORY + 2 * len(encode(RGB))
    assert soft["Max core file size"] == soft["Max file size"] == "0"


def test_child_starts_quickly():
    start = time.perf_counter()
    idle_pid()
    assert time.perf_counter() - start < 5


def test_child_that_died_idle_is_replaced():
    pid = idle_pid()
    os.kill(pid, signal.SIGKILL)
    sandbox._IDLE[0]._process.wait()
    works_with_another_child(pid)


def test_child_that_hangs_is_ended_at_the_deadline():
    pid = idle_pid()
    os.kill(pid, signal.SIGSTOP)
    start = time.monotonic()
    with images.asked_by(deadline=start + 0.3), pytest.raises(TooLate):
        images.load_isolated(encode(RGB))
    assert time.monotonic() - start < 3
    works_with_another_child(pid)


def stopped_and_struck(fatal, strike=lambda: None):
    """A picture given to an idle child that dies of a signal while it works at it."""
    pid = idle_pid()
    os.kill(pid, signal.SIGSTOP)

    def end():
        strike()
        os.kill(pid, fatal)
        os.kill(pid, signal.SIGCONT)

    timer = threading.Timer(0.2, end)
    timer.start()
    try:
        return outcome(images.load_isolated, encode(RGB))
    finally:
        timer.join()
        works_with_another_child(pid)


@pytest.mark.parametrize("fatal", [signal.SIGKILL, signal.SIGSEGV, signal.SIGPROF])
def test_a_picture_whose_decoder_is_killed_is_tried_again(fatal):
    assert stopped_and_struck(fatal) == RGB.tobytes()


def test_a_picture_that_kills_two_decoders_is_refused(monkeypatch):
    code = sandbox._Decoder.__init__.__code__
    deadly = tuple("import os; os.abort()" if "decoder.serve" in str(value) else value for value in code.co_consts)
    assert deadly != code.co_consts

    def start_dying():
        monkeypatch.setattr(sandbox._Decoder.__init__, "__code__", code.replace(co_consts=deadly))

    pid = idle_pid()
    os.kill(pid, signal.SIGSTOP)
    start_dying()
    threading.Timer(0.2, lambda: os.kill(pid, signal.SIGKILL)).start()
    with pytest.raises(ImageRefused, match=r"died twice .*exit code -6") as caught:
        images.load_isolated(encode(RGB))
    assert caught.value.reason == "crash"
    monkeypatch.setattr(sandbox._Decoder.__init__, "__code__", code)
    works_with_another_child(pid)


def test_child_without_room_says_so_before_it_decodes():
    canvas = b"RIFF\x1e\0\0\0WEBPVP8X\x0a\0\0\0\x10\0\0\0" + struct.pack("<I", 7_999)[:3] + struct.pack("<I", 6_999)[:3]
    with pytest.raises(ImageRefused, match="expected a picture that takes at most 420 MB, got 840") as caught:
        images.load_isolated(canvas + bytes(8))
    assert caught.value.reason == "memory"
    assert (images.load_isolated(encode(RGB)) == RGB).all()


def test_many_threads_get_their_own_pictures():
    pictures = [np.full((20 + i, 30, 3), 10 * i, np.uint8) for i in range(12)]
    with ThreadPoolExecutor(6) as pool:
        got = list(pool.map(images.load_isolated, [encode(picture) for picture in pictures]))
    assert all((one == other).all() for one, other in zip(got, pictures, strict=True))
    assert 1 <= len(sandbox._IDLE) <= 2


def test_interrupted_call_does_not_leave_a_child_out_of_step(monkeypatch):
    pid = idle_pid()

    def interrupt(self, count):
        raise KeyboardInterrupt

    monkeypatch.setattr(sandbox._Decoder, "_whole", interrupt)
    with pytest.raises(KeyboardInterrupt):
        images.load_isolated(encode(255 - RGB))
    monkeypatch.undo()
    works_with_another_child(pid)


# Resize and thumbnail


def test_nearest_picks_pixels():
    rgb = grey3(np.arange(16, dtype=np.uint8).reshape(4, 4))
    assert images.resize(rgb, 2, resample="nearest")[..., 0].tolist() == [[5, 7], [13, 15]]
    assert images.resize(rgb, 4, resample="nearest").tolist() == rgb.tolist()


def test_antialias_averages_what_nearest_misses():
    stripes = grey3(np.tile(np.array([0, 255], np.uint8), (64, 32)))
    smooth = images.resize(stripes, 8, resample="antialias")
    assert smooth.shape == (8, 8, 3) and np.abs(smooth.astype(int) - 127.5).max() < 8
    assert set(np.unique(images.resize(stripes, 8, resample="nearest"))) <= {0, 255}


def test_resize_squashes():
    rgb = np.zeros((10, 40, 3), np.uint8)
    rgb[:, 20:] = 255
    for resample in ("antialias", "nearest"):
        square = images.resize(rgb, 10, resample=resample)
        assert square.shape == (10, 10, 3) and square.dtype == np.uint8
        assert (square[:, :4] == 0).all() and (square[:, 6:] == 255).all()


def test_resize_refuses_nonsense():
    with pytest.raises(UnknownName, match="antialias, nearest"):
        images.resize(RGB, 4, resample="bicubic")
    with pytest.raises(InputError, match="size"):
        images.resize(RGB, 0, resample="nearest")
    for bad in (RGB[..., 0], RGB.astype(float), RGB[:0], np.dstack([RGB, ALPHA])):
        with pytest.raises(InputError, match=r"\(H, W, 3\) uint8"):
            images.resize(bad, 4, resample="nearest")
        with pytest.raises(InputError, match=r"\(H, W, 3\) uint8"):
            images.thumbnail(bad)


@pytest.mark.parametrize("shape", [(400, 600), (600, 400), (2000, 3), (5, 4), (1, 1)])
def test_thumbnail_fits(shape):
    noise = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    for side, limit in ((256, 20_000), (64, 2_000), (256, 1_500)):
        data = images.thumbnail(noise, side=side, limit=limit)
        assert len(data) <= limit
        small = Image.open(io.BytesIO(data))
        assert small.format == "JPEG" and not small.getexif() and max(small.size) <= min(side, max(shape))
        if min(small.size) > 10:
            assert abs(small.width / small.height - shape[1] / shape[0]) < 0.05


def test_thumbnail_looks_like_the_picture():
    large = np.array(Image.fromarray(RGB).resize((640, 480), Image.Resampling.BICUBIC))
    small = images.load(images.thumbnail(large))
    assert small.shape == (192, 256, 3)
    back = np.array(Image.fromarray(large).resize((256, 192)))
    assert np.abs(small.astype(int) - back).mean() < 3


def test_thumbnail_that_cannot_be():
    with pytest.raises(InputError, match="no JPEG is as small"):
        images.thumbnail(RGB, limit=100)
    with pytest.raises(InputError, match="side=0"):
        images.thumbnail(RGB, side=0)
