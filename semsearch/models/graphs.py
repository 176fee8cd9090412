"""The networks of the catalogue, and those that were added, as Keras graphs without weights.

``python -m semsearch.models.graphs models`` prints ``models.json`` with every derived number computed anew, and
``python -m semsearch.models.graphs layers`` prints ``layers.json``.
"""

import json
import math
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, fields
from typing import Any

from semsearch.errors import InputError
from semsearch.models import catalog, foreign
from semsearch.models.catalog import CHOSEN, Layer
from semsearch.models.fields import CONVOLUTIONS, layer_table
from semsearch.models.layers import packed
from semsearch.models.tensors import Variable

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

SPREAD = ("mobilenetv2", "nasnetmobile", *LITE)
"""Models without published layers: theirs are chosen by ``spread_layers``."""


def build(model_name: str, *, size: int) -> Any:  # noqa: ANN401
    """The network as an untrained Keras model: input (n, size, size, 3) float32 after the catalogue's preprocessing.

    No classifier and no pooling at the end. Layer names are those of a fresh process however many models
    were built before: Keras numbers unnamed layers per thread, so each build has a thread of its own.
    UnknownName for a model that is not known, InputError for a side that is too small: under 32
    pixels, for Xception 71, for InceptionV3 75; of a model that was added, one that it cannot be built for.
    """
    added = catalog.model(model_name).added
    if size < 32 and not added:
        raise InputError(f"expected an input side of at least 32 pixels, got {size}")
    make: Callable[[str, int], Any] = _added if added else _lite if model_name in LITE else _keras_model
    with ThreadPoolExecutor(1) as fresh:
        try:
            return fresh.submit(make, model_name, size).result()
        except ValueError as error:
            raise InputError(f"{model_name} does not take an input side of {size} pixels: {error}") from error


def layout(model_name: str) -> dict[str, Variable]:
    """Name, shape and type of every variable of the Keras model without classifier, in model order."""
    network = build(model_name, size=catalog.model(model_name).size)
    return {weight.path: Variable(tuple(weight.shape), str(weight.dtype)) for weight in network.weights}


def _added(model_name: str, size: int) -> Any:  # noqa: ANN401
    """As its card describes it, which is looked through once more."""
    return foreign.built(model_name, catalog.card(model_name)["architecture"], size=size)


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
    kept = [field.name for field in fields(Layer) if field.name != "alias"]
    rows = [{"alias": alias} | {key: getattr(by_name[name], key) for key in kept} for name, alias in chosen]
    return row | {"parameters": table[-1].cumulative_parameters, "layer_count": len(table), "layers": rows}


def printed(file: str) -> str:
    """The text of ``models.json`` or ``layers.json``."""
    shipped = [model for model in catalog.models().values() if not model.added]
    if file == "models":
        return json.dumps([refreshed(asdict(model)) for model in shipped], indent=1)
    tables = {model.name: packed(layer_table(build(model.name, size=model.size))) for model in shipped}
    rows = {name: ",\n".join(json.dumps(row, separators=(",", ":")) for row in table) for name, table in tables.items()}
    return "{" + ",\n".join(f'"{name}":[\n{table}]' for name, table in rows.items()) + "}"


if __name__ == "__main__":
    sys.stdout.write(printed(sys.argv[1]) + "\n")
