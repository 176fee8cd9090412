"""Pictures made by hand, whose every pixel is known, and the files they are written to."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from semsearch import images
from semsearch.errors import ImageRefused

H, W = 12, 16
_y, _x = np.mgrid[0:H, 0:W]
RGB = np.stack([40 + 10 * _x, 30 + 15 * _y, 200 - 5 * _x - 4 * _y], -1).astype(np.uint8)
"""192 pixels of 192 colours, smooth, and different under each of the 8 orientations."""
GREY = (10 + 12 * _x + 4 * _y).astype(np.uint8)
ALPHA = np.where(_x < 8, 255, 0).astype(np.uint8)
ON_WHITE = np.where(ALPHA[..., None] == 255, RGB, 255).astype(np.uint8)


def encode(picture, kind="PNG", **options):
    if isinstance(picture, np.ndarray):
        picture = Image.fromarray(np.ascontiguousarray(picture))
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width, height, depth, colour, rows, *extra):
    """A PNG built by hand: ``rows`` are the packed bytes of each row."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    body = zlib.compress(b"".join(b"\0" + row for row in rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(extra) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def exif(orientation):
    data = Image.Exif()
    data[0x0112] = orientation
    return data.tobytes()


def refusal(source, door=images.load):
    with pytest.raises(ImageRefused) as caught:
        door(source)
    assert str(caught.value)
    return caught.value.reason


def grey3(grey):
    return np.repeat(grey[..., None], 3, -1)
