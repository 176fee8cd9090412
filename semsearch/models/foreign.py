"""A Keras file of one's own: the network that it describes, taken as data; nothing in it is run.

::

    table(path)      in a child: inspect, then have Keras build the graph, in safe mode and without weights
    inspect(path)    size and kind ── members of the archive, links of the HDF5 ── every name of the architecture

What is not known to be harmless is refused with the reason: of classes only those of Keras that are listed here.
"""

import json
import os
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from semsearch.errors import InputError
from semsearch.files import storage
from semsearch.models.layers import LayerFacts
from semsearch.processes import child

LARGEST, CONFIG = 1 << 30, 1 << 24
"""Bytes at most of a file and all that it holds unpacked, and of the architecture in it."""
LAYERS, WIDEST, DEEPEST = 5_000, 65_536, 60
"""Layers at most; the largest number that a setting of one may be; how far descriptions may be nested."""
UNLIMITED = ("seed", "axis", "shared_object_id")
"""Numbers of a setting that decide on no size."""
MEMBERS = {"config.json", "metadata.json", "model.weights.h5"}
CLASSES = frozenset(
    "Functional Sequential Model InputLayer Conv2D DepthwiseConv2D SeparableConv2D Conv2DTranspose Dense Flatten "
    "Reshape BatchNormalization LayerNormalization Normalization Rescaling Activation ReLU LeakyReLU PReLU ELU "
    "Softmax Dropout SpatialDropout2D GaussianNoise RandomFlip RandomRotation RandomZoom RandomContrast "
    "RandomBrightness RandomTranslation MaxPooling2D AveragePooling2D GlobalAveragePooling2D "
    "GlobalMaxPooling2D Add Subtract Multiply Average Maximum Minimum Concatenate ZeroPadding2D Cropping2D "
    "UpSampling2D Permute Zeros Ones Constant RandomNormal RandomUniform TruncatedNormal VarianceScaling "
    "GlorotNormal GlorotUniform HeNormal HeUniform LecunNormal LecunUniform Orthogonal Identity L1 L2 L1L2 MaxNorm "
    "NonNeg UnitNorm MinMaxNorm DTypePolicy __keras_tensor__".split()
)
"""What may be named: layers for pictures, and what they are begun and held with."""
MODULES = ("keras", "keras.layers", "keras.models", "keras.initializers", "keras.regularizers", "keras.constraints")
ACTIVATIONS = frozenset(
    "linear relu relu6 leaky_relu elu selu gelu silu swish mish sigmoid hard_sigmoid hard_silu hard_swish tanh softmax "
    "softplus softsign exponential".split()
)
_KINDS = (
    (b"\x89HDF\r\n\x1a\n", "HDF5"),
    (b"PK\x03\x04", "zip"),
    (b"\x80", "a Python pickle, which is a program"),
    (b"\x93NUMPY", "a NumPy array"),
)


def table(path: Path) -> list[LayerFacts]:
    """What is known of each layer of the network in a file, as ``layers.table`` has it of the catalogue.

    InputError says what the file must not hold or lacks; ProcessLost when the child died of it.
    """
    kind_of(path)
    found: list[LayerFacts] = child.run(f"{path.name} could not be read", _table, path)
    return found


def _table(path: Path) -> list[LayerFacts]:
    from semsearch.models.fields import layer_table

    return layer_table(built(path.name, inspect(path)))


def built(name: str, config: dict[str, Any], *, size: int = 0) -> Any:  # noqa: ANN401
    """The untrained network of an architecture, which is checked first; for square inputs of ``size`` where given.

    ``name`` is whose it is, in messages. InputError where Keras cannot build it.
    """
    import keras

    check(name, config)
    kind = keras.Sequential if config["class_name"] == "Sequential" else keras.Model
    config = json.loads(json.dumps(config["config"]))
    for layer in config["layers"] if size else ():
        if layer["class_name"] == "InputLayer":
            layer["config"]["batch_shape"] = [None, size, size, 3]
    try:
        return kind.from_config(config)
    except Exception as error:
        raise InputError(f"{name}: expected a network that Keras can build, got {str(error)[:300]}") from error


def inspect(path: Path) -> dict[str, Any]:
    """The architecture in a file, in Keras' JSON, of which every name and number was checked.

    To be called in a child where the file is a stranger's: HDF5 is read by its own library.
    """
    text = _config_of_archive(path) if kind_of(path) == "zip" else _config_of_hdf5(path)
    try:
        config = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path.name}: expected the architecture as JSON, got {type(error).__name__}") from error
    if not isinstance(config, dict) or config.get("class_name") not in ("Functional", "Sequential", "Model"):
        raise InputError(f"{path.name}: expected a functional or sequential Keras model, got something else")
    for key in ("compile_config", "build_config", "shared_object_id"):
        config.pop(key, None)
    check(path.name, config)
    return config


def kind_of(path: Path) -> str:
    """``zip`` or ``HDF5``; all else is refused by its first bytes, unread."""
    if os.path.isdir(path):
        raise InputError(f"{path.name}: expected one file, .keras or .h5, got a folder")
    storage.check_readable(path)
    size = path.stat().st_size
    if size > LARGEST:
        raise InputError(f"{path.name}: expected a file of at most {LARGEST >> 20:,} MB, got {size >> 20:,} MB")
    with path.open("rb") as file:
        first = file.read(8)
    kind = next((name for sign, name in _KINDS if first.startswith(sign)), "other bytes")
    if kind not in ("zip", "HDF5"):
        raise InputError(f"{path.name}: expected a Keras file (.keras or .h5), got {kind}")
    return kind


