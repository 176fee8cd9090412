"""Bytes of a picture to RGB pixels, in this process; the only user of Pillow and of libheif.

What is decoded: the first frame, of HEIF the primary picture; the orientation applied once (that of EXIF, an unreadable
one ignored; HEIF and AVIF store a turn of their own and are turned by their readers); transparency composed on white;
16-bit grey divided by 257 and rounded. Colour profiles are not applied, except that LAB becomes sRGB. Warnings of
Pillow never decide, whatever the warning filters of the host say.

Limits follow what a picture costs. A picture that is decoded whole may have MAX_PIXELS. A JPEG of which a square, or a
copy of some size, is wanted is decoded at 1/2, 1/4 or 1/8: then the smaller copy counts, unless the JPEG is of a kind
(progressive) that is held whole in memory at any size.
"""

import io
import math
import re
import struct
import warnings
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from semsearch.errors import ImageRefused
from semsearch.images import formats

if TYPE_CHECKING:
    from PIL import Image, ImageFile

Box = tuple[float, float, float, float]
"""Left, top, right and bottom of a part of the upright picture, as shares of its width and height."""
Request = tuple[int, int, bool, float, float, float, float]
"""``at_least``; side of the square, 0 for the picture as it is; whether its pixels are the nearest; its crop."""
MAX_BYTES = 200_000_000
"""Of an encoded picture: 60 megapixels of a full-frame camera as TIFF without compression are 181 MB."""
MAX_PIXELS = 62_000_000
"""Decoded."""
MAX_REDUCED = 160_000_000
"""Of a JPEG that is decoded at a smaller size: what its data take to be read through."""

_KEY_SCALES = {"L;2": 85, "L;4": 17}
_WHITES = {"I": (65_535,), "F": (1, 255, 65_535)}
_QUIET = ("ignore", None, Warning, re.compile(r"PIL\."), 0)
_ENDS_EARLY = re.compile("truncated|end of file|cannot read full", re.IGNORECASE)
_NO_ROOM = "decoding the picture needs more memory than there is; make it smaller"
_SIZE = re.compile(b"ispe.{4}(.{8})", re.DOTALL)
_JPEGS = ("JPEG", "MPO")


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


def finished(picture: "Image.Image", request: Request) -> np.ndarray:
    """The array of an RGB picture: of all of it, or of its crop as a square."""
    _, size, nearest, left, top, right, bottom = request
    if size:
        width, height = picture.size
        box = (math.floor(left * width), math.floor(top * height), math.ceil(right * width), math.ceil(bottom * height))
        kinds = pillow().Resampling
        picture = picture.crop(box) if box != (0, 0, width, height) else picture
        picture = picture.resize((size, size), kinds.NEAREST if nearest else kinds.BILINEAR)
    return np.array(picture)


def decode(data: bytes, request: Request) -> np.ndarray:
    """The RGB pixels of a picture as requested; ImageRefused for all that is not a picture we accept."""
    if not warnings.filters or warnings.filters[0] != _QUIET:
        warnings.filterwarnings("ignore", category=Warning, module=r"PIL\.")
    try:
        with _opened(data) as picture:
            if not picture.width * picture.height:
                raise ImageRefused("empty", "the picture has no pixels")
            _reduce(picture, data, request)
            if picture.width * picture.height > MAX_PIXELS:
                raise too_large(f"{picture.width} × {picture.height} pixels")
            return finished(_pixels(picture), request)
    except ImageRefused:
        raise
    except Exception as error:
        raise _refusal(error) from error


def _opened(data: bytes) -> "ImageFile.ImageFile":
    head = data[: formats.HEAD]
    if what := formats.foreign(head):
        raise not_read(what)
    if formats.kind(head) == "HEIF":
        if (pixels := _stored_pixels(data)) > MAX_PIXELS:
            raise too_large(f"{pixels:,} pixels")
        return _heif()(io.BytesIO(data))
    kinds = [kind for kind in formats.FORMATS if kind != "HEIF"]
    picture: ImageFile.ImageFile = pillow().open(io.BytesIO(data), formats=kinds)
    if picture.format == "TIFF" and formats.is_raw(picture.tag_v2):  # type: ignore[attr-defined]
        raise not_read(formats.RAW)
    return picture


def _stored_pixels(data: bytes) -> int:
    """The most pixels that a HEIF says it stores: what is shown of them may be a small cut, but all are decoded."""
    place = 0
    while place + 8 <= len(data):
        size, kind = int.from_bytes(data[place : place + 4], "big"), data[place + 4 : place + 8]
        if size == 1:
            size = int.from_bytes(data[place + 8 : place + 16], "big")
        end = place + size if size else len(data)
        if kind == b"meta":
            sizes = [struct.unpack(">II", size_box[1]) for size_box in _SIZE.finditer(data, place, end)]
            return max((width * height for width, height in sizes), default=0)
        if end < place + 8:
            return 0
        place = end
    return 0


