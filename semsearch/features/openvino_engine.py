"""Networks converted for OpenVINO, the fast engine: converted once, compared with Keras, verified at each load.

TensorFlow is needed for the conversion alone, which a child process does. One picture runs on every core.
"""

import hashlib
import importlib.metadata
import json
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from queue import SimpleQueue
from threading import Lock
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

from semsearch import images
from semsearch.data import datasets
from semsearch.errors import EngineError, EngineUnfit, IntegrityError, ProcessLost
from semsearch.features.engines import GEM_FLOOR, GEM_POWER, Engine, Output, preprocess
from semsearch.files.staging import staged
from semsearch.files.storage import check_room, explained, lock, read_here, sha256_file, write_bytes
from semsearch.models import catalog, weights
from semsearch.processes import child, threads
from semsearch.processes.signal_stack import own_signal_stack
from semsearch.settings import cores, settings

SCHEMA = 1
"""Raised when the way of converting changes; part of the name of every converted model."""

TOLERANCE = 1e-4
"""Largest accepted difference between a converted model and Keras, relative to a layer's largest value."""

PLAN = {"PERFORMANCE_HINT": "THROUGHPUT", "INFERENCE_PRECISION_HINT": "f32", "ENABLE_CPU_PINNING": False}
"""Float32 even where the processor has bfloat16; cores not claimed, for files are decoded on them too."""

FILES = ("model.xml", "model.bin")
_FIRST = Lock()  # two threads that give OpenVINO their first arrays at once deadlock


class OpenVINOEngine(Engine):
    """The fast engine: a converted network cut to the asked layers, in full float32, one stream per core."""

    name = "openvino"

    def __init__(self, model: str, outputs: Sequence[Output], *, size: int) -> None:
        """Load the converted network, converting first where needed (that alone takes seconds).

        EngineUnfit if it cannot be converted faithfully, WeightsUnavailable if weights were never pulled.
        """
        try:
            self._network = _shared(model, size)
            compiled = _compile(self._network, outputs)
        except RuntimeError as error:
            folder = _folder(model, size)
            raise EngineUnfit(f"OpenVINO refused {folder}: {error}; delete that folder to convert anew") from error
        self.dimensions = tuple(int(np.prod(output.shape)) for output in compiled.outputs)
        self._free: SimpleQueue = SimpleQueue()
        for _ in range(2 * cores()):
            self._free.put(compiled.create_infer_request())
        with _FIRST:
            self.run(np.zeros((1, size, size, 3), np.float32))

    def each(self, batch: np.ndarray) -> Iterator[list[np.ndarray]]:
        """Pictures on all cores, and as many more begun, so that no core waits for this thread."""
        inputs = np.ascontiguousarray(batch, np.float32)
        running: deque[Any] = deque()
        try:
            for i in range(len(inputs)):
                while running and self._free.empty():
                    yield self._finish(running.popleft())
                running.append(self._free.get())
                running[-1].start_async({0: inputs[i : i + 1]}, share_inputs=True)
            while running:
                yield self._finish(running.popleft())
        finally:
            while running:
                self._finish(running.popleft())

    def _finish(self, request: Any) -> list[np.ndarray]:  # noqa: ANN401
        try:
            request.wait()
            return [request.get_output_tensor(j).data.reshape(-1).copy() for j in range(len(self.dimensions))]
        finally:
            self._free.put(request)


def _openvino() -> Any:  # noqa: ANN401
    """OpenVINO without its telemetry: with the reporting package masked it takes its own stub and sends nothing.

    Loaded in a thread that interrupts do not reach: it makes a failed import of them, which would be taken for an
    OpenVINO that cannot be had, and would never load in this process again.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    try:
        if "openvino" not in sys.modules:
            list(threads.done(import_module, ["openvino"], 1))
        import openvino
    except ImportError as error:
        raise EngineUnfit(f"OpenVINO cannot be loaded: {error}; install the versions of requirements.txt") from error
    return openvino


@cache
def _core() -> Any:  # noqa: ANN401
    """OpenVINO's one core of this process: what it holds, all networks share, and it ends with the process."""
    return _openvino().Core()


