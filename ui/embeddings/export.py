"""What can be taken home from the map: the selected items as CSV, their original files as a zip."""

import io
import zipfile
from collections.abc import Sequence

from semsearch.data.datasets import Dataset
from semsearch.errors import SemsearchError
from semsearch.results.artifacts import Map
from ui.charts import export


def as_csv(dataset: Dataset, ids: Sequence[int], items: Sequence[int], found: Map) -> bytes:
    """One line per item of ``ids``: what it is and where it lies; row i of the map is ``items[i]``."""
    rows = {item: row for row, item in enumerate(items)}
    return export.csv_bytes([_line(dataset, item, rows[item], found) for item in ids])


def _line(dataset: Dataset, item: int, row: int, found: Map) -> dict[str, object]:
    one = dataset.items[item]
    about = {"picture": item, "class": dataset.classes[one.label], "file": one.shown, "sha256": one.sha256}
    places = {axis: float(f"{value:.6g}") for axis, value in zip("xyz", found.coordinates[row], strict=False)}
    return about | places | {"neighbours_kept": int(found.trust.kept[row])}


def as_zip(dataset: Dataset, ids: Sequence[int]) -> bytes:
    """The original files of the items, under their own paths; files that are gone are listed in MISSING.txt."""
    buffer, missing = io.BytesIO(), []
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for item in ids:
            try:
                archive.writestr(dataset.items[item].shown, dataset.path(item).read_bytes())
            except (OSError, SemsearchError):
                missing.append(dataset.items[item].shown)
        if missing:
            archive.writestr("MISSING.txt", "\n".join(missing) + "\n")
    return buffer.getvalue()
