"""Both engines on a tiny network whose answers numpy gives by hand; conversion, damage, fallback; real networks."""

import ctypes
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from semsearch import features
from semsearch.errors import EngineError, IntegrityError, ProcessLost, WeightsUnavailable
from semsearch.features import engines, openvino_engine
from semsearch.features.engines import TensorFlowEngine
from semsearch.features.openvino_engine import OpenVINOEngine
from semsearch.models import catalog, weights
from semsearch.models.catalog import POOLINGS
from semsearch.processes import signal_stack
from tests import ROOT
from tests.features.tiny_engine import REAL, SIDE, by_hand, squares, tiny_network

REAL_CONVERT = openvino_engine._convert_in_child


def test_preprocess_by_hand(tiny):
    square = np.zeros((1, 1, 2, 3), np.uint8)
    square[0, 0, 1] = (130, 60, 20)
    expected = np.float32([[-5, -5, -3.75], [5, 10, 12.5]])
    assert np.array_equal(engines.preprocess(square, "tiny")[0, 0], expected)


@pytest.mark.parametrize("model", ["vgg16", "mobilenetv2", "efficientnetb0"])
def test_preprocess_is_that_of_keras(model):
    module = {"vgg16": "vgg16", "mobilenetv2": "mobilenet_v2", "efficientnetb0": "efficientnet"}[model]
    import keras

    pictures = np.random.default_rng(0).integers(0, 256, (2, 5, 7, 3), dtype=np.uint8)
    expected = getattr(keras.applications, module).preprocess_input(pictures.astype(np.float32))
    assert np.abs(engines.preprocess(pictures, model) - expected).max() <= 1e-5 * np.abs(expected).max()


@pytest.mark.parametrize("engine", [TensorFlowEngine, OpenVINOEngine])
def test_poolings_are_those_of_numpy(tiny, engine):
    import keras

    outputs = [(layer, pooling) for pooling in POOLINGS for layer in ("late", "early", "middle")]
    batch = engines.preprocess(squares(3), "tiny")
    network = tiny_network(size=SIDE)
    raw = keras.Model(network.input, [network.get_layer(name).output for name in ("late", "early", "middle")])
    values = dict(zip(("late", "early", "middle"), [np.asarray(v) for v in raw(batch)], strict=True))
    assert min(v.min() for v in values.values()) < 0
    loaded = engine("tiny", outputs, size=SIDE)
    assert loaded.dimensions == (54, 256, 45, *[6, 4, 5] * 3)
    for (layer, pooling), rows, length in zip(outputs, loaded.run(batch), loaded.dimensions, strict=True):
        assert rows.shape == (3, length) and rows.dtype == np.float32
        expected = np.stack([by_hand(picture, pooling) for picture in values[layer]])
        assert np.abs(rows - expected).max() <= 1e-5 * np.abs(expected).max(), (layer, pooling)


@pytest.mark.parametrize("engine", [TensorFlowEngine, OpenVINOEngine])
def test_batch_order_and_threads_change_nothing(tiny, engine):
    loaded = engine("tiny", [("late", "gem"), ("early", "flatten")], size=SIDE)
    batch = engines.preprocess(squares(9), "tiny")
    together = loaded.run(batch)
    shuffled = np.random.default_rng(3).permutation(9)
    reordered = loaded.run(batch[shuffled])
    with ThreadPoolExecutor(4) as pool:
        alone = list(pool.map(lambda i: loaded.run(batch[i : i + 1]), range(9)))
    for j, rows in enumerate(together):
        assert np.abs(reordered[j] - rows[shuffled]).max() <= 1e-5
        assert np.abs(np.concatenate([one[j] for one in alone]) - rows).max() <= 1e-5


