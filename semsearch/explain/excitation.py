"""Which photos excite each channel of a model's layers most, and what its channels answer to simple pictures."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import numpy as np

from semsearch.data import datasets
from semsearch.errors import InputError, SemsearchError
from semsearch.explain.agreement import layer_map
from semsearch.explain.channels import Channels
from semsearch.explain.maximise.objectives import inside
from semsearch.explain.stimuli import STIMULI, picture
from semsearch.features import FeatureExtractor, Outcome, Picture
from semsearch.models import catalog
from semsearch.models.catalog import FeatureSpec


@dataclass(frozen=True)
class Excitation:
    """What a layer of c channels answers."""

    photos: np.ndarray
    """(c, p) uint16: items with the strongest units, strongest first; of equal ones the smaller item."""
    units: np.ndarray
    """(c, p, 2) uint16: row and column of that unit."""
    strengths: np.ndarray
    """(c, p) float32: its value."""
    natural: np.ndarray
    """(c,) float32: the largest mean of what is above zero, over the positions of one photo."""
    responses: np.ndarray
    """(stimuli, c) float32: strongest unit in the middle of each of ``STIMULI``, away from the border."""


def strongest(vectors: np.ndarray, channels: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Rows of (n, c) features in the order in which channels answer, strongest first, and (n,) float32 how strongly.

    Of one channel the value itself; of several the sum of their values, each divided by its standard deviation over
    the rows, so that each counts alike. Of equals the first row stands first. InputError for no channel, or one that
    is not there.
    """
    count = vectors.shape[1]
    if not channels or not all(0 <= channel < count for channel in channels):
        raise InputError(f"expected channels from 0 to {count - 1}, got {list(channels)}")
    columns: np.ndarray = np.asarray(vectors[:, list(channels)], np.float32)
    if len(channels) > 1:
        spread = columns.std(0)
        columns = columns / np.where(spread > 0, spread, 1)
    values = columns.sum(1)
    rows = np.argsort(-values, kind="stable")
    return rows, values[rows]


def known(stored: Channels) -> Excitation:
    """The same, as it is stored."""
    return Excitation(**{field.name: getattr(stored, field.name) for field in fields(Excitation)})


def measure(
    model: str,
    layers: Sequence[str],
    dataset: str,
    *,
    keep: int,
    told: Callable[[int, int], None] = lambda done, total: None,
    make: Callable[[Sequence[FeatureSpec]], FeatureExtractor] = FeatureExtractor,
) -> dict[str, Excitation]:
    """Send the photos of a dataset and the stimuli through a model; raises as ``FeatureExtractor`` and its stream."""
    specs = {layer: FeatureSpec(model, layer, "flatten") for layer in layers}
    network = make(list(specs.values()))
    photos = datasets.load(dataset)
    size = catalog.model(model).size
    pictures: list[Picture] = [*map(photos.path, range(len(photos.items))), *(picture(each, size) for each in STIMULI)]
    rows: dict[str, list[tuple[np.ndarray, ...]]] = {layer: [] for layer in layers}
    for position, outcome in network.stream(pictures):
        for layer, spec in specs.items():
            found = _map(outcome, spec)
            rows[layer].append(_photo(found) if position < len(photos.items) else _stimulus(found))
        told(position + 1, len(pictures))
    count = len(photos.items)
    return {layer: _ranked(rows[layer][:count], rows[layer][count:], keep) for layer in layers}


def _map(outcome: Outcome, spec: FeatureSpec) -> np.ndarray:
    """The layer map (h, w, c) of a picture; raises what kept the picture from having one."""
    if isinstance(outcome, SemsearchError):
        raise outcome
    return layer_map(outcome[spec], spec)


def _photo(found: np.ndarray) -> tuple[np.ndarray, ...]:
    """Of each channel its strongest unit inside the margin, where it is, and the mean of what is above zero."""
    height, width, channels = found.shape
    rows, columns = inside(height, width)
    part = found[rows, columns]
    flat = np.ascontiguousarray(part.reshape(-1, channels).T)
    where = flat.argmax(1)
    strongest = np.take_along_axis(flat, where[:, None], 1)[:, 0]
    unit = np.stack([where // part.shape[1] + rows.start, where % part.shape[1] + columns.start], -1)
    return strongest, unit, np.maximum(flat, 0).mean(1)


def _stimulus(found: np.ndarray) -> tuple[np.ndarray, ...]:
    height, width = found.shape[:2]
    middle = found[height // 4 : height - height // 4, width // 4 : width - width // 4]
    return (middle.max((0, 1)),)


def _ranked(photos: Sequence[tuple], stimuli: Sequence[tuple], keep: int) -> Excitation:
    strongest = np.stack([row[0] for row in photos], 1)
    where = np.stack([row[1] for row in photos], 1)
    first = np.argsort(-strongest, 1, kind="stable")[:, :keep]
    return Excitation(
        photos=first.astype(np.uint16),
        units=np.take_along_axis(where, first[..., None], 1).astype(np.uint16),
        strengths=np.take_along_axis(strongest, first, 1).astype(np.float32),
        natural=np.stack([row[2] for row in photos]).max(0).astype(np.float32),
        responses=np.stack([row[0] for row in stimuli]).astype(np.float32),
    )
