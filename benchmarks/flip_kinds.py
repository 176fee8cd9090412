"""Every kind of file that the product writes and reads back, in a world so small that each bit can be turned."""

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from semsearch import features
from semsearch.data import datasets, identity, sources
from semsearch.features import openvino_engine
from semsearch.files import sealed
from semsearch.files.storage import write_bytes
from semsearch.jobs import desk, records
from semsearch.jobs.records import Request
from semsearch.live.extractors import Tools
from semsearch.live.galleries import Galleries
from semsearch.models import catalog, weights
from semsearch.models.catalog import FeatureSpec
from semsearch.results import latencies, layer_results
from semsearch.settings import settings
from semsearch.store import artifacts, mapfiles, units
from semsearch.store.experiment import Experiment
from semsearch.store.store import Store
from ui import pictures

NAME, MODEL = "tiny", "mobilenetv2"
LAYER = catalog.model(MODEL).layers[-1].name
SPEC = FeatureSpec(MODEL, LAYER, "avg")


@dataclass(frozen=True)
class Kind:
    """A file, and what the product makes of it."""

    path: Path
    answer: Callable[[], object]
    """What is made of it; None, or an error of our tree, where damage was found."""
    large: bool = False
    """Too large for all of its bits."""


class Mean:
    """An extractor of two numbers: the mean of the bytes of a picture, and a constant."""

    engine_name = "mean"

    def __init__(self, specs: Sequence[FeatureSpec]) -> None:
        """Load nothing."""
        self.dimensions = dict.fromkeys(specs, 2)

    def stream(self, given: Iterable[features.Picture]) -> Iterator[tuple[int, features.Outcome]]:
        """As ``features.FeatureExtractor.stream``."""
        for position, picture in enumerate(given):
            assert isinstance(picture, identity.Pinned)
            mean = float(np.frombuffer(picture.read(), np.uint8).mean())
            yield position, dict.fromkeys(self.dimensions, np.array([mean, 5], np.float32))

    def each(self, squares: np.ndarray) -> Iterator[features.Vectors]:
        """As ``features.FeatureExtractor.each``."""
        for square in squares:
            yield dict.fromkeys(self.dimensions, np.array([square.mean(), 5], np.float32))


LIVE = Tools(extractor=Mean, digest=lambda model: "0" * 64)


def kinds(folder: Path) -> dict[str, Kind]:
    """All of them, by name; ``settings().home`` and ``pictures.FOLDER`` are places of their own."""
    dataset = _dataset(folder / "pictures")
    return {
        **_of_data(dataset),
        **_of_models(),
        **_of_features(),
        **_of_results(folder / "store", dataset),
        **_of_jobs(),
    }


