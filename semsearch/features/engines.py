"""The seam of engines that turn network inputs into pooled layer outputs, and its reference, TensorFlow.

All asked outputs come from one forward pass. Each picture is a pass of its own, so a vector cannot depend on the
pictures that happened to be beside it. The fast engine stands in ``openvino_engine.py``.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from semsearch.models import catalog, weights
from semsearch.processes.child import Child

GEM_POWER, GEM_FLOOR = 3, 1e-6
"""Generalized mean: ``mean(max(x, floor) ** power) ** (1 / power)`` (Radenović et al., 2018, p = 3)."""

Output = tuple[str, str]  # layer, pooling


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


class ChildEngine(Engine):
    """The reference in a process of its own: for callers into which TensorFlow's gigabyte must not come."""

    name = TensorFlowEngine.name

    def __init__(self, model: str, outputs: Sequence[Output], *, size: int) -> None:
        """Load the network there; raises as TensorFlowEngine does, and ProcessLost."""
        self._asked = (model, tuple(outputs), size)
        self._child = Child(f"{model} could not be run")
        self.dimensions = self._child.call(_dimensions, *self._asked)

    def each(self, batch: np.ndarray) -> Iterator[list[np.ndarray]]:
        """All pictures in one call."""
        yield from self._child.call(_rows, *self._asked, batch)


@lru_cache(1)
def _in_child(model: str, outputs: tuple[Output, ...], size: int) -> TensorFlowEngine:
    return TensorFlowEngine(model, outputs, size=size)


def _dimensions(model: str, outputs: tuple[Output, ...], size: int) -> tuple[int, ...]:
    return _in_child(model, outputs, size).dimensions


def _rows(model: str, outputs: tuple[Output, ...], size: int, batch: np.ndarray) -> list[list[np.ndarray]]:
    return list(_in_child(model, outputs, size).each(batch))


def _tensorflow_pooled(values: Any, pooling: str) -> Any:  # noqa: ANN401
    import tensorflow as tf

    if pooling == "flatten":
        return tf.reshape(values, (-1, int(np.prod(values.shape[1:]))))
    if pooling == "avg":
        return tf.reduce_mean(values, (1, 2))
    if pooling == "max":
        return tf.reduce_max(values, (1, 2))
    return tf.reduce_mean(tf.maximum(values, GEM_FLOOR) ** GEM_POWER, (1, 2)) ** (1 / GEM_POWER)
