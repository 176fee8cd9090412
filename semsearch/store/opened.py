"""What a running process has open of files that others may change: the stored results and the lists of datasets.

Each is read again when its file changed. While a file is damaged or gone, the last good one goes on serving, and
``troubles`` says so.
"""

import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Generic, TypeVar

from semsearch.data import datasets
from semsearch.data.datasets import Dataset
from semsearch.errors import IntegrityError, PicturesUnavailable, StorageError, UnknownName
from semsearch.settings import settings
from semsearch.store.store import Store

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


def results() -> Store:
    """The stored results; IntegrityError when there are none and never were."""
    root = settings().precomputed
    return _stores().get(root, _stamp(root / "manifest.json"))


def dataset(name: str) -> Dataset:
    """The dataset of that name; raises as ``datasets.load``, and PicturesUnavailable when its list was taken away."""
    home = settings().datasets / name
    try:
        return _datasets().get((home, name), _stamp(home / "card.json"))
    except UnknownName:
        if not _datasets().knows((home, name)):
            raise
        cure = f"run `semsearch datasets add {name} --from FOLDER`"
        raise PicturesUnavailable(f"{name}: the list of its pictures was taken away; {cure}") from None


def troubles() -> tuple[str, ...]:
    """What is wrong with files of which the last good state serves, in words that hold no path."""
    return tuple(
        [f"the list of stored results {trouble}" for _, trouble in _stores().troubles()]
        + [f"the list of dataset {name} {trouble}" for (_, name), trouble in _datasets().troubles()]
    )


@dataclass(frozen=True)
class _Entry(Generic[Value]):
    stamp: tuple[int, ...]
    value: Value
    trouble: str = ""


class _LastGood(Generic[Key, Value]):
    """Values made of files, by key; ``make`` gets the value before, to give it back when nothing has changed."""

    def __init__(self, make: Callable[[Key, Value | None], Value], keep: int) -> None:
        self._make, self._keep = make, keep
        self._lock, self._entries = threading.RLock(), dict[Key, _Entry[Value]]()

    def get(self, key: Key, stamp: tuple[int, ...]) -> Value:
        with self._lock:
            before = self._entries.get(key)
            if before and before.stamp == stamp:
                return before.value
            try:
                entry = _Entry(stamp, self._make(key, before.value if before else None))
            except (IntegrityError, StorageError):
                if not before:
                    raise
                entry = _Entry(stamp, before.value, "is damaged or missing; the last good one serves")
            self._entries.pop(key, None)
            self._entries[key] = entry
            while len(self._entries) > self._keep:
                del self._entries[next(iter(self._entries))]
            return entry.value

    def knows(self, key: Key) -> bool:
        return key in self._entries

    def troubles(self) -> list[tuple[Key, str]]:
        with self._lock:
            return [(key, entry.trouble) for key, entry in self._entries.items() if entry.trouble]


@cache
def _stores() -> _LastGood[Path, Store]:
    def make(root: Path, before: Store | None) -> Store:
        store = Store(root)
        return before if before and before.digest == store.digest else store

    return _LastGood(make, 2)


@cache
def _datasets() -> _LastGood[tuple[Path, str], Dataset]:
    def make(key: tuple[Path, str], before: Dataset | None) -> Dataset:
        loaded = datasets.load(key[1])
        return before if before == loaded else loaded

    return _LastGood(make, 32)


def _stamp(path: Path) -> tuple[int, ...]:
    """What changes with a file; empty where it cannot be looked at."""
    try:
        about = path.stat()
    except (OSError, ValueError):
        return ()
    return about.st_mtime_ns, about.st_size, about.st_ino, about.st_ctime_ns
