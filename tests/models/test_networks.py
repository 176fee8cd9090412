"""Every row of the catalogue rebuilt from its Keras graph; names, sources and preprocessing against Keras itself."""

import json
import math
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import keras
import numpy as np
import pytest

from semsearch.errors import InputError, UnknownName
from semsearch.models import catalog, graphs
from semsearch.models.fields import layer_table

PARAMETERS = {
    "vgg16": 14_714_688,
    "vgg19": 20_024_384,
    "mobilenet": 3_228_864,
    "mobilenetv2": 2_257_984,
    "xception": 20_861_480,
    "resnet50": 23_587_712,
    "inceptionv3": 21_802_784,
    "densenet121": 7_037_504,
    "nasnetmobile": 4_269_716,
    "efficientnetb0": 4_049_571,
    "efficientnetb5": 28_513_527,
    "efficientnetlite0": 3_413_024,
    "efficientnetlite1": 4_189_344,
    "efficientnetlite2": 4_869_168,
}
MODULES = {
    "vgg16": "vgg16",
    "vgg19": "vgg19",
    "mobilenet": "mobilenet",
    "mobilenetv2": "mobilenet_v2",
    "xception": "xception",
    "resnet50": "resnet50",
    "inceptionv3": "inception_v3",
    "densenet121": "densenet",
    "nasnetmobile": "nasnet",
    "efficientnetb0": "efficientnet",
    "efficientnetb5": "efficientnet",
}


def fields(model):
    """Receptive field by layer name."""
    return {layer.name: layer.receptive_field for layer in layer_table(model)}


def as_json(row):
    return json.loads(json.dumps(row))


@pytest.fixture
def blank(monkeypatch):
    """Graphs whose kernels are 0: their numbers are not asked for, and to draw them takes half of the time."""
    zeros = lambda self, shape, dtype=None: keras.ops.zeros(shape, dtype)  # noqa: E731
    monkeypatch.setattr(keras.initializers.VarianceScaling, "__call__", zeros)


@pytest.mark.usefixtures("blank")
@pytest.mark.parametrize("name", list(reversed(PARAMETERS)))
def test_a_row_rebuilt_equals_the_file(name):
    row = asdict(catalog.model(name))
    blank = row | {"parameters": 0, "layer_count": 0}
    blank["layers"] = [{"name": layer["name"], "alias": layer["alias"]} for layer in row["layers"]]
    if name in graphs.SPREAD:
        blank["layers"] = []
    assert as_json(graphs.refreshed(blank)) == as_json(row)
    assert row["parameters"] == PARAMETERS[name]


@pytest.mark.usefixtures("blank")
@pytest.mark.parametrize("name", list(graphs.KERAS_NAMES))
def test_graph_and_source_are_those_of_keras_with_weights(name, monkeypatch):
    """Ask Keras for its trained model with the download caught: same layers and weights' shapes, same url and hash."""
    asked = []

    def get_file(fname, origin, file_hash="", **_):
        asked.append((origin, file_hash))
        return fname

    monkeypatch.setattr("keras.src.utils.file_utils.get_file", get_file)
    monkeypatch.setattr(keras.Model, "load_weights", lambda *_: None)
    model = catalog.model(name)
    constructor = getattr(keras.applications, graphs.KERAS_NAMES[name])

    def trained():
        return constructor(include_top=False, weights="imagenet", input_shape=(model.size, model.size, 3))

    with ThreadPoolExecutor(1) as fresh:
        theirs = fresh.submit(trained).result()
    ours = graphs.build(name, size=model.size)
    assert asked == [(model.keras.url, model.keras.md5)]
    assert as_json(ours.get_config()["layers"]) == as_json(theirs.get_config()["layers"])
    assert [(w.path, w.shape) for w in ours.weights] == [(w.path, w.shape) for w in theirs.weights]