class _Network:
    """A network as it was read, uncut: what is cut out of it shares its weights."""

    def __init__(self, files: Sequence[bytes], size: int) -> None:
        """Out of the bytes of FILES: from files OpenVINO would map them, and fall with them."""
        with own_signal_stack():
            self.graph = _core().read_model(*files)
            self.graph.reshape([1, size, size, 3])
        self.cutting = Lock()


_NETWORKS: WeakValueDictionary[Path, _Network] = WeakValueDictionary()
"""Those that some engine of this process was cut out of, by the folder they were read from."""


def _shared(model: str, size: int) -> _Network:
    """The network as it is in memory, else from its files, converted first where needed."""
    folder = _folder(model, size)
    if network := _NETWORKS.get(folder):
        return network
    return _NETWORKS.setdefault(folder, _Network(converted(model, size), size))


def _compile(network: _Network, outputs: Sequence[Output]) -> Any:  # noqa: ANN401
    """The part of a network that gives some outputs, ready to run."""
    openvino, whole = _openvino(), network.graph
    with network.cutting, own_signal_stack():
        values = [whole.output(layer).get_node().input_value(0) for layer, _ in outputs]
        pooled = [_pooled(value, pooling) for value, (_, pooling) in zip(values, outputs, strict=True)]
        cut = openvino.Model([openvino.opset13.result(value) for value in pooled], whole.get_parameters())
        plan = {**PLAN, "NUM_STREAMS": cores(), "INFERENCE_NUM_THREADS": cores()}
        return _core().compile_model(cut, "CPU", plan)


def _pooled(value: Any, pooling: str) -> Any:  # noqa: ANN401
    """Pooled over planes: OpenVINO convolves in that order, and moving a whole layer costs more than pooling it."""
    ops = _openvino().opset13
    if pooling == "flatten":
        return ops.reshape(value, [1, -1], False)
    planes = ops.transpose(value, [0, 3, 1, 2])
    if pooling == "avg":
        return ops.reduce_mean(planes, [2, 3], False)
    if pooling == "max":
        return ops.reduce_max(planes, [2, 3], False)
    floored = ops.maximum(planes, np.float32(GEM_FLOOR))
    cubes = ops.multiply(ops.multiply(floored, floored), floored)
    return ops.power(ops.reduce_mean(cubes, [2, 3], False), np.float32(1 / GEM_POWER))


def converted(model: str, size: int) -> tuple[bytes, ...]:
    """FILES of the converted model, verified; one that is absent or damaged is made anew in its own process.

    Of all models one is converted at a time, for that takes a gigabyte.
    """
    folder = _folder(model, size)
    if files := _intact(folder):
        return files
    with lock(folder.with_name(".conversion.lock")):
        if files := _intact(folder):
            return files
        _convert_in_child(model, size)
    if files := _intact(folder):
        return files
    raise IntegrityError(f"{folder} is not whole after a conversion; try again, and check that disk")


def _convert_in_child(model: str, size: int) -> None:
    """Convert where TensorFlow may be imported, so that this process never needs to."""
    what = f"{model} at {size} px could not be converted for OpenVINO"
    try:
        child.run(what, convert, model, size)
    except EngineUnfit:
        raise
    except EngineError as error:  # a passing fault is no reason for another engine, whose last digits differ
        raise ProcessLost(f"{what}: {error}; try again") from error


def _folder(model: str, size: int) -> Path:
    """Named by all that changes the result: weights, size, layers, OpenVINO, our schema."""
    layers = list(catalog.model(model).layer_names)
    facts = [SCHEMA, importlib.metadata.version("openvino"), weights.local(model).digest, size, layers]
    key = hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]
    return settings().engines / f"{model}-{size}-{key}"


def _intact(folder: Path) -> tuple[bytes, ...]:
    """The bytes of FILES if they are those of the manifest, else nothing."""
    files = tuple(read_here(folder / name) or b"" for name in FILES)
    try:
        manifest = json.loads(read_here(folder / "manifest.json") or b"")
        whole = [manifest[name] for name in FILES] == [hashlib.sha256(data).hexdigest() for data in files]
    except (ValueError, KeyError, TypeError):
        return ()
    return files if whole else ()


