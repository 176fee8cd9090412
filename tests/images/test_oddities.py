"""Files that readers take for other pictures than they are: right as browsers and libvips show them, or refused.

Each file is made by hand, and its right pixels were compared with those of libvips 8.18 and of Chromium, within 2
levels; where the two differ, the comment says whose are right.
"""

import struct
import zlib

import numpy as np
import pytest

from semsearch import images
from semsearch.errors import ImageRefused
from semsearch.images import colours
from tests.images.handmade import ALPHA, GREY, ON_WHITE, RGB, H, W, chunk, encode, grey3, png

DOORS = (images.load, images.load_isolated)
LARGE = np.kron(RGB, np.ones((4, 4, 1), np.uint8))


def tiff(strips, bits, photometric, *tags, order="<", compression=1):
    """A TIFF of H × W, each of whose strips is the whole picture or one of its channels."""
    if compression == 8:
        strips = [zlib.compress(strip) for strip in strips]
    count = bits if isinstance(bits, tuple) else (bits,)
    rows = [(256, 3, (W,)), (257, 3, (H,)), (258, 3, count), (259, 3, (compression,)), (262, 3, (photometric,))]
    rows += [(277, 3, (len(count),)), (278, 3, (H,)), *tags]
    places = tuple(8 + sum(map(len, strips[:number])) for number in range(len(strips)))
    rows += [(273, 4, places), (279, 4, tuple(map(len, strips)))]
    body, outside, entries = b"".join(strips), b"", b""
    for tag, kind, values in sorted(rows):
        packed = struct.pack(f"{order}{len(values)}{'H' if kind == 3 else 'I'}", *values)
        if len(packed) > 4:
            packed, outside = struct.pack(f"{order}I", 8 + len(body) + len(outside)), outside + packed
        entries += struct.pack(f"{order}HHI", tag, kind, len(values)) + packed.ljust(4, b"\0")
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8 + len(body) + len(outside))
    return head + body + outside + struct.pack(f"{order}H", len(rows)) + entries + bytes(4)


def packed(values, bits, order="<"):
    """Rows of (H, W) or (H, W, n) values of 8 bits, brought to that many bits."""
    if bits == 16:
        return (values.astype(np.uint16) * 257).astype(f"{order}u2").tobytes()
    single = np.unpackbits((values >> (8 - bits)).astype(np.uint8)[..., None], axis=-1)[..., 8 - bits :]
    return np.packbits(single.reshape(len(values), -1), axis=1).tobytes()


def same(data, expected, tolerance=0):
    for door in DOORS:
        got = door(data)
        assert got.shape == expected.shape
        assert np.abs(got.astype(int) - expected).max() <= tolerance


def refused(data, words):
    for door in DOORS:
        with pytest.raises(ImageRefused, match=words) as caught:
            door(data)
        assert caught.value.reason == "format"


# TIFF

APART = (284, 3, (2,))
"""The channels one after the other."""
ENCODED = pytest.mark.parametrize(("order", "compression"), [("<", 1), (">", 1), ("<", 8), (">", 8)])


@ENCODED
def test_tiff_channels_of_8_bits_apart(order, compression):
    how = {"order": order, "compression": compression}
    planes = [RGB[..., band].tobytes() for band in range(3)]
    same(tiff(planes, (8,) * 3, 2, APART, **how), RGB)
    same(tiff([*planes, ALPHA.tobytes()], (8,) * 4, 2, APART, (338, 3, (2,)), **how), ON_WHITE)
    inks = [(255 - RGB[..., band]).tobytes() for band in range(3)]
    same(tiff([*inks, bytes(H * W)], (8,) * 4, 5, APART, **how), RGB)


@ENCODED
def test_tiff_channels_apart_that_would_be_noise_are_refused(order, compression):
    how = {"order": order, "compression": compression}
    planes = [packed(RGB[..., band], 16, order) for band in range(3)]
    refused(tiff(planes, (16,) * 3, 2, APART, **how), "3 channels of 16 bits are stored one after the other")
    clear = packed(ALPHA, 16, order)
    refused(tiff([*planes, clear], (16,) * 4, 2, APART, (338, 3, (2,)), **how), "4 channels of 16 bits")
    refused(tiff([*planes, clear], (16,) * 4, 5, APART, **how), "4 channels of 16 bits")
    grey = [GREY.tobytes(), ALPHA.tobytes()]
    refused(tiff(grey, (8, 8), 1, APART, (338, 3, (2,)), **how), "2 channels of 8 bits")
    premultiplied = [RGB[..., 0].tobytes()] * 4
    refused(tiff(premultiplied, (8,) * 4, 2, APART, (338, 3, (1,)), **how), "4 channels of 8 bits")


