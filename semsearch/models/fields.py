"""What each layer of a Keras graph costs, and what its units see."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

from semsearch.errors import InputError
from semsearch.models.layers import LayerFacts

CONVOLUTIONS = ("Conv2D", "DepthwiseConv2D", "SeparableConv2D")
POOLS = ("MaxPooling2D", "AveragePooling2D")


@dataclass(frozen=True)
class _Axis:
    """What unit i sees along one axis: ``side`` input pixels from ``start`` + i · ``step`` on."""

    side: float = 1
    step: float = 1
    start: float = 0

    def through(self, extent: float, stride: float, padding: float = 0) -> "_Axis":
        """Behind a window of that extent that moves by that stride and begins so many units before the first."""
        return _Axis(self.side + (extent - 1) * self.step, self.step * stride, self.start - padding * self.step)

    def joined(self, other: "_Axis") -> "_Axis":
        """The window that holds both."""
        start = min(self.start, other.start)
        end = max(self.start + self.side, other.start + other.side)
        return _Axis(end - start, max(self.step, other.step), start)


@dataclass(frozen=True)
class _Field:
    """What the units of one tensor see, and the layers that computed it."""

    vertical: _Axis = _Axis()
    horizontal: _Axis = _Axis()
    everything: bool = False
    owners: tuple[str, ...] = ()

    @property
    def sides(self) -> tuple[float, float]:
        """Extents of a window."""
        return self.vertical.side, self.horizontal.side

    @property
    def steps(self) -> tuple[float, float]:
        """Between neighbours."""
        return self.vertical.step, self.horizontal.step

    @property
    def starts(self) -> tuple[float, float]:
        """Of the first unit's window."""
        return self.vertical.start, self.horizontal.start

    def through(self, extents: Iterable, strides: Iterable, paddings: Iterable = (0, 0)) -> "_Field":
        """Behind a window, given as (vertical, horizontal)."""
        axes = zip((self.vertical, self.horizontal), extents, strides, paddings, strict=True)
        vertical, horizontal = (axis.through(*window) for axis, *window in axes)
        return replace(self, vertical=vertical, horizontal=horizontal)

    def joined(self, other: "_Field") -> "_Field":
        """Where branches meet."""
        return _Field(
            self.vertical.joined(other.vertical),
            self.horizontal.joined(other.horizontal),
            self.everything or other.everything,
            tuple(dict.fromkeys((*self.owners, *other.owners))),
        )


@dataclass(frozen=True)
class _Use:
    """How a graph uses one of its operations."""

    before: _Field
    sides: tuple[int | None, int | None]
    """Of what it reads, in units; None where any will do."""
    times: int = 1

    def joined(self, other: "_Use") -> "_Use":
        """A layer used again."""
        return _Use(self.before.joined(other.before), self.sides, self.times + other.times)


_Row = tuple[str, Any, _Field, _Use]
"""Name, layer, field behind it, and use."""


def layer_table(keras_model: Any) -> list[LayerFacts]:  # noqa: ANN401
    """Every layer of a built functional or sequential model, in the model's own order.

    A model used as a layer is listed layer by layer, as ``outer/inner``. What a unit sees is the hull of all paths to
    it, exact but behind layers that enlarge, where it is that of unit (0, 0). A window of extent k, dilation d and
    stride s over a step j gives a side of r + (k − 1)·d·j and the step j·s, and begins p·j earlier, p being the padding
    before the first unit. Where TensorFlow pads n units to the "same" number, p is half of
    max((⌈n/s⌉ − 1)·s + (k − 1)·d + 1 − n, 0), rounded down: it depends on the size of the picture. Where branches meet
    and where a layer is used twice, the windows are joined; every other layer keeps what it gets. What depends on all
    positions (global pooling, squeeze-and-excitation, a dense layer after flattening, attention) and all that follows
    sees the whole input; its sides are 0 in a model for inputs of any size.

    Source of the rule: Araujo, Norris and Sim, "Computing Receptive Fields of Convolutional Neural Networks",
    Distill 2019, doi 10.23915/distill.00021. InputError for a model that is no graph of layers, or not yet built.
    """
    if not getattr(keras_model, "inputs", None):
        raise InputError(f"expected a functional or sequential Keras model with known inputs, got {keras_model!r}")
    sides = [_sides(tensor) for tensor in keras_model.inputs]
    whole = (max(side[0] or 0 for side in sides), max(side[1] or 0 for side in sides))
    rows: list[LayerFacts] = []
    total = 0
    for name, layer, field, use in _walk(keras_model, "", _Field())[0]:
        total += layer.count_params()
        costs = (layer.count_params(), total, _multiply_adds(layer) * use.times)
        windows = (field.sides, field.steps, field.starts)
        kind, seen = type(layer).__name__, whole if field.everything else None
        rows.append(LayerFacts(len(rows), name, kind, _shape(layer), *costs, *windows, seen, use.before.owners))
    return rows


