"""Keras files of strangers: read as data where all in them is known, else refused with the reason, and nothing run."""

import json
import pickle
import zipfile

import h5py
import keras
import numpy as np
import pytest

from semsearch.cli import main
from semsearch.errors import InputError
from semsearch.models import fields, foreign


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


def layer(kind, **settings):
    return {"class_name": kind, "config": {"name": "one"} | settings}


def architecture(*layers):
    return {"class_name": "Sequential", "config": {"name": "own", "layers": list(layers)}}


def archive(folder, config, **members):
    path = folder / "own.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        text = config if isinstance(config, str) else json.dumps(config)
        for name, content in {"config.json": text, "model.weights.h5": b"", **members}.items():
            file.writestr(name, content)
    return path


def hdf5(folder, fill=lambda file: None, config=None):
    path = folder / "own.h5"
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(config or architecture(layer("Dense", units=4)))
        fill(file)
    return path


def raw(folder, content):
    path = folder / "own.h5"
    path.write_bytes(content)
    return path


class Gadget:
    """What runs when it is unpickled."""

    def __reduce__(self):
        return (exec, ("raise SystemExit('it ran')",))


def numpy_archive(folder):
    path = folder / "own.keras"
    with path.open("wb") as file:
        np.savez(file, weights=np.array([Gadget()], dtype=object))
    return path


def cut(folder):
    path = archive(folder, architecture(layer("Dense", units=4)))
    path.write_bytes(path.read_bytes()[:-40])
    return path


def many(file):
    file.create_dataset("weights", (200_000, 1_000), np.float32)  # nothing of it is stored


def external(file):
    file.create_dataset("weights", (4,), np.uint8, external=[("/etc/hostname", 0, 4)])


def round_and_round(file):
    file["group/again"] = file.create_group("group")


CODE = "4wEAAAAAAAAAAAAAAAEAAAABAAAAQwAAAHMIAAAAfABkARQAUwA="
HOSTILE = {
    "Lambda": (lambda at: archive(at, architecture(layer("Lambda", function=CODE))), "got Lambda, code of"),
    "lambda inside": (
        lambda at: archive(at, architecture(layer("Dense", activation={"class_name": "__lambda__", "config": CODE}))),
        "got __lambda__, code of",
    ),
    "gadget": (
        lambda at: archive(at, architecture(layer("Dense", units={"module": "os", "class_name": "system"}))),
        "known here, got 'system'",
    ),
    "function of a module": (
        lambda at: archive(
            at, architecture(layer("Dense", f={"module": "subprocess", "class_name": "function", "config": "run"}))
        ),
        "got function, code of",
    ),
    "known class of a strange module": (
        lambda at: archive(at, architecture(layer("Dense") | {"module": "evil.layers"})),
        "a module of Keras, got 'evil.layers'",
    ),
    "custom class": (
        lambda at: archive(at, architecture(layer("Dense") | {"registered_name": "Mine>Dense"})),
        "known here, got 'Mine>Dense'",
    ),
    "activation by name": (
        lambda at: archive(at, architecture(layer("Dense", activation="os.system"))),
        "an activation of Keras, got 'os.system'",
    ),
    "pickle": (lambda at: raw(at, pickle.dumps(Gadget())), "got a Python pickle, which is a program"),
    "npz with objects": (numpy_archive, "got 'weights.npy' in it"),
    "another file in it": (
        lambda at: archive(at, architecture(), **{"../../evil.py": "print('it ran')"}),
        "got '../../evil.py' in it",
    ),
    "truncated archive": (cut, "got a damaged one"),
    "truncated HDF5": (lambda at: raw(at, hdf5(at).read_bytes()[:1_000]), "got a damaged one"),
    "huge layer": (lambda at: archive(at, architecture(layer("Dense", units=10**9))), "units 1,000,000,000"),
    "no number": (lambda at: archive(at, '{"class_name": "Model", "config": {"units": NaN}}'), "units nan"),
    "huge architecture": (lambda at: archive(at, " " * (foreign.CONFIG + 1)), "MB unpacked"),
    "nested without end": (
        lambda at: archive(at, '{"class_name": "Model", "config": ' + '{"a":' * 90 + "1" + "}" * 91),
        "nested at most 60",
    ),
    "nested beyond JSON": (lambda at: archive(at, "[" * 200_000), "as JSON"),
    "external file": (lambda at: hdf5(at, external), "numbers of its own under 'weights'"),
    "external link": (
        lambda at: hdf5(at, lambda file: file.update(weights=h5py.ExternalLink("/etc/passwd", "/"))),
        "no links in it, got ExternalLink",
    ),
    "soft link": (lambda at: hdf5(at, lambda file: file.update(a=h5py.SoftLink("/b"))), "no links in it, got SoftLink"),
    "objects": (
        lambda at: hdf5(at, lambda file: file.create_dataset("w", (2,), h5py.string_dtype())),
        "numbers of its own under 'w'",
    ),
    "group in itself": (lambda at: hdf5(at, round_and_round), "each group once"),
    "numbers that are not there": (lambda at: hdf5(at, many), "as many numbers as it is large"),
    "weights alone": (lambda at: hdf5(at, lambda file: file.attrs.pop("model_config")), "got weights alone"),
    "no model": (lambda at: archive(at, layer("Dense")), "a functional or sequential"),
    "other bytes": (lambda at: raw(at, b"MZ" + bytes(100)), "got other bytes"),
    "empty": (lambda at: raw(at, b""), "got other bytes"),
    "folder": (lambda at: at, "got a folder"),
}


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
