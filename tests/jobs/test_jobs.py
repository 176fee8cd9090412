"""Jobs in processes of their own: begun, seen, paused, resumed, cancelled and killed, with nothing left unsaid."""

import json
import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest

from semsearch import cli
from semsearch.errors import Busy, Cancelled, InputError, UnknownName
from semsearch.jobs import desk, owner, records
from semsearch.jobs.records import Request, State
from tests import ROOT

PATIENCE = 30
RIGHT = [("done", "well")], [("interrupted", "")]
"""What may be said of a job that was done well, and whose files were damaged since."""


@pytest.fixture(autouse=True)
def world(home, monkeypatch):
    """Jobs that count, in an empty home; what still runs at the end is ended."""
    monkeypatch.setattr(desk, "COMMAND", ("-m", "tests.worlds.job_child"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    yield home
    for job in records.every():
        if job.live:
            records.ask(job.number, "cancel")
            until(job.number, "cancelled", "done", "failed", "interrupted")


def counting(told, to=1_000_000, dataset="holiday", model="mobilenetv2"):
    return Request((dataset,), (model,), "count", {"to": str(to), "told": str(told)})


def until(number, *names):
    """The job, once its state is one of those names."""
    end = time.monotonic() + PATIENCE
    while (job := records.find(number)).state.name not in names:
        assert time.monotonic() < end, job
        time.sleep(0.02)
    return job


def owner_of(number):
    """The process of a job."""
    home = f"SEMSEARCH_HOME={os.environ['SEMSEARCH_HOME']}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (folder / "cmdline").read_bytes().split(b"\0")
            if b"tests.worlds.job_child" in words and str(number).encode() in words:
                if home in (folder / "environ").read_bytes():
                    return int(folder.name)
    raise AssertionError("nobody")


def test_a_job_is_done_and_says_what_came_of_it(tmp_path):
    job = desk.begin(counting(tmp_path / "told", 5))
    assert job.live and job.number == 1
    done = until(1, "done")
    assert (done.state.words, done.live) == ("counted to 5", False)
    assert (tmp_path / "told").read_text() == "5"


def test_progress_is_seen_from_outside(tmp_path):
    desk.begin(counting(tmp_path / "told"))
    until(1, "running")
    end = time.monotonic() + PATIENCE
    while not (state := records.find(1).state).rate:
        assert time.monotonic() < end
        time.sleep(0.05)
    assert state.phase == "Counting" and 0 < state.done < state.total == 1_000_000
    assert 1 < state.rate < 110 and state.left == pytest.approx((state.total - state.done) / state.rate)


def test_a_paused_job_stands_still_and_goes_on_where_it_was(tmp_path):
    told = tmp_path / "told"
    desk.begin(counting(told))
    until(1, "running")
    desk.pause(1)
    until(1, "paused")
    before = told.read_text()
    time.sleep(0.3)
    assert told.read_text() == before
    with pytest.raises(InputError, match="job 1 is paused; only what runs or waits"):
        desk.pause(1)
    desk.resume(1)
    until(1, "running")
    desk.cancel(1)
    assert "what was whole by then is kept" in until(1, "cancelled").state.words


def test_a_killed_job_is_seen_at_once_and_goes_on_where_it_was(tmp_path):
    told = tmp_path / "told"
    desk.begin(counting(told))
    until(1, "running")
    while not told.exists():
        time.sleep(0.02)
    os.kill(owner_of(1), signal.SIGKILL)
    started = time.monotonic()
    assert not until(1, "interrupted").live
    assert time.monotonic() - started < 1
    before = int(told.read_text())
    desk.resume(1)
    until(1, "running")
    end = time.monotonic() + PATIENCE
    while int(told.read_text()) <= before:
        assert time.monotonic() < end
        time.sleep(0.02)
    os.kill(owner_of(1), signal.SIGKILL)
    until(1, "interrupted")
    desk.cancel(1)
    assert records.find(1).state.name == "cancelled"


def test_one_runs_and_the_others_wait_in_order_but_not_for_one_that_is_paused(tmp_path):
    for number, name in enumerate("abc", 1):
        desk.begin(counting(tmp_path / name, dataset=name))
        until(number, "running", "waiting")
    until(1, "running")
    assert [job.state.name for job in records.every()] == ["running", "waiting", "waiting"]
    desk.pause(1)
    until(2, "running")
    desk.resume(1)
    until(1, "waiting")
    desk.cancel(2)
    until(1, "running")
    assert records.find(3).state.name == "waiting"
    desk.cancel(3)
    until(3, "cancelled")


def test_two_at_one_dataset_and_model_exclude_each_other_in_words(tmp_path):
    desk.begin(counting(tmp_path / "a"))
    with pytest.raises(Busy, match=r"holiday under mobilenetv2: job 1 is at it already \(\w+\); wait for it, or"):
        desk.begin(Request(("other", "holiday"), ("vgg16", "mobilenetv2"), "count"))
    with pytest.raises(Busy), desk.here(counting(tmp_path / "b")):
        pass
    desk.begin(counting(tmp_path / "c", model="vgg16"))
    assert len(records.every()) == 2
    assert desk.of("holiday", "vgg16").number == 2 and desk.of("holiday", "resnet50") is None


def test_a_job_that_fails_says_why(tmp_path):
    desk.begin(Request(("holiday",), ("vgg16",), "fail"))
    assert until(1, "failed").state.words == "its pictures are not here; fetch them"


def test_a_job_of_this_process_is_seen_and_ended_from_outside():
    seen = []
    with pytest.raises(Cancelled), desk.here(Request(("holiday",), ("vgg16",)), watching=seen.append) as control:
        control.begin("Computing")
        control.progress(3, 10)
        assert (found := records.find(1)).state.name == "running" and found.state.done in (0, 3)
        desk.cancel(1)
        while True:
            control.progress(4, 10)
            time.sleep(0.01)
    assert records.find(1).state.name == "cancelled" and seen[-1].done == 4
    with pytest.raises(InputError, match="there is nothing to cancel"):
        desk.cancel(1)


def test_what_comes_back_to_nobody_for_long_is_closed_when_the_job_is_to_end():
    closed = []
    with pytest.raises(Cancelled), desk.here(Request(("holiday",), ("vgg16",))) as control:
        with control.closing(lambda: closed.append(1)):
            desk.cancel(1)
            while not closed:
                time.sleep(0.01)
            raise InputError("the pipe was closed")
    assert closed == [1]


def test_a_failure_while_nobody_asks_for_an_end_stays_what_it_is():
    with pytest.raises(InputError, match="of its own"), desk.here(Request(("holiday",), ("vgg16",))) as control:
        with control.closing(list):
            raise InputError("of its own")
    assert records.find(1).state.words == "of its own"


def test_the_oldest_that_have_ended_are_forgotten(monkeypatch):
    monkeypatch.setattr(records, "KEPT", 2)
    for _ in range(4):
        with desk.here(Request(("holiday",), ("vgg16",))):
            pass
    assert records.numbers() == [3, 4]


@pytest.mark.parametrize("name", ["request.json", "state.json", "owner.lock"])
def test_damage_to_a_job_is_no_wrong_answer(name):
    with desk.here(Request(("holiday",), ("vgg16",))) as control:
        control.words = "well"
    whole = (records.folder(1) / name).read_bytes()
    for place in range(0, len(whole), 5):
        (records.folder(1) / name).write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        assert [(job.state.name, job.state.words) for job in records.every()] in ([], *RIGHT)
    (records.folder(1) / name).unlink()
    assert [(job.state.name, job.state.words) for job in records.every()] in ([], *RIGHT)


def test_the_command_line_lists_and_steers(tmp_path, capsys):
    desk.begin(counting(tmp_path / "told"))
    until(1, "running")
    assert cli.main(["jobs", "pause", "1"]) == 0
    until(1, "paused")
    capsys.readouterr()
    assert cli.main(["jobs", "list", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["job"], row["state"], row["datasets"], row["models"]) == (1, "paused", "holiday", "mobilenetv2")
    assert cli.main(["jobs", "cancel", "1"]) == 0
    until(1, "cancelled")
    assert cli.main(["jobs", "show", "1", "--json"]) == 0
    assert '"state": "cancelled"' in capsys.readouterr().out
    assert cli.main(["jobs", "pause", "1"]) == 2
    assert cli.main(["jobs", "show", "7"]) == 2
    assert "unknown job 7; valid: 1" in capsys.readouterr().err


def test_an_unknown_job_is_told():
    with pytest.raises(UnknownName, match="unknown job 3"):
        records.find(3)


def test_time_left_is_unknown_until_there_is_a_rate():
    assert State("running", "", 3, 10).left is None and State("running", "", 3, 10, 2.0).left == 3.5
    assert owner.OFTEN >= 0.25  # a few times a second at most
