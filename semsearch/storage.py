"""Files that are whole or absent: atomic writes, room made sure of, locks between processes, digests.

What the operating system refuses becomes a StorageError here, see ``explain``.
"""

import errno
import fcntl
import glob
import hashlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from semsearch.errors import StorageError
from semsearch.settings import settings

MARGIN = 64_000_000
"""Bytes that stay free beside what is asked for: logs and other programs need room too."""
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)
FAULTS_OF_THE_MACHINE = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)
"""What says nothing about the file that was asked for: the next one would fail alike."""
_REASONS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota of this user is used up",
    errno.EFBIG: "the file would be larger than this system allows",
    errno.EACCES: "this user may not do that there",
    errno.EPERM: "this user may not do that there",
    errno.EROFS: "that disk is read-only",
    errno.EIO: "the disk reports a fault",
    errno.EMFILE: "this process has as many files open as it may",
    errno.ENFILE: "the machine has as many files open as it may",
    errno.ENOENT: "it is not there",
    errno.ENOTDIR: "a part of that path is a file and no folder",
    errno.ENAMETOOLONG: "that name is too long for this disk",
    errno.ELOOP: "its links lead round in a circle",
    errno.ESTALE: "the network share it was on has changed",
    errno.ENOMEM: "the machine is short of memory",
}


def explain(error: OSError, path: Path | str | None = None) -> StorageError:
    """The error of our tree for what the operating system refused: path, reason and cure in one sentence.

    ``path`` is named where the error itself names none.
    """
    place = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else str(path or "")
    reason = _REASONS.get(error.errno or 0) or error.strerror or str(error) or type(error).__name__
    found = StorageError(f"cannot use {place or 'a file'}: {reason}; {_cure(error.errno, place)}")
    found.__cause__ = error
    return found


def _cure(code: int | None, place: str) -> str:
    if code in (errno.EMFILE, errno.ENFILE):
        return "raise the limit with `ulimit -n 4096`, and try again"
    if code in (errno.EIO, errno.ESTALE):
        return "check that disk or share, and try again"
    if code == errno.ENOMEM:
        return "close other programs, and try again"
    if code not in _FULL + _FORBIDDEN + (errno.ENOTDIR, errno.ENOENT, errno.ENAMETOOLONG):
        return "try again"
    first = "free some space" if code in _FULL else "make it writable" if code in _FORBIDDEN else "check that path"
    here = settings()
    owner = next((name for name, folder in _owners(here.home, here.precomputed) if _lies_in(place, folder)), "")
    return f"{first}, or set {owner} to a folder on another disk" if owner else f"{first}, and try again"


def _owners(home: Path, precomputed: Path) -> list[tuple[str, Path]]:
    """The variable that moves each place, the inner place first."""
    owners = [("SEMSEARCH_HOME", home), ("SEMSEARCH_PRECOMPUTED", precomputed)]
    return sorted(owners, key=lambda pair: -len(pair[1].parts))


def _lies_in(place: str, folder: Path) -> bool:
    """Whether a path is in a folder, or is a parent of it that could not be made."""
    return bool(place) and (Path(place).is_relative_to(folder) or folder.is_relative_to(place))


@contextmanager
def explained(path: Path | str) -> Iterator[None]:
    """Raise what the operating system refuses in the block as StorageError; ``path`` may be what stands for one."""
    try:
        yield
    except OSError as error:
        raise explain(error, path) from error


def clear_way(path: Path, root: Path) -> None:
    """Move aside what stands below ``root`` where ``path`` needs a folder and is a file, or the other way round."""
    if path == root or not path.is_relative_to(root):
        return
    between = [place for place in reversed(path.parents) if place != root and place.is_relative_to(root)]
    wrong = next((place for place in between if place.is_file()), path if path.is_dir() else None)
    if wrong:
        with explained(wrong), suppress(FileNotFoundError):
            os.replace(wrong, wrong.with_name(f".{wrong.name[:100]}.{secrets.token_hex(4)}.aside"))


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary name beside ``path``; on a clean exit it is synced and becomes ``path``, else it is gone.

    The temporary keeps the suffix of ``path``, for writers that look at it. A kill leaves only the temporary.
    StorageError when the folder cannot be made or the file cannot be put in its place.
    """
    clear_way(path, settings().home)
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem[:100]}.{os.getpid()}.{secrets.token_hex(4)}.tmp{path.suffix}")
    try:
        yield temporary
        with explained(path):
            with temporary.open("rb") as written:
                os.fsync(written.fileno())
            os.replace(temporary, path)
            sync_folder(path.parent)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes) -> None:
    """Write a whole file, atomically; StorageError when it cannot be."""
    with atomic_path(path) as temporary, explained(path):
        temporary.write_bytes(data)


def remove(*places: Path) -> None:
    """Delete folders with all that is in them, or files that stand in their place, as far as that can be."""
    for place in places:
        if place.is_file():
            with suppress(OSError):
                place.unlink()
        shutil.rmtree(place, ignore_errors=True)


def remove_leftovers(folder: Path, stem: str = "") -> None:
    """Delete what killed writers left in a folder, or under one name in it, to which nobody else writes now."""
    for temporary in folder.glob(f".{glob.escape(stem[:100])}.*.tmp*" if stem else ".*.tmp.*"):
        temporary.unlink(missing_ok=True)


@contextmanager
def lock(path: Path) -> Iterator[None]:
    """Hold an exclusive lock named by ``path`` between processes; released when the holder dies.

    Who waited at a file that was deleted meanwhile goes on to the one that stands there now.
    """
    clear_way(path, settings().home)
    while True:
        with explained(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            handle = path.open("a")
        with handle:
            with explained(path):
                fcntl.flock(handle, fcntl.LOCK_EX)
            if not _is_at(handle, path):
                continue
            yield
            return


def _is_at(handle: IO[str], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle.fileno()), path.stat())
    except OSError:
        return False


def check_room(folder: Path, size: int, what: str) -> None:
    """StorageError unless ``size`` bytes, and some more, are free on the disk that holds, or will hold, ``folder``."""
    place = folder
    while not place.is_dir() and place != place.parent:
        place = place.parent
    with explained(folder):
        free = shutil.disk_usage(place).free
    if free < size + MARGIN:
        wanted, got = (f"{value / 1e9:.2g} GB" for value in (size + MARGIN, free))
        cure = _cure(errno.ENOSPC, str(folder))
        raise StorageError(f"{what}: expected {wanted} free on the disk of {folder}, got {got}; {cure}")


@contextmanager
def private_file(folder: Path, size: int) -> Iterator[IO[bytes]]:
    """A file of ``size`` bytes that has no name, whose room is taken and not only promised; gone when it is closed.

    Nobody else can cut or change it, so mapping it into memory is safe. StorageError when there is no room.
    """
    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        file = tempfile.TemporaryFile(dir=folder)
    with file:
        if size:
            with explained(folder):
                os.posix_fallocate(file.fileno(), 0, size)
        yield file


def sha256_file(path: Path) -> str:
    """Hex SHA-256 of a file, read in pieces."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def sync_folder(folder: Path) -> None:
    """Have the names in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
