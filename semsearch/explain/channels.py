"""What is stored about the channels of a layer: pictures that excite some as much as can be, photos that excite each.

One file a layer, ``_channels/<model>/<layer>.<digest>.npz`` beside the stored results, named with the SHA-256 that
``_channels/manifest.json`` gives for it. Read without TensorFlow.
"""

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path

import numpy as np

from semsearch.errors import IntegrityError, NotComputed
from semsearch.files import sealed, storage
from semsearch.models import catalog
from semsearch.settings import settings

SHOWN = 30
"""Channels of a layer that have a picture, where it has as many."""
SIDE = 128
"""Of a picture, pixels."""
COLUMNS = 6
"""Pictures in a row of a sheet."""
PHOTOS = 12
"""Photos that are kept for each channel, strongest first."""
DATASET = "groceries200"
"""Whose photos they are."""
CURE = "compute them again with `semsearch channels`"
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Channels:
    """The channels of a layer. ``shown`` have pictures; photos and properties are those of all c channels."""

    shown: np.ndarray
    """(n,) int32, ascending: numbers of channels."""
    sheet: np.ndarray
    """(bytes,) uint8: their pictures side by side, SIDE pixels each, as WebP."""
    activations: np.ndarray
    """(n,) float32: mean over positions of what is above zero of the channel in its picture."""
    natural: np.ndarray
    """(c,) float32: the largest such mean of a photo of the dataset."""
    photos: np.ndarray
    """(c, p) uint16: items of the dataset with the strongest unit of the channel, strongest first."""
    units: np.ndarray
    """(c, p, 2) uint16: row and column of that unit."""
    strengths: np.ndarray
    """(c, p) float32: its value."""
    responses: np.ndarray
    """(stimuli, c) float32: mean over positions for each of ``stimuli.names()``."""

    @property
    def rows(self) -> int:
        """Rows of the sheet."""
        return -(-len(self.shown) // COLUMNS)

    @cached_property
    def places(self) -> dict[int, int]:
        """Where on the sheet the picture of each shown channel stands."""
        return {int(number): place for place, number in enumerate(self.shown)}


def order(channels: int, count: int = SHOWN) -> list[int]:
    """``count`` channels evenly spread over a layer, in an order whose every beginning is evenly spread too."""
    count = min(count, channels)
    spread = [round(place * (channels - 1) / max(count - 1, 1)) for place in range(count)]
    bits = max(count - 1, 1).bit_length()
    turned = sorted(range(count), key=lambda place: int(f"{place:0{bits}b}"[::-1], 2))
    return [spread[place] for place in turned]


def folder() -> Path:
    """Where the files are; no dataset has a name that begins like this one."""
    return settings().precomputed / "_channels"


def stored() -> dict[str, str]:
    """Digest of each file by its name ``model/layer``; empty where there are none. IntegrityError when damaged."""
    path = folder() / MANIFEST
    data = storage.read_here(path)
    files: dict[str, str] = sealed.from_bytes(data, str(path), cure=CURE)["files"] if data is not None else {}
    return files


def layers_of(model: str) -> Iterator[str]:
    """The layers of a model whose channels are stored, from input to output."""
    files = stored()
    yield from (layer.name for layer in catalog.model(model).layers if f"{model}/{layer.name}" in files)


def read(model: str, layer: str) -> Channels:
    """What is stored about a layer.

    Raises:
        UnknownName: no such model or layer.
        NotComputed: nothing is stored; the message says how it would be.
        IntegrityError: the file is missing or not what was written.
    """
    name = f"{model}/{catalog.model(model).layer(layer).name}"
    digest = stored().get(name)
    if digest is None:
        raise NotComputed(f"nothing is stored about the channels of {name}; run `semsearch channels {model}`")
    path = _file(name, digest)
    data = storage.read_here(path)
    if data is None or hashlib.sha256(data).hexdigest() != digest:
        raise IntegrityError(f"{path} is missing or damaged; {CURE}")
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        return Channels(**{field.name: arrays[field.name] for field in fields(Channels)})


def write(model: str, layer: str, channels: Channels) -> None:
    """Store a layer, whole or not at all, and put it into the manifest; StorageError when it cannot be."""
    out = io.BytesIO()
    np.savez_compressed(out, **{field.name: getattr(channels, field.name) for field in fields(Channels)})
    name, digest = f"{model}/{layer}", hashlib.sha256(out.getvalue()).hexdigest()
    with storage.lock(folder() / ".lock"), storage.explained(folder()):
        _file(name, digest).parent.mkdir(parents=True, exist_ok=True)
        storage.write_bytes(_file(name, digest), out.getvalue())
        before = stored()
        sealed.write(folder() / MANIFEST, {"files": before | {name: digest}})
        if before.get(name, digest) != digest:
            _file(name, before[name]).unlink(missing_ok=True)


def _file(name: str, digest: str) -> Path:
    return folder() / f"{name}.{digest[:16]}.npz"
