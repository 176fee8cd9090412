"""What the skeleton of a file says before anything is decoded: how often it is gone over, and what it holds.

Decoders walk over a file piece by piece, and over all pixels scan by scan. Files whose pieces or scans are many more
than any program writes are refused: ``check`` raises ImageRefused.
"""

import re
import struct
from collections.abc import Iterator
from typing import Literal, NamedTuple

from semsearch.errors import ImageRefused

SCANS = 100
"""Of a JPEG. Encoders write about 10 of a progressive one; the most that a script of scans needs is some 60."""
PIECES = 5_000
"""Markers, chunks or extensions of a file of any size, and one more for each KILO bytes."""
KILO = 1_000
STRIPS = 66_000
"""Strips or tiles of a TIFF: a strip for each row, and more than any picture has tiles."""

_SIZE = re.compile(b"ispe.{4}(.{8})", re.DOTALL)
_MARKER = re.compile(rb"\xff+[^\x00\xff\xd0-\xd7]")


class Frame(NamedTuple):
    """How a JPEG stores its picture."""

    whole: bool
    """Whether its coefficients come in several scans: its reader keeps them all in memory, at any size."""
    scans: int
    pieces: int


def check(data: bytes, kind: str) -> None:
    """Refuse a file of far more pieces than its size needs."""
    most = PIECES + len(data) // KILO
    if kind == "JPEG":
        frame = jpeg(data)
        if frame.scans > SCANS:
            raise _too_many(SCANS, "scans")
        pieces = frame.pieces
    else:
        walk = {"PNG": _chunks, "GIF": _extensions}.get(kind)
        pieces = 0
        for _ in walk(data) if walk else ():
            pieces += 1
            if pieces > most:
                break
    if pieces > most:
        raise _too_many(most, "parts")
    if kind == "TIFF" and _strips(data) > STRIPS:
        raise _too_many(STRIPS, "strips or tiles")


def _too_many(most: int, what: str) -> ImageRefused:
    return ImageRefused("corrupt", f"expected a picture of at most {most:,} {what}, got more; save it anew")


def jpeg(data: bytes) -> Frame:
    """The frame of the first picture in a JPEG; the walk ends when scans or pieces are too many."""
    place, components, scans, pieces, whole = 2, 0, 0, 0, True
    while place + 10 <= len(data) and scans <= SCANS and pieces <= PIECES + len(data) // KILO:
        marker = data[place + 1]
        pieces += 1
        if data[place] != 0xFF or marker == 0xFF:
            found = _MARKER.search(data, place)
            place = found.end() - 2 if found else len(data)
        elif marker == 0xD9:
            break
        elif marker in (0x01, *range(0xD0, 0xD9)):
            place += 2
        elif marker == 0xDA:
            scans += 1
            if scans == 1 and not _in_parts(whole, components, data[place + 4]):
                return Frame(False, 1, pieces)
            whole = True
            found = _MARKER.search(data, place + 2 + int.from_bytes(data[place + 2 : place + 4], "big"))
            place = found.end() - 2 if found else len(data)
        else:
            if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
                components, whole = data[place + 9], marker not in (0xC0, 0xC1, 0xC9)
            place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    return Frame(True, scans, pieces)


def _in_parts(progressive: bool, components: int, in_first: int) -> bool:
    return progressive or in_first < components


def _chunks(data: bytes) -> Iterator[int]:
    """Where the chunks of a PNG begin."""
    place = 8
    while place + 8 <= len(data):
        yield place
        place += 12 + int.from_bytes(data[place : place + 4], "big")


def _extensions(data: bytes) -> Iterator[int]:
    """Where the blocks before the first frame of a GIF begin, those within extensions included."""
    place = 13 + (3 << (data[10] & 7) + 1 if len(data) > 10 and data[10] & 0x80 else 0)
    while data[place : place + 1] == b"!":
        place += 2
        while place < len(data) and data[place]:
            yield place
            place += 1 + data[place]
        place += 1
        yield place


def _strips(data: bytes) -> int:
    """The strips or tiles of the first picture in a TIFF."""
    order: Literal["little", "big"] = "little" if data[:2] == b"II" else "big"
    big = 43 in data[2:4]
    wide, step = (8, 20) if big else (4, 12)

    def number(place: int, size: int) -> int:
        return int.from_bytes(data[place : place + size], order)

    place = number(8 if big else 4, wide)
    tags = range(place + (8 if big else 2), len(data) - step + 1, step)[: number(place, 8 if big else 2)]
    return max((number(tag + 4, wide) for tag in tags if number(tag, 2) in _OFFSETS), default=0)


_OFFSETS = (273, 324)


def webp_pixels(data: bytes) -> int:
    """The pixels of the canvas of a WebP, 0 if it does not say."""
    kind, body = data[12:16], data[20:30]
    if kind == b"VP8X" and len(body) == 10:
        return (1 + int.from_bytes(body[4:7], "little")) * (1 + int.from_bytes(body[7:10], "little"))
    if kind == b"VP8L" and len(body) >= 5:
        bits = int.from_bytes(body[1:5], "little")
        return (1 + (bits & 0x3FFF)) * (1 + (bits >> 14 & 0x3FFF))
    if kind == b"VP8 " and len(body) == 10:
        width, height = struct.unpack("<HH", body[6:10])
        return int(width & 0x3FFF) * int(height & 0x3FFF)
    return 0


def boxes(data: bytes, place: int = 0, end: int | None = None) -> Iterator[tuple[bytes, int, int]]:
    """Kind, start and end of what is in each box of an ISO file, from one place to another."""
    end = len(data) if end is None else min(end, len(data))
    while place + 8 <= end:
        size, kind, head = int.from_bytes(data[place : place + 4], "big"), data[place + 4 : place + 8], 8
        if size == 1:
            size, head = int.from_bytes(data[place + 8 : place + 16], "big"), 16
        after = place + size if size else end
        if after < place + head:
            return
        yield kind, place + head, min(after, end)
        place = after


def stored_pixels(data: bytes) -> int:
    """The most pixels that a HEIF or AVIF says it stores: what is shown of them may be a small cut, but all are
    decoded.
    """
    for kind, start, end in boxes(data):
        if kind == b"meta":
            sizes = [struct.unpack(">II", size_box[1]) for size_box in _SIZE.finditer(data, start, end)]
            return max((width * height for width, height in sizes), default=0)
    return 0
