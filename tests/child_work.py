"""What children are asked to do in tests/test_child.py."""

import os
import signal
import sys
import time
from pathlib import Path

from semsearch.errors import ImageRefused, UnknownName


def steps(count, *, progress):
    for done in range(1, count + 1):
        progress(done, count)
    print("this must not disturb the answers")
    return count


def refuse(kind):
    if kind == "picture":
        raise ImageRefused("corrupt", "expected a picture, got noise")
    if kind == "name":
        raise UnknownName("layer", "x", ["a", "b"])
    if kind == "disk":
        raise OSError(28, "No space left on device", "/data/x")
    if kind == "memory":
        raise MemoryError
    raise ValueError("not of our tree")


def add(one, other):
    return one + other


def die(number):
    os.kill(os.getpid(), number)
    time.sleep(60)


def leave(words):
    print(words, file=sys.stderr, flush=True)
    os._exit(7)


def leave_quietly():
    """Work that comes to its end."""


def hang():
    time.sleep(60)


def lose(_model, *, progress):
    """A pull whose process is ended half-way."""
    progress(5, 10)
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)


def stall(_model, *, progress):
    """A pull whose process hangs half-way."""
    progress(5, 10)
    time.sleep(60)


def arrive(model, *, progress):
    """A pull that comes to its end."""
    progress(10, 10)
    return model


def write_and_wait(folder):
    """A file that is cleaned up, and one with the number of this process that stays."""
    (Path(folder) / "pid").write_text(str(os.getpid()))
    half = Path(folder) / "half"
    half.write_text("half")
    try:
        time.sleep(60)
    finally:
        half.unlink()


def ignore_and_wait(folder):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    (Path(folder) / "pid").write_text(str(os.getpid()))
    time.sleep(60)
