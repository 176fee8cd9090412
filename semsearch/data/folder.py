"""A folder of pictures as people have them: which are taken, under which class, and what is left out and why.

Each sub-folder is a class; pictures nested deeper belong to it. Nothing is decoded: the first bytes of a file tell
whether it is a picture. Links to folders are not followed, and nothing but regular files is ever opened.
"""

import errno
import hashlib
import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePath
from types import MappingProxyType

from semsearch import names
from semsearch.data import sources
from semsearch.files.storage import is_here
from semsearch.images import formats, pixels
from semsearch.settings import ROOT, settings

HIDDEN = "hidden: its name begins with a dot"
APPLE = "kept by macOS beside the real file"
SYSTEM = "kept by the system or the storage for itself"
OWN = "kept by semsearch itself"
LINK_TO_FOLDER = "a link to a folder: such links are not followed"
LINK_OUT = "a link that leads out of the folder"
LINK_NOWHERE = "a link that leads nowhere"
LINK_LOOP = "a link that leads to itself"
EMPTY = "an empty file"
LARGE = f"larger than {pixels.MAX_BYTES // 1_000_000} MB"
NO_PICTURE = "not a picture"
LOOSE = "a picture beside the class folders: move it into one"
NO_CLASS = "a folder without pictures that can be taken"
DEEP = "its path is longer than the system allows"
CANNOT = "cannot be"
"""How the reason begins where the machine does not let a file or folder be read."""
NAMED = 3
"""Files that a summary names per reason."""

_SYSTEM_FOLDERS = frozenset(
    name.casefold()
    for name in (
        *("@eaDir", "#recycle", "#snapshot", "@Recycle", "@Recently-Snapshot", "@tmp", "@SynoResource"),
        *("$RECYCLE.BIN", "RECYCLER", "System Volume Information", "__MACOSX", "lost+found"),
        *(".git", ".thumbnails", ".stversions", ".stfolder", ".Trash", ".Trashes", ".Spotlight-V100", ".fseventsd"),
    )
)
_SYSTEM_FILES = frozenset(("thumbs.db", "ehthumbs.db", "desktop.ini", ".ds_store", "icon\r"))
_SPECIAL = {
    stat.S_IFIFO: "not a file but a pipe",
    stat.S_IFSOCK: "not a file but a socket",
    stat.S_IFCHR: "not a file but a device",
    stat.S_IFBLK: "not a file but a device",
}

LeftOut = tuple[str, str]
"""A file or folder as printable text, and in plain words why it is left out."""


@dataclass(frozen=True)
class Scan:
    """What a folder holds."""

    pictures: tuple[tuple[str, str, str], ...]
    """(title of the class, file, SHA-256): classes and their files in natural order (2 before 10, case ignored)."""
    left_out: tuple[LeftOut, ...]
    """In natural order."""
    stamps: Mapping[str, str]
    """By file, what changes with it: size, time of change, time of any change of it."""
    unread: tuple[str, ...]
    """Files and folders of which nothing is known, for they could not be read: paths below the folder."""


def scan(folder: Path, known: Mapping[str, tuple[str, str]] = MappingProxyType({})) -> Scan:
    """Look through a folder; one that holds only loose pictures is one class, named after the folder.

    Class folders whose names look the same are one class: composed and decomposed accents, spaces at the ends.
    ``known`` are stamps and digests by file: a picture whose stamp is as it was is not read.
    """
    listed = list(_listed(folder))
    left = [(file, reason) for file, reason, _ in listed if reason]
    candidates = [file for file, reason, is_folder in listed if not reason and not is_folder]
    with ThreadPoolExecutor(sources.THREADS) as pool:
        looked = list(pool.map(lambda file: _look(os.path.join(folder, file), known.get(file)), candidates))
    left += [(file, reason) for file, (_, reason, _) in zip(candidates, looked, strict=True) if reason]
    taken = [(file, digest) for file, (digest, reason, _) in zip(candidates, looked, strict=True) if not reason]
    stamps = {file: stamp for file, (_, reason, stamp) in zip(candidates, looked, strict=True) if not reason}
    unread = tuple(file for file, reason in left if reason.startswith(CANNOT))
    inside = [(file, digest) for file, digest in taken if "/" in file]
    if inside:
        left += [(file, LOOSE) for file, _ in taken if "/" not in file]
    full = {file.split("/")[0] for file, _ in inside}
    left += [(file, NO_CLASS) for file, reason, is_folder in listed if is_folder and not reason and file not in full]
    alone = names.title(folder.name or "pictures")
    rows = [(names.title(file.split("/")[0]) if inside else alone, file, digest) for file, digest in inside or taken]
    rows.sort(key=lambda row: (natural(row[0]), natural(row[1])))
    readable = tuple((names.printable(file), why) for file, why in sorted(left, key=_by_file))
    return Scan(tuple(rows), readable, stamps, unread)


def summary(left_out: Sequence[LeftOut]) -> list[str]:
    """Lines that count what was left out by its reason, most first, each with the first names; none for nothing."""
    files: dict[str, list[str]] = {}
    for file, reason in left_out:
        files.setdefault(reason, []).append(file)
    lines = [f"left out: {counted(len(left_out), 'file or folder', several='files and folders')}; --json names all"]
    for reason, same_reason in sorted(files.items(), key=lambda pair: -len(pair[1])):
        more = f" and {len(same_reason) - NAMED:,} more" if len(same_reason) > NAMED else ""
        lines.append(f"  {len(same_reason):,}, {reason}: {', '.join(same_reason[:NAMED])}{more}")
    return lines if left_out else []


def counted(number: int, one: str, ending: str = "s", *, several: str = "") -> str:
    """A number of things in words: 1 class, 2 classes."""
    return f"{number:,} {one if number == 1 else several or one + ending}"


