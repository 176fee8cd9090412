"""The networks of the catalogue as Keras graphs without weights, and the table of any network's layers.

``python -m semsearch.models.graphs`` prints ``models.json`` with every derived number computed anew.
"""

import json
import math
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

from semsearch.errors import InputError, UnknownName
from semsearch.models.catalog import CHOSEN, Layer, models

KERAS_NAMES = {
    "vgg16": "VGG16",
    "vgg19": "VGG19",
    "mobilenet": "MobileNet",
    "mobilenetv2": "MobileNetV2",
    "xception": "Xception",
    "resnet50": "ResNet50",
    "inceptionv3": "InceptionV3",
    "densenet121": "DenseNet121",
    "nasnetmobile": "NASNetMobile",
    "efficientnetb0": "EfficientNetB0",
    "efficientnetb5": "EfficientNetB5",
}
"""Catalogue name → constructor in ``keras.applications``."""

LITE = {"efficientnetlite0": (1.0, 1.0), "efficientnetlite1": (1.0, 1.1), "efficientnetlite2": (1.1, 1.2)}
"""Catalogue name → width and depth factor."""

LITE_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
"""Repeats, kernel, stride, expansion and channels of the seven stages, before scaling."""

CONVOLUTIONS = ("Conv2D", "DepthwiseConv2D", "SeparableConv2D")
POOLS = ("MaxPooling2D", "AveragePooling2D")

SPREAD = ("mobilenetv2", "nasnetmobile", *LITE)
"""Models without published layers: theirs are chosen by ``spread_layers``."""


def build(model_name: str, *, size: int) -> Any:  # noqa: ANN401
    """The network as an untrained Keras model: input (n, size, size, 3) float32 after the catalogue's preprocessing.

    No classifier and no pooling at the end. Layer names are those of a fresh process however many models
    were built before: Keras numbers unnamed layers per thread, so each build has a thread of its own.
    UnknownName for a model that the catalogue does not hold, InputError for a side that is too small: under 32
    pixels, for Xception 71, for InceptionV3 75.
    """
    if model_name not in KERAS_NAMES and model_name not in LITE:
        raise UnknownName("model", model_name, [*KERAS_NAMES, *LITE])
    if size < 32:
        raise InputError(f"expected an input side of at least 32 pixels, got {size}")
    make: Callable[[str, int], Any] = _lite if model_name in LITE else _keras_model
    with ThreadPoolExecutor(1) as fresh:
        try:
            return fresh.submit(make, model_name, size).result()
        except ValueError as error:
            raise InputError(f"{model_name} does not take an input side of {size} pixels: {error}") from error


def _keras_model(model_name: str, size: int) -> Any:  # noqa: ANN401
    import keras

    constructor = getattr(keras.applications, KERAS_NAMES[model_name])
    plain = constructor(include_top=False, weights=None, input_shape=(size, size, 3))
    if not model_name.startswith("efficientnet"):
        return plain
    inputs = keras.Input((size, size, 3), name="input_layer")
    return keras.models.clone_model(plain, input_tensors=inputs, call_function=_call_as_trained)


