"""Keras files that become models: what they are searched with, what they are refused for, and how they go again."""

import json
import zipfile

import h5py
import keras
import numpy as np
import pytest

from semsearch.cli import main
from semsearch.errors import InputError, IntegrityError, UnknownName, WeightsUnavailable
from semsearch.features import FeatureExtractor
from semsearch.models import added, catalog, layers, weights
from semsearch.models.catalog import FeatureSpec
from semsearch.processes import child
from semsearch.settings import settings
from tests.worlds.files.keras_files import HOSTILE

SIDE = 32
CONVOLUTIONS = [f"conv{n}" for n in range(10)]


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("SEMSEARCH_HOME", str(tmp_path / "home"))


def backbone(side=SIDE):
    """Ten convolutions behind a layer that rescales."""
    keras.utils.set_random_seed(3)
    inputs = keras.Input((side, side, 3), name="photo")
    x = keras.layers.Rescaling(1 / 127.5, offset=-1, name="scale")(inputs)
    for n, name in enumerate(CONVOLUTIONS):
        x = keras.layers.Conv2D(4 + n, 3, 2 if n in (3, 6) else 1, "same", activation="relu", name=name)(x)
    return keras.Model(inputs, x, name="backbone")


def classifier(base):
    x = keras.layers.GlobalAveragePooling2D(name="mean")(base.output)
    return keras.Model(base.input, keras.layers.Dense(3, name="scores")(x))


def nested(base):
    """As the guide to transfer learning has it."""
    inputs = keras.Input((SIDE, SIDE, 3))
    turned = keras.Sequential([keras.layers.RandomFlip("horizontal"), keras.layers.RandomRotation(0.1)], name="more")
    x = keras.layers.Dropout(0.2)(base(turned(inputs), training=False))
    return keras.Model(inputs, keras.layers.Dense(3)(keras.layers.GlobalMaxPooling2D()(x)))


def sequential(base):
    return keras.Sequential([keras.Input((SIDE, SIDE, 3)), base, keras.layers.Flatten(), keras.layers.Dense(2)])


def saved(network, folder, name="mine.keras"):
    network.save(folder / name)
    return folder / name


def put(path, **options):
    """In this process: a child for each would be slow."""
    return catalog.model(added._added(path, path.stem, options.get("preprocessing", ""), options.get("size", 0)))


@pytest.mark.parametrize("name", ["mine.keras", pytest.param("mine.h5", marks=pytest.mark.filterwarnings("ignore"))])
@pytest.mark.parametrize("shape", [classifier, nested, sequential])
def test_features_are_those_that_keras_itself_gives(shape, name, tmp_path):
    base = backbone()
    model = put(saved(shape(base), tmp_path, name))
    assert (model.size, model.title) == (SIDE, "mine") and model.added
    assert model.layer_names == tuple(f"conv{n}" for n in (0, 1, 3, 4, 5, 6, 8, 9))
    picture = np.random.default_rng(1).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    specs = [FeatureSpec(model.name, layer, "flatten") for layer in model.layer_names]
    found = FeatureExtractor(specs, engine="tensorflow").extract([picture])
    for spec in specs:
        expected = keras.Model(base.input, base.get_layer(spec.layer).output)(picture[None].astype(np.float32))
        np.testing.assert_allclose(found[spec][0], np.ravel(expected), rtol=1e-4, atol=1e-5)


def test_it_is_done_in_a_child_and_twice_is_once(tmp_path):
    path = saved(classifier(backbone()), tmp_path)
    model = added.add(path, title="My network (2)")
    assert model == added.add(path, title="My network (2)") == catalog.models()[model.name]
    assert model.name.startswith("my-network-2-") and list(catalog.models())[-1] == model.name
    assert [row.name for row in layers.table(model.name)][:3] == ["picture", "scale", "conv0"]
    assert weights.status(model.name) == weights.WeightsStatus(True, "here", "the file mine.keras")
    assert path.exists()


