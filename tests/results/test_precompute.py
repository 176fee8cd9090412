"""The grid on a small exact world: what is stored, what is skipped, and what a kill leaves behind."""

import errno
import multiprocessing
import os
import random
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from semsearch import images
from semsearch.data import datasets, identity
from semsearch.errors import ImageRefused, InputError, NotComputed, PicturesUnavailable, StorageError, UnknownName
from semsearch.files import storage
from semsearch.models import catalog
from semsearch.models.catalog import FeatureSpec
from semsearch.ranking import metrics
from semsearch.results import precompute
from semsearch.results.extent import FULL, POOLED, UNDRAWN
from semsearch.store.experiment import Experiment
from semsearch.store.store import Store
from tests.worlds.colour_world import make_world
from tests.worlds.files.bitmaps import write_bmp
from tests.worlds.small_world import no_maps

MODEL = "mobilenetv2"


class MeanColour:
    """A deterministic extractor: the mean colour, shifted by layer and pooling so that no two specs are equal."""

    def __init__(self, specs):
        self.dimensions = dict.fromkeys(specs, 3)

    def stream(self, pictures):
        for position, picture in enumerate(pictures):
            time.sleep(float(os.environ.get("SLOW", "0")))
            try:
                mean = images.load(picture.read()).reshape(-1, 3).mean(0)
            except (ImageRefused, PicturesUnavailable) as error:
                yield position, error
                continue
            yield (
                position,
                {spec: (mean + 10 + sum(spec.key.encode()) % 97).astype(np.float32) for spec in self.dimensions},
            )


TOOLS = precompute.Tools(extractor=MeanColour, project=no_maps, digest=lambda model: "0" * 64)


@pytest.fixture
def world(home, tmp_path):
    return datasets.add("world", make_world(tmp_path / "world"))


def run(root, **more):
    return precompute.precompute(["world"], [MODEL], root=root, tools=TOOLS, **{"how_much": FULL, **more})


def contents(root):
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and ".work" not in path.parts
    }


def test_stored_rankings_equal_distances_computed_here(world, tmp_path):
    report = run(tmp_path / "store")
    assert (report.computed, report.already, report.skipped) == (1, 0, [])
    store = Store(tmp_path / "store")
    for spec in catalog.grid(MODEL)[:4]:
        rows = np.array(
            [vector[spec] for _, vector in MeanColour([spec]).stream(identity.pinned(world, i) for i in range(6))]
        )
        for metric in metrics.METRICS:
            expected = metrics.distances(rows, rows, metric)
            found = store.ranking(Experiment("world", spec, metric))
            for query in range(6):
                others = sorted((float(expected[query, j]), j) for j in range(6) if j != query)
                assert found.ids[query].tolist() == [j for _, j in others], (spec.key, metric, query)
                np.testing.assert_allclose(
                    found.distances[query], [d for d, _ in others], atol=(others[-1][0] - others[0][0]) / 32 + 1e-6
                )


def test_a_second_run_finds_nothing_to_do_and_changes_nothing(world, tmp_path):
    run(tmp_path / "store")
    before = contents(tmp_path / "store")
    report = run(tmp_path / "store")
    assert (report.computed, report.already) == (0, 1)
    assert contents(tmp_path / "store") == before


def test_a_changed_dataset_is_computed_again(world, tmp_path):
    run(tmp_path / "store")
    write_bmp(Path(world.path(0)).parent / "3.bmp", (9, 9, 200))
    datasets.add("world", tmp_path / "world")
    assert run(tmp_path / "store").computed == 1
    found = Store(tmp_path / "store").ranking(Experiment("world", FeatureSpec(MODEL, "Conv_1", "avg"), "cosine"))
    assert found.ids.shape == (7, 6)


def test_shards_share_the_work_and_end_in_the_same_store(world, tmp_path):
    both = [MODEL, "vgg16"]
    precompute.precompute(["world"], both, root=tmp_path / "whole", tools=TOOLS)
    reports = [
        precompute.precompute(["world"], both, root=tmp_path / "shards", tools=TOOLS, shard=(i, 2)) for i in (1, 2)
    ]
    assert [report.computed for report in reports] == [1, 1]
    assert contents(tmp_path / "shards") == contents(tmp_path / "whole")


