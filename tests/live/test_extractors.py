"""Loaded networks: as many as are kept, never one more in memory than that while searches end in time."""

import threading
import time
import weakref

import numpy as np
import pytest

from semsearch.live import extractors, worker
from semsearch.live.extractors import PARAMETERS, Extractors, Tools
from semsearch.models.catalog import FeatureSpec

SPECS = [FeatureSpec("mobilenetv2", layer, "avg") for layer in ("block_5_expand", "block_9_project", "Conv_1")]


class Network:
    """One that says who lives when it is made."""

    living = weakref.WeakSet()
    most = 0

    def __init__(self, specs):
        self.specs = specs
        self.dimensions = dict.fromkeys(specs, 2)
        Network.living.add(self)
        Network.most = max(Network.most, len(Network.living))

    def each(self, squares):
        for square in squares:
            yield {self.specs[0]: square[0, 0, :2].astype(np.float32)}


@pytest.fixture
def tools():
    Network.living, Network.most = weakref.WeakSet(), 0
    return Tools(extractor=Network, digest=lambda model: "d")


def test_the_network_used_longest_ago_leaves_before_the_next_is_loaded(tools):
    kept = Extractors(2, tools)
    for spec in (*SPECS, SPECS[0], SPECS[1], SPECS[0], SPECS[2]):
        assert kept.get(spec).specs == [spec]
    assert Network.most == 2
    assert kept.loaded(SPECS[0]) and kept.loaded(SPECS[2]) and kept.loaded(SPECS[1]) is None


def test_of_large_models_fewer_are_kept(tools):
    large = [
        FeatureSpec(model, layer, "avg")
        for model, layer in (("resnet50", "conv5_block3_3_conv"), ("vgg16", "block5_conv3"))
    ]
    assert PARAMETERS == 60_000_000  # of which ResNet50 has 23.6 million, VGG16 14.7, MobileNetV2 2.3
    kept = Extractors(8, tools)
    for spec in (large[0], *SPECS, large[1]):
        kept.get(spec)
    assert all(kept.loaded(spec) for spec in (large[0], *SPECS, large[1]))
    kept.get(FeatureSpec("xception", "block14_sepconv2_act", "avg"))  # 20.9
    assert kept.loaded(large[0]) is None and kept.loaded(large[1]) and kept.loaded(SPECS[0])


def test_networks_that_nobody_uses_are_let_go_of_but_for_the_last(tools):
    kept = Extractors(8, tools)
    for spec in SPECS:
        kept.get(spec)
    assert kept.rest(60) is True and all(kept.loaded(spec) for spec in SPECS)
    time.sleep(0.1)
    assert kept.loaded(SPECS[1])
    assert kept.rest(0.05) is False
    assert kept.loaded(SPECS[0]) is None and kept.loaded(SPECS[2]) is None and kept.loaded(SPECS[1])


def test_a_search_that_goes_on_is_waited_for_and_not_for_ever(tools, monkeypatch):
    kept = Extractors(1, tools)
    searching = [kept.get(SPECS[0])]
    threading.Timer(0.1, searching.clear).start()
    kept.get(SPECS[1])
    assert Network.most == 1 and not searching
    monkeypatch.setattr(extractors, "RELEASE", 0.05)
    long_work = kept.get(SPECS[1])
    start = time.monotonic()
    kept.get(SPECS[2])
    assert Network.most == 2 and time.monotonic() - start < 1 and long_work.specs == [SPECS[1]]


def test_the_thread_that_runs_networks_holds_none_between_two_passes(tools):
    running = worker.ModelWorker(Extractors(1, tools))
    try:
        for value, spec in enumerate(SPECS * 2):
            square = np.full((4, 4, 3), value, np.uint8)
            assert running.vector(spec, square, deadline=time.monotonic() + 5).tolist() == [value, value]
        assert Network.most == 1
    finally:
        running.close()
