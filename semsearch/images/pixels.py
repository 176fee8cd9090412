"""Bytes of a picture to RGB pixels, in this process; the only user of Pillow and of libheif.

What is decoded: the first frame, of HEIF the primary picture; the orientation applied once (that of EXIF, an unreadable
one ignored; HEIF and AVIF store a turn of their own and are turned by their readers); colours as ``colours.py`` says.
Warnings of Pillow never decide, whatever the warning filters of the host say.

Limits follow what a picture costs. A picture that is decoded whole may have MAX_PIXELS. A JPEG of which a square, or a
copy of some size, is wanted is decoded at 1/2, 1/4 or 1/8: then the smaller copy counts, unless the JPEG is of a kind
(progressive) that is held whole in memory at any size.
"""

import io
import math
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from semsearch.errors import ImageRefused
from semsearch.images import colours, costs, formats, oddities, structure
from semsearch.images.colours import Upright

if TYPE_CHECKING:
    from PIL import Image, ImageFile

Box = tuple[float, float, float, float]
"""Left, top, right and bottom of a part of the upright picture, as shares of its width and height."""
MAX_BYTES = 200_000_000
"""Of an encoded picture: 60 megapixels of a full-frame camera as TIFF without compression are 181 MB."""
MAX_PIXELS = 62_000_000
"""Decoded."""
MAX_REDUCED = 160_000_000
"""Of a JPEG that is decoded at a smaller size: what its data take to be read through."""

_QUIET = ("ignore", None, Warning, re.compile(r"PIL\."), 0)
_ENDS_EARLY = re.compile("truncated|end of file|cannot read full", re.IGNORECASE)
_NO_ROOM = "decoding the picture needs more memory than there is; make it smaller"
_JPEGS = ("JPEG", "MPO")


class Request(NamedTuple):
    """What is wanted of a picture."""

    at_least: int = 0
    """A JPEG may be decoded smaller, as long as its shorter side stays at least twice that; 0 for its own size."""
    size: int = 0
    """Side of the square that the picture becomes, 0 for the picture as it is."""
    fits: bool = False
    """Whether the aspect is kept: then ``size`` is its longer side, at most."""
    nearest: bool = False
    left: float = 0.0
    top: float = 0.0
    right: float = 1.0
    bottom: float = 1.0


class Opened(NamedTuple):
    """A picture whose header has been read."""

    picture: "ImageFile.ImageFile"
    data: bytes
    request: Request
    cost: costs.Cost

    def rgb(self) -> tuple[int, int, Iterator[np.ndarray]]:
        """Height and width of what is wanted, and its RGB from top to bottom in arrays (rows, width, 3) uint8."""
        return _rgb(_upright(self.picture, self.data), self.request)


@cache
def pillow() -> ModuleType:
    """Pillow, with the readers it does not import by itself, so that it need not import all it has."""
    from PIL import AvifImagePlugin, Image, TiffImagePlugin, WebPImagePlugin  # noqa: F401

    return Image


def confine() -> None:
    """Settle Pillow in a process that does nothing but decode: one thread, no picture above our own limit."""
    pillow()
    from PIL import AvifImagePlugin, Image

    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    Image.MAX_IMAGE_PIXELS = MAX_REDUCED // 2  # refused above twice that


@cache
def _heif() -> type["ImageFile.ImageFile"]:
    """The reader of HEIF, loaded for the first such picture; Pillow itself is not changed."""
    from pi_heif import HeifImageFile, options

    options.DECODE_THREADS = 1
    options.THUMBNAILS = options.DEPTH_IMAGES = options.AUX_IMAGES = False
    reader: type[ImageFile.ImageFile] = HeifImageFile
    return reader


def squared(rgb: np.ndarray, request: Request) -> np.ndarray:
    """Of (H, W, 3) uint8, what a request wants."""
    picture = pillow().fromarray(rgb)
    return _joined(*_rgb(Upright(picture, 1, (0, 0, *picture.size)), request))


def decode(data: bytes, request: Request) -> np.ndarray:
    """The RGB pixels of a picture as requested; ImageRefused for all that is not a picture we accept."""
    with opened(data, request) as picture:
        return _joined(*picture.rgb())


@contextmanager
def opened(data: bytes, request: Request, room: int = 0) -> Iterator[Opened]:
    """A picture whose pixels can be had; every error within is ImageRefused.

    It is refused for its memory before it is decoded if it takes more than ``room`` bytes, where that is not 0.
    """
    if not warnings.filters or warnings.filters[0] != _QUIET:
        warnings.filterwarnings("ignore", category=Warning, module=r"PIL\.")
    try:
        with _opened(data, room) as picture:
            if not picture.width * picture.height:
                raise ImageRefused("empty", "the picture has no pixels")
            stored = picture.size
            _reduce(picture, data, request)
            if picture.width * picture.height > MAX_PIXELS:
                raise too_large(f"{picture.width} × {picture.height} pixels")
            cost = costs.cost(picture, data, stored)
            _check_room(cost.memory, room)
            yield Opened(picture, data, request, cost)
    except ImageRefused:
        raise
    except Exception as error:
        raise _refusal(error, data[: formats.HEAD]) from error


def _check_room(memory: int, room: int) -> None:
    if 0 < room < memory:
        valid, needed = room // 1_000_000, memory // 1_000_000
        raise ImageRefused("memory", f"expected a picture that takes at most {valid} MB, got {needed}; make it smaller")


