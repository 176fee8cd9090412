"""Small files that cost whoever decodes them much: what a hostile visitor would send.

``ATTACKS`` maps the name of each kind to a function that makes one. Files of one kind differ by ``salt``, so that
nothing that remembers a file by its bytes can tell them apart.
"""

import io
import random
import struct
import zlib
from collections.abc import Callable, Mapping
from types import MappingProxyType

from PIL import Image

LIMIT = 9_900_000
"""Bytes of the largest: the pages and the REST door take 10 MB."""


def good_picture(salt: int = 0) -> bytes:
    """A JPEG of 640 × 480 pixels as anybody would send it, about 80 kB: what attacks must not slow down."""
    noise = random.Random(salt).randbytes(80 * 60 * 3)
    return _encoded(Image.frombytes("RGB", (80, 60), noise).resize((640, 480)), "JPEG", quality=85)


def progressive_bomb(salt: int = 0, *, scans: int = 20_000, side: int = 2_048) -> bytes:
    """A progressive JPEG of thousands of scans that say nothing: each is a walk over all blocks."""
    data = _encoded(Image.new("L", (side, side), salt % 256), "JPEG", progressive=True, comment=b"%d" % salt)
    first = data.index(b"\xff\xda")
    rest = data.index(b"\xff\xc4", first)  # the tables of the second scan
    table = b"\xff\xc4" + struct.pack(">HBB15xB", 20, 0x10, 1, 0xE0)  # the one code: a run of 2¹⁴ + 14 bits blocks
    runs = ((side + 7) // 8) ** 2 // 32_767 + 1
    bits = ("0" + 14 * "1") * runs
    body = int(bits + "1" * (-len(bits) % 8), 2).to_bytes((len(bits) + 7) // 8, "big").replace(b"\xff", b"\xff\0")
    scan = b"\xff\xda" + struct.pack(">HBBBBBB", 8, 1, 1, 0, 1, 63, 0) + body
    return data[:rest] + table + scan * scans + b"\xff\xd9"


def large_progressive(salt: int = 0, *, scans: int = 90) -> bytes:
    """A progressive JPEG of 60 megapixels with as many scans as an odd encoder might write."""
    return progressive_bomb(salt, scans=scans, side=7_744)


def marker_flood(salt: int = 0) -> bytes:
    """A JPEG of millions of empty comments before a small picture."""
    data = good_picture(salt)
    return data[:2] + b"\xff\xfe\0\2" * ((LIMIT - len(data)) // 4) + data[2:]


def large_gif(salt: int = 0) -> bytes:
    """A GIF of 35 bytes and 50 megapixels, of which its only frame draws one."""
    screen = struct.pack("<HHBBB", 10_000 - salt % 100, 5_000, 0x80, 0, 0) + bytes(6)
    return b"GIF89a" + screen + b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\2\2\x44\1\0;"


def comment_flood(salt: int = 0) -> bytes:
    """A GIF of millions of comments before a picture of one pixel."""
    data = _encoded(Image.new("P", (1, 1), salt % 256), "GIF")
    where = data.index(b"\x2c")
    return data[:where] + b"\x21\xfe\1a\0" * ((LIMIT - len(data)) // 5) + data[where:]


def large_png(salt: int = 0, *, colour: int = 6, depth: int = 16, interlaced: bool = True) -> bytes:
    """A PNG of 62 megapixels in few bytes: RGBA of 16 bits, interlaced, all of one colour."""
    width, height = 8_000, 7_700 - salt % 100
    size = width * depth * {0: 1, 2: 3, 4: 2, 6: 4}[colour] // 8
    squeeze = zlib.compressobj(1)
    rows = b"".join(squeeze.compress(bytes(size + 1)) for _ in range(height))
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    spare = squeeze.compress(bytes(40 * height))  # the seven passes need some bytes more
    return _png(header, rows + spare + squeeze.flush())


def chunk_flood(salt: int = 0) -> bytes:
    """A PNG of most chunks that fit, each empty, before a picture of one pixel."""
    return _png(struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0), zlib.compress(bytes([0, salt % 256])), LIMIT // 12)


def large_webp(salt: int = 0) -> bytes:
    """A WebP of 60 megapixels in few bytes, with transparency, without loss."""
    picture = Image.new("RGBA", (7_800, 7_700 - salt % 100), (salt % 256, 2, 3, 128))
    return _encoded(picture, "WEBP", lossless=True, quality=0, method=0)


def large_avif(salt: int = 0) -> bytes:
    """An AVIF of 30 megapixels, with noise, in some 100 kB."""
    noise = Image.frombytes("L", (120, 125), random.Random(salt).randbytes(15_000))
    return _encoded(noise.resize((6_000, 5_000), Image.Resampling.NEAREST), "AVIF", speed=10, quality=20)


def large_tiff(salt: int = 0, *, compression: int = 8) -> bytes:
    """A TIFF of 60 megapixels of 16-bit RGBA in one strip of zeros, deflated."""
    width, height = 7_800, 7_700 - salt % 100
    squeeze = zlib.compressobj(1)
    body = b"".join(squeeze.compress(bytes(8 * width)) for _ in range(height)) + squeeze.flush()
    tags = ((256, 3, width), (257, 3, height), (258, 3, (16, 16, 16, 16)), (259, 3, compression), (262, 3, 2))
    return tiff(body, (*tags, (277, 3, 4), (278, 3, height), (338, 3, 2)))


def strip_flood(salt: int = 0) -> bytes:
    """A TIFF without compression of one pixel a strip: as many strips as fit."""
    count = LIMIT // 9
    tags = ((256, 4, 1), (257, 4, count), (258, 3, 8), (259, 3, 1), (262, 3, 1), (277, 3, 1), (278, 3, 1))
    return tiff(bytes([salt % 256]), tags, strips=count)


def run_flood(salt: int = 0) -> bytes:
    """A BMP of runs of one pixel each."""
    width, height = 2_200, 2_200
    body = (bytes((1, salt % 256)) * width + bytes(2)) * height
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, len(body), 0, 0, 256, 0)
    start = 14 + 40 + 1_024
    return b"BM" + struct.pack("<IHHI", start + len(body), 0, 0, start) + header + bytes(1_024) + body


def tiff(body: bytes, tags: tuple[tuple[int, int, int | tuple[int, ...]], ...], *, strips: int = 1) -> bytes:
    """A little-endian TIFF of one directory; the strips are all the same bytes."""
    rows = [*tags, (273, 4, (8,) * strips), (279, 4, (len(body),) * strips)]
    place = 8 + len(body)
    outside, entries = b"", b""
    for tag, kind, value in sorted(rows):
        values = value if isinstance(value, tuple) else (value,)
        packed = struct.pack(f"<{len(values)}{'H' if kind == 3 else 'I'}", *values)
        if len(packed) > 4:
            packed, outside = struct.pack("<I", place + len(outside)), outside + packed
        entries += struct.pack("<HHI4s", tag, kind, len(values), packed)
    directory = struct.pack("<H", len(rows)) + entries + bytes(4)
    return b"II*\0" + struct.pack("<I", place + len(outside)) + body + outside + directory


def _png(header: bytes, body: bytes, empty: int = 0) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"prVt", b"") * max(0, empty - 10)
        + chunk(b"IDAT", body)
        + chunk(b"IEND", b"")
    )


def _encoded(picture: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


ATTACKS: Mapping[str, Callable[[int], bytes]] = MappingProxyType(
    {
        "scans without end": progressive_bomb,
        "many large scans": large_progressive,
        "flood of markers": marker_flood,
        "large GIF": large_gif,
        "flood of comments": comment_flood,
        "large PNG": large_png,
        "flood of chunks": chunk_flood,
        "large WebP": large_webp,
        "large AVIF": large_avif,
        "large TIFF": large_tiff,
        "flood of strips": strip_flood,
        "flood of runs": run_flood,
    }
)
"""By what it is, the function that makes one; ``good_picture`` is not among them."""