def _config_of_archive(path: Path) -> bytes:
    """``config.json`` of a .keras archive that holds nothing else than it should."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            names = [member.filename for member in members]
            if strange := [name for name in names if name not in MEMBERS]:
                raise InputError(f"{path.name}: expected nothing but {_listed(MEMBERS)}, got {strange[0][:80]!r} in it")
            if len(set(names)) < len(names) or not {"config.json", "model.weights.h5"} <= set(names):
                raise InputError(f"{path.name}: expected config.json and model.weights.h5 once each, got {names[:4]}")
            whole = sum(member.file_size for member in members)
            config = archive.getinfo("config.json")
            if whole > LARGEST or config.file_size > CONFIG:
                raise InputError(f"{path.name}: expected at most {LARGEST >> 20:,} MB unpacked, got {whole >> 20:,} MB")
            with archive.open(config) as file:
                return file.read(CONFIG)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise InputError(f"{path.name}: expected a whole .keras archive, got a damaged one ({error})") from error


def _config_of_hdf5(path: Path) -> bytes:
    """The attribute ``model_config`` of an HDF5 file without links, and with no more numbers than it is large."""
    import h5py

    try:
        with h5py.File(path, "r") as file:
            _check_numbers(path, file)
            config = file.attrs.get("model_config")
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path.name}: expected a whole HDF5 file, got a damaged one ({error})") from error
    if not isinstance(config, str | bytes):
        raise InputError(f"{path.name}: expected the architecture in it, got weights alone; save the whole model")
    data = config.encode() if isinstance(config, str) else config
    if len(data) > CONFIG:
        raise InputError(f"{path.name}: expected an architecture of at most {CONFIG >> 20} MB, got more")
    return data


def unpack_weights(path: Path, target: Path) -> None:
    """The weights of a .keras archive as a file of its own, which holds numbers alone; InputError where it does not."""
    import h5py

    storage.check_room(target, path.stat().st_size, "the weights of a model")
    try:
        with zipfile.ZipFile(path) as archive, archive.open("model.weights.h5") as packed, target.open("wb") as out:
            shutil.copyfileobj(packed, out)
        with h5py.File(target, "r") as file:
            _check_numbers(target, file, path.name)
    except (zipfile.BadZipFile, EOFError, OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path.name}: expected whole weights in it, got damaged ones ({error})") from error


def _check_numbers(path: Path, file: Any, whose: str = "") -> None:  # noqa: ANN401
    """InputError unless an open HDF5 file holds numbers of its own alone; ``whose`` is named instead of the path."""
    import h5py

    whose = whose or path.name
    left, waiting, seen, numbers = 100_000, [file], set(), 0
    while waiting:
        group = waiting.pop()
        for name in group:
            link = group.get(name, getlink=True)
            if not isinstance(link, h5py.HardLink):
                raise InputError(f"{whose}: expected no links in it, got {type(link).__name__} {name[:80]!r}")
            found = group[name]
            address = h5py.h5o.get_info(found.id).addr
            left -= 1
            if address in seen or left < 0:
                raise InputError(f"{whose}: expected each group once, got {name[:80]!r} again, or too many")
            seen.add(address)
            if isinstance(found, h5py.Group):
                waiting.append(found)
                continue
            if found.external or found.is_virtual or found.dtype.kind not in "fiub":
                raise InputError(f"{whose}: expected numbers of its own under {name[:80]!r}, got {found.dtype}")
            numbers += found.nbytes
    if numbers > 20 * path.stat().st_size or numbers > LARGEST:
        raise InputError(f"{whose}: expected as many numbers as it is large, got {numbers >> 20:,} MB of them")


def check(file: str, config: dict[str, Any]) -> None:
    """InputError for the first name or number that is not known to be harmless."""
    layers = 0
    for key, value, depth in _values(config):
        if depth > DEEPEST:
            raise InputError(f"{file}: expected descriptions nested at most {DEEPEST} deep, got more")
        if isinstance(value, dict) and ("class_name" in value or "module" in value):
            layers += isinstance(value.get("config"), dict) and "name" in value["config"]
            _check_name(file, value)
        elif key == "activation" and isinstance(value, str) and value not in ACTIVATIONS:
            raise InputError(f"{file}: expected an activation of Keras, got {value[:80]!r}")
        elif isinstance(value, int | float) and key not in UNLIMITED and not abs(value) <= WIDEST:
            raise InputError(f"{file}: expected numbers up to {WIDEST:,} in its layers, got {key} {value:,}")
    if layers > LAYERS:
        raise InputError(f"{file}: expected at most {LAYERS:,} layers, got {layers:,}")


def _check_name(file: str, value: dict[str, Any]) -> None:
    name, module, registered = (value.get(key) for key in ("class_name", "module", "registered_name"))
    if name in ("Lambda", "__lambda__", "function"):
        raise InputError(f"{file}: expected layers of Keras alone, got {name}, code of whoever made the file")
    if name not in CLASSES or registered not in (None, name):
        raise InputError(f"{file}: expected layers that are known here, got {str(registered or name)[:80]!r}")
    if module not in (None, *MODULES) and module != f"keras.src.models.{str(name).lower()}":
        raise InputError(f"{file}: expected a module of Keras, got {str(module)[:80]!r}")


def _values(config: Any) -> Iterator[tuple[str, Any, int]]:  # noqa: ANN401
    """(key, value, depth) of all that is nested in a JSON value, itself first; entries of a list have its key."""
    waiting: list[tuple[str, Any, int]] = [("", config, 0)]
    while waiting:
        key, value, depth = waiting.pop()
        yield key, value, depth
        if isinstance(value, dict):
            waiting += [(str(name), inner, depth + 1) for name, inner in value.items()]
        elif isinstance(value, list):
            waiting += [(key, inner, depth + 1) for inner in value]


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names))
