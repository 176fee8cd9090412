"""An index as a folder: whole or absent, and not a byte of it is interpreted before its digest was checked.

::

    FOLDER/seal.json         recipe, metric, shape, what it is of, and the SHA-256 of each other file; seals itself
    FOLDER/structure.faiss   what FAISS wrote; absent where all rows are looked at
    FOLDER/NAME.npy          the arrays beside it: directions, members, side list

FAISS reads most damaged files without complaint, and answers from them. So the bytes whose digest was taken are the
bytes that are read.
"""

import hashlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from semsearch.errors import IntegrityError, SpecMismatch
from semsearch.files import sealed
from semsearch.files.staging import staged
from semsearch.files.storage import explained, lock, read_here
from semsearch.indices import faiss_index
from semsearch.indices.index import Index
from semsearch.indices.members import Members

SCHEMA = 1
CURE = "build the index again"
_SEAL, _STRUCTURE = "seal.json", "structure.faiss"
_MEMBERS = ("place", "order", "starts", "blank")


def size(index: Index) -> int:
    """Bytes that ``save`` would write, but for the seal's few hundred."""
    total = sum(len(data) for data in _arrays(index).values())

    def count(data: bytes) -> None:
        nonlocal total
        total += len(data)

    if index.structure:
        index.structure.write(count)
    return total


def save(index: Index, folder: Path, *, features: str = "") -> None:
    """Put an index into a folder, in place of one that is there; StorageError when it cannot be.

    ``features`` names what it is of, best by a digest: ``load`` refuses it for others.
    """
    with lock(folder.with_name(f"{folder.name}.lock")), staged(folder) as stage:
        digests = {name: _written(stage / name, data) for name, data in _arrays(index).items()}
        if index.structure:
            with explained(stage), (stage / _STRUCTURE).open("wb") as out:
                total = hashlib.sha256()
                index.structure.write(_both(out.write, total.update))
            digests[_STRUCTURE] = total.hexdigest()
        facts: dict[str, Any] = {
            "schema": SCHEMA,
            "recipe": index.recipe,
            "metric": index.metric,
            "count": index.count,
            "dimension": index.dimension,
            "probed": index.structure.probed if index.structure else 0,
            "features": features,
        }
        sealed.write(stage / _SEAL, {**facts, "files": digests})


def load(folder: Path, *, features: str = "") -> Index:
    """What ``save`` put there.

    IntegrityError when a file is missing, cut or changed, SpecMismatch when it is of other features, StorageError when
    a file is there and cannot be read.
    """
    seal = sealed.read(folder / _SEAL, cure=CURE)
    if seal["schema"] != SCHEMA:
        raise IntegrityError(f"{folder} was written by another version of semsearch; {CURE}")
    if seal["features"] != features:
        raise SpecMismatch(f"expected an index of the features {features!r}, got one of {seal['features']!r}; {CURE}")
    files = {name: _checked(folder / name, digest) for name, digest in seal["files"].items()}
    arrays = {name.removesuffix(".npy"): _array(data) for name, data in files.items() if name != _STRUCTURE}
    about = (seal["recipe"], seal["metric"], seal["count"], seal["dimension"])
    if _STRUCTURE not in files:
        return Index(*about)
    place = arrays.get("place")
    members = Members(seal["count"], place, *(arrays[name] for name in _MEMBERS[1:]))
    structure = faiss_index.read(files[_STRUCTURE], seal["probed"])
    return Index(*about, members, structure, arrays.get("axes"), arrays["side"])


def _arrays(index: Index) -> dict[str, bytes]:
    """The files of its arrays, by name."""
    if index.structure is None:
        return {}
    found = {name: getattr(index.members, name) for name in _MEMBERS} | {"axes": index.axes, "side": index.side}
    return {f"{name}.npy": _npy(array) for name, array in found.items() if array is not None}


def _npy(array: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.save(out, array, allow_pickle=False)
    return out.getvalue()


def _array(data: bytes) -> np.ndarray:
    return np.asarray(np.load(io.BytesIO(data), allow_pickle=False))


def _written(path: Path, data: bytes) -> str:
    with explained(path):
        path.write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def _both(*takers: Callable[[bytes], object]) -> Callable[[bytes], object]:
    def take(data: bytes) -> None:
        for taker in takers:
            taker(data)

    return take


def _checked(path: Path, digest: str) -> bytes:
    """The bytes of a file whose digest holds."""
    data = read_here(path)
    if data is None or hashlib.sha256(data).hexdigest() != digest:
        what = "is missing" if data is None else "is damaged: its digest does not hold"
        raise IntegrityError(f"{path} {what}; {CURE}")
    return data
