"""Two engines that turn network inputs into pooled layer outputs, all asked ones in one forward pass.

``TensorFlowEngine`` is the reference. ``OpenVINOEngine`` runs a converted copy of the same network and never imports
TensorFlow: a process of its own, ``python -m semsearch.engines MODEL SIZE``, converts once per model, weights and
size, compares the copy with Keras on real photos, and leaves files that are verified at each load. Each picture is a
pass of its own, one on every core, so a vector cannot depend on the pictures that happened to be beside it.
"""

import hashlib
import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from queue import SimpleQueue
from threading import Lock
from typing import Any

import numpy as np

from semsearch import catalog, datasets, images, weights
from semsearch.errors import EngineError, SemsearchError
from semsearch.settings import ROOT, cores, settings
from semsearch.storage import lock, sha256_file, write_bytes

SCHEMA = 1
"""Raised when the way of converting changes; part of the name of every converted model."""

TOLERANCE = 1e-4
"""Largest accepted difference between a converted model and Keras, relative to a layer's largest value."""

GEM_POWER, GEM_FLOOR = 3, 1e-6
"""Generalized mean: ``mean(max(x, floor) ** power) ** (1 / power)`` (Radenović et al., 2018, p = 3)."""

PLAN = {"PERFORMANCE_HINT": "THROUGHPUT", "INFERENCE_PRECISION_HINT": "f32", "ENABLE_CPU_PINNING": False}
"""Float32 even where the processor has bfloat16; cores not claimed, for files are decoded on them too."""

FILES = ("model.xml", "model.bin")
Output = tuple[str, str]  # layer, pooling
_FIRST = Lock()  # two threads that give OpenVINO their first arrays at once deadlock


class Engine:
    """A loaded network with a fixed input side and a fixed tuple of outputs, for many threads at once."""

    name: str
    dimensions: tuple[int, ...]
    """Length of the vector of each output."""

    def each(self, batch: np.ndarray) -> Iterator[list[np.ndarray]]:
        """From (n, s, s, 3) float32, preprocessed, to one (d,) float32 per output of each picture, in order."""
        raise NotImplementedError

    def run(self, batch: np.ndarray) -> list[np.ndarray]:
        """All of ``each``: one (n, d) float32 per output."""
        return [np.stack(rows) for rows in zip(*self.each(batch), strict=True)]


def preprocess(squares: np.ndarray, model: str) -> np.ndarray:
    """From RGB (n, s, s, 3) uint8 to what the model was trained on, (n, s, s, 3) float32."""
    facts = catalog.model(model).preprocessing
    ordered = squares[..., ::-1] if facts.order == "bgr" else squares
    rows = ordered.reshape(*squares.shape[:2], -1).astype(np.float32)
    rows -= np.tile(np.array(facts.mean, np.float32), squares.shape[2])
    rows /= np.tile(np.array(facts.scale, np.float32), squares.shape[2])
    return rows.reshape(squares.shape)


class TensorFlowEngine(Engine):
    """The reference: Keras' own network under ``tf.function``, poolings in the graph."""

    name = "tensorflow"

    def __init__(self, model: str, outputs: Sequence[Output], *, size: int) -> None:
        """Load the weights; WeightsUnavailable if they were never pulled."""
        import keras
        import tensorflow as tf

        network = weights.load_model(model, size=size)
        layers = list(dict.fromkeys(layer for layer, _ in outputs))
        raw = keras.Model([network.input], [network.get_layer(layer).output for layer in layers])

        def forward(batch: Any) -> list[Any]:  # noqa: ANN401
            values = dict(zip(layers, keras.tree.flatten(raw([batch], training=False)), strict=True))
            return [_tensorflow_pooled(values[layer], pooling) for layer, pooling in outputs]

        self._forward = tf.function(forward).get_concrete_function(tf.TensorSpec((None, size, size, 3), tf.float32))
        self.dimensions = tuple(int(shape[1]) for shape in self._forward.output_shapes)

    def each(self, batch: np.ndarray) -> Iterator[list[np.ndarray]]:
        """One graph run per picture."""
        import tensorflow as tf

        for i in range(len(batch)):
            yield [value.numpy()[0] for value in self._forward(tf.constant(batch[i : i + 1]))]


def _tensorflow_pooled(values: Any, pooling: str) -> Any:  # noqa: ANN401
    import tensorflow as tf

    if pooling == "flatten":
        return tf.reshape(values, (-1, int(np.prod(values.shape[1:]))))
    if pooling == "avg":
        return tf.reduce_mean(values, (1, 2))
    if pooling == "max":
        return tf.reduce_max(values, (1, 2))
    return tf.reduce_mean(tf.maximum(values, GEM_FLOOR) ** GEM_POWER, (1, 2)) ** (1 / GEM_POWER)