@ENCODED
@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_tiff_colour_maps_of_16_and_of_8_bits(bits, order, compression):
    count = 1 << bits
    shades = np.array(
        [[number * 185 % 256, (number * 91 + 13) % 256, 255 - number * 11 % 256] for number in range(count)]
    )
    places = GREY.astype(int) * count // 256
    strip = packed((places << 8 - bits).astype(np.uint8), bits, order)
    for scale in (257, 1):
        shown = (320, 3, tuple(int(value) * scale for value in shades.T.ravel()))
        same(tiff([strip], bits, 3, shown, order=order, compression=compression), shades[places])


def test_tiff_grey_whose_0_is_white():
    for bits in (1, 2, 4, 8):
        levels = (GREY >> 8 - bits) * (255 // ((1 << bits) - 1))
        same(tiff([packed(GREY, bits)], bits, 1), grey3(levels))
        same(tiff([packed(255 - GREY, bits)], bits, 0), grey3(levels))
    for compression in (1, 8):
        same(tiff([packed(255 - GREY, 16)], 16, 0, compression=compression), grey3(GREY))
    refused(tiff([packed(255 - GREY, 16, ">")], 16, 0, order=">"), "TIFF data that are damaged, or of a kind that")
    floats = (GREY / 255).astype("<f4").tobytes()
    refused(tiff([floats], 32, 0, (339, 3, (3,))), "deep inverted grey")


# PNG


def test_png_of_16_bits_is_transparent_where_all_16_are():
    """Colours that share their high bytes with the transparent one are seen."""
    wide = np.full((H, W, 3), 0x4000) + np.arange(W)[None, :, None] * np.array([1, 0, 0])
    rows = [row.astype(">u2").tobytes() for row in wide]
    expected = np.full((H, W, 3), 0x40)
    expected[:, 3] = 255
    data = png(W, H, 16, 2, rows, chunk(b"tRNS", struct.pack(">3H", 0x4003, 0x4000, 0x4000)))
    same(data, expected)
    squares = [door(data, 16, resample="nearest") for door in (images.load_square, images.load_square_isolated)]
    assert (squares[0] == squares[1]).all() and (squares[0][:, 3] == 255).all() and (squares[0][:, 4] == 0x40).all()


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_png_palettes_with_alpha(bits):
    count = 1 << bits
    shades = np.array(
        [[number * 185 % 256, (number * 91 + 13) % 256, 255 - number * 11 % 256] for number in range(count)]
    )
    places = GREY.astype(int) * count // 256
    rows = [packed((row << 8 - bits).astype(np.uint8)[None], bits) for row in places]
    table = chunk(b"PLTE", shades.astype(np.uint8).tobytes())
    clear = np.array([(number * 83 + 50) % 256 for number in range(count)])
    same(png(W, H, bits, 3, rows, table), shades[places])
    share = clear[places][..., None] / 255
    composed = np.rint(shades[places] * share + 255 * (1 - share))
    same(png(W, H, bits, 3, rows, table, chunk(b"tRNS", bytes(clear.tolist()))), composed, 1)


# GIF and WebP


def gif(screen, corner, *, background=0, clear=None, table=True):
    """A GIF whose first frame, 2 × 2 pixels of the colours 1, 2, 3 and 0, is somewhere on its screen."""
    shades = bytes((10, 20, 30, 200, 0, 0, 0, 200, 0, 0, 0, 200))
    head = b"GIF89a" + struct.pack("<HHBBB", *screen, 0x81 if table else 1, background, 0) + shades * table
    control = b"" if clear is None else b"\x21\xf9\x04\1\0\0" + bytes([clear, 0])
    frame = b"," + struct.pack("<HHHHB", *corner, 2, 2, 0)
    bits = sum(code << 3 * place for place, code in enumerate((4, 1, 2, 4, 3, 0, 5)))  # 4 begins anew, 5 ends
    return head + control + frame + b"\2\3" + bits.to_bytes(3, "little") + b"\0;"


@pytest.mark.parametrize("how", [{}, {"background": 2}, {"clear": 3}])
def test_around_the_first_frame_of_a_gif_there_is_nothing(how, monkeypatch):
    expected = np.full((4, 6, 3), 255)
    expected[1:3, 3:5] = [[[200, 0, 0], [0, 200, 0]], [[0, 0, 200], [10, 20, 30]]]
    if "clear" in how:
        expected[2, 3] = 255
    same(gif((6, 4), (3, 1), **how), expected)
    monkeypatch.setattr(colours, "BAND", 6)  # row by row
    same(gif((6, 4), (3, 1), **how), expected)


def test_a_gif_without_colours_is_refused_and_a_grey_one_is_not():
    refused(gif((2, 2), (0, 0), table=False), "without a colour map")
    same(encode(GREY, "GIF"), grey3(GREY))


@pytest.mark.parametrize("flag", [0, 16])
def test_around_the_first_frame_of_a_webp_there_is_nothing(flag):
    """Whether or not its header announces transparency."""
    frame = struct.pack("<IIIIII", 2, 3, W - 1, H - 1, 100, 0)
    body = (
        b"".join(number[:3] for number in struct.unpack("4s4s4s4s4s4s", frame))[:15]
        + b"\0"
        + encode(RGB, "WEBP", lossless=True)[12:]
    )
    parts = b"VP8X" + struct.pack("<IB3x", 10, 2 | flag) + bytes((23, 0, 0, 19, 0, 0))
    parts += b"ANIM" + struct.pack("<I", 6) + b"\x10\x80\xf0\xff\0\0" + b"ANMF" + struct.pack("<I", len(body)) + body
    expected = np.full((20, 24, 3), 255)
    expected[6 : 6 + H, 4 : 4 + W] = RGB
    same(b"RIFF" + struct.pack("<I", 4 + len(parts)) + b"WEBP" + parts, expected)


# AVIF


def with_properties(data, *properties):
    """An AVIF of one picture that has some properties more, in their order."""
    places = {name: data.index(name) - 4 for name in (b"meta", b"iloc", b"iprp", b"ipco", b"ipma")}
    sizes = {name: int.from_bytes(data[place : place + 4], "big") for name, place in places.items()}
    known, place = 0, places[b"ipco"] + 8
    while place < places[b"ipma"]:
        known, place = known + 1, place + int.from_bytes(data[place : place + 4], "big")
    more, numbers = b"".join(properties), bytes(0x80 | known + 1 + number for number in range(len(properties)))
    grown = {b"meta": len(more + numbers), b"iprp": len(more + numbers), b"ipco": len(more), b"ipma": len(numbers)}
    out = bytearray(data)
    for name, by in grown.items():
        out[places[name] : places[name] + 4] = struct.pack(">I", sizes[name] + by)
    out[places[b"ipma"] + 18] += len(properties)
    start = places[b"iloc"] + 16 + 2 + 2 + 2  # of the one place of the one item
    out[start : start + 4] = struct.pack(">I", int.from_bytes(data[start : start + 4], "big") + grown[b"meta"])
    end = places[b"ipma"] + sizes[b"ipma"]
    return bytes(out[: places[b"ipma"]] + more + out[places[b"ipma"] : end] + numbers + out[end:])


def box(name, body):
    return struct.pack(">I", 8 + len(body)) + name + body


def clap(width, height, across, down):
    """A cut of that size whose centre lies so far from the picture's."""
    return box(b"clap", struct.pack(">IIIIiIiI", width, 1, height, 1, across, 2, down, 2))


AVIF = encode(LARGE, "AVIF", quality=100, subsampling="4:4:4")
TURN = box(b"irot", b"\1")


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ((), LARGE),
        ((clap(32, 24, 0, 0),), LARGE[12:36, 16:48]),
        ((clap(32, 24, -32, -24),), LARGE[:24, :32]),
        ((clap(20, 16, 16, -8),), LARGE[12:28, 30:50]),
        ((TURN,), np.rot90(LARGE)),
        ((clap(20, 16, 16, -8), TURN), np.rot90(LARGE[12:28, 30:50])),
        ((clap(20, 16, 16, -8), TURN, box(b"imir", b"\1")), np.rot90(LARGE[12:28, 30:50])[:, ::-1]),
        ((clap(20, 16, 16, -8), box(b"imir", b"\0")), LARGE[12:28, 30:50][::-1]),
        ((clap(99, 16, 0, 0),), LARGE),
        ((box(b"clap", bytes(32)),), LARGE),
    ],
)
def test_avif_is_cut_and_then_turned(properties, expected):
    """As libvips does; Chromium heeds a cut only at the upper left corner."""
    same(with_properties(AVIF, *properties), expected, 3)


# Words


def test_no_message_has_an_empty_parenthesis(monkeypatch):
    from PIL import ImageFile

    for error in (KeyError(()), OSError(""), ValueError("  "), SyntaxError("()")):
        monkeypatch.setattr(ImageFile.ImageFile, "load", lambda self, error=error: (_ for _ in ()).throw(error))
        with pytest.raises(ImageRefused, match=rf"\({type(error).__name__}\)"):
            images.load(encode(RGB))


def test_a_picture_of_a_known_format_is_not_called_other_bytes():
    refused(
        tiff([bytes(12 * H * W)], (32,) * 3, 2, (339, 3, (3, 3, 3))), "got TIFF data that are damaged, or of a kind"
    )
