"""What decoding a picture costs, as its header announces it: seconds of one core, bytes of memory.

The rates were measured with pictures of noise and of smooth colours on one core of 2020; those of the costlier kind
count. They order pictures and bound them, so a factor of two in either direction does no harm.
"""

from typing import TYPE_CHECKING, NamedTuple

from semsearch.images import structure

if TYPE_CHECKING:
    from PIL import ImageFile


class Cost(NamedTuple):
    """What a picture takes."""

    seconds: float
    memory: int
    """Bytes, at the peak, beside those of the file."""

    @property
    def budget(self) -> float:
        """Seconds of processor after which a decoding is no honest one: a second, and twice what is expected."""
        return 1 + 2 * self.seconds


_SECONDS = {
    "JPEG": (0.008, 0.015),
    "MPO": (0.008, 0.015),
    "PNG": (0.05, 0.01),
    "GIF": (0.015, 0.01),
    "WEBP": (0.08, 0.01),
    "BMP": (0.004, 0.01),
    "TIFF": (0.03, 0.01),
    "AVIF": (0.06, 0.1),
    "HEIF": (0.06, 0.1),
}
"""By format, seconds for a million pixels and for a million bytes."""
_MEMORY = {"WEBP": 15, "AVIF": 11, "HEIF": 11}
"""Bytes a pixel of formats whose libraries hold the picture several times."""
_SCAN = 0.0005
"""Seconds for a million pixels and one scan of a JPEG of several."""
_RUNS = 0.5
"""Seconds for a million bytes of runs in a BMP, which Pillow reads in Python."""
_BYTES = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2, "I;16N": 2}
"""Bytes a pixel in Pillow's modes; 4 in all others."""
_ROWS, _TILE = (278, 257), (322, 323)


def before_opening(data: bytes, kind: str) -> int:
    """Bytes that a picture takes whose reader takes them when it is opened."""
    return _MEMORY["WEBP"] * structure.webp_pixels(data) if kind == "WEBP" else 0


def cost(picture: "ImageFile.ImageFile", data: bytes, stored: tuple[int, int]) -> Cost:
    """What an opened picture costs; ``stored`` is its size in the file, of which a JPEG may be decoded smaller."""
    kind = str(picture.format)
    millions, decoded = stored[0] * stored[1] / 1e6, picture.width * picture.height
    of_pixels, of_bytes = _SECONDS[kind]
    seconds = of_pixels * millions + of_bytes * len(data) / 1e6
    memory = decoded * _MEMORY.get(kind, _BYTES.get(picture.mode, 4))
    if kind == "PNG" and isinstance(picture.info.get("transparency"), tuple):
        memory *= 3  # 16-bit colours are decoded once for each half
    if kind in ("JPEG", "MPO"):
        frame = structure.jpeg(data)
        if frame.whole:
            seconds = 2 * seconds + _SCAN * frame.scans * millions
            memory += 2 * stored[0] * stored[1] * len(picture.getbands())
    elif kind == "BMP" and picture.tile and picture.tile[0][0] == "bmp_rle":
        seconds += _RUNS * min(len(data) / 1e6, millions)  # no encoder needs more bytes
    elif kind == "TIFF":
        memory += _strip(picture)
    return Cost(seconds, memory)


def _strip(picture: "ImageFile.ImageFile") -> int:
    """Bytes of one strip or tile of a compressed TIFF, which is held beside the picture."""
    if not picture.tile or picture.tile[0][0] != "libtiff":
        return 0
    tags = picture.tag_v2  # type: ignore[attr-defined]
    bits = tags.get(258, (1,))
    sample = sum(bits) if isinstance(bits, tuple) and len(bits) > 1 else 8 * int(tags.get(277, 1))
    sides = (
        [tags.get(322, 0), tags.get(323, 0)]
        if 322 in tags
        else [picture.width, min(tags.get(278, 1 << 32), picture.height)]
    )
    if not all(isinstance(side, int) for side in sides):
        return 0
    return int(sides[0] * sides[1] * sample // 8)
