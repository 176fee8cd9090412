"""Processes that end when the one that started them does, however that ends and whatever they are doing then.

A pipe to which nobody writes is open at the caller's end for as long as the caller lives. When it closes, the system
itself kills all that hold the other end: a library that lets no other code run in a process cannot put that off.
"""

import fcntl
import os
import select
import signal
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any


def start(code: str, **options: Any) -> "subprocess.Popen[bytes]":  # noqa: ANN401
    """Run ``code`` in a Python of its own, which can import what this one can, but nothing of its caller.

    ``options`` are those of Popen. It is in a group of its own: interrupts of the terminal are for the caller, and in
    the first moments of a child they would be a crash.
    """
    path = [entry for entry in sys.path if entry] + [str(Path(__file__).resolve().parents[2])]
    end, _ = _line()
    begin = f"import sys; sys.path[:] = sys.argv[1:]; from semsearch.processes import lifeline; lifeline.hold({end}); "
    command = [sys.executable, "-I", "-X", "utf8", "-c", begin + code, *path]
    return subprocess.Popen(command, pass_fds=(end,), process_group=0, **options)  # noqa: S603


@cache
def _line() -> tuple[int, int]:
    """The end that children hold, and the one that closes with this process."""
    return os.pipe()


def hold(end: int) -> None:
    """Have the system kill this process when the other end of the pipe closes."""
    # Of its own: children share what they were given, and a file tells one process.
    line = os.open(f"/proc/self/fd/{end}", os.O_RDONLY | os.O_NONBLOCK)
    os.close(end)
    fcntl.fcntl(line, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(line, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(line, fcntl.F_SETFL, fcntl.fcntl(line, fcntl.F_GETFL) | os.O_ASYNC)
    ready = select.poll()
    ready.register(line, 0)
    if ready.poll(0):  # it closed before
        os._exit(0)
