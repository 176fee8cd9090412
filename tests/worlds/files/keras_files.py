"""Keras files as strangers make them: built out of parts, and those that would do harm, with words of the refusal."""

import json
import pickle
import zipfile

import h5py
import numpy as np

from semsearch.models import foreign


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