def test_converted_once_and_kept_whole(tiny, home):
    OpenVINOEngine("tiny", [("late", "avg")], size=SIDE)
    OpenVINOEngine("tiny", [("early", "max")], size=SIDE)
    assert tiny == [("tiny", SIDE)]
    (folder,) = [path for path in (home / "engines").iterdir() if path.is_dir()]
    assert sorted(path.name for path in folder.iterdir()) == ["manifest.json", "model.bin", "model.xml"]
    names = sorted(path.name for path in (home / "engines").iterdir())
    assert names == sorted([folder.name, f".{folder.name}.lock", ".conversion.lock"])


def test_of_all_models_one_is_converted_at_a_time(home, monkeypatch):
    """Each takes a gigabyte: four visitors who asked for four models would have taken four."""
    made, converting, most = set(), [], []

    def convert(model, size):
        converting.append(model)
        most.append(len(converting))
        time.sleep(0.05)
        made.add(model)
        converting.remove(model)

    monkeypatch.setattr(openvino_engine, "_folder", lambda model, size: home / "engines" / model)
    monkeypatch.setattr(openvino_engine, "_intact", lambda folder: (b"whole",) if folder.name in made else ())
    monkeypatch.setattr(openvino_engine, "_convert_in_child", convert)
    with ThreadPoolExecutor(4) as pool:
        got = list(pool.map(lambda model: openvino_engine.converted(model, 224), ["a", "b", "a", "c"]))
    assert got == 4 * [(b"whole",)] and most == [1, 1, 1]


