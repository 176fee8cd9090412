"""The log of a server: what went wrong, once a minute at the most, however many requests meet it.

A damaged file is met by every visitor and every client that tries again: one line each fills the disk of the server.
"""

import logging
import threading
import time
from collections import OrderedDict

from semsearch.errors import SemsearchError

MINUTE = 60.0
"""Seconds in which a failure that was logged is only counted."""
KINDS = 200
"""Failures that are remembered; the one that came longest ago is forgotten first."""


def report(error: BaseException) -> None:
    """Log a failure: one line where it says itself what to do, the traceback of what nobody foresaw."""
    known = isinstance(error, SemsearchError)
    _LOG.error("failed: %s", error, exc_info=None if known else error)


class NotAgain(logging.Filter):
    """Lets a failure pass again only after a minute, and then says how often it came meanwhile."""

    def __init__(self) -> None:
        """Remember nothing yet."""
        super().__init__()
        self._lock = threading.Lock()
        self._seen: OrderedDict[tuple[str, str], tuple[float, int]] = OrderedDict()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether this record is to be written; its text gets the number of those like it that were not."""
        kind, now = (record.getMessage(), _place(record)), time.monotonic()
        with self._lock:
            before, left_out = self._seen.get(kind, (float("-inf"), 0))
            if now - before < MINUTE:
                self._seen[kind] = before, left_out + 1
                return False
            self._seen[kind] = now, 0
            self._seen.move_to_end(kind)
            while len(self._seen) > KINDS:
                self._seen.popitem(last=False)
        if left_out:
            record.msg, record.args = f"{kind[0]} (and {left_out:,} times more since it was last written)", ()
        return True


def _place(record: logging.LogRecord) -> str:
    """The line of code that raised what nobody foresaw."""
    trace = record.exc_info[2] if record.exc_info else None
    while trace and trace.tb_next:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else ""


_LOG = logging.getLogger(__name__)
_LOG.addFilter(NotAgain())
