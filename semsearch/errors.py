"""Every failure semsearch reports, as one small tree.

::

    SemsearchError                 catch this to catch them all
    ├── InputError                 what the caller gave is not valid (also a ValueError)
    │   ├── UnknownName            a name that no catalogue holds
    │   ├── ImageRefused           bytes that are not a picture we accept
    │   ├── LinkRefused            a link, or what it leads to, that we do not accept
    │   └── SpecMismatch           features of one configuration used as if of another
    ├── Unavailable                valid, but cannot be had now
    │   ├── FetchFailed            a download that did not arrive whole
    │   ├── WeightsUnavailable     a model whose weights no source could give
    │   ├── PicturesUnavailable    a dataset whose pictures are not on this machine
    │   ├── Busy                   as many searches as can wait are waiting, or a client asks too often
    │   ├── NotReady               features that are still being computed
    │   ├── NotComputed            results, or a map, that nobody has had computed yet
    │   ├── Cancelled              a job that was ended on request
    │   ├── ProcessLost            a child process that died or hung; the next try starts another
    │   └── TooLate                an answer that was not there by its deadline
    ├── StorageError               the machine does not let a file be read or written: full, forbidden, read-only, …
    ├── IntegrityError             stored bytes are not what was written
    └── EngineError                an inference engine failed
        └── EngineUnfit            one that cannot run this model faithfully; the reference can

A message says what was expected, what came and what is valid, and ends with the cure where there is one.
"""

from collections.abc import Callable, Iterable

from semsearch.names import printable


class SemsearchError(Exception):
    """Root of the tree; every error of it survives the trip back from a child process."""

    def __init__(self, message: str = "") -> None:
        """Keep the message as text that can be shown anywhere: it may quote names of files, which are any bytes."""
        super().__init__(printable(message, keep="\n\t"))

    def __reduce__(
        self,
    ) -> tuple[Callable[..., "SemsearchError"], tuple[type["SemsearchError"], str, dict[str, object]]]:
        """Message and attributes, whatever the constructor takes."""
        return _rebuilt, (type(self), str(self), dict(self.__dict__))


def _rebuilt(kind: type[SemsearchError], message: str, attributes: dict[str, object]) -> SemsearchError:
    error = kind.__new__(kind, message)
    error.args = (message,)
    error.__dict__.update(attributes)
    return error


class InputError(SemsearchError, ValueError):
    """What the caller gave is not valid."""


class UnknownName(InputError):
    """A name that no catalogue holds; the message lists the valid ones."""

    def __init__(self, kind: str, name: object, valid: Iterable[str]) -> None:
        """Say which ``kind`` of name was unknown and which names are valid."""
        super().__init__(f"unknown {kind} {name!r}; valid: {', '.join(valid)}")


class ImageRefused(InputError):
    """Bytes that are not a picture we accept; ``reason`` is one machine-readable word."""

    def __init__(self, reason: str, message: str) -> None:
        """Keep ``reason`` beside the sentence for people."""
        super().__init__(message)
        self.reason = reason


class LinkRefused(InputError):
    """A link, or what it leads to, that we do not accept; ``reason`` is one machine-readable word."""

    def __init__(self, reason: str, message: str) -> None:
        """Keep ``reason`` beside the sentence for people."""
        super().__init__(message)
        self.reason = reason


class SpecMismatch(InputError):
    """Features of one configuration used as if of another."""


class Unavailable(SemsearchError):
    """Valid, but cannot be had now; the message says why and what to do."""


class FetchFailed(Unavailable):
    """A download that did not arrive whole."""


class WeightsUnavailable(Unavailable):
    """A model whose weights no source could give."""


class PicturesUnavailable(Unavailable):
    """A dataset whose pictures are not on this machine."""


class Busy(Unavailable):
    """As many requests as can wait are waiting, or one client asks too often."""


class NotReady(Unavailable):
    """What a search needs is still being computed; the message says how far it is."""


class NotComputed(Unavailable):
    """Stored results, or a map, that nobody has had computed yet; the message says how to."""


class Cancelled(Unavailable):
    """A job that was ended on request; what was whole by then is kept."""


class ProcessLost(Unavailable):
    """A child process that died or hung; the next try starts another."""


class TooLate(Unavailable):
    """A request whose deadline passed before its answer was there."""


class StorageError(SemsearchError):
    """The machine does not let a file be read or written; the message names the path, the reason and the cure."""


class IntegrityError(SemsearchError):
    """Stored bytes are not what was written; the message names the file and the cure."""


class EngineError(SemsearchError):
    """An inference engine failed."""


class EngineUnfit(EngineError):
    """An inference engine refused a model or disagreed with its reference: it will again, so the reference is used."""
