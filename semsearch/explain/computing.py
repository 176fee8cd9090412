"""Computing what ``channels.py`` stores: all layers of a model, batch by batch; what is whole is not computed again."""

import hashlib
import io
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from semsearch import images
from semsearch.explain import channels, excitation
from semsearch.explain.channels import COLUMNS, DATASET, PHOTOS, SHOWN, SIDE, Channels
from semsearch.explain.excitation import Excitation
from semsearch.explain.maximise import objectives
from semsearch.explain.maximise.maximisation import Maximiser, Options
from semsearch.files import storage
from semsearch.models import catalog, weights

BATCH = 6
"""Pictures maximised at once."""
OPTIONS = Options(size=SIDE, steps=128)


def compute(
    model: str, *, count: int = SHOWN, told: Callable[[str, int, int], None] = lambda phase, done, total: None
) -> int:
    """Compute and store what is not whole about the layers of a model; how many layers were written.

    ``count`` pictures a layer at least, where it has as many channels; more that are there already are kept. Raises as
    ``weights.load_model`` and ``FeatureExtractor``.
    """
    facts = catalog.model(model)
    digest = weights.local(model).digest
    missing = [layer.name for layer in facts.layers if not _whole(model, layer.name, count)]
    if not missing:
        return 0
    measured = _measured(model, missing, lambda done, total: told("photos and stimuli", done, total))
    for layer in missing:
        wanted = channels.order(facts.layer(layer).channels)[:count]
        found = _maximised(model, layer, digest, wanted, told)
        channels.write(model, layer, _joined(found, measured[layer]))
    return len(missing)


def _measured(model: str, layers: Sequence[str], told: Callable[[int, int], None]) -> dict[str, Excitation]:
    """What photos and stimuli do to layers; of those that are stored with fewer pictures it is known."""
    there = set(channels.layers_of(model))
    found = {layer: excitation.known(channels.read(model, layer)) for layer in layers if layer in there}
    new = [layer for layer in layers if layer not in there]
    return found | (excitation.measure(model, new, DATASET, keep=PHOTOS, told=told) if new else {})


def _whole(model: str, layer: str, count: int) -> bool:
    wanted = channels.order(catalog.model(model).layer(layer).channels)[:count]
    return f"{model}/{layer}" in channels.stored() and set(wanted) <= set(channels.read(model, layer).places)


Found = dict[int, tuple[np.ndarray, float]]
"""Picture (s, s, 3) uint8 and activation of each channel."""


def _maximised(
    model: str, layer: str, digest: str, wanted: Sequence[int], told: Callable[[str, int, int], None]
) -> Found:
    """The pictures of channels, those that an interrupted run has left included."""
    found: Found = {}
    maximiser = None
    batches = [wanted[place : place + BATCH] for place in range(0, len(wanted), BATCH)]
    for place, batch in enumerate(batches):
        asked = f"{digest} {layer} {list(batch)} {OPTIONS}"
        path = channels.folder() / ".work" / f"{model}.{hashlib.sha256(asked.encode()).hexdigest()[:24]}.npz"
        if (kept := _kept(path)) is None:
            if maximiser is None:
                maximiser = Maximiser(model, layer, options=OPTIONS, batch=BATCH)
            filled = [*batch, *[batch[-1]] * (BATCH - len(batch))]

            looks = maximiser.steps([objectives.channel(number) for number in filled], seed=place)
            for steps, look in enumerate(looks, 1):
                last = look
                told(layer, place * OPTIONS.steps + steps, len(batches) * OPTIONS.steps)
            result = last()
            kept = result.pictures[: len(batch)], result.activations[: len(batch)]
            _keep(path, *kept)
        found |= {number: (kept[0][i], float(kept[1][i])) for i, number in enumerate(batch)}
    return found


def _keep(path: Path, pictures: np.ndarray, activations: np.ndarray) -> None:
    out = io.BytesIO()
    np.savez_compressed(out, pictures=pictures, activations=activations)
    with storage.explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    storage.write_bytes(path, hashlib.sha256(out.getvalue()).digest() + out.getvalue())


def _kept(path: Path) -> tuple[np.ndarray, np.ndarray] | None:
    data = storage.read_here(path) or b""
    if data[:32] != hashlib.sha256(data[32:]).digest():
        return None
    with np.load(io.BytesIO(data[32:]), allow_pickle=False) as arrays:
        return arrays["pictures"], arrays["activations"]


def _joined(found: Found, measured: Excitation) -> Channels:
    shown = np.array(sorted(found), np.int32)
    return Channels(
        shown=shown,
        sheet=np.frombuffer(images.webp(sheet([found[int(number)][0] for number in shown])), np.uint8),
        activations=np.array([found[int(number)][1] for number in shown], np.float32),
        natural=measured.natural,
        photos=measured.photos,
        units=measured.units,
        strengths=measured.strengths,
        responses=measured.responses,
    )


def sheet(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """Pictures (s, s, 3) uint8 side by side, COLUMNS in a row, the rest of the last row black."""
    rows = -(-len(pictures) // COLUMNS)
    side = pictures[0].shape[0]
    out = np.zeros((rows * side, COLUMNS * side, 3), np.uint8)
    for place, picture in enumerate(pictures):
        down, right = place // COLUMNS * side, place % COLUMNS * side
        out[down : down + side, right : right + side] = picture
    return out
