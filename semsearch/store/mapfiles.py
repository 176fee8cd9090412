"""Maps that are drawn when they are wanted, each in a file of its own beside the layers of its unit.

::

    <root>/<dataset>/<model>/maps/<layer>.<readout>.<kind>.map    SHA-256, then the arrays of one map

No manifest names these files: they come and go while others read. The digest is over the arrays and over what they are
a map of, so a file that was damaged, cut, moved or left from other pictures is as if it were not there.
"""

import hashlib
import io
from pathlib import Path

import numpy as np

from semsearch.errors import InputError
from semsearch.files.storage import read_here, write_bytes
from semsearch.models.catalog import FeatureSpec
from semsearch.store import coding, finite
from semsearch.store.artifacts import Map, map_columns, map_of

_DIGEST = 32


def place(unit: Path, spec: FeatureSpec, kind: str) -> Path:
    """The file of the map of that kind, in the folder of its unit."""
    return unit / "maps" / f"{spec.layer}.{spec.readout.key}.{kind}.map"


def write(unit: Path, key: str, spec: FeatureSpec, kind: str, drawn: Map) -> None:
    """Keep a map of the unit of that key; InputError for numbers that are not finite, StorageError when it cannot."""
    arrays = map_columns([drawn])
    if flaw := next((problem for name in arrays if (problem := finite.flaw(name, arrays[name]))), ""):
        raise InputError(f"{flaw}; nothing was stored")
    data = coding.zipped(arrays)
    file = place(unit, spec, kind)
    file.parent.mkdir(exist_ok=True)
    write_bytes(file, _seal(key, file, data) + data)


def read(unit: Path, key: str, spec: FeatureSpec, kind: str) -> Map | None:
    """The map of the unit of that key; None where there is none, or not what was written."""
    file = place(unit, spec, kind)
    data = read_here(file) or b""
    if data[:_DIGEST] != _seal(key, file, data[_DIGEST:]):
        return None
    with np.load(io.BytesIO(data[_DIGEST:]), allow_pickle=False) as arrays:
        return map_of(dict(arrays), 0, slice(None))


def _seal(key: str, file: Path, data: bytes) -> bytes:
    return hashlib.sha256(f"{key} {file.name}\n".encode() + data).digest()
