"""The child that decodes: limits first, then one picture after the other, from stdin until it closes.

A picture is first tried as a small one, with little memory and time. If it is none, the answer says so, or the child is
ended by its limits; whoever asked then asks again for a large one.
"""

import os
import resource
import signal
import struct
import sys
from typing import BinaryIO

from semsearch.errors import ImageRefused
from semsearch.images import pixels
from semsearch.images.pixels import Request

MEMORY = 480_000_000
"""Bytes of data that a child may hold, beside twice those of the file."""
OWN_MEMORY = 1_880_000_000
"""The same for a picture of a dataset, which is no stranger's: what MAX_PIXELS need in the most demanding format."""
SMALL_MEMORY = 120_000_000
"""The same, while the child tries a picture as a small one."""
BARE = 60_000_000
"""Of those, what a child holds before the first picture."""
SMALL = 0.15, 40_000_000
"""Seconds of processor and bytes that a small picture takes at most, as its header announces it."""
SMALL_SECONDS = 0.4
"""Seconds of processor after which a small picture was none."""
OPENING = 1.0
"""Seconds of processor for the header of a large one."""

REQUEST = struct.Struct("!QHII??4d")
"""Bytes that follow; one of the tries below; the request."""
ANSWER = struct.Struct("!IIQ")
"""Height, width and bytes that follow. Without a height they are the reason, a line end and a sentence."""
AS_SMALL, AS_LARGE, AS_OWN = range(3)
"""As what a picture is tried."""
LARGE = "large"
"""The reason of a picture that was tried as a small one and is none."""


def serve() -> None:
    """Be the child."""
    pixels.confine()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for limit in (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE):
        resource.setrlimit(limit, (0, 0))
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    while header := requests.read(REQUEST.size):
        count, tried, *request = REQUEST.unpack(header)
        most = (SMALL_MEMORY, MEMORY, OWN_MEMORY)[tried]
        _limit_memory(most + 2 * count)
        data = requests.read(count)
        try:
            _answer(data, Request(*request), tried, most - BARE, answers)
        except ImageRefused as refusal:
            reason = LARGE if refusal.reason == "memory" and tried == AS_SMALL else refusal.reason
            _say(answers, reason, str(refusal))
        finally:
            _limit_processor(0)
        answers.flush()


def _answer(data: bytes, request: Request, tried: int, room: int, answers: BinaryIO) -> None:
    small = tried == AS_SMALL
    _limit_processor(SMALL_SECONDS if small else OPENING)
    with pixels.opened(data, request, min(room, SMALL[1]) if small else room) as picture:
        if not small:
            _limit_processor(picture.cost.budget)
        elif picture.cost.seconds > SMALL[0]:
            return _say(answers, LARGE, "")
        height, width, arrays = picture.rgb()
        first = next(arrays)
        answers.write(ANSWER.pack(height, width, 3 * height * width) + first.data)
        try:
            for rows in arrays:
                answers.write(rows.data)
        except BaseException:
            os._exit(1)  # half a picture cannot be taken back
    return None


def _say(answers: BinaryIO, reason: str, sentence: str) -> None:
    words = f"{reason}\n{sentence}"[:2_000].encode()
    answers.write(ANSWER.pack(0, 0, len(words)) + words)


def _limit_processor(seconds: float) -> None:
    """End this process by SIGPROF after so many seconds of processor; 0 for never."""
    signal.setitimer(signal.ITIMER_PROF, seconds)


def _limit_memory(most: int) -> None:
    resource.setrlimit(resource.RLIMIT_DATA, (most, resource.RLIM_INFINITY))