@pytest.mark.parametrize("name", list(MODULES))
def test_preprocessing_is_that_of_keras(name):
    picture = np.random.default_rng(0).integers(0, 256, (2, 5, 5, 3)).astype(np.float32)
    module = getattr(keras.applications, MODULES[name])
    pre = catalog.model(name).preprocessing
    ordered = picture[..., ::-1] if pre.order == "bgr" else picture
    ours = (ordered - np.float32(pre.mean)) / np.float32(pre.scale)
    np.testing.assert_allclose(ours, module.preprocess_input(picture.copy()), rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("name", list(graphs.LITE))
def test_preprocessing_of_lite(name):
    assert catalog.model(name).preprocessing == catalog.Preprocessing("rgb", (127.0,) * 3, (128.0,) * 3)


def test_efficientnet_divides_twice():
    """(x/255 − mean)/std, then by √std again, as the weights were trained."""
    graph = graphs.build("efficientnetb0", size=32)
    normalization = graph.get_layer("normalization")
    normalization.set_weights([np.float32([0.4, 0.5, 0.6]), np.float32([0.04, 0.09, 0.16]), np.int32(0)])
    normalization.finalize_state()  # Keras computes with a copy of the variables, made here
    head = keras.Model(graph.inputs[0], graph.get_layer("stem_conv_pad").input)
    seen = head(np.full((1, 32, 32, 3), 204, np.float32)).numpy()[0, 0, 0]
    expected = np.array([0.4 / 0.2, 0.3 / 0.3, 0.2 / 0.4]) / np.sqrt([0.229, 0.224, 0.225])
    np.testing.assert_allclose(seen, expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "trainable_with_classifier", "side"),
    [("efficientnetlite0", 4_652_008, 7), ("efficientnetlite1", 5_416_680, 8), ("efficientnetlite2", 6_092_072, 9)],
)
def test_lite_has_the_size_of_the_trained_files(name, trainable_with_classifier, side):
    """As many trained values as the weights packages hold, classifier included."""
    graph = graphs.build(name, size=catalog.model(name).size)
    classifier = 1280 * 1000 + 1000
    assert sum(math.prod(w.shape) for w in graph.trainable_weights) + classifier == trainable_with_classifier
    assert graph.output_shape == (None, side, side, 1280)
    kinds = {type(layer).__name__ for layer in graph.layers}
    assert kinds == {"InputLayer", "Conv2D", "DepthwiseConv2D", "BatchNormalization", "ReLU", "Add"}
    assert {layer.epsilon for layer in graph.layers if "bn" in layer.name} == {1e-3}
    assert {layer.max_value for layer in graph.layers if "activation" in layer.name} == {6.0}


def test_lite_layer_names():
    names = [layer.name for layer in graphs.build("efficientnetlite0", size=64).layers]
    assert names[1:10] == [
        *("stem_conv", "stem_bn", "stem_activation"),
        *("block1a_dwconv", "block1a_bn", "block1a_activation", "block1a_project_conv", "block1a_project_bn"),
        "block2a_expand_conv",
    ]
    assert names[-3:] == ["top_conv", "top_bn", "top_activation"]
    assert [name for name in names if name.endswith("add")] == [
        f"block{block}_add" for block in ("2b", "3b", "4b", "4c", "5b", "5c", "6b", "6c", "6d")
    ]


@pytest.mark.usefixtures("blank")
@pytest.mark.parametrize("name", ["xception", "inceptionv3", "mobilenetv2", "efficientnetb0", "efficientnetlite0"])
def test_names_do_not_depend_on_what_was_built_before(name):
    before = keras.layers.Conv2D(1, 1).name
    first = graphs.build(name, size=96)
    keras.applications.MobileNet(weights=None, include_top=False, input_shape=(32, 32, 3))
    second = graphs.build(name, size=96)
    assert [layer.name for layer in first.layers] == [layer.name for layer in second.layers]
    assert [weight.path for weight in first.weights] == [weight.path for weight in second.weights]
    assert not {id(weight) for weight in first.weights} & {id(weight) for weight in second.weights}
    number = int(before.removeprefix("conv2d").strip("_") or 0)
    assert keras.layers.Conv2D(1, 1).name == f"conv2d_{number + 1}", "the caller's own numbering goes on"


def test_building_in_parallel_mixes_no_names():
    with ThreadPoolExecutor(3) as pool:
        built = list(pool.map(lambda _: graphs.build("xception", size=71), range(3)))
    assert len({tuple(layer.name for layer in graph.layers) for graph in built}) == 1


@pytest.mark.usefixtures("blank")
@pytest.mark.parametrize("name", list(PARAMETERS))
def test_input_and_output(name):
    graph = graphs.build(name, size=96)
    assert graph.input_shape == (None, 96, 96, 3)
    assert graph.input.dtype == "float32"
    assert len(graph.output_shape) == 4


def test_refusals_of_build():
    with pytest.raises(UnknownName, match="unknown model 'VGG16'; valid: vgg16, "):
        graphs.build("VGG16", size=224)
    with pytest.raises(InputError, match="at least 32 pixels, got 31"):
        graphs.build("efficientnetlite0", size=31)
    with pytest.raises(InputError, match="inceptionv3 does not take an input side of 74 pixels: .*75"):
        graphs.build("inceptionv3", size=74)


