"""How a command ends on Ctrl-C, SIGTERM, SIGHUP: once, in order and soon, whatever a library makes of the exception."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from semsearch.data.sources import fetch_files
from semsearch.errors import FetchFailed
from semsearch.files import storage
from semsearch.images.sandbox import _Decoder
from semsearch.net.fetch import download
from semsearch.processes import interrupts, threads
from semsearch.processes.interrupts import Ended, in_order
from semsearch.store import units
from semsearch.terminal import guarded
from tests import ROOT
from tests.worlds.servers.local_http import site

ENDS = {
    signal.SIGINT: (130, "interrupted"),
    signal.SIGTERM: (143, "ended"),
    signal.SIGHUP: (129, "ended with its terminal"),
}
each = pytest.mark.parametrize("number", ENDS, ids=lambda number: number.name)


def told(capsys, number, run):
    """The command ends with the code of the signal, in one line."""
    code, word = ENDS[number]
    assert guarded(run, debug=False) == code
    assert capsys.readouterr().err == f"semsearch: {word}; the same command resumes\n"


@each
def test_the_first_signal_is_raised_and_those_of_an_impatient_user_change_nothing(number):
    before, cleaned = signal.getsignal(number), []
    with pytest.raises(KeyboardInterrupt if number == signal.SIGINT else Ended), in_order():
        try:
            signal.raise_signal(number)
        finally:
            for again in (number, *ENDS):
                signal.raise_signal(again)
                cleaned.append(again)
    assert len(cleaned) == 1 + len(ENDS)
    assert signal.getsignal(number) is before


class Closing:
    """Its finalizer is where the signal comes: Python drops what is raised there, and prints it."""

    def __init__(self, number):
        self.number = number

    def __del__(self):
        signal.raise_signal(self.number)


@each
def test_a_signal_that_comes_in_a_finalizer_is_raised_again(capsys, number):
    def run():
        del [Closing(number)][0]
        time.sleep(10)
        return 0

    started = time.monotonic()
    told(capsys, number, run)
    assert time.monotonic() - started < 5


@each
def test_a_signal_that_a_library_swallows_counts(capsys, number):
    def run():
        try:
            signal.raise_signal(number)
        except BaseException:
            return 0

    told(capsys, number, run)


@each
@pytest.mark.parametrize("other", [ImportError("half imported"), SystemExit(3), FetchFailed("no answer")], ids=repr)
def test_a_signal_that_a_library_makes_another_error_of_counts(capsys, number, other):
    def run():
        try:
            signal.raise_signal(number)
        except KeyboardInterrupt:
            raise other from None

    told(capsys, number, run)


@each
def test_a_signal_that_is_ignored_as_by_nohup_stays_ignored(capsys, number):
    before = signal.signal(number, signal.SIG_IGN)
    try:
        assert guarded(lambda: signal.raise_signal(number) or 0, debug=False) == 0
    finally:
        signal.signal(number, before)
    assert capsys.readouterr().err == ""


def test_a_command_in_a_thread_leaves_signals_alone():
    before, codes = signal.getsignal(signal.SIGTERM), []
    thread = threading.Thread(target=lambda: codes.append(guarded(lambda: 7, debug=False)))
    thread.start()
    thread.join()
    assert codes == [7] and signal.getsignal(signal.SIGTERM) is before


STUCK = """
import signal, threading
from semsearch.processes import interrupts
from semsearch.__main__ import run
def main():
    try:
        print("begun", flush=True)
        threading.Event().wait(30)
    finally:
        threading.Event().wait(30)
interrupts.PATIENCE = 0.3
run(main)
"""


@each
def test_a_clean_up_that_never_ends_does_not_keep_the_process(number):
    code, word = ENDS[number]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-c", STUCK], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.readline()
        started = time.monotonic()
        process.send_signal(number)
        _, said = process.communicate(timeout=20)
    assert (process.returncode, said.decode()) == (code, f"semsearch: {word}; the same command resumes\n")
    assert time.monotonic() - started < 5


WAITS = """
import threading
from semsearch.__main__ import run
from semsearch.terminal import guarded
run(lambda: guarded(lambda: print("begun", flush=True) or threading.Event().wait(30), debug=False))
"""


@each
def test_a_terminal_that_is_gone_is_no_other_end(number):
    """The last line goes nowhere, as after SIGHUP; the exit code is that of the signal all the same."""
    read, write = os.pipe()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-c", WAITS], env=environment, stdout=subprocess.PIPE, stderr=write
    ) as process:
        os.close(write)
        process.stdout.readline()
        os.close(read)
        process.send_signal(number)
    assert process.returncode == ENDS[number][0]


SLOW = """
import time
try:
    time.sleep(1)
