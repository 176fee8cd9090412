"""What is known of jobs, on disk: a folder for each below ``settings().home / "jobs"``.

::

    <number>/request.json    what is to be done; sealed, never changed
    <number>/state.json      how far it is; sealed, written by its owner alone, a few times a second at most
    <number>/wish            ``pause`` or ``cancel``, for the owner to see between two steps
    <number>/owner.lock      held by the owner for as long as it lives, however it ends

An owner that was killed has lost its lock, so everybody sees at once that its job was interrupted.
"""

import fcntl
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from semsearch.errors import IntegrityError, UnknownName
from semsearch.files import sealed, staging
from semsearch.files.storage import explained, matching, write_bytes
from semsearch.settings import settings

LIVE = ("waiting", "running", "paused")
KEPT = 40
"""Jobs that have ended and are remembered."""
_CURE = "run `semsearch precompute` again for what it was about"


@dataclass(frozen=True)
class Request:
    """What is to be done."""

    datasets: tuple[str, ...]
    models: tuple[str, ...]
    """Each dataset under each model; no two jobs that are at it have a pair in common."""
    kind: str = "results"
    """A name of ``kinds.KINDS``."""
    options: Mapping[str, str] = field(default_factory=dict)
    """What else the kind needs to know."""


@dataclass(frozen=True)
class State:
    """How far a job is."""

    name: str
    """waiting, running, paused, done, failed, cancelled; or interrupted, where its owner was killed."""
    phase: str = ""
    """What it does now, in words."""
    done: int = 0
    total: int = 0
    """Steps of this phase; 0 while they are unknown."""
    rate: float = 0.0
    """Steps a second, over the last few seconds."""
    words: str = ""
    """What came of it, or why it failed."""
    changed: float = 0.0
    """When that was, in seconds since 1970."""

    @property
    def left(self) -> float | None:
        """Seconds until this phase is done, None while nobody knows."""
        return (self.total - self.done) / self.rate if self.rate > 0 and self.total else None


@dataclass(frozen=True)
class Job:
    """A job, as it was when it was looked at."""

    number: int
    request: Request
    state: State

    @property
    def live(self) -> bool:
        """Whether a process is at it, or waits for its turn."""
        return self.state.name in LIVE


def folder(number: int) -> Path:
    """Where a job is kept."""
    return settings().home / "jobs" / str(number)


def numbers() -> list[int]:
    """Of all jobs, the oldest first."""
    return sorted(int(path.name) for path in matching(settings().home / "jobs", "[0-9]*") if path.name.isdecimal())


def new(request: Request) -> int:
    """Write down a new job, and forget the oldest that have ended; the caller holds the lock of the list."""
    ended = [job for job in every() if not job.live]
    staging.remove(*(folder(job.number) for job in ended[: max(0, len(ended) - KEPT + 1)]))
    number = max(numbers(), default=0) + 1
    with explained(folder(number)):
        folder(number).mkdir(parents=True)
    sealed.write(folder(number) / "request.json", asdict(request))
    write(number, State("waiting"))
    return number


def write(number: int, state: State) -> None:
    """Write down how far a job is."""
    sealed.write(folder(number) / "state.json", asdict(replace(state, changed=time.time())))


def find(number: int) -> Job:
    """The job of that number; UnknownName where there is none, IntegrityError where what was asked is damaged."""
    if number not in numbers():
        raise UnknownName("job", number, map(str, numbers()))
    known = _facts(number, "request.json")
    request = Request(tuple(known["datasets"]), tuple(known["models"]), known["kind"], dict(known["options"]))
    state = _state(number)
    if state.name in LIVE and not _owned(number):
        again = _state(number)  # it may have ended between the two looks
        state = replace(state, name="interrupted", rate=0.0) if again.name in LIVE else again
    return Job(number, request, state)


def _state(number: int) -> State:
    """What was written last; where that is damaged, what says least: whoever owns the job writes it again."""
    try:
        return State(**_facts(number, "state.json"))
    except (IntegrityError, TypeError):
        return State("running")


def every() -> list[Job]:
    """All jobs that can be read, the oldest first."""
    found = []
    for number in numbers():
        with suppress(UnknownName, IntegrityError):
            found.append(find(number))
    return found


def wish(number: int) -> str:
    """What was asked of the owner of a job: ``pause``, ``cancel`` or nothing."""
    with suppress(OSError):
        return (folder(number) / "wish").read_text(encoding="utf-8")
    return ""


def ask(number: int, what: str) -> None:
    """Ask the owner of a job to ``pause`` or ``cancel``, or for nothing more."""
    if what:
        write_bytes(folder(number) / "wish", what.encode())
    else:
        with explained(folder(number)):
            (folder(number) / "wish").unlink(missing_ok=True)


def _facts(number: int, name: str) -> dict[str, Any]:
    facts = sealed.read(folder(number) / name, cure=_CURE)
    del facts["digest"]
    return facts


def _owned(number: int) -> bool:
    """Whether somebody holds the owner's lock; it is shared by those who look, or they would see each other."""
    try:
        with (folder(number) / "owner.lock").open() as handle:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
