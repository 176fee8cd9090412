"""Keras files of strangers: read as data where all in them is known, else refused with the reason, and nothing run."""

import json
import pickle

import keras
import pytest

from semsearch.cli import main
from semsearch.errors import InputError
from semsearch.models import fields, foreign
from tests.worlds.files.keras_files import HOSTILE, architecture, archive, layer


@pytest.fixture(scope="module")
def network():
    inputs = keras.Input((32, 32, 3), name="picture")
    x = keras.layers.Conv2D(4, 3, padding="same", activation="relu", name="conv")(inputs)
    x = keras.layers.Add(name="sum")([x, keras.layers.BatchNormalization(name="bn")(x)])
    x = keras.layers.GlobalAveragePooling2D(name="mean")(x)
    return keras.Model(inputs, keras.layers.Dense(5, name="scores")(x))


@pytest.mark.parametrize("name", ["own.keras", pytest.param("own.h5", marks=pytest.mark.filterwarnings("ignore"))])
def test_a_file_of_keras_is_read(network, tmp_path, name):
    network.save(tmp_path / name)
    assert foreign._table(tmp_path / name) == fields.layer_table(network)


def test_it_is_read_in_a_child_that_tells_why_not(tmp_path):
    with pytest.raises(InputError, match="own.keras: expected layers of Keras alone, got Lambda"):
        foreign.table(archive(tmp_path, architecture(layer("Lambda"))))


def test_what_keras_cannot_build_is_said(tmp_path):
    path = archive(tmp_path, architecture(layer("Conv2D", filters="many")))
    with pytest.raises(InputError, match="own.keras: expected a network that Keras can build, got "):
        foreign._table(path)


@pytest.mark.parametrize("name", list(HOSTILE))
def test_what_is_not_known_to_be_harmless_is_refused_with_the_reason(tmp_path, monkeypatch, name):
    """Before Keras or pickle see anything."""

    def ran(*_, **__):
        raise AssertionError("it ran")

    make, words = HOSTILE[name]
    path = make(tmp_path)
    monkeypatch.setattr(pickle, "loads", ran)
    monkeypatch.setattr(keras.Model, "from_config", ran)
    monkeypatch.setattr(keras.Sequential, "from_config", ran)
    with pytest.raises(InputError) as refused:
        foreign._table(path)
    assert words in str(refused.value) and str(refused.value).startswith(f"{path.name}: expected ")
    assert len(str(refused.value)) < 300


def test_a_bomb_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(foreign, "LARGEST", 100_000)
    path = archive(tmp_path, architecture(), **{"model.weights.h5": bytes(1_000_000)})
    with pytest.raises(InputError, match="MB unpacked"):
        foreign.inspect(path)
    path.write_bytes(bytes(200_000))
    with pytest.raises(InputError, match="a file of at most"):
        foreign.inspect(path)


def test_the_command_shows_layers_of_a_model_and_of_a_file(home, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(foreign.child, "run", lambda what, function, *arguments: function(*arguments))
    assert main(["models", "layers", "vgg16", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert rows[1]["layer"] == "block1_conv1" and rows[-1]["sees"] == 212 and len(rows) == 19
    path = archive(tmp_path, architecture(layer("Lambda")))
    assert main(["models", "layers", str(path)]) == 2
    assert "got Lambda, code of whoever made the file" in capsys.readouterr().err
