"""Activation maximisation in a process of its own: TensorFlow never comes into the server, nor do its crashes."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import numpy as np

from semsearch import images
from semsearch.explain.maximise.asked import Made, Request
from semsearch.explain.maximise.maximisation import Maximised, Maximiser, Options

OFTEN = 0.5
"""Seconds between two looks at what there is so far."""
NICE = 10
"""How far the process stands back behind searches."""


class Maximising:
    """What lives in the process: the network used last, and one run at a time."""

    def __init__(self) -> None:
        """Load nothing yet."""
        self._turn = threading.Lock()
        self._last: tuple[tuple[str, str, Options], Maximiser] | None = None
        with suppress(OSError):
            os.nice(NICE)

    def maximise(self, request: Request, start: np.ndarray | None) -> Iterator[Made | None]:
        """None while others have their turn or the network is loaded, then what there is every OFTEN, all at the end.

        Raises as ``Maximiser`` and its ``steps``. A reader that goes away ends it.
        """
        while not self._turn.acquire(timeout=OFTEN):
            yield None
        try:
            yield None
            maximiser = self._maximiser(request)
            shown = time.monotonic()
            for look in maximiser.steps([request.objective], seed=request.seed, start=start):
                last = look
                if time.monotonic() - shown >= OFTEN:
                    yield _made(look())
                    shown = time.monotonic()
            yield _made(last())
        finally:
            self._turn.release()

    def _maximiser(self, request: Request) -> Maximiser:
        key = (request.model, request.layer, request.options)
        if self._last is None or self._last[0] != key:
            self._last = None  # before the next one takes its memory
            self._last = key, Maximiser(request.model, request.layer, options=request.options, batch=1)
        return self._last[1]


def _made(found: Maximised) -> Made:
    return Made(images.png(found.pictures[0]), float(found.activations[0]), found.steps)
