"""Untrusted bytes to RGB pixels (over budget because both ends of the decoder's pipe stand beside the decoder).

The one door for pictures, and the only user of Pillow.

``load`` and ``load_square`` decode in this process, their ``_isolated`` twins in a child with limits of memory and
time, for pictures of strangers. Twins give the same array or raise ImageRefused, whose ``reason`` is one of

==========  ==================================================================
empty       no bytes, or a picture without pixels
unreadable  a path that is missing, forbidden or not a regular file
format      not a readable JPEG, PNG, GIF, WebP, BMP, TIFF or AVIF
too_large   more than MAX_BYTES encoded or MAX_PIXELS decoded
truncated   the data end before the picture does
corrupt     any other fault in the data
memory      decoding needs more memory than there is (than MEMORY, in the child)
timeout     decoding takes longer than SECONDS, or no child was free for so long (child only)
crash       the decoder died (child only)
==========  ==================================================================

What is decoded: the first frame; the orientation of EXIF applied once (an unreadable EXIF is ignored); transparency
composed on white; 16-bit grey divided by 257 and rounded. Colour profiles are not applied, except that LAB becomes
sRGB. Metadata warnings of Pillow never decide, whatever the warning filters of the host say.
"""

import atexit
import contextlib
import fcntl
import io
import math
import os
import re
import select
import signal
import stat
import struct
import subprocess
import sys
import threading
import time
import warnings
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import IO, TYPE_CHECKING, cast

import numpy as np

from semsearch.errors import ImageRefused, InputError, UnknownName
from semsearch.storage import explain, explained, of_machine

if TYPE_CHECKING:
    from PIL import Image, ImageFile

FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF")
"""What is opened. An MPO file opens as the JPEG it begins with."""
RESAMPLES = ("antialias", "nearest")
Box = tuple[float, float, float, float]
"""Left, top, right and bottom of a part of the upright picture, as shares of its width and height."""
WHOLE: Box = (0.0, 0.0, 1.0, 1.0)
_Wanted = tuple[int, int, bool, float, float, float, float]
"""``at_least``; side of the square, 0 for the picture as it is; whether its pixels are the nearest; its crop."""
MAX_BYTES = 40_000_000
MAX_PIXELS = 50_000_000
SECONDS = 10.0
"""Wall clock of one isolated decoding, the start of its child included."""
MEMORY = 1_536 << 20
"""Address space of a child, in bytes: what 50 Mpx need in the most demanding format, and some more."""

_KEY_SCALES = {"L;2": 85, "L;4": 17}
_WHITES = {"I": (65_535,), "F": (1, 255, 65_535)}
_QUIET = ("ignore", None, UserWarning, re.compile(r"PIL\."), 0)
_REQUEST = struct.Struct("!QII?4d")
_ANSWER = struct.Struct("!IIQ")


def load(source: bytes | Path, *, at_least: int = 0) -> np.ndarray:
    """Decode a picture to (H, W, 3) uint8 RGB in this process.

    ``at_least`` is the side, in pixels, of the square the caller will resize to. A JPEG is then decoded at 1/2, 1/4
    or 1/8 of its size, which is quicker, as long as its shorter side stays at least twice that. 0 decodes in full.

    Raises ImageRefused for everything that is not a picture we accept, StorageError for a failure of the machine.
    """
    return _decode(_read(source), (at_least, 0, False, *WHOLE))


def load_isolated(source: bytes | Path, *, at_least: int = 0) -> np.ndarray:
    """Decode as ``load`` does, in a child process that may use MEMORY bytes and SECONDS seconds.

    A child that crashes or overruns is an ImageRefused, and the next call starts another.
    """
    return _isolated(source, (at_least, 0, False, *WHOLE))


def load_square(source: bytes | Path, size: int, *, resample: str, crop: Box = WHOLE) -> np.ndarray:
    """What a network sees of a picture: as ``square`` gives of the decoded one."""
    return _decode(_read(source), _wanted(size, resample, crop))


