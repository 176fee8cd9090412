"""What can be taken home from the map: the selected items as CSV, their original files as a zip."""

import csv
import io
import zipfile
from collections.abc import Sequence

from semsearch.datasets import Dataset
from semsearch.errors import SemsearchError
from semsearch.store import Map

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_csv(dataset: Dataset, ids: Sequence[int], items: Sequence[int], found: Map) -> str:
    """One line per item of ``ids``: what it is and where it lies; row i of the map is ``items[i]``."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    axes = ["x", "y", "z"][: found.coordinates.shape[1]]
    table.writerow(["picture", "class", "file", "sha256", *axes, "neighbours_kept"])
    rows = {item: row for row, item in enumerate(items)}
    for item in ids:
        one, row = dataset.items[item], rows[item]
        places = [f"{value:.6g}" for value in found.coordinates[row]]
        words = [_inert(word) for word in (dataset.classes[one.label], one.file, one.sha256)]
        table.writerow([item, *words, *places, int(found.trust.kept[row])])
    return text.getvalue()


def as_zip(dataset: Dataset, ids: Sequence[int]) -> bytes:
    """The original files of the items, under their own paths; files that are gone are listed in MISSING.txt."""
    buffer, missing = io.BytesIO(), []
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for item in ids:
            try:
                archive.writestr(dataset.items[item].file, dataset.path(item).read_bytes())
            except (OSError, SemsearchError):
                missing.append(dataset.items[item].file)
        if missing:
            archive.writestr("MISSING.txt", "\n".join(missing) + "\n")
    return buffer.getvalue()


def _inert(word: str) -> str:
    """A word that no spreadsheet takes for a formula."""
    return "'" + word if word.startswith(_FORMULA) else word