def _dataset(folder: Path) -> datasets.Dataset:
    """Four pictures of 4 × 4 pixels, in two classes."""
    for number in range(4):
        rows = bytes([20 * number, 9, 200 - 30 * number]) * 16
        head = b"BM" + (54 + len(rows)).to_bytes(4, "little") + bytes(4) + (54).to_bytes(4, "little")
        head += (40).to_bytes(4, "little") + (4).to_bytes(4, "little") * 2 + b"\x01\0\x18\0" + bytes(24)
        write_bytes(folder / str(number // 2) / f"{number}.bmp", head + rows)
    return datasets.add(NAME, folder)


def _of_data(dataset: datasets.Dataset) -> dict[str, Kind]:
    item = dataset.items[1]
    thumbnail = pictures.FOLDER / NAME / pictures.name(item)

    def shown() -> bytes | None:
        pictures.ensure_thumbnails(dataset, [1])
        return thumbnail.read_bytes() if pictures.addresses(dataset).get(1) else None

    shown()
    return {
        "card of a dataset": Kind(settings().datasets / NAME / "card.json", lambda: datasets.load(NAME)),
        "picture, read for features": Kind(dataset.place(1), identity.pinned(dataset, 1).read),
        "picture, verified": Kind(
            dataset.place(1), lambda: sources.compare(dataset.root, {item.file: item.sha256}) == [] or None
        ),
        "thumbnail": Kind(thumbnail, shown),
    }


def _of_models() -> dict[str, Kind]:
    tensors = {"conv/kernel": np.arange(6, dtype=np.float32).reshape(2, 3), "conv/bias": np.ones(3, np.float32)}
    about = {"origin": "keras", "source": "a test", "digest": weights.digest(tensors)}
    stored = weights._store(MODEL, tensors, about)
    sealed.write(weights._failure("vgg16"), {"message": "no source could give the weights of vgg16"})
    engine = settings().engines / "converted"
    for name in openvino_engine.FILES:
        write_bytes(engine / name, f"<{name}>".encode() * 20)
    openvino_engine._describe(engine)

    def tensors_of() -> object:
        file, found = weights._checked(MODEL)
        return file, [(name, value.tobytes()) for name, value in found.items()]

    found = {
        "weights": Kind(stored.path, tensors_of),
        "weights, their header alone": Kind(stored.path, lambda: _known(MODEL, "here")),
        "reason of a failed pull": Kind(weights._failure("vgg16"), lambda: _known("vgg16", "cannot be had")),
    }
    for name in (*openvino_engine.FILES, "manifest.json"):
        found[f"converted network, {name}"] = Kind(engine / name, lambda: openvino_engine._intact(engine) or None)
    return found


def _known(model: str, state: str) -> object:
    """The status of weights, if it is that one."""
    known = weights.status(model)
    return known if known.state == state else None


def _of_features() -> dict[str, Kind]:
    def searched() -> object:
        found = Galleries(LIVE).open(NAME, SPEC)
        return found.vectors.tobytes(), found.items.tolist(), found.labels.tolist(), found.left_out

    searched()
    vectors = next((settings().home / "features").glob("*.f32"))
    return {
        "features": Kind(vectors, searched),
        "features, their items": Kind(vectors.with_suffix(".json"), searched),
    }


def _store(root: Path, dataset: datasets.Dataset) -> None:
    """A sealed store of one unit, whose layers are all alike."""
    folder, vectors = root / NAME / MODEL, np.array([[1, 0], [2, 0], [4, 1], [9, 1]], np.float32)
    specs = [spec for spec in catalog.grid(MODEL) if spec.layer == LAYER]
    found = layer_results.results(dict.fromkeys(specs, vectors), dataset.labels, (lambda method, far, start: start, {}))
    artifacts.write_layer(folder, LAYER, found)
    for layer in catalog.model(MODEL).layers[:-1]:
        shutil.copyfile(folder / f"{LAYER}.npz", folder / f"{layer.name}.npz")
    facts = {"dataset": NAME, "dataset_hash": dataset.content_hash, "items": [0, 1, 2, 3], "model": MODEL, "key": "k"}
    units.write_unit(folder, {**facts, "schema": artifacts.SCHEMA})
    units.seal(root)


def _of_results(root: Path, dataset: datasets.Dataset) -> dict[str, Kind]:
    _store(root, dataset)
    models = {MODEL: {layer.name: 2.5 for layer in catalog.model(MODEL).layers}}
    latencies.write(root / latencies.FILE, latencies.Latency("this machine", models))
    layer = root / NAME / MODEL / f"{LAYER}.npz"

    def stored() -> object:
        store = Store(root)
        asked = Experiment(NAME, SPEC, "cosine")
        ranking, drawn, score = store.ranking(asked), store.map(NAME, SPEC, "umap2"), store.score(asked)
        arrays = (ranking.ids, ranking.distances, drawn.coordinates, score.score, score.hits, score.average_precision)
        return [array.tobytes() for array in arrays], store.facts(NAME, MODEL)

    def resumed() -> object:
        return artifacts.layer_is_whole(layer.parent, LAYER) or None

    mapfiles.write(layer.parent, "k", SPEC, "umap2", Store(root).map(NAME, SPEC, "umap2"))

    def drawn_later() -> object:
        drawn = mapfiles.read(layer.parent, "k", SPEC, "umap2")
        return drawn and (drawn.coordinates.tobytes(), drawn.trust.kept_neighbours.tobytes(), repr(drawn.trust))

    return {
        "manifest of results": Kind(root / "manifest.json", stored),
        "description of a unit": Kind(layer.with_name("unit.json"), lambda: units.unit_key(root, NAME, MODEL) or None),
        "layer of results": Kind(layer, stored, large=True),
        "layer of results, not sealed yet": Kind(layer, resumed, large=True),
        "map drawn later": Kind(mapfiles.place(layer.parent, SPEC, "umap2"), drawn_later),
        "table of milliseconds": Kind(root / latencies.FILE, lambda: latencies.read(root / latencies.FILE)),
    }


def _of_jobs() -> dict[str, Kind]:
    with desk.here(Request((NAME,), (MODEL,))) as control:
        control.words = "all is computed"

    def known() -> object:
        job = records.find(1)
        return None if job.state.name == "interrupted" else job

    names = {"what a job is asked": "request.json", "how far a job is": "state.json"}
    return {name: Kind(records.folder(1) / file, known) for name, file in names.items()}
