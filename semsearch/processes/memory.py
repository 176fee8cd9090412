"""What the C library keeps of memory that is free: little, in processes that load and release networks for days."""

import ctypes
import sys
import threading
import time

TRIM = 1.0
"""Seconds after which what has become free goes back to the system."""
_THRESHOLD, _ARENAS = -3, -8
"""M_MMAP_THRESHOLD and M_ARENA_MAX of malloc.h."""


def give_back() -> None:
    """From now on give free memory back to the system; to be called once, before there are many threads.

    Left alone, the C library keeps a heap for each thread and the peak of every load for good, 150 MB more in all:
    two heaps, what is large by itself, and a look every ``TRIM`` seconds. Nothing is done outside Linux.
    """
    if sys.platform != "linux":
        return
    library = ctypes.CDLL(None)
    if not (hasattr(library, "mallopt") and hasattr(library, "malloc_trim")):  # another C library than GNU's
        return
    library.mallopt(_ARENAS, 2)
    library.mallopt(_THRESHOLD, 128_000)

    def trim() -> None:
        while True:
            time.sleep(TRIM)
            library.malloc_trim(0)

    threading.Thread(target=trim, name="give back", daemon=True).start()
