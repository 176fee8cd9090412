"""Networks of one's own: a Keras file becomes a model that every page, command and request can search with.

::

    add(file)      in a child: inspect ── build, numbers into it ── flatten ── cut behind the last layer ── keep
    remove(name)   card first, then weights and what was converted from them

The card under ``settings().models`` is written last and makes the model known. Its name holds a digest of the network,
its weights and its preprocessing: what differs in any of them is another model, so that nothing computed with the one
is ever shown for the other.
"""

import hashlib
import json
import os
import re
import shutil
import tempfile
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from semsearch.errors import InputError, UnknownName
from semsearch.files import sealed, storage
from semsearch.models import catalog, foreign, graphs, weights
from semsearch.models.catalog import CHOSEN, Layer, Model, Preprocessing
from semsearch.models.fields import CONVOLUTIONS, layer_table
from semsearch.models.layers import LayerFacts, packed
from semsearch.models.tensors import Tensors
from semsearch.processes import child
from semsearch.settings import settings

NONE = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
PREPROCESSING = MappingProxyType(
    {
        "none": Preprocessing("rgb", *NONE),
        "unit": Preprocessing("rgb", (0.0, 0.0, 0.0), (255.0, 255.0, 255.0)),
        "tf": Preprocessing("rgb", (127.5, 127.5, 127.5), (127.5, 127.5, 127.5)),
        "torch": Preprocessing("rgb", (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
        "caffe": Preprocessing("bgr", (103.939, 116.779, 123.68), NONE[1]),
    }
)
"""What a network was trained on: 0 to 255, 0 to 1, −1 to 1, ImageNet's mean and deviation, BGR without that mean.

The words of ``keras.applications``, whose ``preprocess_input`` knows tf, torch and caffe.
"""
MEANS = "none (0 to 255), unit (0 to 1), tf (-1 to 1), torch (mean and deviation of ImageNet) or caffe (BGR)"
SMALLEST, LARGEST = 16, 1_024
"""Sides of the input, pixels."""
TITLE = re.compile(r"[\w][\w .()+-]{0,39}")
LAYER = re.compile(r"[A-Za-z0-9_-]{1,80}")
"""Names that may stand in links and be names of files."""
IDLE = ("Dropout", "SpatialDropout2D", "GaussianNoise")
"""With those named Random…, what does nothing but in training."""


def add(path: Path, *, title: str = "", preprocessing: str = "", size: int = 0) -> Model:
    """Make a model of a Keras file, whose code, if it holds any, is not run; the file is copied and stays.

    ``title`` is the file's name by default; ``preprocessing`` one of PREPROCESSING, needed unless the network begins
    with a layer that does it; ``size`` the side of its input, pixels, needed where the file leaves it open. Done before
    with the same file, it gives the same model. InputError says what is wrong with the file, or what is to be told.
    """
    title = title or path.stem[:40]
    if not TITLE.fullmatch(title):
        raise InputError(f"expected a title of 1 to 40 letters, digits, spaces and . ( ) + - _, got {title[:80]!r}")
    if preprocessing and preprocessing not in PREPROCESSING:
        raise UnknownName("preprocessing", preprocessing, PREPROCESSING)
    if size and not SMALLEST <= size <= LARGEST:
        raise InputError(f"expected a side of {SMALLEST} to {LARGEST:,} pixels, got {size}")
    foreign.kind_of(path)
    what = f"{path.name} could not be added"
    name: str = child.run(what, _added, path.resolve(), title, preprocessing, size)
    return catalog.model(name)


def remove(name: str) -> None:
    """Forget a model that was added: its card, weights and conversions; UnknownName for any other.

    Results that were computed with it stay, and are shown again when its file is added again.
    """
    known = [model.name for model in catalog.models().values() if model.added]
    if name not in known and name not in (path.stem for path in storage.matching(settings().models, "*.json")):
        raise UnknownName("model that was added", name, known or ["none, for none was added"])
    with storage.explained(settings().models):
        (settings().models / f"{name}.json").unlink(missing_ok=True)
    for folder in (settings().weights, settings().engines):
        for path in storage.matching(folder, f"{name}-*"):
            with storage.explained(path):
                shutil.rmtree(path) if os.path.isdir(path) else path.unlink(missing_ok=True)


def _added(path: Path, title: str, preprocessing: str, size: int) -> str:
    whole = _flat(path, _loaded(path))
    side = _side(path, whole, size)
    chosen = _chosen(path, layer_table(whole))
    architecture = _architecture(path, whole, chosen[-1])
    network = foreign.built(path.name, architecture, size=side)
    tensors = _tensors(path, whole, network)
    table = layer_table(network)
    treated = PREPROCESSING[_preprocessing(path, table, preprocessing)]
    facts = Model(
        name=_name(title, [architecture, weights.digest(tensors), asdict(treated), side]),
        title=title,
        size=side,
        parameters=table[-1].cumulative_parameters,
        layer_count=len(table),
        preprocessing=treated,
        layers=tuple(_layer(row) for row in table if row.name in chosen),
        keras=None,
        carrier=None,
        digest=weights.digest(tensors),
    )
    weights.keep(facts.name, tensors, source=f"the file {path.name}")
    card = {"model": asdict(facts), "layers": packed(table), "architecture": architecture}
    sealed.write(settings().models / f"{facts.name}.json", card)
    return facts.name


def _loaded(path: Path) -> Any:  # noqa: ANN401
    """The network in a file with its weights: numbers of an HDF5 file without links, and nothing else."""
    network = foreign.built(path.name, foreign.inspect(path))
    with ExitStack() as stack:
        source = path
        if foreign.kind_of(path) == "zip":
            source = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "model.weights.h5"
            foreign.unpack_weights(path, source)
        try:
            network.load_weights(source)
        except Exception as error:
            raise InputError(f"{path.name}: expected weights that fit its layers, got {str(error)[:300]}") from error
    return network


def _flat(path: Path, network: Any) -> Any:  # noqa: ANN401
    """The same network with the layers of networks within it as its own, without those that only training uses."""
    import keras

    if len(network.inputs) != 1 or len(network.inputs[0].shape) != 4 or network.inputs[0].shape[3] != 3:
        got = ", ".join(str(tuple(tensor.shape)) for tensor in network.inputs)
        raise InputError(f"{path.name}: expected one input of shape (n, height, width, 3), got {got}")
    inputs = keras.Input(batch_shape=network.inputs[0].shape, name="picture")
    try:
        twice = keras.Model(inputs, keras.tree.flatten(_through(network, inputs)))
        fresh = keras.Model.from_config(_in_float32(json.loads(twice.to_json()))["config"])
        fresh.set_weights(twice.get_weights())
    except ValueError as error:
        raise InputError(
            f"{path.name}: expected a network that can be laid out flat, got {str(error)[:300]}"
        ) from error
    return fresh


def _through(network: Any, tensor: Any) -> Any:  # noqa: ANN401
    """What a network makes of a tensor, layer by layer."""
    import keras

    if not isinstance(network, keras.Sequential):
        return network._run_through_graph(tensor, call_fn=_call)
    for layer in network.layers:
        tensor = _call(layer, tensor)
    return tensor


def _call(layer: Any, *given: Any, **named: Any) -> Any:  # noqa: ANN401
    kind = type(layer).__name__
    if kind in IDLE or kind.startswith("Random"):
        return given[0]
    if getattr(layer, "inputs", None):
        return _through(layer, given[0])
    named.pop("training", None)
    return layer(*given, **named)


def _in_float32(config: dict[str, Any]) -> dict[str, Any]:
    """An architecture whose layers compute in float32, whatever they were trained in."""
    for layer in config["config"]["layers"]:
        layer["config"].pop("dtype", None)
    return config


def _side(path: Path, network: Any, asked: int) -> int:  # noqa: ANN401
    _, height, width, _ = network.inputs[0].shape
    if height != width:
        raise InputError(f"{path.name}: expected a square input, got {height} x {width}")
    if asked and height and asked != height:
        raise InputError(f"{path.name}: expected its own side of {height} pixels, got {asked}; leave the size out")
    side: int = asked or height or 0
    if not side:
        raise InputError(f"{path.name}: takes pictures of any size; say which with --size, such as --size 224")
    if not SMALLEST <= side <= LARGEST:
        raise InputError(f"{path.name}: expected a side of {SMALLEST} to {LARGEST:,} pixels, got {side}")
    return side


def _chosen(path: Path, table: list[LayerFacts]) -> list[str]:
    """Up to CHOSEN layers, evenly spread over the convolutions, or where these are fewer over all maps."""
    maps = [row for row in table if row.shape[2] and LAYER.fullmatch(row.name) and row.kind != "InputLayer"]
    maps = [row for row in maps if not row.kind.startswith(("Dense", "Global", "Flatten", "Reshape"))]
    convolutions = [row.name for row in maps if row.kind in CONVOLUTIONS]
    if not convolutions:
        raise InputError(f"{path.name}: expected a convolutional network, got one without convolutions")
    names = convolutions if len(convolutions) >= CHOSEN else [row.name for row in maps]
    return [names[at] for at in graphs.spread(len(names))] if len(names) > CHOSEN else names


def _architecture(path: Path, network: Any, last: str) -> dict[str, Any]:  # noqa: ANN401
    """The description of all that the last chosen layer is computed from."""
    import keras

    cut = keras.Model(network.inputs[0], network.get_layer(last).output)
    config: dict[str, Any] = json.loads(cut.to_json())
    for key in ("compile_config", "build_config", "shared_object_id"):
        config.pop(key, None)
    foreign.check(path.name, config)
    return config


def _tensors(path: Path, whole: Any, network: Any) -> Tensors:  # noqa: ANN401
    """The weights of a network, by path, out of one that holds it."""
    tensors: Tensors = {}
    for layer in network.layers:
        layer.set_weights(whole.get_layer(layer.name).get_weights())
        tensors |= {weight.path: weight.numpy() for weight in layer.weights}
    if list(tensors) != [weight.path for weight in network.weights]:
        raise InputError(f"{path.name}: expected each layer to have weights of its own, got some under one name")
    for name, numbers in tensors.items():
        if not np.isfinite(numbers).all():
            raise InputError(
                f"{path.name}: expected finite weights, got others in {name}; was its training broken off?"
            )
    return tensors


def _preprocessing(path: Path, table: list[LayerFacts], asked: str) -> str:
    """What was asked for; without that, none where the first layer behind the picture does it."""
    first = next((row.kind for row in table if row.kind != "InputLayer"), "")
    if not asked and first not in ("Rescaling", "Normalization"):
        raise InputError(
            f"{path.name}: does not begin with a layer that rescales pictures; say what it was trained on with "
            f"--preprocessing: {MEANS}"
        )
    return asked or "none"


def _layer(row: LayerFacts) -> Layer:
    costs = (row.parameters, row.cumulative_parameters, row.receptive_field)
    return Layer(row.name, "", row.kind, row.index, row.channels, *costs)


def _name(title: str, facts: list[Any]) -> str:
    """For links and files: what can be read of the title, and a digest of all that its features depend on."""
    words = re.sub(r"[^a-z0-9]+", "-", title.lower())[:24].strip("-") or "model"
    return f"{words}-{hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:6]}"
