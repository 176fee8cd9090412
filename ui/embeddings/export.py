"""What can be downloaded from the map: the selected items as CSV, their original files as a zip."""

import io
import zipfile
from collections.abc import Sequence

from semsearch.data import identity
from semsearch.data.datasets import Dataset
from semsearch.errors import SemsearchError
from semsearch.store.artifacts import Map
from ui.charts import export


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
    """The original files of the items, under their own paths; those gone or changed are listed in MISSING.txt."""
    buffer, missing = io.BytesIO(), []
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for item in ids:
            try:
                archive.writestr(dataset.items[item].shown, identity.pinned(dataset, item).read())
            except SemsearchError:
                missing.append(dataset.items[item].shown)
        if missing:
            archive.writestr("MISSING.txt", "\n".join(missing) + "\n")
    return buffer.getvalue()
