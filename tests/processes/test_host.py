"""Many calls at once into one object in a process of its own."""

import os
import signal
import threading
import time

import numpy as np
import pytest

from semsearch.errors import EngineError, ImageRefused, ProcessLost, StorageError, UnknownName
from semsearch.processes.host import Host
from tests.worlds.child_work import Room
from tests.worlds.waiting import soon


@pytest.fixture
def host():
    opened = Host("the room", Room)
    yield opened
    opened.close()


def gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_the_object_keeps_what_it_was_told(host):
    session = host.session()
    assert session.call("put", "a", np.arange(3)) is None
    np.testing.assert_array_equal(session.call("get", "a"), [0, 1, 2])
    assert host.session() is session
    assert session.call("process") == session.pid != os.getpid()


def test_what_it_prints_does_not_disturb_the_answers(host):
    assert host.session().call("say", "words") == "words"


def test_calls_do_not_wait_for_one_another(host):
    session = host.session()
    results = []
    waits = threading.Thread(target=lambda: results.append(session.call("wait_for", "key")))
    waits.start()
    soon(lambda: session.call("waiting"))
    session.call("put", "key", 7)
    waits.join(10)
    assert results == [7]


def test_items_come_when_they_are_there(host):
    session = host.session()
    items = session.stream("counted", "go", 3)
    assert next(items) == 0  # the second is not made before the key is there
    session.call("put", "go", True)
    assert list(items) == [1, 2]


def test_a_reader_that_goes_away_ends_the_work(host):
    session = host.session()
    items = session.stream("endless")
    assert [next(items), next(items)] == [0, 1]
    items.close()
    soon(lambda: session.call("get", "ended"))


@pytest.mark.parametrize(
    ("kind", "error", "message"),
    [
        ("picture", ImageRefused, "expected a picture, got noise"),
        ("name", UnknownName, "unknown layer 'x'; valid: a, b"),
        ("disk", StorageError, "cannot use /data/x: the disk is full"),
        ("memory", StorageError, "fail: the machine is short of memory"),
        ("", EngineError, "fail failed: ValueError: not of our tree"),
    ],
)
def test_errors_come_back_as_they_are(host, kind, error, message):
    with pytest.raises(error, match=message):
        host.session().call("fail", kind)
    assert host.session().call("process") == host.session().pid


def test_an_error_amid_a_stream_comes_after_what_was_there(host):
    items = host.session().stream("counted_then_fail", 2)
    assert [next(items), next(items)] == [0, 1]
    with pytest.raises(UnknownName):
        next(items)


def test_a_death_is_told_to_all_who_wait_and_the_next_session_is_another(host):
    session = host.session()
    lost = []

    def wait():
        try:
            session.call("wait_for", "never")
        except ProcessLost as error:
            lost.append(str(error))

    waiting = [threading.Thread(target=wait) for _ in range(3)]
    for thread in waiting:
        thread.start()
    soon(lambda: session.call("waiting") == 3)
    os.kill(session.pid, signal.SIGKILL)
    for thread in waiting:
        thread.join(10)
    assert lost == ["the room: its process was ended by SIGKILL (the machine may be short of memory); try again"] * 3
    assert not session.alive
    with pytest.raises(ProcessLost):
        session.call("process")
    session.tell("put", "a", 1)  # nobody waits for it: nothing happens
    assert host.session().call("process") == host.session().pid != session.pid


def test_last_words_are_told(host):
    with pytest.raises(ProcessLost, match="its process ended before its time: no more room here"):
        host.session().call("leave", "no more room here")


def test_one_that_gives_no_answer_is_ended(host):
    session = host.session()
    session.call("process")
    with pytest.raises(ProcessLost, match="no sign of life for 0.1 s and was ended"):
        session.call("wait_for", "never", silence=0.1)
    soon(lambda: gone(session.pid))


def test_it_ends_with_its_caller():
    """Also when that is killed, and while calls are at work."""
    ours, theirs = os.pipe()
    if not (caller := os.fork()):
        session = Host("the room", Room).session()
        threading.Thread(target=lambda: session.call("wait_for", "never"), daemon=True).start()
        soon(lambda: session.call("waiting"))
        os.write(theirs, str(session.pid).encode())
        time.sleep(60)
        os._exit(1)
    pid = int(os.read(ours, 20))
    os.kill(caller, signal.SIGKILL)
    os.waitpid(caller, 0)
    soon(lambda: gone(pid) or " Z " in open(f"/proc/{pid}/stat").read())


def test_closed_it_is_gone(host):
    session = host.session()
    pid = session.call("process")
    host.close()
    assert gone(pid)
    with pytest.raises(ProcessLost, match="the room: it was closed; try again"):
        session.call("process")
