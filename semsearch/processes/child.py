"""Work in a process of its own: what needs TensorFlow or UMAP never enters the caller, and may die without it.

A child imports this package and nothing of its caller: a script without a main guard is not run again. It ends with
its caller, also when that is killed, and leaves interrupts of the terminal to it.
"""

import os
import pickle  # noqa: S403 - both ends of the pipe are ours
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from typing import IO, Any, cast

from semsearch.errors import ProcessLost, SemsearchError
from semsearch.files import storage
from semsearch.processes.pipes import closed, end_of, ended, of_our_tree, receive, send, started

Progress = Callable[[int, int], None]
SILENCE = 900.0
"""Seconds without a sign of life after which a child counts as hung: many times the longest step measured."""


class Child:
    """A process that runs functions of this package, one call after the other; close it, or use it in ``with``.

    After ProcessLost, and after a call that was given up, the next call starts another process.
    """

    def __init__(self, work: str, *, silence: float = SILENCE) -> None:
        """``work`` names in messages what the child does; it is started by the first call."""
        self._work, self._silence = work, silence
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._last_words: deque[bytes] = deque(maxlen=40)

    def __enter__(self) -> "Child":
        """Itself."""
        return self

    def __exit__(self, *failure: object) -> None:
        """Close it."""
        self.close()

    @property
    def pid(self) -> int | None:
        """Of the process, None while there is none."""
        return self._process.pid if self._process else None

    def call(self, function: Callable[..., Any], *arguments: object, progress: Progress | None = None) -> Any:  # noqa: ANN401
        """What ``function(*arguments)`` returns there, or its error of our tree raised here.

        ``function`` is a public or private function of a module of this package, not a closure. With ``progress`` it
        gets a keyword argument ``progress`` whose calls come back here.

        Raises:
            ProcessLost: the child died, or gave no sign of life for ``silence`` seconds.
            EngineError: the function failed with an error that is not of our tree.
            StorageError: the machine lets no process be started, or no file be used there.
        """
        with self._lock:
            with storage.explained(f"a process of its own ({self._work})"):
                process = self._started()
            try:
                request = (function.__module__, function.__qualname__, arguments, progress is not None)
                send(cast(IO[bytes], process.stdin), request)
                return self._answer(process, progress)
            except (OSError, EOFError, pickle.UnpicklingError) as error:
                reason = self._end_of(error)
                self._kill()
                raise ProcessLost(f"{self._work}: {reason}; try again") from error
            except SemsearchError:
                raise
            except BaseException:
                self._kill()
                raise

    def close(self) -> None:
        """End the process; it can be called twice, and from another thread to give a call up."""
        if process := self._process:
            ended(process)
        with self._lock:
            self._kill()

    __del__ = close

    def _started(self) -> "subprocess.Popen[bytes]":
        if self._process is None or self._process.poll() is not None:
            self._kill()
            self._process = started("from semsearch.processes.child import serve; serve()")
            threading.Thread(target=self._listen, args=(self._process.stderr,), daemon=True).start()
        return self._process

    def _listen(self, stream: IO[bytes]) -> None:
        """Keep the last lines that the child writes, so that it never waits for a reader."""
        self._last_words.clear()
        with suppress(ValueError):  # closed meanwhile
            self._last_words.extend(stream)

    def _answer(self, process: "subprocess.Popen[bytes]", progress: Progress | None) -> Any:  # noqa: ANN401
        answers = cast(IO[bytes], process.stdout)
        while True:
            kind, value = receive(answers, self._silence)
            if kind == "progress" and progress:
                progress(*value)
            elif kind == "error":
                raise value
            elif kind == "result":
                return value

    def _end_of(self, error: BaseException) -> str:
        if isinstance(error, TimeoutError):
            return f"its process gave no sign of life for {self._silence:g} s and was ended"
        return end_of(cast("subprocess.Popen[bytes]", self._process), self._last_words)

    def _kill(self) -> None:
        process, self._process = self._process, None
        if process:
            closed(process)


def run(work: str, function: Callable[..., Any], *arguments: object, progress: Progress | None = None) -> Any:  # noqa: ANN401
    """One call in a child of its own; raises as ``Child.call``."""
    with Child(work, silence=SILENCE) as child:
        return child.call(function, *arguments, progress=progress)


def serve() -> None:
    """Main loop of the child: calls from standard input, one after the other, until it closes.

    Standard output belongs to the answers; whatever else prints goes to standard error.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        _serve()
    except (SystemExit, EOFError):
        os._exit(0)  # cleaned up; the libraries need not be


def _serve() -> None:
    answers = os.fdopen(os.dup(1), "wb", 0)
    os.dup2(2, 1)
    while True:
        module, name, arguments, wants_progress = receive(sys.stdin.buffer, None)
        send(answers, _result(module, name, arguments, answers if wants_progress else None))


def _result(module: str, name: str, arguments: tuple, answers: IO[bytes] | None) -> tuple[str, object]:
    try:
        function: Any = import_module(module)
        for part in name.split("."):
            function = getattr(function, part)
        return "result", function(*arguments, **({"progress": _reporter(answers)} if answers else {}))
    except Exception as error:
        return "error", of_our_tree(error, name.strip("_"))


def _reporter(answers: IO[bytes]) -> Progress:
    """Progress over the pipe, ten times a second at most, the last step always."""
    last = 0.0

    def progress(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= 0.1 or done >= total > 0:
            last = now
            send(answers, ("progress", (done, total)))

    return progress
