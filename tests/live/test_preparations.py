"""Who waits for whom when features are prepared for many clients."""

import threading
from collections import defaultdict

import pytest

from semsearch.errors import Busy, EngineError, PicturesUnavailable
from semsearch.live.preparations import PREPARING, SHARE, SHORT, Preparations
from semsearch.models.catalog import FeatureSpec
from tests.worlds.waiting import soon

SPEC = FeatureSpec("mobilenetv2", "Conv_1", "avg")
OTHER = FeatureSpec("mobilenetv2", "Conv_1", "max")


class World:
    """In place of galleries: which lie ready, and computing that ends when it is let."""

    def __init__(self):
        self.ready, self.let, self.begun, self.failing = set(), defaultdict(threading.Event), [], {}
        self.sizes = defaultdict(lambda: SHORT + 1)

    def kept(self, dataset, spec):
        return (dataset, spec) if dataset in self.ready else None

    def pictures(self, dataset):
        return self.sizes[dataset]

    def open(self, dataset, spec, *, progress):
        self.begun.append((dataset, spec))
        progress(1, 2)
        assert self.let[dataset].wait(10)
        if dataset in self.failing:
            raise self.failing[dataset]


@pytest.fixture
def world():
    return World()


@pytest.fixture
def lane(world):
    opened = Preparations(world)
    yield opened
    opened.close()


def test_one_client_leaves_the_other_maker_to_others(world, lane):
    greedy = [lane.ask(f"set{number}", SPEC, "greedy") for number in range(3)]
    soon(lambda: world.begun)
    modest = lane.ask("mine", SPEC, "modest")
    soon(lambda: len(world.begun) == 2)
    assert world.begun == [("set0", SPEC), ("mine", SPEC)]
    world.let["mine"].set()
    assert modest.finished.result(10) is None
    assert len(world.begun) == 2 and not greedy[1].finished.done()
    for number in range(3):
        world.let[f"set{number}"].set()
    assert [one.finished.result(10) for one in greedy] == [None] * 3
    assert world.begun[2:] == [("set1", SPEC), ("set2", SPEC)]


def test_a_short_one_passes_the_long_one_of_its_client_while_nobody_else_waits(world, lane):
    world.sizes = {"large": SHORT + 1, "larger": SHORT + 2, "small": SHORT, "theirs": SHORT + 1}
    lane.ask("large", SPEC, "me")
    soon(lambda: world.begun)
    lane.ask("larger", SPEC, "me")
    small = lane.ask("small", SPEC, "me")
    soon(lambda: len(world.begun) == 2)
    assert world.begun == [("large", SPEC), ("small", SPEC)]
    theirs = lane.ask("theirs", SPEC, "they")
    lane.ask("small", OTHER, "me")
    world.let["small"].set()
    assert small.finished.result(10) is None
    soon(lambda: len(world.begun) == 3)
    assert world.begun[2] == ("theirs", SPEC)
    for name in world.sizes:
        world.let[name].set()
    assert theirs.finished.result(10) is None


def test_a_dataset_that_takes_for_ever_leaves_the_other_maker_to_others(world, lane):
    lane.ask("slow", SPEC, "one")
    soon(lambda: world.begun)
    lane.ask("slow", OTHER, "other")
    third = lane.ask("quick", SPEC, "third")
    world.let["quick"].set()
    assert third.finished.result(10) is None
    assert world.begun == [("slow", SPEC), ("quick", SPEC)]
    world.let["slow"].set()
    soon(lambda: ("slow", OTHER) in world.begun)


def test_what_lies_ready_waits_for_nothing_that_is_computed(world, lane):
    lane.ask("a", SPEC, "one")
    lane.ask("b", SPEC, "two")
    soon(lambda: len(world.begun) == 2)
    world.ready.add("kept")
    assert lane.ask("kept", SPEC, "one").finished.result(10) is None
    assert len(world.begun) == 2
    world.let["a"].set(), world.let["b"].set()


def test_of_one_client_few_wait_and_of_all_more(world, lane):
    for number in range(SHARE):
        lane.ask(f"set{number}", SPEC, "greedy")
    with pytest.raises(Busy, match=f"at most {SHARE} datasets in preparation for one client"):
        lane.ask("another", SPEC, "greedy")
    for number in range(SHARE, PREPARING):
        lane.ask(f"set{number}", SPEC, f"client{number}")
    with pytest.raises(Busy, match=f"at most {PREPARING} datasets in preparation, got one more"):
        lane.ask("another", SPEC, "one more")
    assert lane.ask("set0", SPEC, "one more") is lane.ask("set0", SPEC, "greedy")
    for number in range(PREPARING):
        world.let[f"set{number}"].set()


def test_failures_are_told_and_the_next_is_a_new_try(world, lane):
    world.failing = {"gone": PicturesUnavailable("they are not here"), "odd": ValueError("odd")}
    for name in ("gone", "odd"):
        world.let[name].set()
    first = lane.ask("gone", SPEC, "")
    assert isinstance(first.finished.exception(10), PicturesUnavailable)
    with pytest.raises(EngineError, match="the features of odd could not be computed: ValueError"):
        lane.ask("odd", SPEC, "").finished.result(10)
    del world.failing["gone"]
    again = lane.ask("gone", SPEC, "")
    assert again is not first and again.finished.result(10) is None


def test_progress_is_counted(world, lane):
    work = lane.ask("a", SPEC, "")
    soon(lambda: work.total)
    assert (work.done, work.total) == (1, 2)
    world.let["a"].set()
