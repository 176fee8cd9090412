"""Which files are pictures that are read here, by their first bytes, and the plain names of those that are not.

Bytes decide. An ending only says that a file of a folder is worth taking though its first bytes say nothing.
"""

from collections.abc import Mapping
from pathlib import PurePath

FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF", "HEIF")
"""What is opened. An MPO file opens as the JPEG it begins with."""
ENDINGS = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".jfi", ".pjpeg", ".png", ".gif", ".webp", ".bmp", ".tif", ".tiff"),
    *(".avif", ".heic", ".heif", ".hif"),
)
"""Endings of pictures, the one list for folders, file dialogs and words."""
WORDS = "JPEG, PNG, GIF, WebP, BMP, TIFF, AVIF or HEIC/HEIF"
HEAD = 1024
"""First bytes that tell a format."""

_SAVE = "which cannot be read here; save it as JPEG or PNG"
_FRAME = "which cannot be read here; save a frame of it as JPEG or PNG"
_PAGE = "which cannot be read here; save a page of it as JPEG or PNG"
_DNG_VERSION, _SUBFILE, _SUB_IFDS = 50_706, 254, 330
RAW = f"a raw photo of a camera, {_SAVE}"
_VIDEO = f"a video, {_FRAME}"
_JXL = f"a JPEG XL picture, {_SAVE}"
_J2K = f"a JPEG 2000 picture, {_SAVE}"
_PSD = f"a Photoshop document, {_SAVE}"
_SVG = f"an SVG drawing, {_SAVE}"
_PDF = f"a PDF document, {_PAGE}"
_PS = f"a PostScript document, {_PAGE}"
_ICON = f"an icon, {_SAVE}"

_STARTS = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
)
_FOREIGN_STARTS = (
    (b"\xff\x0a", _JXL),
    (b"\0\0\0\x0cJXL ", _JXL),
    (b"\0\0\0\x0cjP  ", _J2K),
    (b"\xff\x4f\xff\x51", _J2K),
    (b"8BPS", _PSD),
    (b"%PDF-", _PDF),
    (b"%!PS", _PS),
    (b"\0\0\1\0", _ICON),
    (b"FUJIFILMCCD-RAW", RAW),
    (b"IIU\0", RAW),
    (b"IIRO", RAW),
    (b"IIRS", RAW),
    (b"MMOR", RAW),
    (b"\0MRM", RAW),
    (b"FOVb", RAW),
    (b"\x1a\x45\xdf\xa3", _VIDEO),
    (b"\0\0\1\xba", _VIDEO),
    (b"\0\0\1\xb3", _VIDEO),
    (b"FLV\1", _VIDEO),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", _VIDEO),
)
_FOREIGN_ENDINGS = {
    **dict.fromkeys(
        ".cr2 .cr3 .crw .dng .nef .nrw .arw .srf .sr2 .orf .raf .rw2 .raw .pef .x3f .3fr .iiq .kdc".split(), RAW
    ),
    **dict.fromkeys(".mp4 .mov .m4v .avi .mkv .webm .mpg .mpeg .wmv .flv .3gp .mts .m2ts".split(), _VIDEO),
    **dict.fromkeys(".jp2 .j2k .jpf .jpx .jpm".split(), _J2K),
    **dict.fromkeys(".psd .psb".split(), _PSD),
    **dict.fromkeys(".eps .ps .ai".split(), _PS),
    **dict.fromkeys(".svg .svgz".split(), _SVG),
    ".jxl": _JXL,
    ".pdf": _PDF,
    ".ico": _ICON,
}
_HEVC = frozenset((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"))
_AV1 = frozenset((b"avif", b"avis"))
_SHARED = frozenset((b"mif1", b"mif2", b"msf1", b"miaf"))
"""Brands that any picture of the family may begin with: the compatible brands then tell which."""


def kind(head: bytes) -> str:
    """One of FORMATS by the first HEAD bytes of a file, or empty."""
    if format_name := next((name for start, name in _STARTS if head.startswith(start)), ""):
        return "" if format_name == "TIFF" and head[8:10] == b"CR" else format_name
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[:2] == b"BM" and head[14:18] in _BMP_HEADERS:
        return "BMP"
    return _boxed(head)[0]


def foreign(head: bytes, name: str = "") -> str:
    """What a file is that is not read here and what to do, by its first bytes and its name; empty if nobody knows."""
    by_name = _FOREIGN_ENDINGS.get(PurePath(name).suffix.lower(), "")
    format_name = kind(head)
    if format_name:
        return by_name if format_name == "TIFF" and by_name == RAW else ""
    if known := next((what for start, what in _FOREIGN_STARTS if head.startswith(start)), ""):
        return known
    if head[:4] in (b"II*\0", b"MM\0*"):
        return RAW
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return _VIDEO
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith(b"<") and b"<svg" in text:
        return _SVG
    return _boxed(head)[1] or by_name


def is_raw(tags: Mapping[int, object]) -> bool:
    """Whether the tags of a TIFF are those of a raw photo, whose first picture is only a small preview."""
    return bool(tags.get(_DNG_VERSION) or (tags.get(_SUBFILE) == 1 and tags.get(_SUB_IFDS)))


_BMP_HEADERS = frozenset(size.to_bytes(4, "little") for size in (12, 16, 40, 52, 56, 64, 108, 124))


def _boxed(head: bytes) -> tuple[str, str]:
    """(format, what it is if it is not read) of a file that begins with a box of ISO base media."""
    if head[4:8] in (b"moov", b"mdat", b"wide"):
        return "", _VIDEO
    if head[4:8] != b"ftyp":
        return "", ""
    size = int.from_bytes(head[:4], "big")
    major = head[8:12]
    brands = {head[place : place + 4] for place in range(16, min(size, len(head)), 4)} if major in _SHARED else {major}
    if brands & _AV1:
        return "AVIF", ""
    if brands & _HEVC or major in _SHARED:
        return "HEIF", ""
    if major == b"crx ":
        return "", RAW
    return "", _JXL if major == b"jxl " else _J2K if major == b"jp2 " else _VIDEO