@pytest.mark.parametrize(
    ("count", "chosen", "positions"),
    [
        (8, 8, (0, 1, 2, 3, 4, 5, 6, 7)),
        (15, 8, (0, 2, 4, 6, 8, 10, 12, 14)),
        (52, 8, (0, 7, 15, 22, 29, 36, 44, 51)),
        (4, 3, (0, 2, 3)),
        (100, 2, (0, 99)),
    ],
)
def test_spread(count, chosen, positions):
    assert graphs.spread(count, chosen=chosen) == positions


def test_spread_needs_enough():
    with pytest.raises(InputError, match="expected at least 8 layers to choose from, got 7"):
        graphs.spread(7)


@pytest.mark.parametrize("name", graphs.SPREAD)
def test_models_nobody_published_follow_the_rule(name):
    table = layer_table(graphs.build(name, size=catalog.model(name).size))
    convolutions = [layer.name for layer in table if layer.kind.endswith("Conv2D")]
    chosen = [layer.name for layer in catalog.model(name).layers]
    assert (chosen[0], chosen[-1]) == (convolutions[0], convolutions[-1])
    gaps = np.diff([convolutions.index(layer) for layer in chosen])
    assert gaps.max() - gaps.min() <= 1


def test_frozen_layers_are_not_chosen():
    inputs = x = keras.Input((16, 16, 3))
    for number in range(10):
        x = keras.layers.Conv2D(2, 1, name=f"c{number}", trainable=number != 0)(x)
    assert graphs.spread_layers(keras.Model(inputs, x)) == ("c1", "c2", "c3", "c4", "c6", "c7", "c8", "c9")


@pytest.mark.parametrize(
    ("name", "layer", "expected"),
    [
        ("vgg16", "block1_conv1", 3),
        ("vgg16", "block1_conv2", 5),
        ("vgg16", "block1_pool", 6),
        ("vgg16", "block5_conv3", 196),
        ("vgg16", "block5_pool", 212),
        ("mobilenet", "conv_pw_13", 315),
        ("resnet50", "conv1_conv", 7),
        ("resnet50", "conv5_block3_3_conv", 483),
        ("inceptionv3", "mixed10", 1311),
    ],
)
def test_receptive_fields_of_the_literature(name, layer, expected):
    """The values of Araujo et al. for whole networks; the first layers by hand."""
    assert fields(graphs.build(name, size=catalog.model(name).size))[layer] == expected


def branched():
    inputs = keras.Input((64, 64, 3), name="image")
    x = keras.layers.Rescaling(1 / 255, name="rescaling")(inputs)
    x = keras.layers.Conv2D(2, 3, strides=2, padding="same", use_bias=False, name="down")(x)
    a = keras.layers.Conv2D(2, 3, dilation_rate=2, padding="same", use_bias=False, name="dilated")(x)
    b = keras.layers.Conv2D(2, (1, 5), padding="same", use_bias=False, name="wide")(x)
    b = keras.layers.Conv2D(2, (5, 1), padding="same", use_bias=False, name="tall")(b)
    x = keras.layers.Concatenate(name="both")([a, b])
    x = keras.layers.AveragePooling2D(2, name="pool")(x)
    x = keras.layers.SeparableConv2D(3, 3, padding="same", use_bias=False, name="separable")(x)
    return keras.Model(inputs, x)


def test_receptive_fields_by_hand():
    assert fields(branched()) == {
        "image": 1,
        "rescaling": 1,
        "down": 3,
        "dilated": 11,
        "wide": 11,
        "tall": 11,
        "both": 11,
        "pool": 13,
        "separable": 21,
    }


