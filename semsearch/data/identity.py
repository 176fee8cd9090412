"""Whether the files of a dataset are the pictures that its list names: read before features, seen again after.

::

    checked = identity.check(dataset)        which items are right, and why each other one is left out
    …features of checked.items…
    moved = checked.changed()                items whose file is no longer what was read: do not keep their features
"""

import errno
import os
import stat
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from semsearch.data.datasets import KNOWN, Dataset
from semsearch.data.sources import THREADS
from semsearch.files.storage import explain, sha256_file

EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)
"""What says nothing about the file: all others would be left out alike."""
Signature = tuple[int, int, int, int]
"""Time of change, bytes and number of a file, and when the system last noted a change of it, which nobody can set."""
TICK = 20_000_000
"""Nanoseconds within which two changes of a file may bear the same time."""


@dataclass(frozen=True)
class Checked:
    """The items of a dataset, sorted by whether their file is the picture that the list names."""

    dataset: Dataset
    items: tuple[int, ...]
    """Ids of those that are right, rising."""
    left_out: dict[int, str]
    """Why each other one is not, in words that hold no path, by id; all of it can be cured."""
    signatures: dict[int, Signature]
    """Of the files of ``items``, taken before they were read."""

    def changed(self) -> dict[int, str]:
        """The reason by id of each of ``items`` whose file is another, or gone, since it was read."""
        return {
            id: f"changed while its features were computed: {_cure(self.dataset)}"
            for id, before in self.signatures.items()
            if _signature(self.dataset.place(id)) != before
        }


def check(dataset: Dataset, ids: Iterable[int] | None = None) -> Checked:
    """Read the file of each of ``ids``, of all items by default, and compare its SHA-256 with the list."""
    checked_ids = range(len(dataset.items)) if ids is None else sorted(set(ids))
    with ThreadPoolExecutor(THREADS) as pool:
        outcomes = dict(zip(checked_ids, pool.map(lambda id: _checked(dataset, id), checked_ids), strict=True))
    left_out = {id: reason for id, reason in outcomes.items() if isinstance(reason, str)}
    signatures = {id: signature for id, signature in outcomes.items() if not isinstance(signature, str)}
    return Checked(dataset, tuple(signatures), left_out, signatures)


def _checked(dataset: Dataset, id: int) -> Signature | str:
    """The signature of the file of one item, or why it is left out."""
    item, cure = dataset.items[id], _cure(dataset)
    path = dataset.place(id)
    try:
        if not (before := _settled(path)):
            return f"is not on this machine: {cure}"
        if sha256_file(path) != item.sha256:
            return f"changed since the dataset was added: {cure}"
    except OSError as error:
        if error.errno in EXHAUSTED:
            raise explain(error, path) from error
        return f"cannot be read ({error.strerror or type(error).__name__}): {cure}"
    return before


def _settled(path: Path) -> Signature | None:
    """The signature of a file whose last change is so long ago that the next one will bear another time."""
    signature = _signature(path)
    if signature and abs(time.time_ns() - signature[-1]) < TICK:
        time.sleep(TICK / 1e9)
        return _signature(path)
    return signature


def _signature(path: Path) -> Signature | None:
    """None where there is no file; a pipe or a folder is none."""
    try:
        about = os.stat(path)
    except OSError:
        return None
    if not stat.S_ISREG(about.st_mode):
        return None
    return about.st_mtime_ns, about.st_size, about.st_ino, about.st_ctime_ns


def _cure(dataset: Dataset) -> str:
    if dataset.name in KNOWN:
        return f"run `semsearch datasets fetch {dataset.name}`"
    return f"run `semsearch datasets add {dataset.name} --from FOLDER`"
