"""Small copies of a dataset's pictures, written once and served as files, so that browsers keep them."""

import os
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

from semsearch import images
from semsearch.datasets import Dataset, Item
from semsearch.errors import ImageRefused, PicturesUnavailable
from semsearch.storage import write_bytes

FOLDER = Path(__file__).resolve().parents[2] / "static" / "pictures"
"""Beside app.py, where Streamlit serves ``static/`` as ``app/static/``; rebuilt when missing."""


SIDE = 256
"""Pixels of the longer side."""


def name(item: Item) -> str:
    """File name of an item's thumbnail: equal pictures share one."""
    return f"{item.sha256[:16]}.jpg"


def addresses(dataset: Dataset) -> dict[int, str]:
    """Address of the thumbnail of each item that has one, relative to the app."""
    base = f"app/static/pictures/{quote(dataset.name, safe='')}"
    here = _here(dataset)
    return {item.id: f"{base}/{name(item)}" for item in dataset.items if name(item) in here}


def ensure_thumbnails(dataset: Dataset, items: Iterable[int] | None = None) -> None:
    """Write the missing thumbnails of ``items``, of all by default; each is whole or absent, and written once.

    A picture that is not here or cannot be read is left without one. PicturesUnavailable when the folder
    cannot be written.
    """
    here = _here(dataset)
    for id in range(len(dataset.items)) if items is None else items:
        file = name(dataset.items[id])
        if file in here:
            continue
        try:
            write_bytes(FOLDER / dataset.name / file, _thumbnail(dataset.path(id)))
        except (ImageRefused, PicturesUnavailable):
            continue
        except OSError as error:
            raise PicturesUnavailable(
                f"cannot write thumbnails to {FOLDER}: {error}; make that folder writable for the server"
            ) from error


def _thumbnail(path: Path) -> bytes:
    return images.thumbnail(images.load(path, at_least=SIDE), side=SIDE)


def _here(dataset: Dataset) -> set[str]:
    try:
        return set(os.listdir(FOLDER / dataset.name))
    except (FileNotFoundError, NotADirectoryError):
        return set()
