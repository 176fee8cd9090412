"""Pictures of a dataset as its list names them: the bytes that are used are the bytes whose digest was compared.

::

    picture = identity.pinned(dataset, id)      its file is not looked at yet; goes through pipes
    data = picture.read()                       or why it is left out
"""

import hashlib
import os
import stat
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from errno import EMFILE, ENFILE, ENOMEM
from pathlib import Path

from semsearch.data.datasets import KNOWN, Dataset
from semsearch.data.sources import THREADS
from semsearch.errors import ImageRefused, PicturesUnavailable
from semsearch.files.storage import explain
from semsearch.images.pixels import MAX_BYTES, too_large

EXHAUSTED = (EMFILE, ENFILE, ENOMEM)
"""What says nothing about the file: all others would be left out alike."""


@dataclass(frozen=True)
class Pinned:
    """The file of an item, and what must be in it."""

    path: Path
    sha256: str
    """Hex."""
    cure: str
    """What to do when it is another."""

    def read(self) -> bytes:
        """The bytes of the picture.

        Raises:
            PicturesUnavailable: the file is gone, cannot be read or is another; in words that hold no path.
            ImageRefused: it is larger than any picture may be.
            StorageError: this machine lets no file be read.
        """
        try:
            data = _bytes(self.path)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            raise PicturesUnavailable(f"is not on this machine: {self.cure}") from error
        except OSError as error:
            if error.errno in EXHAUSTED:
                raise explain(error, self.path) from error
            reason = error.strerror or type(error).__name__
            raise PicturesUnavailable(f"cannot be read ({reason}): {self.cure}") from error
        if hashlib.sha256(data).hexdigest() != self.sha256:
            raise PicturesUnavailable(f"changed since the dataset was added: {self.cure}")
        return data


def pinned(dataset: Dataset, id: int) -> Pinned:
    """One item, to be read."""
    again = f"fetch {dataset.name}" if dataset.name in KNOWN else f"add {dataset.name} --from FOLDER"
    return Pinned(dataset.place(id), dataset.items[id].sha256, f"run `semsearch datasets {again}`")


def left_out(dataset: Dataset, ids: Iterable[int]) -> dict[int, str]:
    """Read the files of ``ids``; by id, why each is left out that is not the picture that the list names."""

    def reason(id: int) -> str:
        try:
            pinned(dataset, id).read()
        except PicturesUnavailable as error:
            return str(error)
        except ImageRefused:
            return ""
        return ""

    chosen = sorted(set(ids))
    with ThreadPoolExecutor(THREADS) as pool:
        return {id: why for id, why in zip(chosen, pool.map(reason, chosen), strict=True) if why}


def _bytes(path: Path) -> bytes:
    """All that is in a file; IsADirectoryError for whatever is none, such as a pipe to which nobody writes."""
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        about = os.fstat(file.fileno())
        if not stat.S_ISREG(about.st_mode):
            raise IsADirectoryError(path)
        if about.st_size > MAX_BYTES:
            raise too_large(f"{about.st_size:,} bytes")
        return file.read(MAX_BYTES + 1)