@pytest.mark.parametrize("layer", ["down", "dilated", "tall", "both", "pool", "separable"])
def test_receptive_field_is_where_the_gradient_is(layer):
    import tensorflow as tf

    model = branched()
    model.set_weights([np.ones(weight.shape) for weight in model.weights])
    part = keras.Model(model.inputs, model.get_layer(layer).output)
    picture = tf.ones((1, 64, 64, 3))
    with tf.GradientTape() as tape:
        tape.watch(picture)
        out = part(picture)
        middle = tf.reduce_sum(out[0, out.shape[1] // 2, out.shape[2] // 2])
    rows, columns = np.nonzero(np.abs(tape.gradient(middle, picture)[0].numpy()).sum(-1))
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == fields(model)[layer]


def squeezed(side):
    inputs = keras.Input((side, side, 4), name="image")
    x = keras.layers.Conv2D(4, 3, name="conv")(inputs)
    gate = keras.layers.GlobalAveragePooling2D(keepdims=True, name="squeeze")(x)
    gate = keras.layers.Conv2D(4, 1, name="excite")(gate)
    x = keras.layers.Multiply(name="scale")([x, gate])
    return keras.Model(inputs, keras.layers.Conv2D(4, 3, strides=2, name="after")(x))


def test_global_layers_see_the_whole_side():
    assert fields(squeezed(32)) == {"image": 1, "conv": 3, "squeeze": 32, "excite": 32, "scale": 32, "after": 32}
    assert fields(squeezed(None))["after"] == 5


def test_a_classifier_sees_everything():
    layers = [keras.Input((20, 30, 3)), keras.layers.Conv2D(2, 3, name="conv")]
    tail = [keras.layers.Flatten(name="flat"), keras.layers.Dense(5, name="scores")]
    table = layer_table(keras.Sequential([*layers, *tail]))
    assert [(row.name, row.receptive_field, row.channels) for row in table] == [
        ("conv", 3, 2),
        ("flat", 3, 18 * 28 * 2),
        ("scores", 30, 5),
    ]


def test_upsampling_makes_the_step_smaller():
    inputs = keras.Input((32, 32, 3), name="image")
    x = keras.layers.Conv2D(2, 4, strides=4, name="down")(inputs)
    x = keras.layers.UpSampling2D(2, name="up")(x)
    x = keras.layers.Conv2D(2, 3, name="conv")(x)
    x = keras.layers.Conv2DTranspose(2, 4, strides=2, name="transposed")(x)
    assert fields(keras.Model(inputs, x)) == {"image": 1, "down": 4, "up": 4, "conv": 8, "transposed": 10}


def test_a_model_inside_a_model_is_listed_layer_by_layer():
    inner_in = keras.Input((None, None, 3), name="inner_in")
    inner = keras.Model(inner_in, keras.layers.Conv2D(4, 3, name="conv")(inner_in), name="base")
    inputs = keras.Input((40, 40, 3), name="image")
    x = keras.layers.Conv2D(3, 3, strides=2, name="stem")(inputs)
    outer = keras.Model(inputs, keras.layers.Conv2D(5, 3, name="head")(inner(x)))
    table = layer_table(outer)
    assert [(row.index, row.name, row.kind, row.parameters, row.receptive_field) for row in table] == [
        (0, "image", "InputLayer", 0, 1),
        (1, "stem", "Conv2D", 84, 3),
        (2, "base/inner_in", "InputLayer", 0, 3),
        (3, "base/conv", "Conv2D", 112, 7),
        (4, "head", "Conv2D", 185, 11),
    ]
    assert table[-1].cumulative_parameters == outer.count_params() == 381


def test_a_layer_used_twice_and_plain_operations():
    inputs = keras.Input((40, 40, 3), name="image")
    shared = keras.layers.Conv2D(3, 3, padding="same", name="shared")
    x = shared(inputs)
    x = keras.ops.relu(shared(x)) + inputs
    model = keras.Model(inputs, keras.layers.Conv2D(3, 3, name="head")(x))
    assert fields(model) == {"image": 1, "shared": 5, "head": 7}


def test_layers_of_another_model_do_not_leak_in():
    base = branched()
    inputs = keras.Input((64, 64, 3))
    keras.Model(inputs, base.get_layer("down")(keras.layers.Conv2D(3, 9, padding="same")(inputs)))
    assert fields(base)["down"] == 3


def test_a_model_without_a_graph_is_refused():
    with pytest.raises(InputError, match="functional or sequential"):
        layer_table(keras.Sequential([keras.layers.Conv2D(2, 3)]))


def test_the_table_covers_the_model():
    graph = graphs.build("densenet121", size=224)
    table = layer_table(graph)
    assert [row.name for row in table] == [layer.name for layer in graph.layers]
    assert [row.index for row in table] == list(range(427))
    assert table[-1].cumulative_parameters == graph.count_params()


def test_importing_the_module_loads_no_keras():
    code = "import semsearch.models.graphs, sys; print({'keras', 'tensorflow'} & set(sys.modules))"
    root = Path(graphs.__file__).parents[1]
    out = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "set()"
