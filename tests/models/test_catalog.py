"""The catalogue's own rules, its agreement with the published layers, and specs as keys."""

import dataclasses
import json

import pytest

from semsearch.errors import InputError, UnknownName
from semsearch.models import catalog
from semsearch.models.catalog import FeatureSpec

NAMES = [
    *("vgg16", "vgg19", "mobilenet", "mobilenetv2", "xception", "resnet50", "inceptionv3", "densenet121"),
    *("nasnetmobile", "efficientnetb0", "efficientnetb5"),
    *("efficientnetlite0", "efficientnetlite1", "efficientnetlite2"),
]
SIZES = {
    "xception": 299,
    "inceptionv3": 299,
    "efficientnetb5": 456,
    "efficientnetlite1": 240,
    "efficientnetlite2": 260,
}
PUBLISHED = {
    "resnet50": {
        "res2a_branch2a": "conv2_block1_1_conv",
        "res2b_branch2a": "conv2_block2_1_conv",
        "res3b_branch2a": "conv3_block2_1_conv",
        "res4a_branch2a": "conv4_block1_1_conv",
        "res4c_branch2a": "conv4_block3_1_conv",
        "res4e_branch2a": "conv4_block5_1_conv",
        "res5a_branch2a": "conv5_block1_1_conv",
        "res5c_branch2c": "conv5_block3_3_conv",
    },
    "xception": {"conv2d_1": "conv2d", "conv2d_3": "conv2d_2"},
    "inceptionv3": {"conv2d_1": "conv2d", "conv2d_23": "conv2d_22", "conv2d_86": "conv2d_85"},
    "efficientnetb0": {"conv2d_1": "stem_conv", "conv2d_10": "block2b_se_reduce", "conv2d_65": "top_conv"},
    "efficientnetb5": {"conv2d_99": "block5f_expand_conv", "conv2d_155": "top_conv"},
}


@pytest.fixture(scope="module")
def published(shared_data):
    path = shared_data.parent / "reference" / "layers_published.json"
    if not path.is_file():
        pytest.skip(f"{path} is absent")
    return {row["name"]: row for row in json.loads(path.read_text())["models"]}