def load_square_isolated(source: bytes | Path, size: int, *, resample: str, crop: Box = WHOLE) -> np.ndarray:
    """Do as ``load_square`` does, in a child process: only the small square comes back."""
    return _isolated(source, _wanted(size, resample, crop))


def square(rgb: np.ndarray, size: int, *, resample: str, crop: Box = WHOLE) -> np.ndarray:
    """The ``crop`` of (H, W, 3) uint8, squashed to (size, size, 3) uint8, as the published experiments do.

    ``resample`` is "antialias" (a triangle filter whose support grows with the reduction) or "nearest".
    """
    wanted = _wanted(size, resample, crop)
    return _finished(_pillow().fromarray(_checked(rgb)), wanted)


def resize(rgb: np.ndarray, size: int, *, resample: str) -> np.ndarray:
    """The ``square`` of a whole picture."""
    return square(rgb, size, resample=resample)


def _wanted(size: int, resample: str, crop: Box) -> _Wanted:
    """What ``_decode`` is asked for; InputError for what it cannot do."""
    left, top, right, bottom = crop
    if resample not in RESAMPLES:
        raise UnknownName("resample", resample, RESAMPLES)
    if size < 1:
        raise InputError(f"expected a size of at least 1 pixel, got {size}")
    if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
        raise InputError(f"expected a crop of 0 ≤ left < right ≤ 1 and 0 ≤ top < bottom ≤ 1, got {tuple(crop)}")
    nearest = resample == "nearest"
    at_least = 0 if nearest else math.ceil(size / max(min(right - left, bottom - top), 1e-3))
    return (at_least, size, nearest, left, top, right, bottom)


def _finished(picture: "Image.Image", wanted: _Wanted) -> np.ndarray:
    """The array of an RGB picture: of all of it, or of its crop as a square."""
    _, size, nearest, left, top, right, bottom = wanted
    if size:
        width, height = picture.size
        box = (math.floor(left * width), math.floor(top * height), math.ceil(right * width), math.ceil(bottom * height))
        kinds = _pillow().Resampling
        picture = picture.crop(box) if box != (0, 0, width, height) else picture
        picture = picture.resize((size, size), kinds.NEAREST if nearest else kinds.BILINEAR)
    return np.array(picture)


def _isolated(source: bytes | Path, wanted: _Wanted) -> np.ndarray:
    data = _read(source)
    if not _SLOTS.acquire(timeout=SECONDS):
        raise ImageRefused("timeout", f"all decoders were busy for {SECONDS:g} s; try again")
    try:
        decoder = _ready()
        try:
            return decoder.decode(data, wanted)
        finally:
            if decoder.alive:
                _IDLE.append(decoder)
    finally:
        _SLOTS.release()


def thumbnail(rgb: np.ndarray, *, side: int = 256, limit: int = 20_000) -> bytes:
    """JPEG of (H, W, 3) uint8 with its aspect kept, no side above ``side``, at most ``limit`` bytes, no metadata.

    The quality falls from 85 to 25 until the file fits, then the size falls.
    """
    picture = _pillow().fromarray(_checked(rgb))
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


def _checked(rgb: np.ndarray) -> np.ndarray:
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or not rgb.size:
        raise InputError(f"expected a picture of shape (H, W, 3) uint8, got {rgb.shape} {rgb.dtype}")
    return rgb


@cache
def _pillow() -> ModuleType:
    """Pillow, with the readers it does not import by itself, so that it need not import all it has."""
    from PIL import AvifImagePlugin, Image, TiffImagePlugin, WebPImagePlugin  # noqa: F401

    return Image


def _read(source: bytes | Path) -> bytes:
    if isinstance(source, Path):
        source = _read_path(source)
    if not isinstance(source, bytes):
        raise InputError(f"expected bytes or a Path, got {type(source).__name__}")
    if not source:
        raise ImageRefused("empty", "expected a picture, got no bytes")
    if len(source) > MAX_BYTES:
        raise _too_large(f"{len(source):,} bytes")
    return source


