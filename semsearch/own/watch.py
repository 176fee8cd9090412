"""A folder watched: the dataset follows it, a while after the last change, and from time to time anyway.

What the system tells of changes is only a hint to look: each look is a sync. Network shares tell nothing, so there is a
sweep too.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from semsearch.errors import InputError, PicturesUnavailable
from semsearch.own import ledger, sync
from semsearch.settings import settings

SETTLE, SWEEP = 2.0, 600.0
"""Seconds without a change before a look, for files take time to be copied; and between looks that nothing asks for."""
Tell = Callable[[str], None]


def watch(
    name: str, tell: Tell, *, settle: float = SETTLE, sweep: float = SWEEP, ended: threading.Event | None = None
) -> None:
    """Sync a dataset with its folder again and again, until ``ended`` is set; ``tell`` gets a line when it changed.

    What stops a sync, such as a disk that is not connected, is told once, and the next look is tried all the same.
    UnknownName, InputError for a dataset that has no folder or a time below 0.
    """
    if settle < 0 or sweep <= 0:
        got = f"got {settle:g} and {sweep:g}"
        raise InputError(f"expected seconds of 0 or more to settle, and of more than 0 between looks; {got}")
    with ledger.writing(name) as book:
        root = book.listed.root
    if root == settings().datasets / name:
        raise InputError(f"{name}: its pictures were given to semsearch, so there is no folder to watch")
    ended, hints = ended or threading.Event(), _Hints()
    said = ""
    with hints.of(str(root)):
        while not ended.is_set():
            said = _look(name, tell, said)
            hints.wait(settle, sweep, ended)


def _look(name: str, tell: Tell, before: str) -> str:
    """Sync once; what could not be done, in words, which are told when they are others than ``before``."""
    try:
        plan, dataset = sync.sync(name)
    except (InputError, PicturesUnavailable) as error:
        if str(error) != before:
            tell(str(error))
        return str(error)
    if not plan.empty:
        tell(f"{name}: {plan.words()}; {dataset.contents}")
    return ""


class _Hints:
    """When something below a folder changed last."""

    def __init__(self) -> None:
        self._changed = threading.Event()
        self._last = 0.0

    @contextmanager
    def of(self, folder: str) -> Iterator[None]:
        """Take hints of a folder while the block runs; none where the system gives none, and the sweep remains."""
        from watchdog.observers import Observer

        observer = Observer()
        with suppress(OSError):  # too many folders for the system, or none there
            observer.schedule(self, folder, recursive=True)  # type: ignore[arg-type]
            observer.start()
        try:
            yield
        finally:
            if observer.is_alive():
                observer.stop()
                observer.join(5)

    def dispatch(self, event: object) -> None:
        """Called by watchdog for each change; opening and closing a file that is read is none."""
        if getattr(event, "event_type", "") not in ("opened", "closed_no_write"):
            self._last = time.monotonic()
            self._changed.set()

    def wait(self, settle: float, sweep: float, ended: threading.Event) -> None:
        """Until nothing has changed for ``settle`` seconds after a change, or ``sweep`` seconds are over."""
        end = time.monotonic() + sweep
        while not ended.is_set() and time.monotonic() < end and not self._changed.wait(min(0.2, sweep)):
            pass
        while not ended.is_set() and self._changed.is_set() and time.monotonic() - self._last < settle:
            ended.wait(min(0.2, settle))
        self._changed.clear()