@pytest.mark.parametrize("name", ["model.bin", "model.xml", "manifest.json"])
@pytest.mark.parametrize("damage", ["flip", "truncate", "remove", "folder", "no folder"])
def test_damage_is_seen_and_repaired(tiny, name, damage):
    batch = engines.preprocess(squares(2), "tiny")
    before = OpenVINOEngine("tiny", [("late", "flatten")], size=SIDE).run(batch)
    path = openvino_engine._folder("tiny", SIDE) / name
    whole = path.read_bytes()
    if damage == "remove":
        path.unlink()
    elif damage == "folder":
        path.unlink()
        path.mkdir()
    elif damage == "no folder":
        shutil.rmtree(path.parent)
        path.parent.write_bytes(b"no folder")
    elif damage == "truncate":
        path.write_bytes(whole[: len(whole) // 2])
    else:
        path.write_bytes(whole[:20] + bytes([whole[20] ^ 1]) + whole[21:])
    after = OpenVINOEngine("tiny", [("late", "flatten")], size=SIDE).run(batch)
    assert len(tiny) == 2
    assert np.array_equal(before[0], after[0])
    assert set(json.loads((path.parent / "manifest.json").read_bytes())) == {"model.bin", "model.xml"}


def test_remains_of_a_killed_conversion_are_removed(tiny, home):
    openvino_engine.converted("tiny", SIDE)
    folder = openvino_engine._folder("tiny", SIDE)
    remains = folder.with_name(f".{folder.name}.new.tmp")
    folder.rename(remains)
    (remains / "manifest.json").unlink()
    assert openvino_engine.converted("tiny", SIDE) and folder.is_dir() and not remains.exists()


def test_two_conversions_at_once_make_one(tiny, monkeypatch):
    written, write = [], openvino_engine._write
    monkeypatch.setattr(openvino_engine, "_write", lambda *args: (written.append(args), write(*args)))
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: openvino_engine.convert("tiny", SIDE), range(2))
    assert first == second and len(written) == 1


def test_other_weights_mean_another_folder(tiny, monkeypatch):
    openvino_engine.converted("tiny", SIDE)
    monkeypatch.setattr(weights, "local", lambda name: SimpleNamespace(digest="e" * 64))
    openvino_engine.converted("tiny", SIDE)
    assert len(tiny) == 2


def test_a_copy_that_differs_is_refused(tiny, home, monkeypatch):
    """The converter is made to swap two layers of one shape, and to change one weight."""
    compare = openvino_engine._compare

    def off_by_a_little(folder, reference, photos):
        compare(folder, {name: np.asarray(values) * np.float32(1.001) for name, values in reference.items()}, photos)

    monkeypatch.setattr(openvino_engine, "_compare", off_by_a_little)
    with pytest.raises(EngineError, match="layer early differs from Keras by 1.0e-03"):
        openvino_engine.convert("tiny", SIDE)
    assert not [path for path in (home / "engines").iterdir() if path.is_dir()]


def test_a_layer_of_another_shape_is_refused(tiny):
    files = openvino_engine.converted("tiny", SIDE)
    photos = engines.preprocess(squares(1), "tiny")
    with pytest.raises(EngineError, match="layer early: expected 3 values, the converted model has 256"):
        openvino_engine._compare(files, {"early": np.zeros((1, 3), np.float32)}, photos)


def test_a_failing_conversion_process_gives_its_reason(home):
    with pytest.raises(WeightsUnavailable, match="semsearch models pull vgg16"):
        openvino_engine._convert_in_child("vgg16", 224)


def test_a_conversion_that_dies_is_said_and_the_next_try_works(tiny, monkeypatch):
    """A child that was ended is no reason to fall back to a slower engine: the next press converts."""
    convert = openvino_engine._convert_in_child

    def die(model, size):
        raise ProcessLost("tiny at 8 px could not be converted: its process was ended by SIGKILL; try again")

    monkeypatch.setattr(openvino_engine, "_convert_in_child", die)
    spec = catalog.FeatureSpec("tiny", "early", "avg")
    with pytest.raises(ProcessLost):
        features.FeatureExtractor([spec])
    monkeypatch.setattr(openvino_engine, "_convert_in_child", convert)
    assert features.FeatureExtractor([spec]).engine_name == "openvino"


@pytest.mark.parametrize("failure", [RuntimeError("cannot open the file"), KeyError("x")])
def test_a_passing_fault_of_a_conversion_is_no_reason_for_another_engine(tiny, monkeypatch, failure):
    """The slower engine's vectors differ in their last digits: answers changed while a disk hiccuped."""

    def fail(*_):
        raise EngineError(f"convert failed: {failure!r}")

    monkeypatch.setattr(openvino_engine, "_convert_in_child", REAL_CONVERT)
    monkeypatch.setattr(openvino_engine.child, "run", fail)
    with pytest.raises(ProcessLost, match="could not be converted for OpenVINO: convert failed"):
        features.FeatureExtractor([catalog.FeatureSpec("tiny", "early", "avg")])


def test_a_network_that_is_not_whole_after_its_conversion_is_no_reason_for_another_engine(tiny, monkeypatch):
    monkeypatch.setattr(openvino_engine, "_convert_in_child", lambda model, size: None)
    with pytest.raises(IntegrityError, match="not whole after a conversion"):
        features.FeatureExtractor([catalog.FeatureSpec("tiny", "early", "avg")])


def stack_of_signals():
    found = signal_stack._SignalStack()
    ctypes.CDLL(None).sigaltstack(None, ctypes.byref(found))
    return found.place, found.flags


def test_networks_leave_no_signal_stack_behind(tiny):
    """OpenVINO's own, once unmapped, made the next interrupt a SIGSEGV."""
    before = stack_of_signals()
    first = OpenVINOEngine("tiny", [("early", "avg")], size=SIDE)
    second = OpenVINOEngine("tiny", [("late", "avg")], size=SIDE)
    assert stack_of_signals() == before
    del first
    second.run(np.zeros((1, SIDE, SIDE, 3), np.float32))
    del second
    assert stack_of_signals() == before


def test_engines_of_one_network_share_it_and_answer_as_if_alone(tiny, monkeypatch):
    """The weights of a model are in memory once for all its layers, while one of them is in use."""
    batch = engines.preprocess(squares(3), "tiny")
    outputs = [(layer, pooling) for layer in ("early", "late") for pooling in POOLINGS]
    alone = [OpenVINOEngine("tiny", [output], size=SIDE).run(batch)[0] for output in outputs]
    read, make = [], openvino_engine._Network
    monkeypatch.setattr(openvino_engine, "_Network", lambda *given: read.append(given) or make(*given))
    first = OpenVINOEngine("tiny", [outputs[0]], size=SIDE)
    with ThreadPoolExecutor(8) as pool:
        others = list(pool.map(lambda output: OpenVINOEngine("tiny", [output], size=SIDE), outputs * 3))
    assert len(read) == 1
    for engine, expected in zip([first, *others], [alone[0], *alone * 3], strict=True):
        assert np.array_equal(engine.run(batch)[0], expected)
    del first, others, engine
    assert openvino_engine._folder("tiny", SIDE) not in openvino_engine._NETWORKS
    OpenVINOEngine("tiny", [outputs[0]], size=SIDE)
    assert len(read) == 2


def test_a_network_runs_on_when_its_files_are_cut_short(tiny, home):
    engine = OpenVINOEngine("tiny", [("late", "avg")], size=SIDE)
    batch = engines.preprocess(squares(2), "tiny")
    expected = engine.run(batch)
    for file in (home / "engines").glob("*/model.*"):
        os.truncate(file, 0)
    assert np.array_equal(engine.run(batch)[0], expected[0])


def test_telemetry_is_never_imported():
    code = (
        "import sys; from semsearch.features import openvino_engine; openvino_engine._openvino();"
        "from openvino.tools import ovc;"
        "print(ovc.telemetry.__class__.__module__, sys.modules['openvino_telemetry'])"
    )
    out = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert out.stdout.split() == ["openvino.tools.ovc.telemetry_stub", "None"]


@pytest.fixture(scope="module")
def photos():
    """Photos of three classes as the real model takes them; pulls its weights on first use."""
    weights.pull(REAL)
    return openvino_engine._photos(REAL, catalog.model(REAL).size)


@pytest.fixture(scope="module")
def stored(photos):
    """The weights file of the real model, wherever a test's own home lies."""
    return weights.local(REAL).path


@pytest.mark.real
def test_real_engines_agree(photos):
    facts = catalog.model(REAL)
    outputs = [(layer.name, pooling) for layer in facts.layers for pooling in POOLINGS]
    fast = OpenVINOEngine(REAL, outputs, size=facts.size)
    reference = TensorFlowEngine(REAL, outputs, size=facts.size)
    assert fast.dimensions == reference.dimensions
    for output, got, expected in zip(outputs, fast.run(photos), reference.run(photos), strict=True):
        assert np.abs(got - expected).max() <= 1e-4 * np.abs(expected).max(), output
        assert np.abs(expected[0] - expected[1]).max() > 1e-2 * np.abs(expected).max(), output


@pytest.mark.real
def test_the_reference_in_a_child_agrees_and_stays_out(photos):
    last = [(catalog.model(REAL).layers[-1].name, "avg")]
    code = (
        "import sys, numpy as np\nfrom semsearch.features.engines import ChildEngine\n"
        f"engine = ChildEngine({REAL!r}, {last!r}, size=224)\n"
        "np.save(sys.argv[1], engine.run(np.load(sys.argv[1]))[0])\n"
        "print(sorted({name.split('.')[0] for name in sys.modules} & {'tensorflow', 'keras'}))"
    )
    expected = TensorFlowEngine(REAL, last, size=224).run(photos)[0]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "batch.npy"
        np.save(file, photos)
        command = [sys.executable, "-c", code, str(file)]
        assert subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip() == "[]"
        assert np.abs(np.load(file) - expected).max() <= 1e-5 * np.abs(expected).max()


@pytest.mark.real
def test_one_early_layer_agrees_and_is_cheap(photos):
    facts = catalog.model(REAL)
    first, last = [(facts.layers[i].name, "avg") for i in (0, -1)]
    alone = OpenVINOEngine(REAL, [first], size=facts.size).run(photos)[0]
    both = OpenVINOEngine(REAL, [last, first], size=facts.size).run(photos)[1]
    assert np.abs(alone - both).max() <= 1e-5 * np.abs(alone).max()
    files = openvino_engine.converted(REAL, facts.size)
    whole = openvino_engine._Network(files, facts.size)
    steps = [len(openvino_engine._compile(whole, [out]).get_runtime_model().get_ops()) for out in (first, last)]
    assert steps[0] * 4 < steps[1]


@pytest.mark.real
def test_the_fast_path_never_imports_tensorflow(photos):
    openvino_engine.converted(REAL, catalog.model(REAL).size)
    code = (
        "import sys\nfrom semsearch.features.openvino_engine import OpenVINOEngine, _photos\n"
        f"engine = OpenVINOEngine({REAL!r}, [({catalog.model(REAL).layers[-1].name!r}, 'avg')], size=224)\n"
        f"assert engine.run(_photos({REAL!r}, 224))[0].std() > 0\n"
        "print(sorted({name.split('.')[0] for name in sys.modules} & {'tensorflow', 'keras', 'umap', 'sklearn'}))"
    )
    out = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


@pytest.mark.real
def test_first_values_are_pinned(photos):
    """What the network of the pinned weights says of a plain gradient, so that no later change goes unseen."""
    ramp = np.arange(224, dtype=np.uint8)
    picture = np.stack(np.broadcast_arrays(ramp[:, None], ramp[None], np.uint8(128)), -1)
    outputs = [(layer.name, "avg") for layer in catalog.model(REAL).layers]
    vectors = OpenVINOEngine(REAL, outputs, size=224).run(engines.preprocess(picture[None], REAL))
    pinned = [(0.02149, 1.7592), (0.1816, 0.26016), (-0.21719, 1.61368), (7.01649, 1.30536)]
    pinned += [(-1.98969, -3.95003), (0.11917, 0.0), (0.01281, -0.44139), (0.94996, 1.05175)]
    assert np.abs(np.stack([vector[0, :2] for vector in vectors]) - pinned).max() <= 1e-3


@pytest.mark.real
def test_a_killed_conversion_does_no_harm(photos, stored, home):
    """The real thing in its own process, killed half-way, then again to the end; this process needs no TensorFlow."""
    (home / "weights").mkdir(parents=True)
    shutil.copy(stored, home / "weights")
    command = [
        sys.executable,
        "-c",
        f"from semsearch.features import openvino_engine; openvino_engine.convert({REAL!r}, 224)",
    ]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) as child:
        while not list((home / "engines").glob(".*.tmp")):
            assert child.poll() is None
            time.sleep(0.01)
        child.kill()
    assert not [path for path in (home / "engines").iterdir() if path.is_dir() and path.suffix != ".tmp"]
    engine = OpenVINOEngine(REAL, [(catalog.model(REAL).layers[-1].name, "avg")], size=224)
    assert engine.run(photos)[0].std() > 0
    assert [path.suffix for path in (home / "engines").iterdir() if path.is_dir()] == [""]


@pytest.mark.real
def test_the_first_pictures_may_come_from_many_threads_at_once():
    """OpenVINO's first array conversion deadlocks under contention; a loaded engine has it behind it."""
    weights.pull("mobilenetv2")
    code = (
        "import sys, threading, numpy as np\n"
        "from semsearch.features.openvino_engine import OpenVINOEngine\n"
        "sys.setswitchinterval(1e-6)\n"
        "engine = OpenVINOEngine('mobilenetv2', [('Conv1', 'avg')], size=224)\n"
        "together, batch = threading.Barrier(6), np.zeros((1, 224, 224, 3), np.float32)\n"
        "def run(): together.wait(); engine.run(batch)\n"
        "threads = [threading.Thread(target=run, daemon=True) for _ in range(6)]\n"
        "[thread.start() for thread in threads]; [thread.join(20) for thread in threads]\n"
        "sys.exit(any(thread.is_alive() for thread in threads))\n"
    )
    for _ in range(5):
        assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
