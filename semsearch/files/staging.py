"""Folders that are whole or absent: filled beside their place, put there at once, never lost on the way."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from semsearch.files.storage import explained


def remove(*places: Path) -> None:
    """Delete folders with all that is in them, or files that stand in their place, as far as that can be."""
    for place in places:
        if os.path.isfile(place):
            with suppress(OSError):
                place.unlink()
        shutil.rmtree(place, ignore_errors=True)


@contextmanager
def staged(root: Path) -> Iterator[Path]:
    """Yield an empty folder; on a clean exit it is synced and becomes ``root``, else it is gone.

    The caller holds the lock of ``root``. A kill leaves a hidden folder that the next call removes, or puts back where
    its successor never came.
    """
    stage, old = (root.with_name(f".{root.name}.{word}.tmp") for word in ("new", "old"))
    with explained(root):
        _put_back(old, root)
        remove(stage, old)
        stage.mkdir(parents=True)
    try:
        yield stage
        with explained(root):
            for file in (path for path in stage.rglob("*") if os.path.isfile(path)):
                with file.open("rb") as written:
                    os.fsync(written.fileno())
            if os.path.lexists(root):
                os.replace(root, old)
            try:
                os.replace(stage, root)
            finally:
                _put_back(old, root)
    finally:
        remove(stage, old)


def clear(leftover: Path, root: Path) -> None:
    """Remove what a kill left of ``staged`` or ``scratch``, or put it back where its successor never came.

    The caller holds the lock of ``root``.
    """
    if leftover.name.endswith(".old.tmp"):
        with explained(root):
            _put_back(leftover, root)
    remove(leftover)


def _put_back(old: Path, root: Path) -> None:
    if os.path.isdir(old) and not os.path.lexists(root):
        os.replace(old, root)


def write_staged(path: Path, data: bytes) -> None:
    """Write one file of a stage; StorageError when it cannot be."""
    with explained(path):
        path.write_bytes(data)


@contextmanager
def scratch(folder: Path) -> Iterator[Path]:
    """An empty folder, gone at the end of the block: what a killed holder leaves, the next one clears."""
    remove(folder)
    with explained(folder):
        folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        remove(folder)
