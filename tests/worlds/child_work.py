"""What children are asked to do in ``test_child.py``."""

import ctypes
import os
import signal
import sys
import threading
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


def stand_still(folder):
    """As a compiled library that lets no other Python code run."""
    for name in ("pid", "half"):
        (Path(folder) / name).write_text(str(os.getpid()))
    ctypes.PyDLL(None).sleep(60)


def ignore_and_wait(folder):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    (Path(folder) / "pid").write_text(str(os.getpid()))
    time.sleep(60)


class Room:
    """An object whose methods ``test_host.py`` calls in another process."""

    def __init__(self):
        self._kept, self._changed, self._waiting = {}, threading.Condition(), 0

    def put(self, key, value):
        with self._changed:
            self._kept[key] = value
            self._changed.notify_all()

    def get(self, key):
        return self._kept.get(key)

    def process(self):
        return os.getpid()

    def say(self, words):
        print(words, flush=True)
        return words

    def wait_for(self, key):
        with self._changed:
            self._waiting += 1
            self._changed.wait_for(lambda: key in self._kept)
            return self._kept[key]

    def waiting(self):
        return self._waiting

    def counted(self, key, count):
        for number in range(count):
            if number:
                self.wait_for(key)
            yield number

    def endless(self):
        number = 0
        try:
            while True:
                yield number
                number += 1
                time.sleep(0.01)
        finally:
            self.put("ended", True)

    def counted_then_fail(self, count):
        yield from range(count)
        refuse("name")

    def fail(self, kind):
        refuse(kind)

    def leave(self, words):
        leave(words)
