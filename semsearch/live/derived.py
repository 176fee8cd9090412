"""What is made of a gallery for one metric, and lives no longer than the gallery."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar
from weakref import finalize

from semsearch.live.gallery import Gallery

T = TypeVar("T")


class Derived(Generic[T]):
    """The last that were made, for many threads; a gallery that nobody else refers to is let go of here too."""

    def __init__(self, keep: int, make: Callable[..., T]) -> None:
        """Keep that many; ``make`` takes a gallery and names, and what it makes may not refer to the gallery."""
        self._keep, self._make = keep, make
        self._lock = threading.RLock()  # the end of a gallery may come at any allocation, that under this lock too
        self._made: dict[tuple[int | str, ...], T] = {}

    def __call__(self, searched: Gallery, *names: str) -> T:
        """As it was made for a metric, and whatever else it takes, or made now."""
        key: tuple[int | str, ...] = (id(searched), *names)
        with self._lock:
            if key in self._made:
                self._made[key] = self._made.pop(key)
                return self._made[key]
        made = self._make(searched, *names)
        with self._lock:
            finalize(searched, self._forget, key)
            self._made[key] = made
            while len(self._made) > self._keep:
                del self._made[next(iter(self._made))]
        return made

    def _forget(self, key: tuple[int | str, ...]) -> None:
        with self._lock:
            self._made.pop(key, None)