def _listed(folder: Path) -> Iterator[tuple[str, str, bool]]:
    """(path below the folder, why it is left out or nothing, whether it may be a class) of all that is listed."""
    own = _own_places()
    waiting = [""]
    while waiting:
        below = waiting.pop()
        try:
            with os.scandir(os.path.join(folder, below)) as entries:
                inside = list(entries)
        except OSError as error:
            yield below or ".", _cannot("opened", error), False
            continue
        if below and "/" not in below:
            yield below, "", True
        for entry in inside:
            file = f"{below}/{entry.name}" if below else entry.name
            reason, is_folder = _judged(entry, folder, own)
            if is_folder and not reason:
                waiting.append(file)
            else:
                yield file, reason, False


def _own_places() -> frozenset[str]:
    """Folders that semsearch writes to."""
    now = settings()
    below = ("datasets", "engines", "features", "weights")
    places = [now.home, *(now.home / name for name in below), now.precomputed, ROOT / "static" / "pictures"]
    return frozenset(map(str, places))


def _judged(entry: "os.DirEntry[str]", folder: Path, own: frozenset[str]) -> tuple[str, bool]:
    """(why it is left out or nothing, whether it is a folder), without opening it."""
    try:
        if entry.is_symlink():
            return _linked(entry.path, folder), False
        mode = entry.stat(follow_symlinks=False).st_mode
    except OSError as error:
        return _cannot("read", error), False
    is_folder = stat.S_ISDIR(mode)
    if reason := reserved(entry.name, is_folder=is_folder):
        return reason, is_folder
    if is_folder and entry.path in own:
        return OWN, is_folder
    return _SPECIAL.get(stat.S_IFMT(mode), ""), is_folder


def reserved(name: str, *, is_folder: bool) -> str:
    """Why nothing of that name is ever taken, wherever it lies; empty for any other name."""
    plain = name.casefold()
    if plain in (_SYSTEM_FOLDERS if is_folder else _SYSTEM_FILES):
        return SYSTEM
    if plain.startswith("._"):
        return APPLE
    return HIDDEN if plain.startswith(".") else ""


def _linked(path: str, folder: Path) -> str:
    """Why a link is left out; nothing for one to a regular file inside the folder."""
    if os.path.basename(path).startswith("."):
        return HIDDEN
    try:
        real = Path(os.path.realpath(path, strict=True))
        mode = real.stat().st_mode
    except OSError as error:
        return LINK_LOOP if error.errno == errno.ELOOP else LINK_NOWHERE if _is_gone(error) else _cannot("read", error)
    if stat.S_ISDIR(mode):
        return LINK_TO_FOLDER
    if not real.is_relative_to(folder):
        return LINK_OUT
    return _SPECIAL.get(stat.S_IFMT(mode), "")


def _look(path: str, known: tuple[str, str] | None) -> tuple[str, str, str]:
    """(SHA-256, why it is left out, stamp) of a file: one of the first two is empty."""
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as handle:
            about = os.fstat(handle.fileno())
            stamp = f"{about.st_size} {about.st_mtime_ns} {about.st_ctime_ns}"
            if known and known[0] == stamp:
                return known[1], "", stamp
            if reason := _SPECIAL.get(stat.S_IFMT(about.st_mode), ""):
                return "", reason, stamp
            if reason := _no_picture(handle.read(formats.HEAD), PurePath(path).name, about.st_size):
                return "", reason, stamp
            handle.seek(0)
            return hashlib.file_digest(handle, "sha256").hexdigest(), "", stamp
    except OSError as error:
        return "", _cannot("read", error), ""


def _no_picture(head: bytes, name: str, size: int) -> str:
    """Why a file is left out, by its first bytes; where they say nothing, an ending of pictures lets it in."""
    if not head:
        return EMPTY
    if reason := formats.foreign(head, name):
        return reason
    if not formats.kind(head) and PurePath(name).suffix.lower() not in formats.ENDINGS:
        return NO_PICTURE
    return LARGE if size > pixels.MAX_BYTES else ""


def _cannot(done: str, error: OSError) -> str:
    return DEEP if error.errno == errno.ENAMETOOLONG else f"{CANNOT} {done}: {error.strerror or error}"


def _is_gone(error: OSError) -> bool:
    return error.errno in (errno.ENOENT, errno.ENOTDIR)


def _by_file(left: LeftOut) -> str:
    return natural(left[0])


_DIGITS = re.compile(r"[0-9]+")


def natural(file: str) -> str:
    """Sort key: per folder, digits as numbers and case ignored; then the exact name, so that no two are equal.

    One string, for lists of ten thousands of files are sorted at each change: a number is written behind how many
    digits it has, between marks that sort before all that names hold.
    """
    return "\0".join([f"{_DIGITS.sub(_number, part.casefold())}\0{part}" for part in file.split("/")])


def _number(found: re.Match[str]) -> str:
    digits = found[0].lstrip("0")
    return f"\1{len(digits):04}{digits}\1"


def all_here(root: Path, files: Iterable[str]) -> bool:
    """Whether all files are there, given below ``root``: each folder is listed once, for there may be thousands."""
    listed: dict[str, set[str]] = {}
    for file in files:
        folder, _, name = file.rpartition("/")
        if folder not in listed:
            listed[folder] = _names(root / folder)
        if name not in listed[folder] and not is_here(root / file):
            return False
    return True


def _names(folder: Path) -> set[str]:
    """Of the files of a folder, none where it cannot be listed."""
    try:
        with os.scandir(folder) as entries:
            return {entry.name for entry in entries if entry.is_file()}
    except OSError:
        return set()
