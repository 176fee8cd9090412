"""What can be downloaded from the map: the selected items as CSV, their original files as a zip."""

import io
import re
import zipfile
from collections.abc import Sequence

from semsearch.data import identity
from semsearch.data.datasets import Dataset
from semsearch.errors import SemsearchError
from semsearch.store.artifacts import Map
from ui.charts import export

_UNFIT = re.compile(r'[\x00-\x1f<>:"/\\|?*]')
"""What some system does not take in the name of a file."""


def as_csv(dataset: Dataset, ids: Sequence[int], items: Sequence[int], stored_map: Map) -> bytes:
    """One line per item of ``ids``: what it is and where it lies; row i of the map is ``items[i]``."""
    rows = {item: row for row, item in enumerate(items)}
    return export.csv_bytes([_line(dataset, item, rows[item], stored_map) for item in ids])


def _line(dataset: Dataset, item: int, row: int, stored_map: Map) -> dict[str, object]:
    entry = dataset.items[item]
    about = {"picture": item, "class": dataset.classes[entry.label], "file": entry.shown, "sha256": entry.sha256}
    places = {axis: float(f"{value:.6g}") for axis, value in zip("xyz", stored_map.coordinates[row], strict=False)}
    return about | places | {"neighbours_kept": int(stored_map.trust.kept_neighbours[row])}


def as_zip(dataset: Dataset, ids: Sequence[int]) -> bytes:
    """The original files of the items, a folder per class: a dataset again. MISSING.txt lists those gone or changed."""
    buffer, missing, taken = io.BytesIO(), [], set[str]()
    folders = _folders(dataset)
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for item in ids:
            entry = dataset.items[item]
            try:
                content = identity.pinned(dataset, item).read()
            except SemsearchError:
                missing.append(entry.shown)
                continue
            file = _free(_harmless(entry.shown.rpartition("/")[2]), item, taken)
            archive.writestr(f"{folders[entry.label]}/{file}", content)
        if missing:
            archive.writestr("MISSING.txt", "\n".join(missing) + "\n")
    return buffer.getvalue()


def _folders(dataset: Dataset) -> list[str]:
    """A folder for each class, by label."""
    taken: set[str] = set()
    return [_free(_harmless(name), label, taken) for label, name in enumerate(dataset.classes)]


def _harmless(name: str) -> str:
    """A name that every system takes, and that leads nowhere else."""
    return _UNFIT.sub("_", name).strip(" .") or "_"


def _free(name: str, number: int, taken: set[str]) -> str:
    """The name, after its number where another has it, and taken from now on."""
    free = f"{number} {name}" if name.casefold() in taken else name
    taken.add(free.casefold())
    return free
