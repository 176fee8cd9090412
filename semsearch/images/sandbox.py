"""A child process that decodes pictures of strangers within limits of memory and time: both ends of its pipe.

A child that crashes or overruns is an ImageRefused, and the next picture gets another.
"""

import atexit
import contextlib
import fcntl
import math
import os
import select
import signal
import struct
import subprocess
import sys
import threading
import time
from typing import IO, cast

import numpy as np

from semsearch.errors import ImageRefused
from semsearch.files.storage import explained
from semsearch.images import pixels
from semsearch.images.pixels import Request
from semsearch.processes import lifeline

SECONDS = 10.0
"""Wall clock of one isolated decoding, the start of its child included."""
MEMORY = 1_792 << 20
"""Address space of a child, in bytes: what MAX_PIXELS need in the most demanding format, and some more."""

_REQUEST = struct.Struct("!QII?4d")
_ANSWER = struct.Struct("!IIQ")


def decode(data: bytes, request: Request) -> np.ndarray:
    """What ``pixels.decode`` gives, from a child that is free, or new."""
    if not _SLOTS.acquire(timeout=SECONDS):
        raise ImageRefused("timeout", f"all decoders were busy for {SECONDS:g} s; try again")
    try:
        decoder = _ready()
        try:
            return decoder.decode(data, request)
        finally:
            if decoder.alive:
                _IDLE.append(decoder)
    finally:
        _SLOTS.release()


class _Decoder:
    """A child process that decodes one picture after the other, until it fails."""

    def __init__(self) -> None:
        environment = {"OPENBLAS_NUM_THREADS": "1", "LD_LIBRARY_PATH": os.environ.get("LD_LIBRARY_PATH", "")}
        self._expired = False
        self._process = lifeline.start(
            f"from semsearch.images.sandbox import _serve; _serve({MEMORY}, {SECONDS})",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            bufsize=0,
        )
        self._requests, self._answers = cast(IO[bytes], self._process.stdin), cast(IO[bytes], self._process.stdout)
        for pipe in (self._requests, self._answers):
            os.set_blocking(pipe.fileno(), False)
            with contextlib.suppress(OSError):
                fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, 1 << 20)  # a picture in one piece

    @property
    def alive(self) -> bool:
        """Whether the child can take another picture."""
        return not self._expired and self._process.poll() is None

    def decode(self, data: bytes, request: Request) -> np.ndarray:
        """Have one picture decoded; ImageRefused if the child refuses it, overruns or dies."""
        self._until = time.monotonic() + SECONDS
        try:
            return self._ask(data, request)
        except ImageRefused:
            raise
        except BaseException as error:
            self.close()
            if isinstance(error, OSError | EOFError):
                raise self._death() from error
            raise

    def close(self) -> None:
        """End the child; it can be called twice."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._requests, self._answers):
            with contextlib.suppress(OSError):
                pipe.close()

    def _ask(self, data: bytes, request: Request) -> np.ndarray:
        rest = memoryview(_REQUEST.pack(len(data), *request) + data)
        while rest:
            self._wait(self._requests, select.POLLOUT)
            rest = rest[os.write(self._requests.fileno(), rest) :]
        height, width, count = _ANSWER.unpack(self._whole(_ANSWER.size))
        if not height:
            reason, _, message = self._whole(min(count, 10_000)).decode().partition("\n")
            raise ImageRefused(reason, message)
        if height * width > pixels.MAX_PIXELS or count != 3 * height * width:
            raise EOFError("the decoder's answer makes no sense")
        return np.frombuffer(self._whole(count), np.uint8).reshape(height, width, 3)

    def _whole(self, count: int) -> bytearray:
        room = bytearray(count)
        rest = memoryview(room)
        while rest:
            self._wait(self._answers, select.POLLIN)
            got = os.readv(self._answers.fileno(), [rest])
            if not got:
                raise EOFError("the decoder stopped answering")
            rest = rest[got:]
        return room

    def _wait(self, pipe: IO[bytes], event: int) -> None:
        """Until a pipe is ready, or the time is over: then the child is at fault."""
        poll = select.poll()
        poll.register(pipe.fileno(), event)
        if not poll.poll(1_000 * max(0.0, self._until - time.monotonic())):
            self._expired = True
            raise EOFError("the decoder takes too long")

    def _death(self) -> ImageRefused:
        code = self._process.returncode
        if self._expired or code == -signal.SIGXCPU:
            return ImageRefused("timeout", f"decoding the picture takes longer than {SECONDS:g} s; make it smaller")
        return ImageRefused("crash", f"the decoder died on this picture (exit code {code}); save it anew")


def _ready() -> _Decoder:
    while _IDLE:
        decoder = _IDLE.pop()
        if decoder.alive:
            return decoder
        decoder.close()
    with explained("the process that decodes pictures"):
        return _Decoder()


def _close_idle() -> None:
    while _IDLE:
        _IDLE.pop().close()


_IDLE: list[_Decoder] = []
_SLOTS = threading.BoundedSemaphore(2)
atexit.register(_close_idle)
os.register_at_fork(after_in_child=_IDLE.clear)


def _serve(memory: int, seconds: float) -> None:
    """Main loop of the child: limits first, then requests from stdin until it closes."""
    import resource

    pixels.confine()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for limit, value in ((resource.RLIMIT_AS, memory), (resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, 0)):
        resource.setrlimit(limit, (value, value))
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    while header := requests.read(_REQUEST.size):
        count, *request = _REQUEST.unpack(header)
        ceiling = math.ceil(time.process_time() + seconds) + 1
        resource.setrlimit(resource.RLIMIT_CPU, (ceiling, resource.RLIM_INFINITY))
        try:
            rgb = pixels.decode(requests.read(count), cast(Request, tuple(request)))
            answers.write(_ANSWER.pack(*rgb.shape[:2], rgb.nbytes))
            answers.write(rgb.data)
        except ImageRefused as refusal:
            words = f"{refusal.reason}\n{refusal}"[:2_000].encode()
            answers.write(_ANSWER.pack(0, 0, len(words)) + words)
        answers.flush()