def convert(model: str, size: int) -> Path:
    """Convert with Keras and TensorFlow in this process and check the result on real photos.

    One conversion runs at a time per model and size; a killed one leaves only what the next one removes.
    EngineUnfit if a layer differs from Keras by more than ``TOLERANCE``.
    """
    folder = _folder(model, size)
    with lock(folder.with_name(f".{folder.name}.lock")):
        if _intact(folder):
            return folder
        check_room(folder, 4 * catalog.model(model).parameters, f"{model} converted for OpenVINO")
        with staged(folder) as stage, explained(folder):
            _write(stage, model, size)
    return folder


def _write(folder: Path, model: str, size: int) -> None:
    import keras

    network = weights.load_model(model, size=size)
    layers = {layer.name: network.get_layer(layer.name).output for layer in catalog.model(model).layers}
    raw = keras.Model([network.input], list(layers.values()))
    copy = _copy_of(raw)
    for name, tensor in layers.items():
        outputs = [output for output in copy.outputs if tensor.name in output.get_names()]
        if len(outputs) != 1 or len(copy.outputs) != len(layers):
            raise EngineUnfit(f"the conversion of {model} has {len(copy.outputs)} outputs and lost track of {name}")
        outputs[0].get_tensor().set_names({name})
    _openvino().save_model(copy, folder / "model.xml", compress_to_fp16=False)
    photos = _photos(model, size)
    _compare(
        [(folder / name).read_bytes() for name in FILES],
        dict(zip(layers, raw([photos], training=False), strict=True)),
        photos,
    )
    _describe(folder)


def _describe(folder: Path) -> None:
    """Write which files the folder holds, for ``_intact``, which compares all of it: it needs no seal of its own."""
    write_bytes(folder / "manifest.json", json.dumps({name: sha256_file(folder / name) for name in FILES}).encode())


def _copy_of(network: Any) -> Any:  # noqa: ANN401
    """OpenVINO's copy of a Keras network.

    On its way it asks for TensorFlow's version by ``exec("import tensorflow")`` and ``exec("del tensorflow")``, and
    from Python 3.13 on the second fails, for the first leaves nothing behind in a function (PEP 667). TensorFlow is
    here, so both can be left out.
    """
    openvino = _openvino()
    for name in ("openvino.frontend.tensorflow.utils", "openvino.tools.ovc.environment_setup_utils"):
        vars(import_module(name))["exec"] = lambda statement: None
    return openvino.convert_model(network)


def _photos(model: str, size: int) -> np.ndarray:
    """Photos of three classes: noise, or one picture alone, would prove little."""
    dataset = datasets.load("groceries200")
    first = {item.label: dataset.path(item.id) for item in reversed(dataset.items)}
    chosen = [images.load(first[label]) for label in sorted(first)[:3]]
    squares = [images.resize(photo, size, resample="antialias") for photo in chosen]
    return preprocess(np.stack(squares), model)


def _compare(files: Sequence[bytes], reference: dict[str, Any], photos: np.ndarray) -> None:
    """EngineUnfit unless each layer, unpooled, of each photo agrees with Keras in shape and values."""
    compiled = _compile(_Network(files, photos.shape[1]), [(name, "flatten") for name in reference])
    for photo in range(len(photos)):
        result = compiled(photos[photo : photo + 1]).values()
        for (name, values), rows in zip(reference.items(), result, strict=True):
            expected, got = np.asarray(values[photo]).ravel(), rows[0]
            if expected.shape != got.shape:
                raise EngineUnfit(f"layer {name}: expected {expected.size} values, the converted model has {got.size}")
            difference = float(np.abs(expected - got).max() / max(np.abs(expected).max(), 1e-30))
            if not difference <= TOLERANCE:
                raise EngineUnfit(f"layer {name} differs from Keras by {difference:.1e}, allowed is {TOLERANCE}")