except BaseException:
    raise ImportError("initialization failed") from None
"""
LOADS = """
import os, signal, threading
from semsearch.features import openvino_engine
threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    openvino_engine._openvino()
except KeyboardInterrupt:
    print("interrupted,", openvino_engine._openvino().__name__, "is there")
"""


def test_an_interrupt_while_openvino_is_loaded_is_no_openvino_that_cannot_be_had(tmp_path):
    """It was taken for one: the run went on with the slower engine, and Ctrl-C was lost."""
    (tmp_path / "openvino.py").write_text(SLOW)
    done = subprocess.run(
        [sys.executable, "-c", LOADS],
        env={**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.stdout, done.stderr) == ("interrupted, openvino is there\n", "")


def test_children_that_decode_do_not_get_the_ctrl_c_of_the_terminal():
    """In their first moments it ended them, and the picture was refused: "the decoder died on this picture"."""
    decoder = _Decoder()
    try:
        assert os.getpgid(decoder._process.pid) == decoder._process.pid != os.getpgid(0)
    finally:
        decoder.close()


def test_errands_are_done_as_they_end_and_a_failure_is_raised():
    assert sorted(threads.done(str, range(20), 3)) == list(range(20))
    assert list(threads.done(str, [], 3)) == []
    with pytest.raises(ZeroDivisionError):
        list(threads.done(lambda number: 1 / number, [1, 2, 0], 2))


def test_whoever_leaves_waits_for_nothing_and_what_has_not_begun_is_dropped():
    release, begun = threading.Event(), []

    def work(number):
        begun.append(number)
        if number:
            release.wait(20)

    started = time.monotonic()
    for _ in threads.done(work, range(9), 3):
        break
    assert time.monotonic() - started < 5
    release.set()
    time.sleep(0.1)
    assert len(begun) <= 4


def test_a_fetch_that_fails_does_not_wait_for_a_server_that_is_silent(tmp_path, monkeypatch):
    """It held up the command for as long as a silence may last, 20 s, after a failure as after Ctrl-C."""
    monkeypatch.delenv("SEMSEARCH_MIRROR", raising=False)
    release = threading.Event()
    with site() as web:
        web.pages["/silent"] = lambda handler: release.wait(15)
        started = time.monotonic()
        with pytest.raises(FetchFailed, match="0 of 2 pictures are here"):
            fetch_files(tmp_path, f"{web.address}/", {"silent": "0" * 64, "absent": "1" * 64})
        assert time.monotonic() - started < 8
        release.set()


@pytest.mark.parametrize("name", ["a.bin", ".weights.tar.gz", "picture"])
def test_a_download_removes_what_a_killed_one_left(tmp_path, monkeypatch, name):
    monkeypatch.delenv("SEMSEARCH_MIRROR", raising=False)
    with pytest.raises(RuntimeError), storage.atomic_path(tmp_path / name) as half:
        monkeypatch.setattr(Path, "unlink", lambda *_, **__: None)
        half.write_bytes(b"half")
        raise RuntimeError
    monkeypatch.undo()
    assert half.exists()
    (tmp_path / ".another.1.00000000.tmp.bin").write_bytes(b"of somebody else")
    with site() as web:
        web.pages["/a"] = b"whole"
        download(f"{web.address}/a", tmp_path / name, limit=10)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([".another.1.00000000.tmp.bin", name])


def test_a_seal_removes_what_a_killed_one_left(tmp_path):
    (tmp_path / ".manifest.1.00000000.tmp.json").write_bytes(b"{")
    units.seal(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.json"]


def test_the_watch_of_a_command_is_not_left_behind():
    hook = sys.unraisablehook
    with in_order() as watch, in_order() as inner:
        assert inner is watch and signal.getsignal(signal.SIGINT) is watch
    assert sys.unraisablehook is hook
    assert interrupts.PATIENCE >= 2 * 2  # a child gets 2 s to go, and the bars of a terminal are closed
