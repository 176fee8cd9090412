"""Untrusted bytes to RGB pixels: the one door for pictures.

``load``, ``load_square`` and ``load_small`` decode in this process, their ``_isolated`` twins in a child with limits of
memory and time, for pictures of strangers. Twins give the same array or raise ImageRefused, whose ``reason`` is one of

==========  ==================================================================
empty       no bytes, or a picture without pixels
unreadable  a path that is missing, forbidden or not a regular file
format      not a readable picture of ``formats.FORMATS``
too_large   more than MAX_BYTES encoded or MAX_PIXELS decoded
truncated   the data end before the picture does
corrupt     any other fault in the data, thousands of needless parts among them
memory      decoding needs more memory than there is (than ``decoder.MEMORY``, in the child)
timeout     decoding takes more of the processor than ``costs.Cost.budget`` (child only)
crash       two decoders died, one after the other (child only)
==========  ==================================================================

The twins raise what is no fault of a picture too: Busy if no child was free in time, TooLate if the picture was not
decoded in time. ``asked_by`` says for whom, and until when, the pictures of a context are decoded.

What is decoded of a picture, and how large it may be, stands in ``pixels.py``.
"""

import io
import math
import stat
from pathlib import Path

import numpy as np

from semsearch.errors import ImageRefused, InputError, UnknownName
from semsearch.files.storage import explain, of_machine
from semsearch.images import pixels, sandbox
from semsearch.images.pixels import Request, pillow, squared, too_large

RESAMPLES = ("antialias", "nearest")
Box = pixels.Box
WHOLE: Box = (0.0, 0.0, 1.0, 1.0)
asked_by = sandbox.asked_by


def load(source: bytes | Path, *, at_least: int = 0) -> np.ndarray:
    """Decode a picture to (H, W, 3) uint8 RGB in this process.

    ``at_least`` is the side, in pixels, of the square the caller will resize to. A JPEG is then decoded at 1/2, 1/4
    or 1/8 of its size, which is quicker, as long as its shorter side stays at least twice that. 0 decodes in full.

    Raises ImageRefused for everything that is not a picture we accept, StorageError for a failure of the machine.
    """
    return pixels.decode(_read(source), Request(at_least))


def load_isolated(source: bytes | Path, *, at_least: int = 0) -> np.ndarray:
    """Decode as ``load`` does, in a child process with limits; the whole picture comes back."""
    return sandbox.decode(_read(source), Request(at_least))


def load_square(source: bytes | Path, size: int, *, resample: str, crop: Box = WHOLE) -> np.ndarray:
    """What a network sees of a picture: as ``square`` gives of the decoded one."""
    return pixels.decode(_read(source), _request(size, resample, crop))


def load_square_isolated(source: bytes | Path, size: int, *, resample: str, crop: Box = WHOLE) -> np.ndarray:
    """Do as ``load_square`` does, in a child process: only the small square comes back."""
    return sandbox.decode(_read(source), _request(size, resample, crop))


def load_small(source: bytes | Path, side: int) -> np.ndarray:
    """A copy to be looked at, (H, W, 3) uint8, with its aspect kept and no side above ``side``."""
    return pixels.decode(_read(source), _small(side))


def load_small_isolated(source: bytes | Path, side: int) -> np.ndarray:
    """Do as ``load_small`` does, in a child process: only the small copy comes back."""
    return sandbox.decode(_read(source), _small(side))


def _small(side: int) -> Request:
    if side < 1:
        raise InputError(f"expected a side of at least 1 pixel, got {side}")
    return Request(at_least=side, size=side, fits=True)


def square(rgb: np.ndarray, size: int, *, resample: str, crop: Box = WHOLE) -> np.ndarray:
    """The ``crop`` of (H, W, 3) uint8, squashed to (size, size, 3) uint8, as the published experiments do.

    ``resample`` is "antialias" (a triangle filter whose support grows with the reduction) or "nearest".
    """
    return squared(_checked(rgb), _request(size, resample, crop))


def resize(rgb: np.ndarray, size: int, *, resample: str) -> np.ndarray:
    """The ``square`` of a whole picture."""
    return square(rgb, size, resample=resample)


def _request(size: int, resample: str, crop: Box) -> Request:
    """What ``pixels.decode`` is asked for; InputError for what it cannot do."""
    left, top, right, bottom = crop
    if resample not in RESAMPLES:
        raise UnknownName("resample", resample, RESAMPLES)
    if size < 1:
        raise InputError(f"expected a size of at least 1 pixel, got {size}")
    if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
        raise InputError(f"expected a crop of 0 ≤ left < right ≤ 1 and 0 ≤ top < bottom ≤ 1, got {tuple(crop)}")
    nearest = resample == "nearest"
    at_least = 0 if nearest else math.ceil(size / max(min(right - left, bottom - top), 1e-3))
    return Request(at_least, size, False, nearest, left, top, right, bottom)


def thumbnail(rgb: np.ndarray, *, side: int = 256, limit: int = 20_000) -> bytes:
    """JPEG of (H, W, 3) uint8 with its aspect kept, no side above ``side``, at most ``limit`` bytes, no metadata.

    The quality falls from 85 to 25 until the file fits, then the size falls.
    """
    picture = pillow().fromarray(_checked(rgb))
    longest = side
    while longest >= 1:
        picture.thumbnail((longest, longest))
        for quality in range(85, 24, -10):
            out = io.BytesIO()
            picture.save(out, "JPEG", quality=quality)
            if out.tell() <= limit:
                return out.getvalue()
        longest = max(picture.size) * 3 // 4
    raise InputError(f"no JPEG is as small as side={side} and limit={limit} ask; 20,000 bytes hold a side of 256")


def webp(rgb: np.ndarray, *, quality: int = 82) -> bytes:
    """WebP of (H, W, 3) uint8 as it is, without metadata."""
    out = io.BytesIO()
    pillow().fromarray(_checked(rgb)).save(out, "WEBP", quality=quality, method=6)
    return out.getvalue()


def png(pixels: np.ndarray) -> bytes:
    """PNG of (H, W, 3) or, with opacity, (H, W, 4) uint8 as it is."""
    _checked(pixels[..., :3])
    out = io.BytesIO()
    pillow().fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def _checked(rgb: np.ndarray) -> np.ndarray:
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or not rgb.size:
        raise InputError(f"expected a picture of shape (H, W, 3) uint8, got {rgb.shape} {rgb.dtype}")
    return rgb


def _read(source: bytes | Path) -> bytes:
    if isinstance(source, Path):
        source = _read_path(source)
    if not isinstance(source, bytes):
        raise InputError(f"expected bytes or a Path, got {type(source).__name__}")
    if not source:
        raise ImageRefused("empty", "expected a picture, got no bytes")
    if len(source) > pixels.MAX_BYTES:
        raise too_large(f"{len(source):,} bytes")
    return source


def _read_path(path: Path) -> bytes:
    try:
        status = path.stat()
        regular = stat.S_ISREG(status.st_mode)
        if regular and status.st_size <= pixels.MAX_BYTES:
            with path.open("rb") as file:
                return file.read(pixels.MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        if failure := of_machine(error):  # not the picture's fault: it must not be left out for that
            raise explain(failure, path) from error
        raise ImageRefused("unreadable", f"cannot read {str(path)!r}: {error}") from error
    if not regular:
        raise ImageRefused("unreadable", f"cannot read {str(path)!r}: not a regular file")
    raise too_large(f"{status.st_size:,} bytes")
