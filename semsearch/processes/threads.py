"""Waits of several threads at once, such as downloads, that hold up nobody who no longer wants them."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from queue import Empty, SimpleQueue
from typing import TypeVar

Item = TypeVar("Item")
GRACE = 1.0
"""Seconds: a server that is silent would hold up a failure for 20."""


def done(work: Callable[[Item], object], items: Iterable[Item], threads: int) -> Iterator[Item]:
    """Each item as soon as ``work(item)`` has returned; what it raises is raised here.

    After a failure what has not begun is dropped, and what is under way gets GRACE to end. Whoever leaves early, as by
    an interrupt, leaves at once: what is under way ends by itself, and does not keep the process from ending.
    """
    waiting: SimpleQueue[Item] = SimpleQueue()
    ended: SimpleQueue[tuple[Item, BaseException | None]] = SimpleQueue()
    for item in items:
        waiting.put(item)
    count, left = waiting.qsize(), threading.Event()
    running = [
        threading.Thread(target=_run, args=(work, waiting, ended, left), daemon=True)
        for _ in range(min(threads, count))
    ]
    try:
        for thread in running:
            thread.start()
        for _ in range(count):
            item, error = ended.get()
            if error:
                left.set()
                until = time.monotonic() + GRACE
                for thread in running:
                    thread.join(max(0.0, until - time.monotonic()))
                raise error
            yield item
    finally:
        left.set()


def _run(work: Callable[[Item], object], waiting: SimpleQueue, ended: SimpleQueue, left: threading.Event) -> None:
    while not left.is_set():
        try:
            item = waiting.get_nowait()
        except Empty:
            return
        try:
            work(item)
        except BaseException as error:
            ended.put((item, error))
        else:
            ended.put((item, None))
