"""The log of a server does not grow with the number of those who meet the same failure."""

import pytest

from semsearch import server_log
from semsearch.errors import IntegrityError, StorageError
from semsearch.rest import gate


@pytest.fixture
def clock(monkeypatch, caplog):
    """Seconds that pass when the test says so, and a memory of no failure."""
    now = [1000.0]
    monkeypatch.setattr(server_log.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(server_log._LOG, "filters", [server_log.NotAgain()])
    return now


def lines(caplog):
    return [record.getMessage() for record in caplog.records if record.name == server_log.__name__]


def test_the_same_failure_is_written_once_a_minute_and_counted(clock, caplog):
    for _ in range(500):
        server_log.report(StorageError("cannot use a: the disk is full"))
    server_log.report(StorageError("cannot use b: the disk is full"))
    assert lines(caplog) == ["failed: cannot use a: the disk is full", "failed: cannot use b: the disk is full"]
    clock[0] += server_log.MINUTE
    server_log.report(StorageError("cannot use a: the disk is full"))
    assert lines(caplog)[2:] == [
        "failed: cannot use a: the disk is full (and 499 times more since it was last written)"
    ]


def test_what_nobody_foresaw_has_its_traceback_and_is_told_apart_by_its_place(clock, caplog):
    for wrong in (lambda: [][1], lambda: [][2], lambda: [][1]):
        for _ in range(3):
            try:
                wrong()
            except IndexError as error:
                server_log.report(error)
    written = [record for record in caplog.records if record.name == server_log.__name__]
    assert len(written) == 1 and written[0].exc_info[0] is IndexError  # one line of this file raised all of them
    try:
        [][3]
    except IndexError as error:
        server_log.report(error)
    assert len(lines(caplog)) == 2


def test_a_request_logs_damage_in_one_line(clock, caplog):
    for _ in range(100):
        assert gate.refusal(IntegrityError("manifest.json is damaged; run precompute")).status_code == 503
    [record] = [record for record in caplog.records if record.name == server_log.__name__]
    assert record.getMessage() == "failed: manifest.json is damaged; run precompute" and not record.exc_info
    assert gate.refusal(ZeroDivisionError("a bug"), "").status_code == 500
    assert caplog.records[-1].exc_info[0] is ZeroDivisionError


def test_few_failures_are_remembered(clock, caplog):
    for number in range(server_log.KINDS + 1):
        server_log.report(StorageError(str(number)))
    server_log.report(StorageError(str(server_log.KINDS)))
    server_log.report(StorageError("0"))
    assert len(lines(caplog)) == server_log.KINDS + 2
