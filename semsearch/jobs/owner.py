"""The process that does a job: it waits for its turn, says how far it is, and sees what it is asked."""

import fcntl
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO

from semsearch.errors import Cancelled, SemsearchError
from semsearch.files.storage import explained
from semsearch.jobs import records
from semsearch.jobs.records import State
from semsearch.settings import settings

OFTEN, LOOK = 0.25, 0.1
"""Seconds between two states that are written, and between two looks at what is asked."""
SPAN = 5.0
"""Seconds over which the rate is taken."""
Watching = Callable[[State], None]


class Control:
    """What the work of a job tells, and is told through: raises Cancelled where it is to end."""

    def __init__(self, number: int, watching: Watching | None = None) -> None:
        """For the job of that number; ``watching`` is called with each state, also with those that are not written."""
        self._number, self._watching = number, watching
        self._phase, self._counted = "", deque[tuple[float, int]]()
        self.words = ""
        """What came of it; for the work to say."""
        self._written = self._looked = 0.0
        self._turn: IO[str] | None = None

    def begin(self, phase: str) -> None:
        """Say what is done from now on, in words, and count anew."""
        self._phase = phase
        self._counted.clear()
        self.progress(0, 0)

    def progress(self, done: int, total: int) -> None:
        """Count (steps done, steps in all) of this phase; waits here while the job is paused."""
        self.check()
        now = time.monotonic()
        self._counted.append((now, done))
        while len(self._counted) > 2 and now - self._counted[1][0] > SPAN:
            self._counted.popleft()
        since, before = self._counted[0]
        rate = (done - before) / (now - since) if now - since > 0.2 else 0.0
        state = State("running", self._phase, done, total, rate)
        if self._watching:
            self._watching(state)
        if now - self._written >= OFTEN or 0 < total <= done or done == 0:
            self._written = now
            records.write(self._number, state)

    def check(self) -> None:
        """Do what was asked meanwhile: wait, or raise Cancelled."""
        now = time.monotonic()
        if now - self._looked < LOOK:
            return
        self._looked = now
        if records.wish(self._number):
            self.give_turn()
            self._obey()
            self._counted.clear()
            self.take_turn()

    def _obey(self) -> None:
        """Wait for as long as the job is to pause; Cancelled when it is to end."""
        if records.wish(self._number) == "pause":
            records.write(self._number, State("paused", self._phase))
        while (wish := records.wish(self._number)) == "pause":
            time.sleep(LOOK)
        if wish == "cancel":
            raise Cancelled("ended on request; what was whole by then is kept, and the next run goes on there")

    @contextmanager
    def closing(self, close: Callable[[], None]) -> Iterator[None]:
        """In the block, have ``close`` called when the job is to end: for work that comes back to nobody for long.

        Whatever the block raises then is raised as Cancelled.
        """
        over = threading.Event()

        def look() -> None:
            while not over.wait(LOOK):
                if records.wish(self._number) == "cancel":
                    close()
                    return

        threading.Thread(target=look, daemon=True).start()
        try:
            yield
        except SemsearchError:
            self._looked = 0.0
            self.check()
            raise
        finally:
            over.set()

    def take_turn(self) -> None:
        """Wait, also when paused, until no other job runs, and none waits that is older."""
        path = settings().home / "jobs" / "turn.lock"
        with explained(path):
            handle = path.open("a")
        self._say_waiting()
        while True:
            if records.wish(self._number):
                self._obey()
                self._say_waiting()
            first = not any(job.number < self._number and job.state.name == "waiting" for job in records.every())
            if first and _locked(handle):
                self._turn = handle
                return
            time.sleep(3 * LOOK)

    def _say_waiting(self) -> None:
        records.write(self._number, State("waiting", "Waiting for another job"))

    def give_turn(self) -> None:
        """Let another job run."""
        if self._turn:
            self._turn.close()
            self._turn = None


@contextmanager
def doing(number: int, watching: Watching | None = None) -> Iterator[Control]:
    """Do the job of that number in the block, once its turn has come; what fails there is written down and raised."""
    control = Control(number, watching)
    try:
        control.take_turn()
        control.begin("Starting")
        yield control
        records.write(number, State("done", words=control.words))
    except Cancelled as error:
        records.write(number, State("cancelled", words=str(error)))
        raise
    except Exception as error:
        words = str(error) if isinstance(error, SemsearchError) else f"a fault of semsearch itself ({error!r})"
        records.write(number, State("failed", words=words))
        raise
    finally:  # who is interrupted writes nothing: that the lock is free says it
        control.give_turn()


def _locked(handle: IO[str]) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