def _reduce(picture: "ImageFile.ImageFile", data: bytes, request: Request) -> None:
    """Have a JPEG decoded at a smaller size, for speed as far as ``at_least`` allows, for room where it must be."""
    at_least, square = request[:2]
    width, height = picture.size
    if picture.format not in _JPEGS or width * height > MAX_REDUCED:
        return
    if width * height > MAX_PIXELS and _is_held_whole(data):
        return
    target = [2 * at_least, 2 * at_least] if at_least else [width, height]
    if square:
        room = next((by for by in (1, 2, 4) if -(-width // by) * -(-height // by) <= MAX_PIXELS), 8)
        target = [min(target[0], width // room), min(target[1], height // room)]
    if target != [width, height]:
        picture.draft(None, (max(1, target[0]), max(1, target[1])))


def _is_held_whole(data: bytes) -> bool:
    """Whether the coefficients of a JPEG come in several scans: its reader keeps them all, at any size."""
    place, components = 2, 0
    while place + 10 <= len(data):
        marker = data[place + 1]
        if data[place] != 0xFF or marker == 0xFF:
            place += 1
        elif marker in (0x01, *range(0xD0, 0xDA)):
            place += 2
        elif marker == 0xDA:
            return data[place + 4] < components
        else:
            if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
                components = data[place + 9]
                if marker not in (0xC0, 0xC1, 0xC9):
                    return True
            place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    return True


def _pixels(picture: "ImageFile.ImageFile") -> "Image.Image":
    """RGB of an opened picture. The orientation is read last: some formats only have it then, TIFF applies it."""
    raw = str(picture.tile[0][3]) if picture.tile else ""
    picture.load()
    _scale_key(picture, raw)
    rgb = _to_rgb(picture)
    turn = pillow().Transpose
    turns = {
        2: turn.FLIP_LEFT_RIGHT,
        3: turn.ROTATE_180,
        4: turn.FLIP_TOP_BOTTOM,
        5: turn.TRANSPOSE,
        6: turn.ROTATE_270,
        7: turn.TRANSVERSE,
        8: turn.ROTATE_90,
    }
    transposition = turns.get(_orientation(picture))
    return rgb if transposition is None else rgb.transpose(transposition)


def _orientation(picture: "Image.Image") -> int:
    if picture.format == "HEIF":
        return 1
    try:
        value = picture.getexif().get(0x0112, 1)
    except Exception:
        return 1
    return value if isinstance(value, int) else 1


def _scale_key(picture: "Image.Image", raw: str) -> None:
    """Bring a PNG's transparent colour, stored at the file's depth, to the depth of the decoded pixels."""
    key = picture.info.get("transparency")
    if isinstance(key, int) and raw in _KEY_SCALES:
        picture.info["transparency"] = key * _KEY_SCALES[raw]
    elif isinstance(key, tuple) and raw == "RGB;16B":
        picture.info["transparency"] = tuple(value >> 8 for value in key)


def _to_rgb(picture: "Image.Image") -> "Image.Image":
    if picture.mode.startswith(("I", "F")):
        return _deep_grey(picture).convert("RGB")
    if picture.mode == "LAB":
        from PIL import ImageCms

        lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(picture, lab, srgb, outputMode="RGB") or picture
    if not picture.has_transparency_data:
        return picture if picture.mode == "RGB" else picture.convert("RGB")
    clear = picture if picture.mode == "RGBA" else picture.convert("RGBA")
    white: Image.Image = pillow().new("RGB", clear.size, "white")
    white.paste(clear, mask=clear.getchannel("A"))
    return white


def _deep_grey(picture: "Image.Image") -> "Image.Image":
    """8-bit grey of deep grey. 16-bit is divided by 257. Of 32-bit integers 65,535 is white, of floats the least of
    1, 255 and 65,535 that no value exceeds; where all are exceeded, the largest value is. Negative is black.
    """
    values = np.asarray(picture)
    if values.dtype.kind == "u":
        grey = ((np.arange(65_536) + 128) // 257).astype(np.uint8)[values]
        if isinstance(key := picture.info.get("transparency"), int):
            grey[values == key] = 255
    else:
        peak = values.max(initial=0, where=np.isfinite(values))
        white = next((white for white in _WHITES[picture.mode] if peak <= white), peak)
        shares = np.nan_to_num(np.clip(values.astype(np.float32) / np.float32(white), 0, 1))
        grey = np.rint(shares * np.float32(255)).astype(np.uint8)
    deep: Image.Image = pillow().fromarray(grey)
    return deep


def too_large(size: str) -> ImageRefused:
    """The refusal of a picture of that size."""
    valid = f"{MAX_BYTES // 1_000_000} MB and {MAX_PIXELS // 1_000_000} megapixels"
    return ImageRefused("too_large", f"expected a picture of at most {valid}, got {size}; make it smaller")


def not_read(what: str) -> ImageRefused:
    """The refusal of a kind of file that is known and not read here."""
    return ImageRefused("format", f"expected a readable {formats.WORDS}, got {what}")


def _refusal(error: Exception) -> ImageRefused:
    from PIL import Image, UnidentifiedImageError

    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        return too_large("many more pixels")
    if isinstance(error, MemoryError):
        return ImageRefused("memory", _NO_ROOM)
    if isinstance(error, UnidentifiedImageError):
        return not_read("other bytes")
    words = " ".join(str(error).split()) or type(error).__name__
    if "Memory allocation" in words and "Security limit" not in words:
        return ImageRefused("memory", _NO_ROOM)
    if "Security limit" in words:
        return too_large("many more pixels")
    if isinstance(error, EOFError) or _ENDS_EARLY.search(words):
        return ImageRefused("truncated", f"the picture ends too early ({words}); get the whole file")
    return ImageRefused("corrupt", f"the picture cannot be decoded ({words}); save it anew")