def test_what_makes_other_features_makes_another_model(tmp_path):
    path = saved(keras.Sequential([keras.Input((None, None, 3)), keras.layers.Conv2D(4, 3, name="one")]), tmp_path)
    made = [put(path, preprocessing=one, size=size) for one, size in (("tf", 32), ("torch", 32), ("tf", 48))]
    assert len({model.name for model in made}) == 3 and len({model.digest for model in made}) == 1
    assert [model.size for model in made] == [32, 32, 48]
    assert [model.preprocessing.mean[0] for model in made] == [127.5, 123.675, 127.5]


def test_a_network_of_few_convolutions_offers_all_its_maps(tmp_path):
    few = [keras.layers.Conv2D(4, 3, name="one"), keras.layers.MaxPooling2D(name="less"), keras.layers.Flatten()]
    model = put(saved(keras.Sequential([keras.Input((32, 32, 3)), *few]), tmp_path), preprocessing="unit")
    assert model.layer_names == ("one", "less") and model.layer_count == 3


def test_a_network_trained_in_half_precision_is_run_in_single(tmp_path):
    keras.config.set_dtype_policy("mixed_float16")
    try:
        path = saved(classifier(backbone()), tmp_path)
    finally:
        keras.config.set_dtype_policy("float32")
    assert {weight.dtype for weight in weights.load_model(put(path).name, size=SIDE).weights} == {"float32"}


def of_layers(*stack, shape=(32, 32, 3)):
    return keras.Sequential([keras.Input(shape), *stack])


def two_inputs():
    first, second = keras.Input((32, 32, 3)), keras.Input((32, 32, 3))
    return keras.Model([first, second], keras.layers.Add()([first, second]))


def broken_off():
    network = of_layers(keras.layers.Rescaling(1.0), keras.layers.Conv2D(2, 3, name="one"))
    network.layers[-1].bias.assign([np.nan, 0])
    return network


REFUSED = {
    "grey input": (lambda: of_layers(keras.layers.Conv2D(2, 3), shape=(32, 32, 1)), {}, r"\(n, height, width, 3\)"),
    "oblong input": (lambda: of_layers(keras.layers.Conv2D(2, 3), shape=(32, 48, 3)), {}, "square input, got 32 x 48"),
    "two inputs": (two_inputs, {}, "expected one input"),
    "any size": (lambda: of_layers(keras.layers.Conv2D(2, 3), shape=(None, None, 3)), {}, "say which with --size"),
    "another size": (lambda: of_layers(keras.layers.Conv2D(2, 3)), {"size": 64}, "its own side of 32 pixels, got 64"),
    "tiny": (lambda: of_layers(keras.layers.Conv2D(2, 3), shape=(8, 8, 3)), {}, "a side of 16 to 1,024 pixels, got 8"),
    "no rescaling": (lambda: of_layers(keras.layers.Conv2D(2, 3)), {}, "--preprocessing: none"),
    "no convolutions": (
        lambda: of_layers(keras.layers.Flatten(), keras.layers.Dense(4)),
        {"preprocessing": "tf"},
        "got one without convolutions",
    ),
    "not finite": (broken_off, {}, "finite weights, got others in one/bias"),
}


@pytest.mark.parametrize("why", REFUSED)
def test_what_cannot_be_searched_with_is_refused_in_words(why, tmp_path):
    network, options, words = REFUSED[why]
    with pytest.raises(InputError, match=words):
        put(saved(network(), tmp_path), **options)
    assert not any(model.added for model in catalog.models().values())
    assert not list(tmp_path.glob("home/weights/*.safetensors"))


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_file_is_not_added(kind, tmp_path):
    make, words = HOSTILE[kind]
    with pytest.raises(InputError) as refusal:
        added._added(make(tmp_path), "own", "tf", 0)
    assert words in str(refusal.value)


def with_weights(folder, change):
    """A .keras file whose weights were changed by hand."""
    path = saved(of_layers(keras.layers.Rescaling(1.0), keras.layers.Conv2D(2, 3, name="one")), folder)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    inner = folder / "inner.h5"
    inner.write_bytes(members["model.weights.h5"])
    change(inner)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, inner.read_bytes() if name.endswith("h5") else content)
    return path


def rewritten(do):
    def change(path):
        with h5py.File(path, "r+") as file:
            do(file)

    return change


