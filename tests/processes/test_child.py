"""A process of its own: its answers, errors, progress; its death, its silence, and the death of its caller."""

import ctypes
import functools
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from semsearch.errors import EngineError, ImageRefused, ProcessLost, StorageError, UnknownName
from semsearch.files import storage
from semsearch.processes import child, pipes
from semsearch.processes.child import Child
from tests import ROOT
from tests.worlds import child_work
from tests.worlds.files.bitmaps import write_bmp
from tests.worlds.waiting import soon


def alive(pid):
    """Whether a process still runs; one that only waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_answers_come_back_and_the_process_stays():
    with Child("it failed") as worker:
        first = worker.call(os.getpid)
        assert first == worker.pid != os.getpid()
        assert worker.call(storage.sha256_file, Path(__file__)) == storage.sha256_file(Path(__file__))
        assert worker.call(os.getpid) == first
    assert not alive(first)


def test_progress_comes_back_to_the_last_step_and_prints_disturb_nothing():
    told = []
    assert child.run("it failed", child_work.steps, 1000, progress=lambda *step: told.append(step)) == 1000
    assert told[-1] == (1000, 1000) and told == sorted(told)


@pytest.mark.parametrize(
    ("kind", "error", "message"),
    [
        ("picture", ImageRefused, "expected a picture, got noise"),
        ("name", UnknownName, "unknown layer 'x'; valid: a, b"),
        ("disk", StorageError, "cannot use /data/x: the disk is full"),
        ("other", EngineError, "refuse failed: ValueError: not of our tree"),
    ],
)
def test_errors_come_back_as_they_are(kind, error, message):
    with Child("it failed") as worker:
        before = worker.call(os.getpid)
        with pytest.raises(error, match=message) as caught:
            worker.call(child_work.refuse, kind)
        assert getattr(caught.value, "reason", "corrupt") == "corrupt"
        assert worker.call(os.getpid) == before


@pytest.mark.parametrize(
    ("work", "message"),
    [
        ((child_work.die, signal.SIGKILL), r"it failed: its process was ended by SIGKILL \(the machine may be short"),
        ((child_work.die, signal.SIGSEGV), "it failed: its process was ended by SIGSEGV; try again"),
        ((child_work.leave, "no such library"), "it failed: its process ended before its time: no such library; try"),
        ((child_work.hang,), "it failed: its process gave no sign of life for 1 s and was ended; try again"),
    ],
    ids=["killed", "crashed", "left", "hung"],
)
def test_a_process_that_is_lost_is_said_and_the_next_call_starts_another(work, message):
    with Child("it failed", silence=1.0) as worker:
        first = worker.call(os.getpid)
        with pytest.raises(ProcessLost, match=message):
            worker.call(*work)
        assert not alive(first)
        assert worker.call(os.getpid) != first


def test_a_call_that_is_given_up_cleans_up(tmp_path):
    """As by Ctrl-C, or by a page that is left: the file half-written is gone, and so is the process."""
    worker = Child("it failed")

    def give_up():
        soon(lambda: (tmp_path / "pid").is_file() and (tmp_path / "half").is_file())
        worker.close()

    threading.Thread(target=give_up).start()
    with pytest.raises(ProcessLost):
        worker.call(child_work.write_and_wait, str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["pid"]
    assert not alive((tmp_path / "pid").read_text())


def test_one_that_does_not_listen_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(pipes, "PATIENCE", 0.2)
    worker = Child("it failed")
    threading.Thread(target=lambda: (soon(lambda: (tmp_path / "pid").is_file()), worker.close())).start()
    with pytest.raises(ProcessLost):
        worker.call(child_work.ignore_and_wait, str(tmp_path))
    assert not alive((tmp_path / "pid").read_text())


SCRIPT = """
import sys
from semsearch.processes import child, pipes
from tests.worlds import child_work, small_world
print("imported", flush=True)
child.run("it failed", child_work.{work})
print("done", flush=True)
"""


def test_a_script_without_a_main_guard_is_not_run_again(tmp_path):
    """multiprocessing's children run their caller's script again, and wait for its lock for ever."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(work="os.getpid"))
    out = subprocess.run([sys.executable, script], cwd=ROOT, env=environment(), capture_output=True, timeout=60)
    assert out.stdout == b"imported\ndone\n"


@pytest.mark.parametrize("work", ["write_and_wait", "stand_still"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_child_ends_with_its_caller(tmp_path, number, work):
    """Also one amid a map: its library lets no other code run, and it went on to the end of the map."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(work=f"{work}, {str(tmp_path)!r}"))
    with subprocess.Popen(
        [sys.executable, script],
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=listen,
    ) as caller:
        soon((tmp_path / "half").is_file, 60)
        pid = (tmp_path / "pid").read_text()
        caller.send_signal(number)
        caller.wait(10)
        soon(lambda: not alive(pid))


DECODING = """
import os, signal, sys
from pathlib import Path
from semsearch.images import load_isolated, sandbox
load_isolated(Path(sys.argv[1]))
pid = sandbox._IDLE[0]._process.pid
os.kill(pid, signal.SIGSTOP)
print(pid, flush=True)
signal.pause()
"""


@pytest.fixture
def foster():
    """This process gets the children of those that die: the system tells the stopped children of nobody to end."""
    subreaper = functools.partial(ctypes.CDLL(None).prctl, 36)
    subreaper(1)
    yield
    subreaper(0)


def test_a_decoder_ends_with_its_caller_whatever_it_is_doing(foster, tmp_path):
    """It looked for the end of its caller between two pictures alone: here, never again."""
    write_bmp(tmp_path / "1.bmp", (1, 2, 3))
    words = [sys.executable, "-c", DECODING, tmp_path / "1.bmp"]
    with subprocess.Popen(words, env=environment(), stdout=subprocess.PIPE, text=True) as caller:
        pid = int(caller.stdout.readline())
        caller.kill()
    soon(lambda: not alive(pid))
    os.waitpid(pid, 0)


def listen():
    """Whoever runs in the background of a shell was started to ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def environment():
    return {**os.environ, "PYTHONPATH": str(ROOT)}