def test_a_bad_picture_is_left_out_listed_and_stops_nothing(world, tmp_path):
    (tmp_path / "world" / "red" / "1b.jpg").write_bytes(b"not a picture")
    dataset = datasets.add("world", tmp_path / "world")
    bad = next(item.id for item in dataset.items if item.file.endswith("1b.jpg"))
    report = run(tmp_path / "store")
    assert len(report.skipped) == 1 and report.skipped[0].startswith("world/red/1b.jpg: ")
    found = Store(tmp_path / "store").ranking(Experiment("world", FeatureSpec(MODEL, "Conv_1", "avg"), "euclidean"))
    assert found.ids.shape == (6, 5)
    assert bad not in found.ids


def test_progress_counts_up_to_the_announced_total(world, tmp_path):
    seen = []
    run(tmp_path / "store", progress=lambda done, total: seen.append((done, total)))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1][0] == seen[-1][1] == 2 * 6 + 32
    assert {total for _, total in seen} == {2 * 6 + 32}


def test_of_ones_own_pictures_the_quick_part_is_computed_and_it_equals_that_part_of_all(world, tmp_path):
    """One pass through the network, and no map; the shipped datasets get all."""
    seen = []
    run(tmp_path / "quick", how_much=None, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (6 + 24, 6 + 24)
    run(tmp_path / "whole")
    quick, whole = Store(tmp_path / "quick"), Store(tmp_path / "whole")
    assert [readout.key for readout in quick.readouts("world", MODEL)] == ["avg", "max", "gem"]
    assert len(quick.scores("world").specs) == 8 * 3 * 6
    for spec, metric in zip(quick.scores("world").specs, quick.scores("world").metrics, strict=True):
        left, right = (store.ranking(Experiment("world", spec, metric)) for store in (quick, whole))
        assert np.array_equal(left.ids, right.ids) and np.array_equal(left.distances, right.distances)
        left, right = (store.score(Experiment("world", spec, metric)) for store in (quick, whole))
        assert np.array_equal(left.score, right.score) and np.array_equal(left.hits, right.hits)
    spec = FeatureSpec(MODEL, "Conv_1", "avg")
    assert whole.has_map("world", spec, "pca2") and not quick.has_map("world", spec, "pca2")
    with pytest.raises(NotComputed, match="pca2 of mobilenetv2.Conv_1.avg is not drawn yet; draw it .*--full"):
        quick.map("world", spec, "pca2")
    published = Experiment("world", FeatureSpec(MODEL, "Conv_1", "flatten", "published"), "cosine")
    for ask in (quick.ranking, quick.score):
        with pytest.raises(NotComputed, match="no results with the pooling Published yet; run `semsearch precompute"):
            ask(published)


def test_a_unit_that_holds_more_serves_and_one_that_holds_less_is_replaced(world, tmp_path):
    outcomes = []
    for how_much in (POOLED, POOLED, UNDRAWN, POOLED, FULL, UNDRAWN, POOLED, FULL):
        report = run(tmp_path / "store", how_much=how_much)
        outcomes.append(report.computed)
    assert outcomes == [1, 0, 1, 0, 1, 0, 0, 0]
    assert Store(tmp_path / "store").has_map("world", FeatureSpec(MODEL, "Conv_1", "avg"), "umap3")


def test_a_quick_run_that_was_ended_keeps_the_layers_that_are_whole(world, tmp_path, monkeypatch):
    written = precompute.artifacts.write_layer

    def end(folder, layer, results):
        if layer == "Conv_1":
            raise KeyboardInterrupt
        written(folder, layer, results)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(precompute.artifacts, "write_layer", end)
        run(tmp_path / "store", how_much=POOLED)
    assert len(list((tmp_path / "store" / ".work").glob("*/*.npz"))) == 7
    run(tmp_path / "store", how_much=POOLED)
    run(tmp_path / "whole", how_much=POOLED)
    assert contents(tmp_path / "store") == contents(tmp_path / "whole")


@pytest.mark.parametrize("text", ["0/2", "3/2", "1", "a/b", "1/0", "-1/2"])
def test_a_shard_that_is_none_is_refused(text):
    with pytest.raises(InputError, match="i/n"):
        precompute.parse_shard(text)


def test_names_are_checked_before_anything_is_computed(world, tmp_path):
    with pytest.raises(UnknownName, match="mobilenetv2"):
        precompute.precompute(["world"], ["mobilenetv9"], root=tmp_path / "store", tools=TOOLS)
    with pytest.raises(PicturesUnavailable, match="fetch|add"):
        precompute.precompute(["iconic200"], [MODEL], root=tmp_path / "store", tools=TOOLS)
    assert not (tmp_path / "store").exists()


def test_what_a_killed_writer_left_stops_nothing(world, tmp_path, monkeypatch):
    """Killed between the last byte of a layer and its name: the temporary lies beside the layers that are whole."""
    written = precompute.artifacts.write_layer

    def die(folder, layer, results):
        if layer == "Conv_1":
            (folder / ".Conv_1.1.00000000.tmp.npz").write_bytes(b"half")
            raise KeyboardInterrupt
        written(folder, layer, results)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(precompute.artifacts, "write_layer", die)
        run(tmp_path / "store")
    assert list((tmp_path / "store" / ".work").glob("*/.*.tmp.npz"))
    assert run(tmp_path / "store").computed == 1
    run(tmp_path / "whole")
    assert contents(tmp_path / "store") == contents(tmp_path / "whole")


def test_a_resumed_run_asks_for_the_same_network(world, tmp_path, monkeypatch):
    """A real network rounds in another way when it is cut to fewer layers: the bytes would not be those of one run."""

    class Rounds(MeanColour):
        def stream(self, pictures):
            for position, row in super().stream(pictures):
                yield position, {spec: vector + len(row) for spec, vector in row.items()}

    tools = precompute.Tools(extractor=Rounds, project=no_maps, digest=lambda model: "0" * 64)

    def compute(store):
        return precompute.precompute(["world"], [MODEL], root=store, tools=tools)

    def interrupt(folder, layer, results):
        if layer == "Conv_1":
            raise KeyboardInterrupt
        written(folder, layer, results)

    written = precompute.artifacts.write_layer
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(precompute.artifacts, "write_layer", interrupt)
        compute(tmp_path / "store")
    compute(tmp_path / "store")
    compute(tmp_path / "whole")
    assert contents(tmp_path / "store") == contents(tmp_path / "whole")


@pytest.mark.timeout(900)
def test_a_picture_replaced_under_its_name_is_left_out_and_named(world, tmp_path):
    """It was stored under the old digest, and stayed wrong for ever."""
    write_bmp(tmp_path / "world" / "red" / "1.bmp", (0, 0, 255))
    report = precompute.precompute(["world"], [MODEL], root=tmp_path / "store", tools=TOOLS)
    (line,) = report.skipped
    assert line.startswith("world/red/1.bmp: changed since the dataset was added: run `semsearch datasets add world")
    changed = next(item.id for item in datasets.load("world").items if item.file == "red/1.bmp")
    assert changed not in Store(tmp_path / "store").items("world", MODEL)
    datasets.add("world", tmp_path / "world")
    assert precompute.precompute(["world"], [MODEL], root=tmp_path / "store", tools=TOOLS).skipped == []
    assert changed in Store(tmp_path / "store").items("world", MODEL)


def test_a_picture_replaced_while_it_is_computed_ends_the_run_and_nothing_is_stored(world, tmp_path, monkeypatch):
    def replace(self, pictures):
        write_bmp(tmp_path / "world" / "red" / "1.bmp", (0, 0, 255))
        return stream(self, pictures)

    stream = MeanColour.stream
    monkeypatch.setattr(MeanColour, "stream", replace)
    with pytest.raises(PicturesUnavailable, match="world/red/1.bmp changed since the dataset was added"):
        precompute.precompute(["world"], [MODEL], root=tmp_path / "store", tools=TOOLS)
    assert not list((tmp_path / "store").rglob("*.npz"))


def test_a_picture_that_is_gone_is_left_out_and_named(world, tmp_path):
    (tmp_path / "world" / "red" / "1.bmp").unlink()
    report = precompute.precompute(["world"], [MODEL], root=tmp_path / "store", tools=TOOLS)
    assert [line.partition(":")[0] for line in report.skipped] == ["world/red/1.bmp"]
    assert "is not on this machine" in report.skipped[0]


def test_no_room_for_the_features_is_told_before_a_picture_is_read(world, tmp_path, monkeypatch):
    """Their file was only promised: when the disk was full, writing to it ended the process with SIGBUS."""
    read = []
    monkeypatch.setattr(MeanColour, "stream", lambda self, pictures: read.append(1) or iter(()))
    monkeypatch.setattr(storage.shutil, "disk_usage", lambda folder: SimpleNamespace(free=storage.MARGIN + 100))
    needed = 4 * 6 * 3 * len(POOLED.grid(MODEL))
    with pytest.raises(StorageError, match=f"world under {MODEL}, features of 6 pictures: expected .* GB free"):
        precompute.precompute(["world"], [MODEL], root=tmp_path / "store", tools=TOOLS)
    monkeypatch.setattr(storage.shutil, "disk_usage", lambda folder: SimpleNamespace(free=storage.MARGIN + needed))
    full = OSError(errno.ENOSPC, "No space left on device")
    monkeypatch.setattr(storage.os, "posix_fallocate", lambda *_: (_ for _ in ()).throw(full))
    with pytest.raises(StorageError, match="the disk is full"):
        precompute.precompute(["world"], [MODEL], root=tmp_path / "store", tools=TOOLS)
    assert not read and not list((tmp_path / "store").rglob("*.npz"))


def test_features_lie_in_a_file_that_nobody_else_can_cut(world, tmp_path, monkeypatch):
    def look(self, pictures):
        named = [path for path in (tmp_path / "store").rglob("*") if path.is_file() and path.suffix != ".lock"]
        assert not named
        return stream(self, pictures)

    stream = MeanColour.stream
    monkeypatch.setattr(MeanColour, "stream", look)
    assert precompute.precompute(["world"], [MODEL], root=tmp_path / "store", tools=TOOLS).computed == 1


def test_kills_lose_nothing(world, tmp_path, monkeypatch):
    """Kill −9 at random moments, a dozen times; every store resumes and ends as an uninterrupted run does.

    A hundred, of the real command, are a part of ``python -m tests.processes.signals``. Each process is forked from
    one that has imported all, so that what is killed is the work.
    """
    for name, value in (("SLOW", "0.01"), ("NUMBA_DISABLE_JIT", "1")):
        monkeypatch.setenv(name, value)
    forks = multiprocessing.get_context("forkserver")
    forks.set_forkserver_preload([__name__, "numba", "sklearn.metrics", "PIL.Image", "threadpoolctl"])

    def start(store):
        process = forks.Process(target=run, args=(store,))
        process.start()
        return process

    def end(process):
        process.join()
        return process.exitcode

    assert end(start(tmp_path / "first")) == 0  # the server of forks has imported all
    spans = []
    for name in ("whole", "again"):
        started = time.monotonic()
        assert end(start(tmp_path / name)) == 0
        spans.append(time.monotonic() - started)
    span = min(spans)  # one slow run would have most of the kills come too late
    expected = contents(tmp_path / "whole")

    def kill(seed):
        """Half of the kills over as many stores as it takes; how many of them left layers to resume from."""
        rng, kills, ended, resumed = random.Random(seed), 0, 0, 0
        while kills < 6:
            store = tmp_path / f"store{seed}.{ended}"
            process = start(store)
            time.sleep(rng.uniform(0.4, 1.2) * span)
            if process.is_alive():
                process.kill()
                kills += 1
            if end(process) == 0:
                assert contents(store) == expected
                ended += 1
            else:
                resumed += any((store / ".work").glob("*/*.npz"))
        assert end(start(store)) == 0
        assert contents(store) == expected
        return resumed

    with ThreadPoolExecutor(2) as both:
        assert sum(both.map(kill, (1, 2))) >= 3
