"""Where jobs are begun, paused, resumed and cancelled: by pages, the command line and notebooks alike."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from types import MappingProxyType
from typing import IO

from semsearch.errors import Busy, InputError
from semsearch.files.storage import explained, lock
from semsearch.jobs import owner, records
from semsearch.jobs.kinds import KINDS
from semsearch.jobs.records import Job, Request
from semsearch.settings import settings

MOST = 20
"""Jobs that run or wait at once."""
COMMAND = ("-m", "semsearch", "jobs", "run")
_RESUMED = MappingProxyType({"paused": True, "interrupted": False, "cancelled": False, "failed": False})


def begin(request: Request) -> Job:
    """Have a job done by a process of its own, which goes on when this one ends.

    Busy while another job is at the same dataset and model, or where as many wait as can.
    """
    with _list():
        _expect_free(request)
        number = records.new(request)
        _start(number)
    return records.find(number)


@contextmanager
def here(request: Request, *, watching: owner.Watching | None = None) -> Iterator[owner.Control]:
    """Do a job in the block, in this process, for all to see and to end. Raises as ``begin``, and Cancelled."""
    with _list():
        _expect_free(request)
        number = records.new(request)
        held = _own(number)
    with held, owner.doing(number, watching) as control:
        yield control


def run(number: int, *, held: int) -> str:
    """Do a job whose owner's lock this process was born with, as file ``held``; what came of it. For ``begin``."""
    with os.fdopen(held, "a"), owner.doing(number) as control:
        request = records.find(number).request
        control.words = KINDS[request.kind](request, control)
    return control.words


def pause(number: int) -> None:
    """Have a job wait, and others go on; InputError unless it runs or waits."""
    if records.find(number).state.name not in ("waiting", "running"):
        raise InputError(f"job {number} is {records.find(number).state.name}; only what runs or waits can be paused")
    records.ask(number, "pause")


def cancel(number: int) -> None:
    """Have a job end; what is whole by then is kept. InputError when it has ended."""
    job = records.find(number)
    if job.state.name == "interrupted":
        records.write(number, records.State("cancelled", words="its process had been killed"))
    elif not job.live:
        raise InputError(f"job {number} is {job.state.name}: there is nothing to cancel")
    else:
        records.ask(number, "cancel")


def resume(number: int) -> None:
    """Have a job go on that was paused, interrupted or cancelled, or has failed; InputError for others."""
    with _list():
        job = records.find(number)
        if job.state.name not in _RESUMED:
            raise InputError(f"job {number} is {job.state.name}; only what was stopped can be resumed")
        if not _RESUMED[job.state.name]:
            _expect_free(job.request)
        records.ask(number, "")
        if not _RESUMED[job.state.name]:
            records.write(number, records.State("waiting"))
            _start(number)


def of(dataset: str, model: str) -> Job | None:
    """The last job about a dataset and a model, None where there is none."""
    about = [job for job in records.every() if dataset in job.request.datasets and model in job.request.models]
    return about[-1] if about else None


def _expect_free(request: Request) -> None:
    live = [job for job in records.every() if job.live]
    for job in live:
        datasets, models = (
            [name for name in names if name in others]
            for names, others in (
                (request.datasets, job.request.datasets),
                (request.models, job.request.models),
            )
        )
        if datasets and models:
            at_it = f"job {job.number} is at it already ({job.state.name})"
            raise Busy(f"{datasets[0]} under {models[0]}: {at_it}; wait for it, or cancel it")
    if len(live) >= MOST:
        raise Busy(f"{len(live)} jobs run or wait already; try again when some are done")


@contextmanager
def _list() -> Iterator[None]:
    """Hold the list of jobs: who looks whether a job is free and begins it does so alone."""
    with lock(settings().home / "jobs" / "list.lock"):
        yield


def _own(number: int) -> IO[str]:
    path = records.folder(number) / "owner.lock"
    with explained(path):
        handle = path.open("a")
        fcntl.flock(handle, fcntl.LOCK_EX)
    return handle


def _start(number: int) -> None:
    """Start the process of a job; it is born with the lock that says that the job has an owner."""
    here = settings()
    package = str(Path(__file__).resolve().parents[2])
    places = {"SEMSEARCH_HOME": str(here.home), "SEMSEARCH_PRECOMPUTED": str(here.precomputed)}
    path = os.pathsep.join([package, *filter(None, [os.environ.get("PYTHONPATH")])])
    log = records.folder(number) / "log"
    with _own(number) as held, explained(log), log.open("ab") as words:
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-P", *COMMAND, str(number), "--held", str(held.fileno())],
            env={**os.environ, **places, "PYTHONPATH": path},
            pass_fds=(held.fileno(),),
            stdin=subprocess.DEVNULL,
            stdout=words,
            stderr=words,
            start_new_session=True,
        )
    Thread(target=process.wait, name=f"job {number}", daemon=True).start()  # or it would stay as a zombie
