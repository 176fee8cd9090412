"""Values through the pipes of a process of this package, and how such a process is started and ended."""

import fcntl
import io
import os
import pickle  # noqa: S403 - both ends of the pipe are ours
import select
import signal
import struct
import subprocess
from collections.abc import Iterable
from contextlib import suppress
from typing import IO, Any, cast

from semsearch.errors import EngineError, SemsearchError, StorageError
from semsearch.files import storage
from semsearch.processes import lifeline

PATIENCE = 2.0
"""Seconds that a process gets to clean up."""
_SIZE = struct.Struct("!Q")


def started(code: str) -> "subprocess.Popen[bytes]":
    """A process as ``lifeline.start`` gives it, with pipes to its three streams."""
    process = lifeline.start(
        code,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    for pipe in (process.stdin, process.stdout):
        with suppress(OSError, AttributeError):  # beyond what the user may have, or not Linux
            fcntl.fcntl(cast(IO[bytes], pipe), fcntl.F_SETPIPE_SZ, 1 << 20)  # a batch of pictures in one piece
    return process


def ended(process: "subprocess.Popen[bytes]") -> None:
    """Ask a process to clean up and go; end it when it does not."""
    process.terminate()
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def closed(process: "subprocess.Popen[bytes]") -> None:
    """End a process and close its pipes."""
    ended(process)
    for pipe in (process.stdin, process.stdout):
        with suppress(OSError):
            cast(IO[bytes], pipe).close()


def send(pipe: IO[bytes], value: object) -> None:
    """Write a value; what can be pickled."""
    data = pickle.dumps(value, protocol=5)
    rest = memoryview(_SIZE.pack(len(data)) + data)
    while rest:
        rest = rest[pipe.write(rest) :]
    pipe.flush()


def receive(pipe: IO[bytes], silence: float | None) -> Any:  # noqa: ANN401
    """The next value of a pipe; EOFError at its end, TimeoutError when nothing comes for ``silence`` seconds."""
    (size,) = _SIZE.unpack(_whole(pipe, _SIZE.size, silence))
    return pickle.loads(_whole(pipe, size, silence))  # noqa: S301


def _whole(pipe: IO[bytes], count: int, silence: float | None) -> bytes:
    gathered, ready = io.BytesIO(), select.poll()
    ready.register(pipe, select.POLLIN)
    while (left := count - gathered.tell()) > 0:
        if silence is not None and not ready.poll(1_000 * silence):
            raise TimeoutError
        piece = os.read(pipe.fileno(), min(left, 1 << 20))
        if not piece:
            raise EOFError("the pipe was closed")
        gathered.write(piece)
    return gathered.getvalue()


def end_of(process: "subprocess.Popen[bytes]", last_words: Iterable[bytes]) -> str:
    """Why a process whose pipe was closed came to its end; ``last_words`` are the lines it wrote as errors."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(5)
    code = process.returncode
    if code is not None and code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
        why = " (the machine may be short of memory)" if code == -signal.SIGKILL else ""
        return f"its process was ended by {name}{why}"
    last_lines = [line.decode("utf-8", "replace").strip() for line in last_words if line.strip()]
    return f"its process ended before its time: {last_lines[-1] if last_lines else f'exit code {code}'}"


def of_our_tree(error: Exception, work: str) -> SemsearchError:
    """An error as one that exists at the other end of a pipe; ``work`` names what failed."""
    if isinstance(error, SemsearchError):
        return error
    if isinstance(error, OSError):
        return storage.explain(error)
    if isinstance(error, MemoryError):
        return StorageError(f"{work}: the machine is short of memory; close other programs, and try again")
    return EngineError(f"{work} failed: {type(error).__name__}: {error}")
