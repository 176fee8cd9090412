"""Where Pillow's readers take a file for another than it is: set right, or refused in words."""

import io
import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING

from semsearch.errors import ImageRefused
from semsearch.images.colours import INVERTED, Corners
from semsearch.images.structure import boxes

if TYPE_CHECKING:
    from PIL import Image, ImageFile

_BITS, _PHOTOMETRIC, _PLANES, _COLOURS, _EXTRA = 258, 262, 284, 320, 338
_APART = 2
_SAVE = "which cannot be read here; save it as PNG"
_WIDE_KEY = "RGB;16B"


def settle(picture: "ImageFile.ImageFile", data: bytes) -> None:
    """Set right what can be set right before an opened picture is decoded, refuse what cannot."""
    if picture.format == "TIFF":
        _settle_tiff(picture)
    if picture.format == "WEBP" and data[12:16] == b"VP8X" and data[20] & 2:  # around its frame it is transparent
        picture._mode = picture.rawmode = "RGBA"  # type: ignore[attr-defined]
    if picture.format == "GIF" and _is_without_colours(picture, data):
        raise ImageRefused("format", f"expected a GIF with colours, got one without a colour map, {_SAVE}")


def _is_without_colours(picture: "ImageFile.ImageFile", data: bytes) -> bool:
    """Whether neither a GIF nor its first frame has a colour map; grey ones have, and Pillow drops it."""
    if picture.palette or data[10] & 0x80 or not picture.tile or not (corners := picture.tile[0][1]):
        return False
    left, top, right, bottom = corners
    place = picture.tile[0][2]
    return data[place - 11 : place - 2] == b"," + struct.pack("<4H", left, top, right - left, bottom - top)


def _settle_tiff(picture: "ImageFile.ImageFile") -> None:
    """Colour maps of 8 bits are used as such, deep grey may be stored inverted; some channels apart are refused."""
    tags = picture.tag_v2  # type: ignore[attr-defined]
    bits, inverted = tags.get(_BITS, (1,)), tags.get(_PHOTOMETRIC) == 0
    if tags.get(_PLANES) == _APART and isinstance(bits, tuple) and len(bits) > 1:
        plain = (
            picture.mode in ("RGB", "RGBA", "CMYK") and tags.get(_PHOTOMETRIC) != 6 and 1 not in tags.get(_EXTRA, ())
        )
        if not plain or max(bits) > 8:
            what = f"one whose {len(bits)} channels of {max(bits)} bits are stored one after the other"
            raise ImageRefused("format", f"expected a readable TIFF, got {what}, {_SAVE}")
    if inverted and picture.mode in ("I", "F"):
        raise ImageRefused("format", f"expected a readable TIFF, got one of deep inverted grey, {_SAVE}")
    picture.info[INVERTED] = inverted and picture.mode.startswith("I;16")
    colours = tags.get(_COLOURS, ())
    if picture.mode in ("P", "PA") and colours and max(colours) < 256:
        from PIL import ImagePalette

        picture.palette = ImagePalette.raw("RGB;L", bytes(colours))


def drawn(picture: "ImageFile.ImageFile") -> Corners | None:
    """What the first frame of a GIF covers, if not all: the rest is transparent in browsers, a colour in Pillow."""
    if picture.format != "GIF" or not picture.tile:
        return None
    corners = picture.tile[0][1]
    return None if corners == (0, 0, *picture.size) else corners


def wide_key(picture: "ImageFile.ImageFile", data: bytes) -> "Image.Image | None":
    """Where a PNG of 16-bit colours has its one transparent colour, as 255 in "L": Pillow keeps only the high bytes."""
    key = picture.info.get("transparency")
    if not isinstance(key, tuple) or not picture.tile or picture.tile[0][3] != _WIDE_KEY:
        return None
    from PIL import Image, ImageChops

    mask = Image.new("L", picture.size, 255)
    for raw, shift in (("RGB;16B", 8), ("RGB;16L", 0)):
        with Image.open(io.BytesIO(data), formats=["PNG"]) as half:
            half.tile = [half.tile[0]._replace(args=raw)]
            for channel, value in zip(half.split(), key, strict=True):
                byte = value >> shift & 255
                mask = ImageChops.darker(mask, channel.point([255 * (level == byte) for level in range(256)]))
    del picture.info["transparency"]
    return mask


def shown(picture: "ImageFile.ImageFile", data: bytes) -> Corners | None:
    """What an AVIF wants cut out of its stored picture before that is turned; libavif leaves it to its callers."""
    if picture.format != "AVIF":
        return None
    for start, end in _properties(data, b"clap"):
        if end - start < 32:
            return None
        width, width_by, height, height_by = struct.unpack(">4I", data[start : start + 16])
        across, across_by, down, down_by = struct.unpack(">iIiI", data[start + 16 : start + 32])
        if not (width_by and height_by and across_by and down_by):
            return None
        size = round(width / width_by), round(height / height_by)
        left = round(across / across_by + (picture.width - size[0]) / 2)
        top = round(down / down_by + (picture.height - size[1]) / 2)
        inside = 0 <= left < left + size[0] <= picture.width and 0 <= top < top + size[1] <= picture.height
        return (left, top, left + size[0], top + size[1]) if inside else None
    return None


def _properties(data: bytes, wanted: bytes) -> Iterator[tuple[int, int]]:
    """Start and end of the properties of one kind that the primary picture of an AVIF has."""
    found: dict[bytes, tuple[int, int]] = {}
    for kind, start, end in boxes(data):
        if kind == b"meta":
            found |= {kind: (start, end) for kind, start, end in boxes(data, start + 4, end)}
    if not {b"iprp", b"pitm"} <= found.keys():
        return
    inner = {kind: (start, end) for kind, start, end in boxes(data, *found[b"iprp"])}
    if not {b"ipco", b"ipma"} <= inner.keys():
        return
    place = found[b"pitm"][0]
    primary = int.from_bytes(data[place + 4 : place + (8 if data[place] else 6)], "big")
    all_of_them = list(boxes(data, *inner[b"ipco"]))
    for index in _associated(data, *inner[b"ipma"], primary):
        if 0 < index <= len(all_of_them) and all_of_them[index - 1][0] == wanted:
            yield all_of_them[index - 1][1:]


def _associated(data: bytes, place: int, end: int, item: int) -> Iterator[int]:
    """The numbers, from 1, of the properties of an item."""
    wide_id, wide_index = (4 if data[place] else 2), (2 if data[place + 3] & 1 else 1)
    place += 8
    while place + wide_id < end:
        owner, count = int.from_bytes(data[place : place + wide_id], "big"), data[place + wide_id]
        place += wide_id + 1
        if owner == item:
            places = range(place, place + wide_index * count, wide_index)
            essential = 0x8000 if wide_index == 2 else 0x80
            yield from (int.from_bytes(data[at : at + wide_index], "big") & ~essential for at in places)
        place += wide_index * count