def _opened(data: bytes, room: int) -> "ImageFile.ImageFile":
    head = data[: formats.HEAD]
    if what := formats.foreign(head):
        raise not_read(what)
    kind = formats.kind(head)
    structure.check(data, kind)
    stored = structure.webp_pixels(data) if kind == "WEBP" else structure.stored_pixels(data) if kind in _BOXED else 0
    if stored > MAX_PIXELS:
        raise too_large(f"{stored:,} pixels")
    _check_room(costs.before_opening(data, kind), room)
    if kind == "HEIF":
        return _heif()(io.BytesIO(data))
    kinds = [kind for kind in formats.FORMATS if kind != "HEIF"]
    picture: ImageFile.ImageFile = pillow().open(io.BytesIO(data), formats=kinds)
    if picture.format == "TIFF":
        if formats.is_raw(picture.tag_v2):  # type: ignore[attr-defined]
            raise not_read(formats.RAW)
    oddities.settle(picture, data)
    return picture


_BOXED = ("HEIF", "AVIF")


def _reduce(picture: "ImageFile.ImageFile", data: bytes, request: Request) -> None:
    """Have a JPEG decoded at a smaller size, for speed as far as ``at_least`` allows, for room where it must be."""
    at_least = request.at_least
    width, height = picture.size
    if picture.format not in _JPEGS or width * height > MAX_REDUCED:
        return
    if width * height > MAX_PIXELS and structure.jpeg(data).whole:
        return
    target = [2 * at_least, 2 * at_least] if at_least else [width, height]
    if request.size:
        room = next((by for by in (1, 2, 4) if -(-width // by) * -(-height // by) <= MAX_PIXELS), 8)
        target = [min(target[0], width // room), min(target[1], height // room)]
    if target != [width, height]:
        picture.draft(None, (max(1, target[0]), max(1, target[1])))


def _upright(picture: "ImageFile.ImageFile", data: bytes) -> Upright:
    """The decoded picture. The orientation is read last: some formats only have it then, TIFF applies it."""
    raw = str(picture.tile[0][3]) if picture.tile else ""
    drawn, shown, clear = oddities.drawn(picture), oddities.shown(picture, data), oddities.wide_key(picture, data)
    picture.load()
    colours.scale_key(picture, raw)
    return Upright(picture, _orientation(picture), shown or (0, 0, *picture.size), drawn, clear)


def _orientation(picture: "Image.Image") -> int:
    if picture.format == "HEIF":
        return 1
    try:
        value = picture.getexif().get(0x0112, 1)
    except Exception:
        return 1
    return value if isinstance(value, int) else 1


def _rgb(upright: Upright, request: Request) -> tuple[int, int, Iterator[np.ndarray]]:
    """Height, width and arrays of what is wanted. Bands are squeezed across one by one, then all of them down, as
    Pillow does with a whole picture, unless it is much higher than wide: then some values differ by 1.
    """
    width, height = upright.size
    size, (left, top, right, bottom) = request.size, request[-4:]
    box = (math.floor(left * width), math.floor(top * height), math.ceil(right * width), math.ceil(bottom * height))
    if not size:
        return height, width, map(np.array, upright.bands(box))
    across, down = size, size
    if request.fits:
        scale = min(1, size / max(width, height))
        across, down = max(1, round(width * scale)), max(1, round(height * scale))
    kinds = pillow().Resampling
    resample = kinds.NEAREST if request.nearest else kinds.BILINEAR
    squeezed = pillow().new("RGB", (across, box[3] - box[1]))
    place = 0
    for band in upright.bands(box):
        if band.height == squeezed.height:
            return down, across, iter([np.array(band.resize((across, down), resample))])
        squeezed.paste(band.resize((across, band.height), resample), (0, place))
        place += band.height
    return down, across, iter([np.array(squeezed.resize((across, down), resample))])


def _joined(height: int, width: int, arrays: Iterator[np.ndarray]) -> np.ndarray:
    rgb = np.empty((height, width, 3), np.uint8)
    place = 0
    for rows in arrays:
        rgb[place : place + len(rows)] = rows
        place += len(rows)
    return rgb


def too_large(size: str) -> ImageRefused:
    """The refusal of a picture of that size."""
    valid = f"{MAX_BYTES // 1_000_000} MB and {MAX_PIXELS // 1_000_000} megapixels"
    return ImageRefused("too_large", f"expected a picture of at most {valid}, got {size}; make it smaller")


def not_read(what: str) -> ImageRefused:
    """The refusal of a kind of file that is known and not read here."""
    return ImageRefused("format", f"expected a readable {formats.WORDS}, got {what}")


def _refusal(error: Exception, head: bytes) -> ImageRefused:
    from PIL import Image, UnidentifiedImageError

    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        return too_large("many more pixels")
    if isinstance(error, MemoryError):
        return ImageRefused("memory", _NO_ROOM)
    if isinstance(error, UnidentifiedImageError):
        kind = formats.kind(head)
        known = f"{kind} data that are damaged, or of a kind that cannot be read here; save it anew as JPEG or PNG"
        return not_read(known if kind else "other bytes")
    words = " ".join(str(error).split())
    if not re.search(r"\w", words):  # "()" of an error that quotes an empty value
        words = type(error).__name__
    if "Memory allocation" in words and "Security limit" not in words:
        return ImageRefused("memory", _NO_ROOM)
    if "Security limit" in words:
        return too_large("many more pixels")
    if isinstance(error, EOFError) or _ENDS_EARLY.search(words):
        return ImageRefused("truncated", f"the picture ends too early ({words}); get the whole file")
    return ImageRefused("corrupt", f"the picture cannot be decoded ({words}); save it anew")