def _read_path(path: Path) -> bytes:
    try:
        status = path.stat()
        regular = stat.S_ISREG(status.st_mode)
        if regular and status.st_size <= MAX_BYTES:
            with path.open("rb") as file:
                return file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        if failure := of_machine(error):  # not the picture's fault: it must not be left out for that
            raise explain(failure, path) from error
        raise ImageRefused("unreadable", f"cannot read {str(path)!r}: {error}") from error
    if not regular:
        raise ImageRefused("unreadable", f"cannot read {str(path)!r}: not a regular file")
    raise _too_large(f"{status.st_size:,} bytes")


def _decode(data: bytes, wanted: _Wanted) -> np.ndarray:
    image = _pillow()
    if not warnings.filters or warnings.filters[0] != _QUIET:
        warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
    try:
        with image.open(io.BytesIO(data), formats=FORMATS) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise _too_large(f"{picture.width} × {picture.height} pixels")
            if not picture.width * picture.height:
                raise ImageRefused("empty", "the picture has no pixels")
            return _finished(_pixels(picture, wanted[0]), wanted)
    except ImageRefused:
        raise
    except Exception as error:
        raise _refusal(error) from error


def _pixels(picture: "ImageFile.ImageFile", at_least: int) -> "Image.Image":
    """RGB of an opened picture. The orientation is read last: some formats only have it then, TIFF applies it."""
    raw = str(picture.tile[0][3]) if picture.tile else ""
    if at_least:
        picture.draft(None, (2 * at_least, 2 * at_least))
    picture.load()
    _scale_key(picture, raw)
    rgb = _to_rgb(picture)
    turn = _pillow().Transpose
    turns = {
        2: turn.FLIP_LEFT_RIGHT,
        3: turn.ROTATE_180,
        4: turn.FLIP_TOP_BOTTOM,
        5: turn.TRANSPOSE,
        6: turn.ROTATE_270,
        7: turn.TRANSVERSE,
        8: turn.ROTATE_90,
    }
    wanted = turns.get(_orientation(picture))
    return rgb if wanted is None else rgb.transpose(wanted)


def _orientation(picture: "Image.Image") -> int:
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
    white: Image.Image = _pillow().new("RGB", clear.size, "white")
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
    deep: Image.Image = _pillow().fromarray(grey)
    return deep


def _too_large(size: str) -> ImageRefused:
    valid = f"{MAX_BYTES // 1_000_000} MB and {MAX_PIXELS // 1_000_000} megapixels"
    return ImageRefused("too_large", f"expected a picture of at most {valid}, got {size}; make it smaller")


def _refusal(error: Exception) -> ImageRefused:
    from PIL import Image, UnidentifiedImageError

    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        return _too_large("many more pixels")
    if isinstance(error, MemoryError):
        return ImageRefused("memory", "decoding the picture needs more memory than there is; make it smaller")
    if isinstance(error, UnidentifiedImageError):
        return ImageRefused("format", "expected a readable JPEG, PNG, GIF, WebP, BMP, TIFF or AVIF, got other bytes")
    if isinstance(error, EOFError) or "truncated" in str(error).lower():
        return ImageRefused("truncated", f"the picture ends too early ({error}); get the whole file")
    return ImageRefused("corrupt", f"the picture cannot be decoded ({error or type(error).__name__}); save it anew")