def test_the_models_in_catalogue_order():
    assert list(catalog.models()) == NAMES
    assert {name: catalog.model(name).size for name in NAMES} == {name: SIZES.get(name, 224) for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_a_row_is_consistent(name):
    model = catalog.model(name)
    layers = model.layers
    assert len(layers) == 8
    for field in ("index", "cumulative_parameters"):
        values = [getattr(layer, field) for layer in layers]
        assert values == sorted(values)
    called = [called for layer in layers for called in (layer.name, layer.alias) if called]
    assert len(called) == len(set(called)), "a name or alias that means two layers"
    assert not [one for one in called if "." in one or "/" in one], "would break keys and file names"
    assert layers[-1].index < model.layer_count
    assert layers[-1].cumulative_parameters <= model.parameters
    assert all(scale > 0 for scale in model.preprocessing.scale)
    assert model.title.lower().replace("-", "") == name


@pytest.mark.parametrize("name", NAMES)
def test_weights_have_a_source(name):
    model = catalog.model(name)
    assert model.keras or model.carrier
    if model.keras:
        assert model.keras.url.startswith("https://") and model.keras.url.endswith(".h5")
        assert len(model.keras.md5) in (0, 32)
    if model.carrier:
        assert len(bytes.fromhex(model.carrier.sha256)) == 32
        assert model.carrier.reader in {"keras_h5", "keras_zip", "frozen_graph", "torch_legacy"}


def test_the_models_that_travel_in_packages():
    carried = {name for name, model in catalog.models().items() if model.carrier}
    assert carried == {"vgg16", "mobilenet", "mobilenetv2", "xception", "inceptionv3", *NAMES[-3:]}


def test_published_layers_are_ours(published):
    """Type, channels and own parameters agree, layer by layer, and so do the parameters up to each layer.

    In the EfficientNets today's counts are 7 higher: Keras now keeps the normalization of the input in the
    graph, with 3 means, 3 variances and 1 counter. Everything else is the same to the last parameter.
    """
    assert len(published) == 9
    for name, row in published.items():
        extra = 7 if name.startswith("efficientnet") else 0
        ours = [
            (layer.alias or layer.name, layer.kind, layer.channels, layer.parameters, layer.cumulative_parameters)
            for layer in catalog.model(name).layers
        ]
        theirs = [
            (
                layer["name"],
                layer["type"],
                int(layer["numneurons"]),
                layer["parametercount"],
                layer["modelparameters"] + extra,
            )
            for layer in row["layers"]
        ]
        assert ours == theirs, name


def test_an_alias_is_a_published_name(published):
    for name, model in catalog.models().items():
        aliases = {layer.alias for layer in model.layers} - {""}
        assert aliases <= {layer["name"] for layer in published[name]["layers"]} if name in published else not aliases


def test_the_mapping_by_hand():
    for name, pairs in PUBLISHED.items():
        assert {alias: catalog.model(name).layer(alias).name for alias in pairs} == pairs


def test_a_layer_answers_to_name_and_alias():
    model = catalog.model("resnet50")
    assert model.layer("res5c_branch2c") is model.layer("conv5_block3_3_conv") is model.layers[-1]
    with pytest.raises(UnknownName, match=r"unknown layer of vgg16 'conv9'; valid: block1_conv1, .*block5_conv3$"):
        catalog.model("vgg16").layer("conv9")
    with pytest.raises(UnknownName):
        catalog.model("vgg16").layer("")


def test_an_unknown_model_lists_the_valid_ones():
    with pytest.raises(UnknownName) as caught:
        catalog.model("alexnet")
    assert str(caught.value) == f"unknown model 'alexnet'; valid: {', '.join(NAMES)}"


def test_facts_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        catalog.model("vgg16").size = 1
    with pytest.raises(TypeError):
        catalog.models()["mine"] = catalog.model("vgg16")


def test_key_and_parse_are_inverse():
    specs = [spec for name in NAMES for spec in catalog.grid(name)]
    assert len(specs) == 14 * 8 * 4 == len(set(specs)) == len({spec.key for spec in specs})
    assert [FeatureSpec.parse(spec.key) for spec in specs] == specs


def test_keys_by_hand():
    assert FeatureSpec("vgg16", "block5_conv3", "avg").key == "vgg16.block5_conv3.avg"
    published = FeatureSpec("vgg16", "block5_conv3", "flatten", "published")
    assert published.key == "vgg16.block5_conv3.flatten.published"
    assert FeatureSpec.parse(published.key) == published


def test_an_alias_becomes_todays_name():
    spec = FeatureSpec("xception", "conv2d_1", "gem")
    assert spec.layer == "conv2d"
    assert spec == FeatureSpec("xception", "conv2d", "gem")
    assert FeatureSpec.parse("xception.conv2d_1.gem").key == "xception.conv2d.gem"


@pytest.mark.parametrize(
    ("preset", "sizes"),
    [
        ("default", {"vgg16": 224, "xception": 299, "efficientnetb5": 456}),
        ("published", {"vgg16": 224, "xception": 224, "efficientnetb5": 224}),
    ],
)
def test_the_preset_sizes_the_input(preset, sizes):
    assert {name: FeatureSpec(name, catalog.model(name).layers[0].name, "avg", preset).size for name in sizes} == sizes


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (("alexnet", "conv1", "avg"), "unknown model 'alexnet'; valid: vgg16, "),
        (("vgg16", "conv9", "avg"), "unknown layer of vgg16 'conv9'; valid: block1_conv1, "),
        (("vgg16", "block1_conv1", "median"), "unknown pooling 'median'; valid: flatten, avg, max, gem"),
        (("vgg16", "block1_conv1", "avg", "huge"), "unknown preset 'huge'; valid: default, published"),
    ],
)
def test_unknown_parts_of_a_spec(parts, message):
    with pytest.raises(UnknownName) as caught:
        FeatureSpec(*parts)
    assert str(caught.value).startswith(message)
    with pytest.raises(UnknownName):
        FeatureSpec.parse(".".join(parts))


@pytest.mark.parametrize("key", ["", "vgg16", "vgg16.block1_conv1", "vgg16.block1_conv1.avg.default.more"])
def test_a_key_of_the_wrong_shape(key):
    with pytest.raises(InputError, match="expected model.layer.pooling"):
        FeatureSpec.parse(key)
