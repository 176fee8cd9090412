"""The one thread that runs networks for a service, a few pictures at a time, and its successor when it dies."""

import threading
import time
from collections import deque
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field

import numpy as np

from semsearch.errors import EngineError, ProcessLost, TooLate
from semsearch.live.extractors import Extractor, Extractors
from semsearch.models.catalog import FeatureSpec
from semsearch.settings import cores

BATCH = 8 * cores()
"""Pictures that go through a network together: enough to keep every core busy; each is answered when it is done."""
WAIT = 0.002
"""Seconds that the first of them waits for others."""
HANGS = 30.0
"""Seconds after which a pass is given up: the worker that runs it is left alone and another takes its place."""
LATE = "expected an answer before the deadline, got none; try again"
OFTEN, LATELY = 3, 60.0
"""As many restarts within as many seconds are trouble, and so are so many failed passes in a row."""


@dataclass(eq=False)
class _Task:
    spec: FeatureSpec
    network: Extractor
    square: np.ndarray
    deadline: float
    answer: Future = field(default_factory=Future)


class ModelWorker:
    """Vectors of squares, asked for by many threads, computed by one."""

    def __init__(self, networks: Extractors) -> None:
        """Start no thread before the first task."""
        self._networks = networks
        self._changed = threading.Condition()
        self._tasks: deque[_Task] = deque()
        self._thread: threading.Thread | None = None
        self._passing: tuple[float, list[_Task]] | None = None
        self._restarted: deque[float] = deque(maxlen=OFTEN)
        self._failures, self._closed = 0, False
        self.restarts = 0

    def vector(self, spec: FeatureSpec, square: np.ndarray, *, deadline: float) -> np.ndarray:
        """The (d,) float32 features of what the network sees, (s, s, 3) uint8.

        ``deadline`` is a time of the monotonic clock. TooLate past it, EngineError when the network failed. A network
        that is not loaded is loaded in the caller's thread: others need not wait for that. One whose process died, be
        it of another picture, is asked once more in a new process.
        """
        first = _Task(spec, self._networks.get(spec), square, deadline)
        try:
            return self._vector(first)
        except ProcessLost:
            again = _Task(spec, self._networks.get(spec), square, deadline)
        return self._vector(again)

    def _vector(self, task: _Task) -> np.ndarray:
        with self._changed:
            if self._closed:
                raise EngineError("the service was closed")
            self._revive()
            self._tasks.append(task)
            self._changed.notify_all()
        try:
            return np.asarray(task.answer.result(max(0.0, task.deadline - time.monotonic())))
        except (TimeoutError, CancelledError):
            task.answer.cancel()
            raise TooLate(LATE) from None

    def trouble(self) -> str:
        """Empty, or why it is not well."""
        with self._changed:
            if self._closed:
                return "the service was closed"
            if self._hangs():
                return f"the model has been at one pass for more than {HANGS:g} s"
            if len(self._restarted) == OFTEN and time.monotonic() - self._restarted[0] < LATELY:
                return f"the model worker was restarted {OFTEN} times within {LATELY:g} s"
            if self._failures >= OFTEN:
                return f"the last {self._failures} passes through a model failed"
            return ""

    def close(self) -> None:
        """End the thread after its pass; what still waits fails at once."""
        with self._changed:
            self._closed = True
            tasks = list(self._tasks)
            self._tasks.clear()
            self._changed.notify_all()
        _fail(tasks, EngineError("the service was closed"))

    def _hangs(self) -> bool:
        return self._passing is not None and time.monotonic() - self._passing[0] > HANGS

    def _revive(self) -> None:
        """Have a thread that works; called with the lock held."""
        if self._thread and self._thread.is_alive() and not self._hangs():
            return
        if self._thread:
            self.restarts += 1
            self._restarted.append(time.monotonic())
            if self._passing:
                _fail(self._passing[1], EngineError("the model worker died at this pass and was replaced; try again"))
        self._passing = None
        self._thread = threading.Thread(target=self._run, name="model", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            while self._serve():
                pass
        finally:
            with self._changed:
                if self._thread is threading.current_thread() and not self._closed:
                    self._thread = threading.Thread()  # one that is not alive
                    self._revive()

    def _serve(self) -> bool:
        """One pass, of which nothing stays in this thread; whether to go on."""
        tasks = self._take()
        if due := self._due(tasks):
            self._pass(due)
        with self._changed:
            mine = self._thread is threading.current_thread()
            if mine:
                self._passing = None
        return mine and bool(tasks)

    def _take(self) -> list[_Task]:
        """The next tasks of one spec, the longest waiting first; none when this thread is no longer wanted."""
        with self._changed:
            while not self._tasks:
                if self._closed or self._thread is not threading.current_thread():
                    return []
                self._changed.wait()
            spec, until = self._tasks[0].spec, time.monotonic() + WAIT
            while len(self._tasks) < BATCH and (left := until - time.monotonic()) > 0:
                self._changed.wait(left)
            mine = [task for task in self._tasks if task.spec == spec][:BATCH]
            self._tasks = deque(task for task in self._tasks if task not in mine)
            if mine:
                self._passing = (time.monotonic(), mine)
            return mine or self._take()

    @staticmethod
    def _due(tasks: list[_Task]) -> list[_Task]:
        """Those that were neither cancelled nor are late."""
        now = time.monotonic()
        _fail([task for task in tasks if task.deadline <= now], TooLate(LATE))
        return [task for task in tasks if task.deadline > now and task.answer.set_running_or_notify_cancel()]

    def _pass(self, tasks: list[_Task]) -> None:
        """Through the network together; if that fails, each by itself, so that only what the network refuses fails."""
        spec, left = tasks[0].spec, deque(tasks)
        try:
            for vectors in tasks[0].network.each(np.stack([task.square for task in tasks])):
                task = left.popleft()
                if not task.answer.done():
                    task.answer.set_result(vectors[spec])
            self._failures = 0
        except ProcessLost as error:
            self._failures += 1
            _fail(tasks, error)
        except Exception as error:
            if len(tasks) > 1:
                for task in left:
                    self._pass([task])
                return
            self._failures += 1
            _fail(tasks, EngineError(f"the model failed at this picture: {error!r}"))


def _fail(tasks: list[_Task], error: Exception) -> None:
    for task in tasks:
        if not task.answer.done():
            task.answer.set_exception(error)
