"""Features on disk, and out of it into memory that nobody else can cut or change.

::

    <home>/features/<network>-<pictures>.f32      vectors, float32, one after the other
    <home>/features/<network>-<pictures>.json     their SHA-256, of which items and pictures, what was left out and why

Both parts of a name are digests: of all that changes the features of a picture, and of the list of pictures. The
description seals itself. A dataset that has changed takes over the features of the pictures that it had before.

The bytes whose digest was taken are the bytes that are used: small files are read, large ones copied into a file
without a name. A file that is mapped where it lies would end the process when somebody cuts it.
"""

import hashlib
import os
import tempfile
import time
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import numpy as np

from semsearch.errors import InputError, IntegrityError, StorageError
from semsearch.files import sealed
from semsearch.files.storage import atomic_path, explained, if_free, private_file, remove_leftovers

SMALL = 8_000_000
"""Bytes of vectors up to which they are held in memory; more are mapped, so that the system may drop what rests."""
LARGEST, ROOM = 3_000_000_000, 6_000_000_000
"""Bytes of the features of one dataset under one spec, and of all that are kept."""
_PIECE = 1 << 20


@dataclass(frozen=True, eq=False)
class Stored:
    """The features of the items of a dataset."""

    vectors: np.ndarray
    """(n, d) float32, read-only."""
    items: np.ndarray
    """Item of each row, (n,) int64, rising."""
    left_out: dict[int, str] = field(default_factory=dict)
    """Why other items have none though they could, by id: their file was missing or another."""
    pins: tuple[str, ...] = ()
    """SHA-256 of the picture of each row, hex: by it the features of a picture are found again in other datasets."""


def empty(folder: Path, rows: int, columns: int) -> np.ndarray:
    """An array to fill, (rows, columns) float32; a large one in a file without a name, whose room is taken."""
    size = 4 * rows * columns
    flat = np.empty(rows * columns, np.float32) if size <= SMALL else _without_name(folder, size).view(np.float32)
    return flat.reshape(rows, columns)


def files(base: Path) -> tuple[Path, Path]:
    """Where features are kept: their vectors and their seal."""
    return base.with_suffix(".f32"), base.with_suffix(".json")


def size(base: Path) -> int:
    """Bytes of the vectors that lie on disk; 0 when none do."""
    try:
        return files(base)[0].stat().st_size
    except OSError:
        return 0


def mend(base: Path, stored: Stored) -> None:
    """Write features that were read from there, or written there, again where they are damaged, as far as can be."""
    with suppress(StorageError), if_free(base.with_suffix(".lock")) as free:
        if free and read(base) is None:
            write(base, stored)


def read(base: Path) -> Stored | None:
    """What ``write`` wrote, None when it is missing or damaged; StorageError without room for a copy."""
    file, seal_file = files(base)
    try:
        seal = sealed.read(seal_file, cure="it is computed again")
        with file.open("rb") as source:
            size = os.fstat(source.fileno()).st_size
            data = np.empty(size, np.uint8) if size <= SMALL else _without_name(base.parent, size)
            whole = _filled(data, source) == seal["sha256"] and seal["key"] == base.name
    except (OSError, IntegrityError, KeyError):
        return None
    if not whole:
        return None
    with suppress(OSError):  # a cache that may only be read
        os.utime(file, ns=(time.time_ns(), file.stat().st_mtime_ns))
    items = np.array(seal["items"], np.int64)
    vectors = data.view(np.float32).reshape(len(items), -1)
    vectors.flags.writeable = False
    return Stored(vectors, items, {int(id): reason for id, reason in seal["left_out"].items()}, tuple(seal["pins"]))


def of_others(base: Path, wanted: Collection[str]) -> dict[str, np.ndarray]:
    """Features by picture that the same network made for other lists, from the file that has most of those ``wanted``.

    Empty where none has any.
    """
    network = base.name.rpartition("-")[0]
    shared = {}
    for seal_file in base.parent.glob(f"{network}-*.json"):
        with suppress(OSError, IntegrityError, StorageError, KeyError):
            shared[seal_file] = len(set(wanted).intersection(sealed.read(seal_file, cure="")["pins"]))
    for seal_file in sorted(shared, key=lambda file: -shared[file]):
        if shared[seal_file] and (stored := read(seal_file.with_suffix(""))):
            return dict(zip(stored.pins, stored.vectors, strict=True))
    return {}


def _filled(data: np.ndarray, source: IO[bytes]) -> str:
    """Read a file into an array of its size; the digest of what is in the array then."""
    total, rest = hashlib.sha256(), memoryview(data.data)
    while rest and (count := source.readinto(rest[:_PIECE])):  # type: ignore[attr-defined]
        total.update(rest[:count])
        rest = rest[count:]
    return total.hexdigest()


def _without_name(folder: Path, size: int) -> np.ndarray:
    """Zeros, (size,) uint8, mapped from a file that ends with them; where the folder may only be read, from another."""
    try:
        return _mapped(folder, size)
    except StorageError:
        return _mapped(Path(tempfile.gettempdir()), size)


def _mapped(folder: Path, size: int) -> np.ndarray:
    with private_file(folder, size) as file:
        return np.memmap(file, np.uint8, "r+", shape=(size,))


def write(base: Path, stored: Stored) -> None:
    """Keep features for the next time; StorageError when they cannot be."""
    total = hashlib.sha256()
    step = max(1, _PIECE // (4 * stored.vectors.shape[1]))
    remove_leftovers(base.parent)
    file, seal_file = files(base)
    with atomic_path(file) as temporary, explained(base), temporary.open("wb") as out:
        for start in range(0, len(stored.items), step):
            piece = np.ascontiguousarray(stored.vectors[start : start + step]).data.cast("B")
            total.update(piece)
            out.write(piece)
    left_out = {str(id): reason for id, reason in stored.left_out.items()}
    seal = {"key": base.name, "items": stored.items.tolist(), "left_out": left_out, "sha256": total.hexdigest()}
    seal["pins"] = list(stored.pins)
    sealed.write(seal_file, seal)


def make_room(folder: Path, size: int, what: str) -> None:
    """Delete the features that were used longest ago until ``size`` bytes more are within ROOM."""
    if size > LARGEST:
        limit = f"expected features of at most {LARGEST / 1e9:g} GB"
        raise InputError(f"{what}: {limit}, got {size / 1e9:.1f} GB; pool, or choose a later layer")
    files = []
    for file in folder.glob("*.f32"):
        with suppress(OSError):  # deleted by another process meanwhile
            about = file.stat()
            files.append((about.st_atime_ns, about.st_size, file))
    total = sum(bytes for _, bytes, _ in files)
    for _, bytes, file in sorted(files):
        if total + size <= ROOM:
            return
        total -= bytes
        for part in (file.with_suffix(".json"), file):
            with suppress(OSError):
                part.unlink(missing_ok=True)
