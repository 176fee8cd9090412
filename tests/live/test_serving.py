"""The service over an exact small world: who is admitted, who is dropped, and what a failure may touch."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from semsearch.errors import Busy, EngineError, ImageRefused, InputError, NotReady, TooLate
from semsearch.live import preparations, search, serving, worker
from semsearch.live.extractors import Tools
from semsearch.live.galleries import Galleries
from semsearch.models import catalog
from tests.worlds import small_world
from tests.worlds.live_world import SPEC, Green, pairs
from tests.worlds.waiting import soon

ASKED = search.Question("world", SPEC, "euclidean", k=2)


class Slow(Green):
    """Waits at a gate before each pass; fails at the colour 254, dies at 255; remembers the sizes of its passes."""

    def __init__(self, specs):
        super().__init__(specs)
        self.gate, self.passes = threading.Event(), []
        self.gate.set()

    def each(self, squares):
        self.gate.wait(5)
        self.passes.append(len(squares))
        if (squares[:, 0, 0, 1] == 254).any():
            raise RuntimeError("a picture that the model cannot take")
        if (squares[:, 0, 0, 1] == 255).any():
            raise SystemExit
        return super().each(squares)


@pytest.fixture
def service(home, tmp_path):
    """A service over the small world, its features computed; ``engine`` is its model."""
    small_world.add(tmp_path / "pictures")
    engine = Slow([SPEC])
    tools = Tools(extractor=lambda specs: engine, digest=lambda model: "0" * 64)
    opened = serving.Service(capacity=24, seconds=5, galleries=Galleries(tools))
    opened.engine, opened.tools = engine, tools
    opened.submit(0, ASKED).result()
    engine.passes.clear()
    yield opened
    engine.gate.set()
    opened.close()


def picture(place):
    return np.full((8, 8, 3), 15 * place, np.uint8)


def raw(value):
    return np.full((8, 8, 3), value, np.uint8)


def at_the_model(service):
    """How many pictures are in a pass, or wait for the next."""
    model = service._worker
    with model._changed:
        return len(model._tasks) + (len(model._passing[1]) if model._passing else 0)


def test_answers_are_those_of_the_library_whoever_is_beside(service):
    places = [place for place in range(15) for _ in range(1)] * 4
    with ThreadPoolExecutor(12) as users:
        answers = list(users.map(lambda place: service.submit(picture(place), ASKED).result(), places))
    alone = Galleries(service.tools)
    for place, answer in zip(places, answers, strict=True):
        assert pairs(answer) == pairs(search.search(picture(place), ASKED, galleries=alone))
    assert service.health().served == 61


def test_pictures_that_wait_together_go_together(service):
    service.engine.gate.clear()
    futures = [service.submit(picture(place), ASKED) for place in range(10)]
    soon(lambda: at_the_model(service) == 10)
    service.engine.gate.set()
    assert [pairs(future.result())[0][1] for future in futures] == [0, 0, 1, 0, 1, 2, 3, 3, 2, 1]
    assert sum(service.engine.passes) == 10 and 1 < max(service.engine.passes) <= worker.BATCH


@pytest.mark.alone
def test_overflow_is_told_at_once_and_the_rest_are_served(service):
    service.engine.gate.clear()
    futures, refused = [], 0
    for _ in range(40):
        start = time.perf_counter()
        try:
            futures.append(service.submit(picture(3), ASKED))
        except Busy:
            refused += 1
        assert time.perf_counter() - start < 0.2
    assert (len(futures), refused) == (24, 16)
    service.engine.gate.set()
    assert {tuple(pairs(future.result())) for future in futures} == {((5, 0), (4, 2))}
    health = service.health()
    assert (health.inside, health.refused, health.served, health.healthy) == (0, 16, 25, True)


def test_cancelled_and_late_requests_never_reach_the_model(service):
    service.engine.gate.clear()
    first = [service.submit(picture(3), ASKED) for _ in range(serving.THREADS)]
    waiting = [service.submit(picture(1), ASKED) for _ in range(4)]
    soon(lambda: at_the_model(service) == serving.THREADS)
    assert all(future.cancel() for future in waiting)
    service.engine.gate.set()
    for future in first:
        future.result()
    assert sum(service.engine.passes) == serving.THREADS and service.health().inside == 0


@pytest.mark.alone
def test_a_deadline_is_kept(service):
    service._seconds = 0.3
    service.engine.gate.clear()
    start = time.perf_counter()
    with pytest.raises(TooLate):
        service.submit(picture(3), ASKED).result()
    assert time.perf_counter() - start < 1.5
    service.engine.gate.set()
    assert pairs(service.submit(picture(3), ASKED).result())[0] == (5, 0)


def test_a_bad_picture_harms_nobody_beside_it(service):
    service.engine.gate.clear()
    bad = [service.submit(raw(254), ASKED), service.submit(b"no picture", ASKED)]
    good = [service.submit(picture(place), ASKED) for place in range(6)]
    soon(lambda: at_the_model(service) == 7 and bad[1].done())
    service.engine.gate.set()
    assert [pairs(future.result())[0][1] for future in good] == [0, 0, 1, 0, 1, 2]
    with pytest.raises(EngineError, match="cannot take"):
        bad[0].result()
    with pytest.raises(ImageRefused):
        bad[1].result()
    assert service.health().failed == 2 and service.health().healthy


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_worker_that_dies_is_replaced_and_dying_often_is_unhealthy(service):
    for round in range(3):
        with pytest.raises(EngineError, match="died"):
            service.submit(raw(255), ASKED).result()
        assert pairs(service.submit(picture(3), ASKED).result())[0] == (5, 0)
        assert service.health().restarts == round + 1
    assert "restarted 3 times" in service.health().reason
    service._worker._restarted.clear()
    assert service.health().healthy


def test_a_worker_that_hangs_turns_health_red_and_is_replaced(service, monkeypatch):
    monkeypatch.setattr(worker, "HANGS", 0.2)
    service.engine.gate.clear()
    stuck = service.submit(picture(3), ASKED)
    soon(lambda: "at one pass" in service.health().reason)
    service.engine.gate.set()
    service.engine.gate = threading.Event()
    service.engine.gate.set()
    assert stuck.result(5) and service.submit(picture(3), ASKED).result()
    service.engine.gate.clear()
    stuck = service.submit(picture(3), ASKED)
    soon(lambda: "at one pass" in service.health().reason)
    late = service.engine.gate
    service.engine.gate = threading.Event()
    service.engine.gate.set()
    assert pairs(service.submit(picture(1), ASKED).result())[0] == (4, 0)
    with pytest.raises(EngineError, match="replaced"):
        stuck.result()
    late.set()
    assert service.health().restarts == 1 and service.health().healthy


def test_a_model_that_keeps_failing_is_unhealthy_until_it_works(service):
    for _ in range(3):
        with pytest.raises(EngineError):
            service.submit(raw(254), ASKED).result()
    assert "failed" in service.health().reason
    service.submit(picture(3), ASKED).result()
    assert service.health().healthy


def test_features_on_their_way_are_told(service, monkeypatch):
    monkeypatch.setattr(serving, "PATIENCE", 0.5)
    other = catalog.FeatureSpec("mobilenetv2", catalog.model("mobilenetv2").layers[0].name, "avg")
    gate = threading.Event()

    def slow(self, pictures):
        yield from ((0, {other: np.zeros(2, np.float32)}),)
        gate.wait(5)
        yield from ((place, {other: np.full(2, place, np.float32)}) for place in range(1, 6))

    engine = type("Gated", (Slow,), {"stream": slow})([other])
    tools = Tools(extractor=lambda specs: engine, digest=lambda model: "1" * 64)
    another = serving.Service(galleries=Galleries(tools))
    question = search.Question("world", other, "euclidean", k=1)
    with pytest.raises(NotReady, match="1 of 6"):
        another.submit(3, question).result()
    assert another.prepare("world", other) is another.prepare("world", other)
    gate.set()
    another.prepare("world", other).finished.result(5)
    assert pairs(another.submit(3, question).result()) == [(2, pytest.approx(2**0.5))]
    another.close()


def test_features_that_cannot_be_had_say_why(service):
    missing = search.Question("nowhere", SPEC)
    for _ in range(2):
        with pytest.raises(InputError, match="nowhere"):
            service.submit(3, missing).result()
        with pytest.raises(InputError, match="nowhere"):
            service.prepare("nowhere", SPEC).finished.result(5)


def test_too_many_preparations_are_refused(service, monkeypatch):
    monkeypatch.setattr(preparations, "PREPARING", 0)
    with pytest.raises(Busy):
        service.prepare("world", SPEC)


def test_a_closed_service_says_so(service):
    service.close()
    assert service.health().reason == "the service was closed"
    with pytest.raises(EngineError, match="closed"):
        service._worker.vector(SPEC, picture(1), deadline=time.monotonic() + 1)


def test_allowance_of_each_client():
    allowance = serving.Allowance(2, 3, clients=2)
    for _ in range(3):
        allowance.take("a", now=10.0)
    with pytest.raises(Busy):
        allowance.take("a", now=10.4)
    allowance.take("b", now=10.4)
    allowance.take("a", now=10.5)
    with pytest.raises(Busy):
        allowance.take("a", now=10.5)
    for _ in range(3):
        allowance.take("a", now=99.0)
