"""Children that decode pictures of strangers within limits of memory and time: the near end of their pipes.

A child that crashes is replaced, and its picture tried once more, for others may have ended it. Two crashes, or more
time of the processor than pictures of its size take, are an ImageRefused. That no child is free is Busy.
"""

import atexit
import contextlib
import fcntl
import math
import os
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from contextvars import ContextVar
from typing import IO, NamedTuple, cast

import numpy as np

from semsearch.errors import ImageRefused, TooLate
from semsearch.files.storage import explained
from semsearch.images import decoder, pixels
from semsearch.images.pixels import Request
from semsearch.images.turns import Turns
from semsearch.processes import lifeline

SECONDS = 10.0
"""Wall clock of one isolated decoding, from being asked for to its end, for who names no deadline."""
LONGEST = 60.0
"""Wall clock of a child at one picture, however long its asker waits."""


class Asker(NamedTuple):
    """For whom pictures are decoded."""

    client: str = ""
    """Who is not to keep others waiting: an address, a session."""
    deadline: float | None = None
    """Of the monotonic clock; infinite for own pictures, which wait, and may be large, as long as it takes."""


_NOBODY = Asker()
_ASKER: ContextVar[Asker] = ContextVar("asker", default=_NOBODY)


@contextlib.contextmanager
def asked_by(client: str = "", deadline: float | None = None) -> Iterator[None]:
    """Decode for a client, by a deadline of the monotonic clock, whatever this context decodes.

    With an infinite deadline it is the work of this machine's owner, who waits as long as it takes.
    """
    token = _ASKER.set(Asker(client, deadline))
    try:
        yield
    finally:
        _ASKER.reset(token)


def decode(data: bytes, request: Request) -> np.ndarray:
    """What ``pixels.decode`` gives, from a child that is free, or new.

    Busy if none was free by the deadline, TooLate if the picture was not decoded by it, though it took no more time
    of the processor than it may.
    """
    client, until = _ASKER.get()
    deadline = time.monotonic() + SECONDS if until is None else until
    for tried in (decoder.AS_SMALL, decoder.AS_OWN if math.isinf(deadline) else decoder.AS_LARGE):
        with _TURNS.turn(client, large=tried != decoder.AS_SMALL, deadline=deadline):
            with contextlib.suppress(_IsLarge):
                return _decoded(data, request, tried, deadline)
    raise AssertionError("unreachable: only a small picture is told to be large")


def _decoded(data: bytes, request: Request, tried: int, deadline: float) -> np.ndarray:
    """The picture from one child, or from a fresh one if that dies."""
    for last in (False, True):
        child = _ready(tried != decoder.AS_SMALL, lost=last)
        try:
            return child.decode(data, request, tried, min(deadline, time.monotonic() + LONGEST))
        except _Died as death:
            if last:
                words = f"the decoder died twice on this picture ({death}); save it anew"
                raise ImageRefused("crash", words) from death
        finally:
            _keep(child, tried)
    raise AssertionError("unreachable: the last try returns or raises")


class _IsLarge(Exception):  # noqa: N818 - it is an answer, not a failure
    """A picture that was tried as a small one, and is none."""


class _Died(Exception):  # noqa: N818
    """A child died, for whatever reason."""


class _Decoder:
    """A child process that decodes one picture after the other, until it fails."""

    def __init__(self) -> None:
        environment = {"OPENBLAS_NUM_THREADS": "1", "LD_LIBRARY_PATH": os.environ.get("LD_LIBRARY_PATH", "")}
        self._expired = False
        self._process = lifeline.start(
            "from semsearch.images import decoder; decoder.serve()",
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

    def decode(self, data: bytes, request: Request, tried: int, deadline: float) -> np.ndarray:
        """Have one picture decoded; ImageRefused if the child refuses it or overruns, TooLate past the deadline."""
        self._until = deadline
        try:
            return self._ask(data, request, tried)
        except (ImageRefused, _IsLarge):
            raise
        except BaseException as error:
            self.close()
            if isinstance(error, OSError | EOFError):
                raise self._death(tried) from error
            raise

    def close(self) -> None:
        """End the child; it can be called twice."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._requests, self._answers):
            with contextlib.suppress(OSError):
                pipe.close()

    def _ask(self, data: bytes, request: Request, tried: int) -> np.ndarray:
        rest = memoryview(decoder.REQUEST.pack(len(data), tried, *request) + data)
        while rest:
            self._wait(self._requests, select.POLLOUT)
            rest = rest[os.write(self._requests.fileno(), rest) :]
        height, width, count = decoder.ANSWER.unpack(self._whole(decoder.ANSWER.size))
        if not height:
            reason, _, message = self._whole(min(count, 10_000)).decode().partition("\n")
            raise _IsLarge if reason == decoder.LARGE else ImageRefused(reason, message)
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
        """Until a pipe is ready, or the time is over."""
        poll = select.poll()
        poll.register(pipe.fileno(), event)
        if not poll.poll(1_000 * max(0.0, self._until - time.monotonic())):
            self._expired = True
            raise EOFError("the decoder takes too long")

    def _death(self, tried: int) -> Exception:
        code = self._process.returncode
        if self._expired:
            return TooLate("expected a decoded picture in time, got none; try again in a few seconds")
        if code != -signal.SIGPROF:
            return _Died(f"exit code {code}")
        words = "decoding the picture takes longer than pictures of its size do; save it anew, or make it smaller"
        return _IsLarge() if tried == decoder.AS_SMALL else ImageRefused("timeout", words)


def _ready(large: bool, *, lost: bool = False) -> _Decoder:
    """A child that is idle, or new. A large picture leaves the last idle one to small ones: its own may be ended.

    Where one was lost, whether it was ``lost`` at work or found dead, another is started to stand by: more may be.
    """
    for child in tuple(_IDLE):
        if not child.alive:
            lost = True
            child.close()
            with contextlib.suppress(ValueError):  # another thread was quicker
                _IDLE.remove(child)
    with explained("the process that decodes pictures"):
        try:
            child = _IDLE.pop() if len(_IDLE) > large else _Decoder()
        except IndexError:  # another thread was quicker
            child = _Decoder()
        if lost and not _IDLE:
            _IDLE.insert(0, _Decoder())
        return child


def _keep(child: _Decoder, tried: int) -> None:
    """Have a child stand by, unless it became large for a stranger: what it took is given back."""
    if child.alive and tried != decoder.AS_LARGE and len(_IDLE) < 2:
        _IDLE.append(child)
    else:
        child.close()


def close_idle() -> None:
    """End the children that stand by; the next picture starts another."""
    while _IDLE:
        _IDLE.pop().close()


_IDLE: list[_Decoder] = []
_TURNS = Turns()
atexit.register(close_idle)
os.register_at_fork(after_in_child=_IDLE.clear)