class OpenVINOEngine(Engine):
    """The fast engine: a converted network cut to the asked layers, in full float32, one stream per core."""

    name = "openvino"

    def __init__(self, model: str, outputs: Sequence[Output], *, size: int) -> None:
        """Load the converted network, converting first where needed (that alone takes seconds).

        EngineError if it cannot be converted faithfully, WeightsUnavailable if weights were never pulled.
        """
        folder = converted(model, size)
        try:
            compiled = _compile(folder, outputs, size)
        except RuntimeError as error:
            raise EngineError(f"OpenVINO refused {folder}: {error}; delete that folder to convert anew") from error
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
    """OpenVINO without its telemetry: with the reporting package masked it takes its own stub and sends nothing."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    try:
        import openvino
    except ImportError as error:
        raise EngineError(f"OpenVINO cannot be loaded: {error}; install the versions of requirements.txt") from error
    return openvino


def _compile(folder: Path, outputs: Sequence[Output], size: int) -> Any:  # noqa: ANN401
    openvino = _openvino()
    core = openvino.Core()
    network = core.read_model(folder / "model.xml")
    network.reshape([1, size, size, 3])
    pooled = [_openvino_pooled(network.output(layer).get_node().input_value(0), pooling) for layer, pooling in outputs]
    asked = openvino.Model([openvino.opset13.result(value) for value in pooled], network.get_parameters())
    return core.compile_model(asked, "CPU", {**PLAN, "NUM_STREAMS": cores(), "INFERENCE_NUM_THREADS": cores()})


def _openvino_pooled(value: Any, pooling: str) -> Any:  # noqa: ANN401
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


def converted(model: str, size: int) -> Path:
    """The folder of the converted model, verified; one that is absent or damaged is made anew in its own process."""
    folder = _folder(model, size)
    if not _intact(folder):
        _convert_in_child(model, size)
        if not _intact(folder):
            raise EngineError(f"{folder} is not whole after a conversion; is the disk full?")
    return folder


def _convert_in_child(model: str, size: int) -> None:
    """Convert where TensorFlow may be imported, so that this process never needs to."""
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    command = [sys.executable, "-m", "semsearch.engines", model, str(size)]
    env = {**os.environ, "PYTHONPATH": path, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(command, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True)  # noqa: S603
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise EngineError(f"{model} at {size} px could not be converted for OpenVINO: {reason}")


def _folder(model: str, size: int) -> Path:
    """Named by all that changes the result: weights, size, layers, OpenVINO, our schema."""
    layers = [layer.name for layer in catalog.model(model).layers]
    facts = [SCHEMA, importlib.metadata.version("openvino"), weights.local(model).digest, size, layers]
    key = hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]
    return settings().engines / f"{model}-{size}-{key}"


def _intact(folder: Path) -> bool:
    """Whether the files are those of the manifest, to the bit."""
    try:
        manifest = json.loads((folder / "manifest.json").read_bytes())
        return all(manifest[name] == sha256_file(folder / name) for name in FILES)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def convert(model: str, size: int) -> Path:
    """Convert with Keras and TensorFlow in this process and check the result on real photos.

    One conversion runs at a time per model and size; a killed one leaves only what the next one removes.
    EngineError if a layer differs from Keras by more than ``TOLERANCE``.
    """
    folder = _folder(model, size)
    with lock(folder.with_name(f".{folder.name}.lock")):
        if _intact(folder):
            return folder
        for stale in [folder, *folder.parent.glob(f".{folder.name}.*.tmp")]:
            shutil.rmtree(stale, ignore_errors=True)
        temporary = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
        temporary.mkdir()
        try:
            _write(temporary, model, size)
            os.replace(temporary, folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return folder


def _write(folder: Path, model: str, size: int) -> None:
    import keras

    network = weights.load_model(model, size=size)
    layers = {layer.name: network.get_layer(layer.name).output for layer in catalog.model(model).layers}
    raw = keras.Model([network.input], list(layers.values()))
    copy = _openvino().convert_model(raw)
    for name, tensor in layers.items():
        found = [output for output in copy.outputs if tensor.name in output.get_names()]
        if len(found) != 1 or len(copy.outputs) != len(layers):
            raise EngineError(f"the conversion of {model} has {len(copy.outputs)} outputs and lost track of {name}")
        found[0].get_tensor().set_names({name})
    _openvino().save_model(copy, folder / "model.xml", compress_to_fp16=False)
    photos = _photos(model, size)
    _compare(folder, dict(zip(layers, raw([photos], training=False), strict=True)), photos)
    write_bytes(folder / "manifest.json", json.dumps({name: sha256_file(folder / name) for name in FILES}).encode())


def _photos(model: str, size: int) -> np.ndarray:
    """Photos of three classes: noise, or one picture alone, would prove little."""
    dataset = datasets.load("groceries200")
    first = {item.label: dataset.path(item.id) for item in reversed(dataset.items)}
    chosen = [images.load(first[label]) for label in sorted(first)[:3]]
    squares = [images.resize(photo, size, resample="antialias") for photo in chosen]
    return preprocess(np.stack(squares), model)


def _compare(folder: Path, reference: dict[str, Any], photos: np.ndarray) -> None:
    """EngineError unless each layer, unpooled, of each photo agrees with Keras in shape and values."""
    compiled = _compile(folder, [(name, "flatten") for name in reference], photos.shape[1])
    for photo in range(len(photos)):
        result = compiled(photos[photo : photo + 1]).values()
        for (name, values), rows in zip(reference.items(), result, strict=True):
            expected, got = np.asarray(values[photo]).ravel(), rows[0]
            if expected.shape != got.shape:
                raise EngineError(f"layer {name}: expected {expected.size} values, the converted model has {got.size}")
            difference = float(np.abs(expected - got).max() / max(np.abs(expected).max(), 1e-30))
            if not difference <= TOLERANCE:
                raise EngineError(f"layer {name} differs from Keras by {difference:.1e}, allowed is {TOLERANCE}")


if __name__ == "__main__":
    try:
        convert(sys.argv[1], int(sys.argv[2]))
    except SemsearchError as error:
        sys.exit(str(error))