def _walk(keras_model: Any, prefix: str, entry: _Field) -> tuple[list[_Row], _Field]:  # noqa: ANN401
    """The layers in order, and the field of the outputs; ``entry`` is that of the inputs."""
    from keras.layers import Layer as KerasLayer

    operations = getattr(keras_model, "operations", keras_model.layers)
    uses: dict[int, _Use] = {}
    behind = {id(tensor): _entered(tensor, operations, prefix, entry) for tensor in keras_model.inputs}
    pending = [(operation, node) for operation in operations for node in operation._inbound_nodes if node.input_tensors]
    left = len(pending) + 1
    while len(pending) < left:
        left, waiting = len(pending), []
        for operation, node in pending:
            incoming = [behind[id(tensor)] for tensor in node.input_tensors if id(tensor) in behind]
            if len(incoming) < len(node.input_tensors):
                waiting.append((operation, node))
                continue
            use = _Use(reduce(_Field.joined, incoming), _sides(node.input_tensors[0]))
            uses[id(operation)] = uses[id(operation)].joined(use) if id(operation) in uses else use
            behind.update((id(tensor), _after(operation, prefix, use)) for tensor in node.output_tensors)
        pending = waiting
    rows: list[_Row] = []
    for operation in operations:
        use = uses.get(id(operation), _Use(entry, (None, None)))
        if getattr(operation, "inputs", None):
            rows += _walk(operation, f"{prefix}{operation.name}/", use.before)[0]
        elif isinstance(operation, KerasLayer):
            rows.append((f"{prefix}{operation.name}", operation, _after(operation, prefix, use), use))
    return rows, reduce(_Field.joined, (behind[id(tensor)] for tensor in keras_model.outputs))


def _entered(tensor: Any, operations: list, prefix: str, entry: _Field) -> _Field:  # noqa: ANN401
    """The field of an input, which a sequential model does not list as a layer."""
    layer = tensor._keras_history.operation
    return replace(entry, owners=(f"{prefix}{layer.name}",)) if layer in operations else entry


def _after(layer: Any, prefix: str, use: _Use) -> _Field:  # noqa: ANN401
    """The field behind one operation, from its class and settings."""
    from keras.layers import Layer as KerasLayer

    if getattr(layer, "inputs", None):
        return _walk(layer, f"{prefix}{layer.name}/", use.before)[1]
    field = _moved(layer, use)
    kind = type(layer).__name__
    flat_dense = kind == "Dense" and len(layer.input.shape) == 2
    if flat_dense or kind.startswith("Global") or kind.endswith("Attention"):
        field = replace(field, everything=True)
    return replace(field, owners=(f"{prefix}{layer.name}",)) if isinstance(layer, KerasLayer) else field


def _moved(layer: Any, use: _Use) -> _Field:  # noqa: ANN401
    """The windows behind a layer that looks at neighbours, cuts, pads or enlarges."""
    field, kind = use.before, type(layer).__name__
    if kind in CONVOLUTIONS:
        extents = [(k - 1) * d + 1 for k, d in zip(layer.kernel_size, layer.dilation_rate, strict=True)]
        return field.through(extents, layer.strides, _paddings(layer, use, extents))
    if kind in POOLS:
        return field.through(layer.pool_size, layer.strides, _paddings(layer, use, layer.pool_size))
    if kind == "ZeroPadding2D":
        return field.through((1, 1), (1, 1), [before for before, _ in layer.padding])
    if kind == "Cropping2D":
        return field.through((1, 1), (1, 1), [-before for before, _ in layer.cropping])
    if kind == "UpSampling2D":
        return field.through((1, 1), [1 / size for size in layer.size])
    if kind == "Conv2DTranspose":
        windows = list(zip(layer.kernel_size, layer.strides, strict=True))
        cut = [max(k - s, 0) // 2 if layer.padding == "same" else 0 for k, s in windows]
        before = [(k - 1 - p) // s for (k, s), p in zip(windows, cut, strict=True)]
        return field.through([math.ceil(k / s) for k, s in windows], [1 / s for s in layer.strides], before)
    return field


def _paddings(layer: Any, use: _Use, extents: Iterable[int]) -> list[int]:  # noqa: ANN401
    """Units that TensorFlow adds before the first; for any size, as for one that the stride divides."""
    if layer.padding != "same":
        return [0, 0]
    sizes = [size or stride for size, stride in zip(use.sides, layer.strides, strict=True)]
    windows = zip(sizes, extents, layer.strides, strict=True)
    return [max((math.ceil(n / s) - 1) * s + k - n, 0) // 2 for n, k, s in windows]


def _sides(tensor: Any) -> tuple[int | None, int | None]:  # noqa: ANN401
    """Height and width of a map; None where there is no such axis, or any size will do."""
    return (tensor.shape[1], tensor.shape[2]) if len(tensor.shape) == 4 else (None, None)


def _shape(layer: Any) -> tuple[int, int, int]:  # noqa: ANN401
    """Height, width and channels of its first output; what has no sides is one unit high and wide."""
    output = layer.output[0] if isinstance(layer.output, list | tuple) else layer.output
    height, width = _sides(output) if len(output.shape) == 4 else (1, 1)
    return height or 0, width or 0, output.shape[-1] or 0


def _multiply_adds(layer: Any) -> int:  # noqa: ANN401
    """Of one use: every number of a kernel is multiplied once at each position."""
    kind = type(layer).__name__
    if kind not in (*CONVOLUTIONS, "Conv2DTranspose", "Dense"):
        return 0
    of = layer.input if kind == "Conv2DTranspose" else layer.output
    positions: int = math.prod(side or 0 for side in of.shape[1:-1])
    return positions * int(sum(math.prod(weight.shape) for weight in layer.weights if len(weight.shape) > 1))
