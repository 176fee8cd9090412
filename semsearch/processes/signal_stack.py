"""The stack on which a thread of Linux handles its signals, kept from libraries that replace it."""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager


class _SignalStack(ctypes.Structure):
    """``stack_t`` of Linux."""

    _fields_ = (("place", ctypes.c_void_p), ("flags", ctypes.c_int), ("size", ctypes.c_size_t))


@contextmanager
def own_signal_stack() -> Iterator[None]:
    """Give this thread its signal stack back at the end of the block.

    OpenVINO sets one of its own when it first compiles, and may unmap it while it is in use: the next signal, such
    as an interrupt from the keyboard, would then end the process with a fault of memory.
    """
    if sys.platform != "linux":
        yield
        return
    before = _SignalStack()
    sigaltstack = ctypes.CDLL(None).sigaltstack
    sigaltstack(None, ctypes.byref(before))
    try:
        yield
    finally:
        sigaltstack(ctypes.byref(before), None)
