"""An object in a process of its own whose methods many threads call at once: what is large or may crash stays there.

::

    host = Host("the networks", networks.Networks)      nothing is started yet
    session = host.session()                            the process as it runs now, started where needed
    session.call("load", …)    session.stream("each", …)    session.tell("release", …)

What a session was told is lost with its process. The process ends with its caller, also when that is killed.
"""

import os
import pickle  # noqa: S403 - both ends of the pipe are ours
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from importlib import import_module
from itertools import count
from queue import Empty, SimpleQueue
from typing import IO, Any, cast

from semsearch.errors import ProcessLost
from semsearch.files import storage
from semsearch.processes import memory
from semsearch.processes.pipes import closed, end_of, of_our_tree, receive, send, started

SILENCE = 900.0
"""Seconds without an answer to a call after which the process counts as hung and is ended."""
THREADS = 24
"""Calls that are at work at once in the process."""
_LOST, _ITEM, _RESULT, _ERROR = range(4)


class Session:
    """A process from its start to its end."""

    def __init__(self, work: str, factory: Callable[[], object]) -> None:
        """Start it; StorageError when the machine lets no process be started."""
        self._work, self._numbers = work, count()
        self._writing, self._changing = threading.Lock(), threading.Lock()
        self._waiting: dict[int, SimpleQueue] = {}
        self._last_words: deque[bytes] = deque(maxlen=40)
        self._lost = ""
        with storage.explained(f"a process of its own ({work})"):
            self._process = started("from semsearch.processes.host import serve; serve()")
        threading.Thread(target=self._listen, name="last words", daemon=True).start()
        threading.Thread(target=self._read, name="answers", daemon=True).start()
        self._send((factory.__module__, factory.__qualname__))

    @property
    def alive(self) -> bool:
        """Whether it can still be called."""
        return not self._lost

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def call(self, method: str, *arguments: object, silence: float = SILENCE) -> Any:  # noqa: ANN401
        """What the object's method returns, or its error of our tree raised here.

        Raises ProcessLost when the process has died, or gave no answer for ``silence`` seconds and was ended;
        EngineError when the method failed with an error that is not of our tree.
        """
        results = list(self.stream(method, *arguments, silence=silence))
        return results[-1] if results else None

    def stream(self, method: str, *arguments: object, silence: float = SILENCE) -> Iterator[Any]:
        """What the method, a generator, yields, each as soon as it is there; raises as ``call``.

        A reader that goes away ends the generator.
        """
        number, answers = next(self._numbers), SimpleQueue[tuple[int, Any]]()
        with self._changing:
            self._waiting[number] = answers
        try:
            self._send((number, method, arguments))
            yield from self._answers(answers, silence)
        except GeneratorExit:
            self.tell("", number)
            raise
        finally:
            with self._changing:
                self._waiting.pop(number, None)

    def tell(self, method: str, *arguments: object) -> None:
        """Call a method whose answer nobody waits for; nothing happens when the process is gone."""
        with suppress(ProcessLost):
            self._send((None, method, arguments))

    def close(self, reason: str = "it was closed") -> None:
        """End the process; every call that waits is a ProcessLost."""
        self._lose(reason)
        closed(self._process)

    def _answers(self, answers: SimpleQueue, silence: float) -> Iterator[Any]:
        while True:
            try:
                kind, value = (_LOST, None) if self._lost else answers.get(timeout=silence)
            except Empty:
                self.close(f"its process gave no sign of life for {silence:g} s and was ended")
                kind, value = _LOST, None
            if kind == _LOST:
                raise ProcessLost(f"{self._work}: {self._lost}; try again")
            if kind == _ERROR:
                raise cast(Exception, value)
            if kind == _RESULT:
                return
            yield value

    def _send(self, message: tuple) -> None:
        try:
            with self._writing:
                send(cast(IO[bytes], self._process.stdin), message)
        except (OSError, ValueError) as error:
            self._lose(end_of(self._process, self._last_words))
            raise ProcessLost(f"{self._work}: {self._lost}; try again") from error

    def _read(self) -> None:
        """Give each answer to whoever waits for it, until there are no more."""
        try:
            while True:
                number, kind, value = receive(cast(IO[bytes], self._process.stdout), None)
                with self._changing:
                    answers = self._waiting.get(number)
                if answers:
                    answers.put((kind, value))
        except (OSError, EOFError, ValueError, pickle.UnpicklingError):
            self._lose(end_of(self._process, self._last_words))

    def _listen(self) -> None:
        with suppress(ValueError):  # closed meanwhile
            self._last_words.extend(cast(IO[bytes], self._process.stderr))

    def _lose(self, reason: str) -> None:
        with self._changing:
            self._lost = self._lost or reason
            for answers in self._waiting.values():
                answers.put((_LOST, None))


class Host:
    """The process of an object, and its successor when it dies; close it, or let it end with this process."""

    def __init__(self, work: str, factory: Callable[[], object]) -> None:
        """``work`` names the process in messages; ``factory``, a name of one of our modules, makes the object."""
        self._work, self._factory = work, factory
        self._lock = threading.Lock()
        self._session: Session | None = None

    def session(self) -> Session:
        """The process as it runs now, started where needed."""
        with self._lock:
            if self._session is None or not self._session.alive:
                self._session = Session(self._work, self._factory)
            return self._session

    def close(self) -> None:
        """End the process; the next ``session`` starts another."""
        with self._lock:
            session, self._session = self._session, None
        if session:
            session.close()


def serve() -> None:
    """Main loop of the process: calls from standard input until it closes, each in a thread of its own.

    Standard output belongs to the answers; whatever else prints goes to standard error.
    """
    memory.give_back()
    answers = os.fdopen(os.dup(1), "wb", 0)
    os.dup2(2, 1)
    with suppress(BaseException):
        module, name = receive(sys.stdin.buffer, None)
        _Server(getattr(import_module(module), name)(), answers).run()
    os._exit(0)


class _Server:
    """Calls of the methods of an object."""

    def __init__(self, served: object, answers: IO[bytes]) -> None:
        self._served, self._answers = served, answers
        self._writing, self._given_up = threading.Lock(), set[int]()

    def run(self) -> None:
        """Until nobody can ask any more."""
        pool = ThreadPoolExecutor(THREADS, "call")
        while True:
            number, method, arguments = receive(sys.stdin.buffer, None)
            if method:
                pool.submit(self._call, number, method, arguments)
            else:
                self._given_up.update(arguments)

    def _call(self, number: int | None, method: str, arguments: tuple) -> None:
        try:
            result = getattr(self._served, method)(*arguments)
            for item in result if isinstance(result, Iterator) else [result]:
                if number in self._given_up:
                    break
                self._answer(number, _ITEM, item)
            self._answer(number, _RESULT, None)
        except Exception as error:
            self._answer(number, _ERROR, of_our_tree(error, method))
        finally:
            self._given_up.discard(cast(int, number))

    def _answer(self, number: int | None, kind: int, value: object) -> None:
        if number is not None:
            with self._writing:
                send(self._answers, (number, kind, value))