class _Decoder:
    """A child process that decodes one picture after the other, until it fails."""

    def __init__(self) -> None:
        code = "import sys; sys.path[:] = sys.argv[3:]; from semsearch.images import _serve; _serve()"
        path = [entry for entry in sys.path if entry] + [str(Path(__file__).resolve().parent.parent)]
        environment = {"OPENBLAS_NUM_THREADS": "1", "LD_LIBRARY_PATH": os.environ.get("LD_LIBRARY_PATH", "")}
        self._expired = False
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-I", "-X", "utf8", "-c", code, str(MEMORY), str(SECONDS), *path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            bufsize=0,
        )
        self._requests, self._answers = cast(IO[bytes], self._process.stdin), cast(IO[bytes], self._process.stdout)
        for pipe in (self._requests, self._answers):
            os.set_blocking(pipe.fileno(), False)
            with contextlib.suppress(OSError):
                fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, 1 << 20)  # a picture in one piece

    @property
    def alive(self) -> bool:
        """Whether the child can take another picture."""
        return not self._expired and self._process.poll() is None

    def decode(self, data: bytes, wanted: _Wanted) -> np.ndarray:
        """Have one picture decoded; ImageRefused if the child refuses it, overruns or dies."""
        self._until = time.monotonic() + SECONDS
        try:
            return self._ask(data, wanted)
        except ImageRefused:
            raise
        except BaseException as error:
            self.close()
            if isinstance(error, OSError | EOFError):
                raise self._death() from error
            raise

    def close(self) -> None:
        """End the child; it can be called twice."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._requests, self._answers):
            with contextlib.suppress(OSError):
                pipe.close()

    def _ask(self, data: bytes, wanted: _Wanted) -> np.ndarray:
        rest = memoryview(_REQUEST.pack(len(data), *wanted) + data)
        while rest:
            self._wait(self._requests, select.POLLOUT)
            rest = rest[os.write(self._requests.fileno(), rest) :]
        height, width, count = _ANSWER.unpack(self._whole(_ANSWER.size))
        if not height:
            reason, _, message = self._whole(min(count, 10_000)).decode().partition("\n")
            raise ImageRefused(reason, message)
        if height * width > MAX_PIXELS or count != 3 * height * width:
            raise EOFError("the decoder's answer makes no sense")
        return np.frombuffer(self._whole(count), np.uint8).reshape(height, width, 3)

    def _whole(self, count: int) -> bytearray:
        room = bytearray(count)
        rest = memoryview(room)
        while rest:
            self._wait(self._answers, select.POLLIN)
            got = os.readv(self._answers.fileno(), [rest])
            if not got:
                raise EOFError("the decoder stopped answering")
            rest = rest[got:]
        return room

    def _wait(self, pipe: IO[bytes], event: int) -> None:
        """Until a pipe is ready, or the time is over: then the child is at fault."""
        poll = select.poll()
        poll.register(pipe.fileno(), event)
        if not poll.poll(1_000 * max(0.0, self._until - time.monotonic())):
            self._expired = True
            raise EOFError("the decoder takes too long")

    def _death(self) -> ImageRefused:
        code = self._process.returncode
        if self._expired or code == -signal.SIGXCPU:
            return ImageRefused("timeout", f"decoding the picture takes longer than {SECONDS:g} s; make it smaller")
        return ImageRefused("crash", f"the decoder died on this picture (exit code {code}); save it anew")


def _ready() -> _Decoder:
    while _IDLE:
        decoder = _IDLE.pop()
        if decoder.alive:
            return decoder
        decoder.close()
    with explained("the process that decodes pictures"):
        return _Decoder()


def _close_idle() -> None:
    while _IDLE:
        _IDLE.pop().close()


_IDLE: list[_Decoder] = []
_SLOTS = threading.BoundedSemaphore(2)
atexit.register(_close_idle)
os.register_at_fork(after_in_child=_IDLE.clear)


def _serve() -> None:
    """Main loop of the child: limits first, then requests from stdin until it closes."""
    import resource

    _pillow()
    from PIL import AvifImagePlugin, Image

    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    memory, seconds = int(sys.argv[1]), float(sys.argv[2])
    for limit, value in ((resource.RLIMIT_AS, memory), (resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, 0)):
        resource.setrlimit(limit, (value, value))
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    while header := requests.read(_REQUEST.size):
        count, *wanted = _REQUEST.unpack(header)
        ceiling = math.ceil(time.process_time() + seconds) + 1
        resource.setrlimit(resource.RLIMIT_CPU, (ceiling, resource.RLIM_INFINITY))
        try:
            rgb = _decode(requests.read(count), cast(_Wanted, tuple(wanted)))
            answers.write(_ANSWER.pack(*rgb.shape[:2], rgb.nbytes))
            answers.write(rgb.data)
        except ImageRefused as refusal:
            words = f"{refusal.reason}\n{refusal}"[:2_000].encode()
            answers.write(_ANSWER.pack(0, 0, len(words)) + words)
        answers.flush()
