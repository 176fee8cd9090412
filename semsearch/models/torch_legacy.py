"""The file format of torch before it was a zip archive, read as data: without torch, and without running anything."""

import pickle
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from semsearch.errors import IntegrityError
from semsearch.models.tensors import Tensors

MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
STORAGES = {"FloatStorage": "<f4", "LongStorage": "<i8"}


@dataclass(frozen=True)
class _Storage:
    """Stands for a block of numbers that comes after the pickles."""

    dtype: str
    key: str
    length: int


@dataclass(frozen=True)
class _View:
    """Stands for a tensor: a strided view into a storage; offset and strides count elements."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _Inert(pickle.Unpickler):
    """Knows three harmless names and refuses all others, so that reading cannot run anything."""

    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, shape, strides, *_: _View(storage, offset, tuple(shape), tuple(strides))
        if module == "torch" and name in STORAGES:
            return STORAGES[name]
        raise IntegrityError(f"expected tensors only, got a reference to {module}.{name}, which was refused")

    def persistent_load(self, pid: Any) -> _Storage:  # noqa: ANN401
        kind, dtype, key, _, length, view = pid
        if kind != "storage" or dtype not in STORAGES.values() or view is not None:
            raise IntegrityError(f"expected a plain storage of numbers, got {pid!r}")
        return _Storage(dtype, key, length)


def torch_arrays(path: Path) -> Tensors:
    """Every tensor of a file in torch's old format (before zip), read without torch; layout and names as stored.

    The file is a magic number, a version, facts of the system, a dictionary of tensors, the list of storage keys,
    each a pickle; then per key the count of elements (int64) and the elements. IntegrityError if it is not that.
    """
    with path.open("rb") as file:
        magic, version, system, views, keys = (_Inert(file).load() for _ in range(5))
        if (magic, version, system["little_endian"]) != (MAGIC, PROTOCOL, True):
            raise IntegrityError("expected torch's old format, little-endian")
        storages = {view.storage.key: view.storage for view in views.values()}
        if sorted(storages) != sorted(keys):
            raise IntegrityError(f"expected the storages {sorted(storages)[:3]} …, got {sorted(keys)[:3]} …")
        blocks = {key: _block(file, storages[key]) for key in keys}
    return {name: _strided(name, view, blocks[view.storage.key]) for name, view in views.items()}


def _block(file: IO[bytes], storage: _Storage) -> np.ndarray:
    length = int.from_bytes(file.read(8), "little")
    data = file.read(length * np.dtype(storage.dtype).itemsize) if length == storage.length else b""
    block = np.frombuffer(data, storage.dtype)
    if len(block) != storage.length:
        raise IntegrityError(f"expected {storage.length} numbers in storage {storage.key}, got {len(block)}")
    return block


def _strided(name: str, view: _View, block: np.ndarray) -> np.ndarray:
    """A copy of the view, after checking that it stays inside its storage."""
    last = view.offset + sum((side - 1) * step for side, step in zip(view.shape, view.strides, strict=True))
    if min((view.offset, *view.strides, *(side - 1 for side in view.shape))) < 0 or last >= len(block):
        raise IntegrityError(f"expected {name} inside its storage of {len(block)} numbers, got {view}")
    if int(np.prod(view.shape)) > len(block):
        raise IntegrityError(f"expected {name} to use each number of its storage once, got {view}")
    steps = tuple(step * block.itemsize for step in view.strides)
    return np.lib.stride_tricks.as_strided(block[view.offset :], view.shape, steps, writeable=False).copy()
