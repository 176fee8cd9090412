"""Waits of several threads at once, such as downloads, that hold up nobody who no longer wants them."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from queue import Empty, SimpleQueue
from typing import TypeVar

Item = TypeVar("Item")
GRACE = 1.0
"""Seconds that what is under way gets to end when it is no longer wanted."""


def done(work: Callable[[Item], object], items: Iterable[Item], threads: int) -> Iterator[Item]:
    """Each item as soon as ``work(item)`` has returned; what it raises is raised here.

    Whoever leaves before the end, by a failure or an interrupt, leaves soon: what has not begun is dropped, and what is
    under way for longer than GRACE ends by itself, and does not keep the process from ending.
    """
    waiting: SimpleQueue[Item] = SimpleQueue()
    ended: SimpleQueue[tuple[Item, BaseException | None]] = SimpleQueue()
    count = 0
    for item in items:
        waiting.put(item)
        count += 1
    left = threading.Event()

    def run() -> None:
        while not left.is_set():
            try:
                item = waiting.get_nowait()
            except Empty:
                return
            ended.put((item, _failure(work, item)))

    crew = [threading.Thread(target=run, daemon=True) for _ in range(min(threads, count))]
    try:
        for thread in crew:
            thread.start()
        for _ in range(count):
            item, error = ended.get()
            if error:
                raise error
            yield item
    finally:
        left.set()
        until = time.monotonic() + GRACE
        for thread in crew:
            if thread.ident:
                thread.join(max(0.0, until - time.monotonic()))


def _failure(work: Callable[[Item], object], item: Item) -> BaseException | None:
    try:
        work(item)
    except BaseException as error:
        return error
    return None
