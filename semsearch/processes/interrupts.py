"""How a command ends when a signal ends it: in order, once, and soon.

The first Ctrl-C, SIGTERM or SIGHUP is raised as an exception, so that all under way cleans up; those of an impatient
user change nothing. What is on disk is whole at every moment, so a clean-up that takes long, or a library that swallows
the exception, does not keep the process.
"""

import _thread
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

PATIENCE = 5.0
"""Seconds for cleaning up."""
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_WORDS = {signal.SIGINT: "interrupted", signal.SIGTERM: "ended", signal.SIGHUP: "ended with its terminal"}


class Ended(KeyboardInterrupt):
    """SIGTERM or SIGHUP came; whatever lets interrupts through lets it through."""


class Watch:
    """The handler of these signals for the duration of a command."""

    def __init__(self, again: str) -> None:
        """``again`` says what the same command does when it is given once more."""
        self._again = again
        self._came: signal.Signals | None = None
        self._raises, self._over = True, False

    def __call__(self, number: int, frame: FrameType | None = None) -> None:
        """Raise the first signal, and the same once more where it could not get through."""
        self.expect_end(number)
        if self._raises:
            self._raises = False
            raise KeyboardInterrupt if self._came == signal.SIGINT else Ended

    def expect_end(self, number: int, patience: float | None = None) -> None:
        """Have the process end within so many seconds, by default PATIENCE, for the first signal that came."""
        if self._came is None:
            self._came = signal.Signals(number)
            # A thread of threading could wait for ever here, for a lock that the interrupted code holds.
            _thread.start_new_thread(self._enforce, (patience or PATIENCE,))

    def code(self) -> int | None:
        """The exit code, None when no signal came."""
        return None if self._came is None else 128 + self._came

    def line(self) -> str:
        """The last line that the command prints."""
        return f"semsearch: {_WORDS[self._came or signal.SIGINT]}; the same command {self._again}\n"

    def say(self) -> None:
        """Print it, while there is still a terminal."""
        with suppress(OSError):
            os.write(2, self.line().encode())

    def stop(self) -> None:
        """Clean-up is done in time."""
        self._over = True

    def lost(self, unraisable: "sys.UnraisableHookArgs") -> None:
        """Raise again soon what came just where Python can only drop exceptions, as in a finalizer."""
        if self._came is not None and isinstance(unraisable.exc_value, KeyboardInterrupt):
            self._raises = True
            _thread.start_new_thread(self._remind, (self._came,))
        else:
            sys.__unraisablehook__(unraisable)

    def _remind(self, number: int) -> None:
        time.sleep(0.01)
        signal.pthread_kill(threading.main_thread().ident or 0, number)

    def _enforce(self, patience: float) -> None:
        time.sleep(patience)
        if not self._over:
            self.say()
            os._exit(self.code() or 1)


@contextmanager
def in_order(*, again: str = "resumes") -> Iterator[Watch]:
    """Watch these signals in this block; within the block of another watch, that one goes on.

    A signal that the process was started to ignore, as by nohup, stays ignored; threads but the first get no signals.
    """
    outer = signal.getsignal(signal.SIGTERM)
    if isinstance(outer, Watch):
        yield outer
        return
    watch, hook = Watch(again), sys.unraisablehook
    if threading.current_thread() is not threading.main_thread():
        yield watch
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}
    sys.unraisablehook = watch.lost
    try:
        for number, handler in before.items():
            if handler is not signal.SIG_IGN:
                signal.signal(number, watch)
        yield watch
    finally:
        watch.stop()
        sys.unraisablehook = hook
        for number, handler in before.items():
            if signal.getsignal(number) is watch:
                signal.signal(number, handler)