KERNEL = "layers/conv2d/vars/0"
WEIGHTS = {
    "a link": (rewritten(lambda file: file.update({"more": h5py.ExternalLink("/etc/hostname", "/")})), "no links"),
    "objects": (rewritten(lambda file: file.create_dataset("more", data=b"text")), "numbers of its own"),
    "cut off": (lambda path: path.write_bytes(path.read_bytes()[:900]), "expected whole weights"),
    "not there": (rewritten(lambda file: file.__delitem__("layers")), "expected weights that fit"),
    "other shape": (
        rewritten(lambda file: (file.__delitem__(KERNEL), file.create_dataset(KERNEL, data=np.zeros((3, 3, 3, 9))))),
        "expected weights that fit",
    ),
}


@pytest.mark.parametrize("what", WEIGHTS)
def test_weights_that_are_none_are_refused(what, tmp_path):
    change, words = WEIGHTS[what]
    with pytest.raises(InputError, match=words):
        put(with_weights(tmp_path, change))


@pytest.mark.parametrize("title", ["", "[link](http://x)", "a" * 41, "new\nline", "$x$", ".hidden"])
def test_a_title_is_plain(title, tmp_path):
    path = saved(of_layers(keras.layers.Conv2D(2, 3)), tmp_path)
    if title:
        with pytest.raises(InputError, match="expected a title"):
            added.add(path, title=title)
    with pytest.raises(UnknownName, match="valid: none, unit, tf, torch, caffe"):
        added.add(path, preprocessing="imagenet")


def test_removed_it_is_gone_and_nothing_else(tmp_path):
    first, second = (
        put(saved(of_layers(keras.layers.Conv2D(n, 3)), tmp_path, f"{n}.keras"), preprocessing="tf") for n in (2, 3)
    )
    added.remove(first.name)
    assert [model.name for model in catalog.models().values() if model.added] == [second.name]
    assert [path.name for path in settings().weights.glob("[!.]*")] == [weights.local(second.name).path.name]
    for name in (first.name, "vgg16", "../vgg16"):
        with pytest.raises(UnknownName):
            added.remove(name)


def test_a_damaged_card_hides_that_model_alone_and_is_named(tmp_path):
    first, second = (
        put(saved(of_layers(keras.layers.Conv2D(n, 3)), tmp_path, f"{n}.keras"), preprocessing="tf") for n in (2, 3)
    )
    path = settings().models / f"{first.name}.json"
    text = path.read_text()
    path.unlink()
    path.write_text(text.replace('"size": 32', '"size": 48'))
    assert first.name not in catalog.models() and catalog.model(second.name) == second
    with pytest.raises(IntegrityError, match="add the model's file again"):
        catalog.model(first.name)
    added.remove(first.name)
    with pytest.raises(UnknownName):
        catalog.model(first.name)


def test_weights_that_were_deleted_or_damaged_say_how_they_come_back(tmp_path):
    model = put(saved(of_layers(keras.layers.Conv2D(2, 3)), tmp_path), preprocessing="tf")
    path = weights.local(model.name).path
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(IntegrityError, match="add the model's file again"):
        weights.verify(model.name)
    path.unlink()
    assert weights.status(model.name).state == "not here" and "models add" in weights.status(model.name).note
    with pytest.raises(WeightsUnavailable, match="came out of a file"):
        weights.obtain(model.name)


def test_the_commands(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(child, "run", lambda what, function, *given: function(*given))
    path = saved(of_layers(keras.layers.Conv2D(2, 3, name="one")), tmp_path)
    assert main(["models", "add", str(path)]) == 2
    assert "--preprocessing: none" in capsys.readouterr().err
    assert main(["models", "add", str(path), "--preprocessing", "tf"]) == 0
    name = capsys.readouterr().out.split(":")[0]
    assert main(["models", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[-1]["model"] == name
    assert main(["models", "layers", name]) == 0 and "| one " in capsys.readouterr().out
    assert main(["models", "verify", name]) == 0
    assert main(["models", "remove", name]) == 0 and main(["models", "remove", name]) == 2
    assert main(["models", "add", str(tmp_path / "none.keras")]) == 5
