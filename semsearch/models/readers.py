"""One reader for each kind of file that carries weights: the file in, the tensors that a model expects out."""

import json
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from semsearch.errors import IntegrityError
from semsearch.models.archives import MEMBER_LIMIT, stream
from semsearch.models.tensors import Layout, Tensors, by_name, in_order
from semsearch.models.torch_legacy import torch_arrays


def keras_h5(path: Path, layout: Layout) -> Tensors:
    """Keras' old HDF5: layers in the order of the model, each with the names of its weights."""
    import h5py

    tensors: Tensors = {}
    with h5py.File(path, "r") as file:
        root = file["model_weights"] if "model_weights" in file else file
        for layer in _names(root, "layer_names"):
            for weight in _names(root[layer], "weight_names"):
                tensors[f"{layer}/{weight}"] = _dataset(root[layer], weight)
    return in_order(tensors, layout)


def _names(group: Any, key: str) -> list[str]:  # noqa: ANN401
    """A list attribute; Keras splits long ones into key0, key1 …"""
    parts = [key] if key in group.attrs else [f"{key}{part}" for part in range(len(group.attrs))]
    names = [name for part in parts if part in group.attrs for name in group.attrs[part]]
    return [name.decode() if isinstance(name, bytes) else str(name) for name in names]


def _dataset(group: Any, name: str) -> np.ndarray:  # noqa: ANN401
    """An array stored in this very file."""
    data = group[name]
    if data.external or data.file.filename != group.file.filename or data.nbytes > MEMBER_LIMIT:
        raise IntegrityError(f"expected an array of this file under {name}, got a link or too much data")
    return np.asarray(data[()])


def _keras_zip(path: Path, layout: Layout) -> Tensors:
    """A .keras archive: ``config.json`` gives the order of the layers, ``model.weights.h5`` the numbers.

    The weights file numbers layers by class, in the order of the model. Of a network inside a network, the inner.
    """
    import h5py

    weights = path.with_name("model.weights.h5")
    with zipfile.ZipFile(path) as archive:
        with archive.open("model.weights.h5") as source:
            stream(source, weights)
        with archive.open("config.json") as source:
            layers = _keyed(json.loads(source.read(1 << 24))["config"]["layers"])
    prefix = "layers"
    inner = [(key, layer) for key, layer in layers if "layers" in layer["config"]]
    if inner:
        prefix, layers = f"layers/{inner[0][0]}/layers", _keyed(inner[0][1]["config"]["layers"])
    tensors: Tensors = {}
    with h5py.File(weights, "r") as file:
        for key, layer in layers:
            group = file.get(f"{prefix}/{key}/vars", {})
            for index in sorted(group, key=int):
                tensors[f"{layer['config']['name']}/{index}"] = _dataset(group, index)
    return in_order(tensors, layout)


def _keyed(layers: list[dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    """Each layer with its key in the weights file: the class in snake case, numbered from the second on."""
    seen: Counter[str] = Counter()
    keyed = []
    for layer in layers:
        name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", layer["class_name"])
        name = re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
        keyed.append((f"{name}_{seen[name]}" if seen[name] else name, layer))
        seen[name] += 1
    return keyed


def _frozen_graph(path: Path, layout: Layout) -> Tensors:
    """MobileNet as a frozen TensorFlow graph: its float constants, parsed as a message, the graph never run."""
    from tensorflow import make_ndarray
    from tensorflow.core.framework.graph_pb2 import GraphDef

    graph = GraphDef()
    graph.ParseFromString(path.read_bytes())
    constants = [node for node in graph.node if node.op == "Const"]
    values = {node.name: make_ndarray(node.attr["value"].tensor) for node in constants}
    epsilons = {float(value) for name, value in values.items() if name.endswith("/batchnorm/add/y")}
    if epsilons - {float(np.float32(0.001))}:
        raise IntegrityError(f"expected batch normalisation with epsilon 0.001, got {sorted(epsilons)}")
    spare = r".*/batchnorm/add/y|(MobilenetV1/)?(Logits|Predictions|final_training_ops|input_1)/.*"
    return by_name(values, layout, _slim_name, spare)


def _slim_name(name: str) -> str:
    """Name in TensorFlow-slim of a variable of Keras' MobileNet."""
    layer, leaf = name.split("/")
    match = re.fullmatch(r"conv(1|_dw_\d+|_pw_\d+)(_bn)?", layer)
    if not match:
        raise IntegrityError(f"expected a layer of MobileNet, got {layer}")
    _, kind, number = match[1].split("_") if "_" in match[1] else ("", "", "0")
    block = f"MobilenetV1/Conv2d_{number}" + {"": "", "dw": "_depthwise", "pw": "_pointwise"}[kind]
    if match[2]:
        return f"{block}/BatchNorm/{leaf}"
    return f"{block}/depthwise_weights" if kind == "dw" else f"{block}/weights"


TORCH_BATCH = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}
TORCH_LAYERS = {
    "stem_conv": "_conv_stem",
    "stem_bn": "_bn0",
    "top_conv": "_conv_head",
    "top_bn": "_bn1",
    "expand_conv": "_expand_conv",
    "expand_bn": "_bn0",
    "dwconv": "_depthwise_conv",
    "bn": "_bn1",
    "project_conv": "_project_conv",
    "project_bn": "_bn2",
}


def _torch_legacy(path: Path, layout: Layout) -> Tensors:
    """EfficientNet-Lite as PyTorch stores it: kernels (out, in, h, w) become (h, w, in, out) or (h, w, channel, 1)."""
    blocks: dict[str, int] = {}

    def rename(name: str) -> str:
        layer, leaf = name.split("/")
        block, _, part = layer.partition("_") if layer.startswith("block") else ("", "", layer)
        prefix = f"_blocks.{blocks.setdefault(block, len(blocks))}." if block else ""
        return f"{prefix}{TORCH_LAYERS[part]}.{TORCH_BATCH.get(leaf, 'weight')}"

    tensors = {}
    for name, value in torch_arrays(path).items():
        axes = (2, 3, 0, 1) if "depthwise" in name else (2, 3, 1, 0)
        tensors[name] = value.transpose(axes) if value.ndim == 4 else value
    return by_name(tensors, layout, rename, r"_fc\.(weight|bias)|.*\.num_batches_tracked")


READERS: Mapping[str, Callable[[Path, Layout], Tensors]] = {
    "keras_h5": keras_h5,
    "keras_zip": _keras_zip,
    "frozen_graph": _frozen_graph,
    "torch_legacy": _torch_legacy,
}
