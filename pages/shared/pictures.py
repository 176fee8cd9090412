"""Small copies of a dataset's pictures, written once and served as files, so that browsers keep them.

Where no file can be written, in a checkout that is read-only, a picture that is asked for travels with the page.
"""

import base64
import os
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote

from semsearch import images
from semsearch.datasets import Dataset, Item
from semsearch.errors import ImageRefused, PicturesUnavailable, SemsearchError, StorageError
from semsearch.storage import trouble, write_bytes

FOLDER = Path(__file__).resolve().parents[2] / "static" / "pictures"
"""Beside app.py, where Streamlit serves ``static/`` as ``app/static/``; rebuilt when missing."""


def name(item: Item) -> str:
    """File name of an item's thumbnail: equal pictures share one."""
    return f"{item.sha256[:16]}.jpg"


class _Carried(Mapping[int, str]):
    """The addresses that are files, and for any other item its picture as data; only the files are counted."""

    def __init__(self, dataset: Dataset, files: Mapping[int, str]) -> None:
        self._dataset, self._files = dataset, files

    def __getitem__(self, item: int) -> str:
        try:
            return self._files.get(item) or _data(self._dataset.path(item), self._dataset.items[item].sha256)
        except SemsearchError as error:
            raise KeyError(item) from error

    def __iter__(self) -> Iterator[int]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


@lru_cache(1_000)
def _data(path: Path, _sha256: str) -> str:
    small = images.thumbnail(images.load(path))
    return "data:image/jpeg;base64," + base64.b64encode(small).decode("ascii")


def addresses(dataset: Dataset) -> Mapping[int, str]:
    """Address of the thumbnail of each item that has one, relative to the app."""
    base = f"app/static/pictures/{quote(dataset.name, safe='')}"
    here = _here(dataset)
    files = {item.id: f"{base}/{name(item)}" for item in dataset.items if name(item) in here}
    return _Carried(dataset, files) if trouble(FOLDER) else files


def ensure_thumbnails(dataset: Dataset, items: Iterable[int] | None = None) -> None:
    """Write the missing thumbnails of ``items``, of all by default; each is whole or absent, and written once.

    A picture that is not here or cannot be read is left without one, and so are all where none can be written.
    """
    here = _here(dataset)
    for id in range(len(dataset.items)) if items is None else items:
        file = name(dataset.items[id])
        if file in here:
            continue
        try:
            write_bytes(FOLDER / dataset.name / file, images.thumbnail(images.load(dataset.path(id))))
        except (ImageRefused, PicturesUnavailable):
            continue
        except StorageError:
            return


def _here(dataset: Dataset) -> set[str]:
    try:
        return set(os.listdir(FOLDER / dataset.name))
    except OSError:
        return set()
