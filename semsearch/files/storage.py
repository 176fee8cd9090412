"""Files that are whole or absent: atomic writes, room made sure of, locks between processes, digests.

What the operating system refuses becomes a StorageError here, see ``explain``.
"""

import errno
import fcntl
import fnmatch
import glob
import hashlib
import os
import re
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
_RIGHT = "give this user the right to it"
_FORBIDDEN = {errno.EACCES: _RIGHT, errno.EPERM: _RIGHT, errno.EROFS: "make it writable"}
_OF_MACHINE = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO, errno.ESTALE)
"""No fault of the file that was asked for."""
_TEMPORARY = re.compile(r"\.(.+)\.[0-9]+\.[0-9a-f]{8}\.tmp(\..*)?")
"""Names that ``atomic_path`` gives; messages name the file that they will become."""
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
    if temporary := _TEMPORARY.fullmatch(Path(place).name):
        place = str(Path(place).with_name(temporary[1] + (temporary[2] or "")))
    storage_error = StorageError(f"cannot use {place or 'a file'}: {reason}; {_cure(error.errno, place)}")
    storage_error.__cause__ = error
    return storage_error


def _cure(code: int | None, place: str) -> str:
    if code in (errno.EMFILE, errno.ENFILE):
        return "raise the limit with `ulimit -n 4096`, and try again"
    if code in (errno.EIO, errno.ESTALE):
        return "check that disk or share, and try again"
    if code == errno.ENOMEM:
        return "close other programs, and try again"
    if code not in (*_FULL, *_FORBIDDEN, errno.ENOTDIR, errno.ENOENT, errno.ENAMETOOLONG):
        return "try again"
    first = "free some space" if code in _FULL else _FORBIDDEN.get(code or 0, "check that path")
    here = settings()
    owner = next((name for name, folder in _owners(here.home, here.precomputed) if _lies_in(place, folder)), "")
    where = "a folder on another disk" if code in _FULL else "a folder that can be written"
    return f"{first}, or set {owner} to {where}" if owner else f"{first}, and try again"


def _owners(home: Path, precomputed: Path) -> list[tuple[str, Path]]:
    """The variable that moves each place, the inner place first."""
    owners = [("SEMSEARCH_HOME", home), ("SEMSEARCH_PRECOMPUTED", precomputed)]
    return sorted(owners, key=lambda pair: -len(pair[1].parts))


def _lies_in(place: str, folder: Path) -> bool:
    """Whether a path is in a folder, or is a parent of it that could not be made."""
    return bool(place) and (Path(place).is_relative_to(folder) or folder.is_relative_to(place))


def of_machine(error: BaseException | None) -> OSError | None:
    """The failure of the machine behind an error: too many files open, no memory, a faulty disk; None for others."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _OF_MACHINE:
            return error
        error = error.__cause__ or error.__context__
    return None


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
    wrong = next((place for place in between if os.path.isfile(place)), path if os.path.isdir(path) else None)
    if wrong:
        with explained(wrong), suppress(FileNotFoundError):
            os.replace(wrong, wrong.with_name(f".{wrong.name[:100]}.{secrets.token_hex(4)}.aside"))


def is_here(path: Path) -> bool:
    """Whether a file is there, as far as this user may see."""
    return os.path.isfile(path)


def read_here(path: Path) -> bytes | None:
    """The bytes of a file, None where there is none; StorageError when it is there and cannot be read.

    A folder of that name is no file.
    """
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None
    except OSError as error:
        raise explain(error, path) from error


def check_readable(path: Path) -> None:
    """StorageError when a file cannot be read: for libraries to which that looks like damage."""
    with explained(path), path.open("rb"):
        pass


def matching(folder: Path, pattern: str) -> list[Path]:
    """What of a folder fits a pattern, in order; StorageError where it is there and may not be looked into."""
    try:
        return [folder / name for name in sorted(fnmatch.filter(os.listdir(folder), pattern))]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise explain(error, folder) from error


def trouble(folder: Path) -> str:
    """Why nothing can be written to a folder, which need not be there yet; empty when something can be."""
    place = folder
    while not os.path.lexists(place) and place != place.parent:
        place = place.parent
    try:
        with tempfile.TemporaryFile(dir=place) as file:
            file.write(bytes(4096))
            file.flush()
    except OSError as error:
        return _REASONS.get(error.errno or 0) or error.strerror or type(error).__name__
    return ""


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary name beside ``path``; on a clean exit it is synced and becomes ``path``, else it is gone.

    The temporary is there, empty, and keeps the suffix of ``path``, for writers that look at it. A kill leaves only the
    temporary, which ``remove_leftovers`` knows by its lock, that dies with its writer.
    StorageError when the folder cannot be made or the file cannot be put in its place.
    """
    clear_way(path, settings().home)
    temporary = path.with_name(f".{path.stem[:100]}.{os.getpid()}.{secrets.token_hex(4)}.tmp{path.suffix}")
    with lock(temporary):
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


def remove_leftovers(folder: Path, stem: str = "") -> None:
    """Delete what killed writers left in a folder, or under one name in it, as far as that can be.

    What is being written stays.
    """
    for temporary in matching(folder, f".{glob.escape(stem[:100])}.*.tmp*" if stem else ".*.tmp*"):
        if _TEMPORARY.fullmatch(temporary.name) and not os.path.isdir(temporary):
            with suppress(StorageError), if_free(temporary) as free:
                if free:
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


@contextmanager
def if_free(path: Path) -> Iterator[bool]:
    """Hold the lock named by ``path`` if nobody does, or say that somebody does."""
    with explained(path), path.open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield _is_at(handle, path)


def _is_at(handle: IO[str], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle.fileno()), path.stat())
    except OSError:
        return False


def check_room(folder: Path, size: int, what: str) -> None:
    """StorageError unless ``size`` bytes, and some more, are free on the disk that holds, or will hold, ``folder``."""
    place = folder
    while not os.path.isdir(place) and place != place.parent:
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
