"""Small copies of a dataset's pictures, written once and served as files, so that browsers keep them.

Where no file can be written, in a checkout that is read-only, a picture that is asked for travels with the page.
"""

import base64
import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote

from semsearch import images
from semsearch.data import datasets, identity
from semsearch.data.datasets import Dataset, Item
from semsearch.errors import ImageRefused, PicturesUnavailable, SemsearchError, StorageError
from semsearch.files.storage import clear_way, remove_leftovers, trouble, write_bytes

FOLDER = Path(__file__).resolve().parents[2] / "static" / "pictures"
"""Beside app.py, where Streamlit serves ``static/`` as ``app/static/``; rebuilt when missing or damaged."""
LARGEST = 12_000
"""Bytes of a thumbnail."""


SIDE = 256
"""Pixels of the longer side."""


def unpack(dataset: str) -> None:
    """Unpack the photos of a dataset that ships them packed, before the first visitor asks for them."""
    with suppress(SemsearchError):  # the page says why they are not there
        datasets.load(dataset)


def name(item: Item) -> str:
    """File name of an item's thumbnail: equal pictures share one."""
    return f"{item.sha256[:16]}.jpg"


class _Carried(Mapping[int, str]):
    """The addresses that are files, and for any other item its picture as data; only the files are counted."""

    def __init__(self, dataset: Dataset, files: Mapping[int, str]) -> None:
        self._dataset, self._files = dataset, files

    def __getitem__(self, item: int) -> str:
        try:
            return self._files.get(item) or _data(identity.pinned(self._dataset, item))
        except SemsearchError as error:
            raise KeyError(item) from error

    def __iter__(self) -> Iterator[int]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


@lru_cache(1_000)
def _data(picture: identity.Pinned) -> str:
    small = images.thumbnail(images.load_small(picture.read(), SIDE))
    return "data:image/jpeg;base64," + base64.b64encode(small).decode("ascii")


def addresses(dataset: Dataset) -> Mapping[int, str]:
    """Address of the thumbnail of each item that has one, relative to the app."""
    base = f"app/static/pictures/{quote(dataset.name, safe='')}"
    here = _here(dataset)
    files = {item.id: f"{base}/{name(item)}" for item in dataset.items if name(item) in here}
    return _Carried(dataset, files) if trouble(FOLDER) else files


def ensure_thumbnails(dataset: Dataset, items: Iterable[int] | None = None) -> None:
    """Write the missing and the damaged thumbnails of ``items``, of all by default; each is whole or absent.

    A picture that is not here, cannot be read or is another than the dataset's is left without one, and so are all
    where none can be written.
    """
    here = _here(dataset)
    for id in range(len(dataset.items)) if items is None else items:
        file = name(dataset.items[id])
        if file in here:
            continue
        try:
            picture = identity.pinned(dataset, id).read()
            limit = LARGEST - len(_seal("", b""))
            data = images.thumbnail(images.load_small(picture, SIDE), side=SIDE, limit=limit)
            clear_way(FOLDER / dataset.name / file, FOLDER)
            remove_leftovers(FOLDER / dataset.name, Path(file).stem)
            write_bytes(FOLDER / dataset.name / file, data + _seal(file, data))
        except (ImageRefused, PicturesUnavailable, OSError):
            continue
        except StorageError:
            return


def _here(dataset: Dataset) -> set[str]:
    """Names of the whole thumbnails of a dataset."""
    try:
        with os.scandir(FOLDER / dataset.name) as entries:
            return {file.name for file in entries if file.name.endswith(".jpg") and _is_whole(file)}
    except OSError:
        return set()


def _is_whole(file: os.DirEntry[str]) -> bool:
    try:
        about = file.stat()
    except OSError:  # deleted a moment ago
        return False
    return _proved(file.path, file.name, (about.st_mtime_ns, about.st_size, about.st_ino, about.st_ctime_ns))


@lru_cache(50_000)
def _proved(path: str, file: str, _signature: tuple[int, ...]) -> bool:
    """Whether a thumbnail bears its seal; looked at again when the file changes, which nobody can hide."""
    try:
        data = Path(path).read_bytes()
    except OSError:
        return False
    size = len(data) - len(_seal("", b""))
    return size > 0 and data[size:] == _seal(file, data[:size])


def _seal(file: str, data: bytes) -> bytes:
    """What stands behind the end of a thumbnail, where no reader of JPEG looks: whose it is, and that it is whole."""
    return hashlib.sha256(file.encode() + data).digest()