def _call_as_trained(layer: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
    """Insert what Keras adds to EfficientNet only along with its weights: a second division by √std."""
    import keras

    out = layer(*args, **kwargs)
    if type(layer).__name__ != "Normalization":
        return out
    return keras.layers.Rescaling([1 / math.sqrt(std) for std in (0.229, 0.224, 0.225)], name="rescaling_1")(out)


def _lite(model_name: str, size: int) -> Any:  # noqa: ANN401
    """EfficientNet-Lite: EfficientNet without squeeze-and-excitation, ReLU6, stem and head of fixed width."""
    import keras

    width, depth = LITE[model_name]
    inputs = keras.Input((size, size, 3), name="input_layer")
    x = _conv(inputs, "stem", 32, kernel=3, stride=2)
    for stage, (repeats, kernel, stride, expansion, channels) in enumerate(LITE_STAGES):
        scaled = repeats if stage in (0, len(LITE_STAGES) - 1) else math.ceil(repeats * depth)
        for block in range(scaled):
            prefix = f"block{stage + 1}{chr(ord('a') + block)}"
            step = stride if block == 0 else 1
            x = _lite_block(x, prefix, (kernel, step, expansion, _rounded(channels * width)))
    return keras.Model(inputs, _conv(x, "top", 1280), name=model_name)


def _lite_block(x: Any, prefix: str, shape: tuple[int, int, int, int]) -> Any:  # noqa: ANN401
    """Expand, filter each channel, project; add the input where the shape stays."""
    from keras import layers

    kernel, stride, expansion, channels = shape
    entry, before = x, x.shape[-1]
    if expansion > 1:
        x = _conv(x, f"{prefix}_expand", before * expansion)
    x = layers.DepthwiseConv2D(kernel, stride, padding="same", use_bias=False, name=f"{prefix}_dwconv")(x)
    x = layers.BatchNormalization(epsilon=1e-3, name=f"{prefix}_bn")(x)
    x = layers.ReLU(6.0, name=f"{prefix}_activation")(x)
    x = layers.Conv2D(channels, 1, padding="same", use_bias=False, name=f"{prefix}_project_conv")(x)
    x = layers.BatchNormalization(epsilon=1e-3, name=f"{prefix}_project_bn")(x)
    return layers.Add(name=f"{prefix}_add")([entry, x]) if stride == 1 and before == channels else x


def _conv(x: Any, prefix: str, channels: int, *, kernel: int = 1, stride: int = 1) -> Any:  # noqa: ANN401
    from keras import layers

    x = layers.Conv2D(channels, kernel, stride, padding="same", use_bias=False, name=f"{prefix}_conv")(x)
    x = layers.BatchNormalization(epsilon=1e-3, name=f"{prefix}_bn")(x)
    return layers.ReLU(6.0, name=f"{prefix}_activation")(x)


def _rounded(channels: float) -> int:
    """The nearest multiple of 8, never more than a tenth below."""
    nearest = max(8, int(channels + 4) // 8 * 8)
    return nearest + 8 if nearest < 0.9 * channels else nearest


@dataclass(frozen=True)
class _Field:
    """What one unit sees, (vertical, horizontal): side and step between neighbours in input pixels."""

    side: tuple[float, float] = (1, 1)
    step: tuple[float, float] = (1, 1)
    everything: bool = False

    def through(self, kernel: tuple[float, ...], stride: tuple[float, ...]) -> "_Field":
        """After a window of that extent that moves by that stride."""
        side = (self.side[0] + (kernel[0] - 1) * self.step[0], self.side[1] + (kernel[1] - 1) * self.step[1])
        return _Field(side, (self.step[0] * stride[0], self.step[1] * stride[1]), self.everything)


def layer_table(keras_model: Any) -> list[Layer]:  # noqa: ANN401
    """Every layer of a built functional or sequential model, in the model's own order; ``alias`` is empty.

    A model used as a layer is listed layer by layer, as ``outer/inner``. ``channels`` is the last axis of the
    output. ``receptive_field`` is exact for the longest path, not clipped to the input, and the longer of the
    two sides (kernels may be 1 × 7). A window of extent k, dilation d and stride s over a step j gives
    r + (k − 1)·d·j and the step j·s; where branches meet and where a layer is used twice, the largest counts;
    every other layer keeps what it gets. What depends on all positions (global pooling, squeeze-and-excitation,
    a dense layer after flattening, attention) and all that follows sees at least the whole input side; that
    side is not known, and not counted, in a model for inputs of any size.

    Source of the rule: Araujo, Norris and Sim, "Computing Receptive Fields of Convolutional Neural Networks",
    Distill 2019, doi 10.23915/distill.00021. InputError for a model that is no graph of layers, or not yet built.
    """
    if not getattr(keras_model, "inputs", None):
        raise InputError(f"expected a functional or sequential Keras model with known inputs, got {keras_model!r}")
    whole = max(side or 0 for tensor in keras_model.inputs for side in (*tensor.shape[1:3], 0))
    rows: list[Layer] = []
    total = 0
    for name, layer, field in _walk(keras_model, "", _Field())[0]:
        total += layer.count_params()
        seen = max(*field.side, whole if field.everything else 1)
        output = layer.output[0] if isinstance(layer.output, list | tuple) else layer.output
        kind, index, channels = type(layer).__name__, len(rows), output.shape[-1] or 0
        rows.append(Layer(name, "", kind, index, channels, layer.count_params(), total, math.ceil(seen)))
    return rows


def _walk(keras_model: Any, prefix: str, entry: _Field) -> tuple[list[tuple[str, Any, _Field]], _Field]:  # noqa: ANN401
    """(name, layer, field behind it) in order, and the field of the outputs; ``entry`` is that of the inputs."""
    from keras.layers import Layer as KerasLayer

    operations = getattr(keras_model, "operations", keras_model.layers)
    before: dict[int, _Field] = {}
    behind = {id(tensor): entry for tensor in keras_model.inputs}
    pending = [(operation, node) for operation in operations for node in operation._inbound_nodes if node.input_tensors]
    left = len(pending) + 1
    while len(pending) < left:
        left, waiting = len(pending), []
        for operation, node in pending:
            incoming = [behind.get(id(tensor)) for tensor in node.input_tensors]
            if None in incoming:
                waiting.append((operation, node))
                continue
            field = _merged([field for field in incoming if field])
            before[id(operation)] = _merged([field, before.get(id(operation), field)])
            behind.update((id(tensor), _after(operation, field)) for tensor in node.output_tensors)
        pending = waiting
    rows = []
    for operation in operations:
        field = before.get(id(operation), entry)
        if getattr(operation, "inputs", None):
            rows += _walk(operation, f"{prefix}{operation.name}/", field)[0]
        elif isinstance(operation, KerasLayer):
            rows.append((f"{prefix}{operation.name}", operation, _after(operation, field)))
    return rows, _merged([behind[id(tensor)] for tensor in keras_model.outputs])


def _merged(fields: Sequence[_Field]) -> _Field:
    """Where branches meet: the largest of each."""
    side, step = (
        (max(pair[0] for pair in pairs), max(pair[1] for pair in pairs))
        for pairs in ([field.side for field in fields], [field.step for field in fields])
    )
    return _Field(side, step, any(field.everything for field in fields))


def _after(layer: Any, field: _Field) -> _Field:  # noqa: ANN401
    """The field behind one layer, from its class and settings."""
    if getattr(layer, "inputs", None):
        return _walk(layer, "", field)[1]
    kind = type(layer).__name__
    if kind in CONVOLUTIONS:
        extent = tuple((k - 1) * d + 1 for k, d in zip(layer.kernel_size, layer.dilation_rate, strict=True))
        return field.through(extent, layer.strides)
    if kind in POOLS:
        return field.through(layer.pool_size, layer.strides)
    if kind == "UpSampling2D":
        return field.through((1, 1), tuple(1 / size for size in layer.size))
    if kind == "Conv2DTranspose":
        reach = tuple(math.ceil(k / s) for k, s in zip(layer.kernel_size, layer.strides, strict=True))
        return field.through(reach, tuple(1 / s for s in layer.strides))
    flat_dense = kind == "Dense" and len(layer.input.shape) == 2
    if flat_dense or kind.startswith("Global") or kind.endswith("Attention"):
        return _Field(field.side, field.step, everything=True)
    return field


def spread(count: int, *, chosen: int = CHOSEN) -> tuple[int, ...]:
    """Positions of ``chosen`` out of ``count`` things, evenly by index, the first and the last always among them.

    Position i is i·(count − 1)/(chosen − 1) rounded to the nearest integer, halves up. InputError if count < chosen.
    """
    if count < chosen:
        raise InputError(f"expected at least {chosen} layers to choose from, got {count}")
    gaps = chosen - 1
    return tuple((2 * i * (count - 1) + gaps) // (2 * gaps) for i in range(chosen))


def spread_layers(keras_model: Any) -> tuple[str, ...]:  # noqa: ANN401
    """The layers of a model that no publication chose: ``spread`` over its trainable convolutions, in order."""
    names = [layer.name for layer in keras_model.layers if type(layer).__name__ in CONVOLUTIONS and layer.trainable]
    return tuple(names[position] for position in spread(len(names)))


def refreshed(row: dict) -> dict:
    """A row of ``models.json`` with its layers' numbers, parameters and layer count from the Keras graph.

    Names of published layers, preprocessing, sources and digest are facts and stay; the layers of a model
    without published ones are chosen anew.
    """
    graph = build(row["name"], size=row["size"])
    table = layer_table(graph)
    by_name = {layer.name: layer for layer in table}
    chosen = [(layer["name"], layer["alias"]) for layer in row["layers"]]
    if row["name"] in SPREAD:
        chosen = [(name, "") for name in spread_layers(graph)]
    layers = [asdict(by_name[name]) | {"alias": alias} for name, alias in chosen]
    return row | {"parameters": table[-1].cumulative_parameters, "layer_count": len(table), "layers": layers}


if __name__ == "__main__":
    facts = [asdict(model) for model in models().values()]
    sys.stdout.write(json.dumps([refreshed(row) for row in facts], indent=1) + "\n")
