"""What killed processes left half-made: removed when the next one starts, and never while its maker lives."""

import re
from contextlib import suppress
from pathlib import Path

from semsearch.errors import StorageError
from semsearch.files import staging, storage
from semsearch.settings import settings

_FOLDER = re.compile(r"\.(.+)\.(?:(?:new|old|[0-9]+)\.tmp|part)")
"""Names of folders that are filled, or put aside, by whoever holds the lock of that name."""


def sweep(*folders: Path) -> None:
    """Clear the places of this process, and ``folders`` with those in them, as far as that can be."""
    here = settings()
    for folder in (here.home / "features", here.home / "fonts", here.weights, here.engines, here.datasets, *folders):
        with suppress(StorageError):
            places = storage.matching(folder, "*")
            storage.remove_leftovers(folder)
            for place in filter(Path.is_dir, places):
                _clear(place)


def _clear(folder: Path) -> None:
    if not (match := _FOLDER.fullmatch(folder.name)):
        storage.remove_leftovers(folder)
        return
    with storage.if_free(folder.with_name(f".{match[1]}.lock")) as free:
        if free:
            staging.clear(folder, folder.with_name(match[1]))
