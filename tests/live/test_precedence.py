"""In the process of the networks, searches come before datasets that are prepared."""

import threading

import numpy as np
import pytest

from semsearch.live import networks
from semsearch.live.networks import Networks


class Network:
    """Its passes end when they are let; what it did, in order."""

    def __init__(self, specs, *, isolated):
        assert isolated
        self.engine_name, self.dimensions = "stand-in", dict.fromkeys(specs, 1)
        self.did, self.begun, self.let = [], threading.Event(), threading.Event()

    def each(self, squares):
        self.begun.set()
        assert self.let.wait(10)
        self.did.append("search")
        yield squares

    def stream(self, pictures, *, before):
        for place, _ in enumerate(pictures):
            before()
            self.did.append(place)
            yield place, {}


@pytest.fixture
def hosted(monkeypatch):
    monkeypatch.setattr(networks.features, "FeatureExtractor", Network)
    monkeypatch.setattr(networks.os, "nice", lambda step: step)
    return Networks()


def searched(hosted):
    """A network, and the thread of a search that is under way in it."""
    number, _, _ = hosted.load(["spec"])
    searching = threading.Thread(target=lambda: list(hosted.each(number, np.zeros(1))))
    searching.start()
    assert hosted._loaded[number].begun.wait(10)
    return number, hosted._loaded[number], searching


def test_a_picture_of_a_dataset_waits_for_a_search_that_is_under_way(hosted, monkeypatch):
    monkeypatch.setattr(networks, "YIELDS", 10.0)
    number, network, searching = searched(hosted)
    preparing = threading.Thread(target=lambda: list(hosted.stream(number, ["a", "b"])))
    preparing.start()
    network.let.set()
    for thread in (searching, preparing):
        thread.join(10)
    assert network.did == ["search", 0, 1]


def test_it_does_not_wait_for_ever(hosted, monkeypatch):
    monkeypatch.setattr(networks, "YIELDS", 0.01)
    number, network, searching = searched(hosted)
    assert [place for place, _ in hosted.stream(number, ["a", "b"])] == [0, 1] == network.did
    network.let.set()
    searching.join(10)


def test_a_search_whose_asker_goes_away_holds_nothing_up(hosted, monkeypatch):
    monkeypatch.setattr(networks, "YIELDS", 10.0)
    number, _, _ = hosted.load(["spec"])
    hosted._loaded[number].let.set()
    asked = hosted.each(number, np.zeros(1))
    next(asked)
    asked.close()
    assert [place for place, _ in hosted.stream(number, ["a"])] == [0]
