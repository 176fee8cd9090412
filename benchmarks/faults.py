"""What no kill, full disk or crowd may do to a dataset, tried; the same against a store that writes in place.

    python -m benchmarks.faults [--part 1] [--seed 0]

Kills: a process adds, removes, relabels, syncs and indexes without a pause, and is killed by SIGKILL at a seeded
random moment, 1,000 times; what it had acknowledged is to be there, and each vector is to be that of its picture.
Faults: each step once for every thing that it asks of the system, which fails with ENOSPC or EIO, and with files cut at
every size by a limit of the kernel. Crowd: four writers and eight readers. ``--part 10`` does a seeded tenth.
"""

import argparse
import copy
import errno
import hashlib
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from benchmarks import needs
from benchmarks.fault_stores import KINDS, NAME, STORES, Own, Plan, Step, Store, after, begun, features, pin
from semsearch.data import datasets
from semsearch.errors import SemsearchError
from semsearch.files import storage
from semsearch.live import galleries, vectorfiles
from semsearch.live.vectorfiles import Stored
from semsearch.own import edits, ledger, pictures
from semsearch.own.edits import Given
from semsearch.own.pictures import Picture
from semsearch.settings import settings

KILLS, WRITERS, ADDS, READERS = 1_000, 4, 500, 8
CALLS = ("replace", "fsync", "open", "mkdir", "unlink")
"""What files are made and moved by."""


@dataclass
class Found:
    """What went wrong."""

    tries: int = 0
    lost: int = 0
    """Times that something acknowledged was not there, or something was that nobody asked for."""
    mismatched: int = 0
    """Times that features were of another picture."""
    unreadable: int = 0
    slowest: float = 0.0
    """Seconds to put right what a kill left, and to read."""

    def note(self, store: Store, *allowed: dict[str, str]) -> dict[str, str] | None:
        """Open a store that was broken, and see whether it holds what it may; what it holds, None for unreadable."""
        self.tries += 1
        began = time.perf_counter()
        try:
            contents, right = store.opened()
        except Exception:  # noqa: BLE001 - whatever it is, a reader has nothing
            self.unreadable += 1
            return None
        self.slowest = max(self.slowest, time.perf_counter() - began)
        self.mismatched += not right
        self.lost += contents not in allowed
        return contents

    def row(self, what: str) -> tuple[str, ...]:
        """A line of the table."""
        counts = (self.tries, self.lost, self.mismatched, self.unreadable)
        return (what, *(f"{count:,}" for count in counts), f"{self.slowest:.2f}")


def kills(make: Callable[[Path], Store], count: int, seed: int) -> Found:
    """Kill a process that works on a store, so many times; an unreadable store is begun anew."""
    found, dice = Found(), random.Random(seed)  # noqa: S311 - nothing secret
    while found.tries < count:
        with begun(make, dice.randrange(1 << 30)) as (store, plan):
            usual = _usual(store, plan)
            readable = True
            while readable and found.tries < count:
                acknowledged = _killed(store, plan, dice.uniform(0, 4 * usual))
                for _ in range(acknowledged):
                    plan.done(plan.next())
                pending = plan.next()
                contents = found.note(store, plan.contents, after(plan.contents, pending))
                readable = contents is not None
                if contents == plan.contents:
                    store.forget(pending)
                plan.contents = contents or plan.contents
    return found


def _usual(store: Store, plan: Plan) -> float:
    """Seconds of a step, on average."""
    began = time.perf_counter()
    for _ in range(5):
        step = plan.next()
        store.do(step)
        plan.done(step)
    return (time.perf_counter() - began) / 5


def _killed(store: Store, plan: Plan, seconds: float) -> int:
    """Have a process follow the plan and kill it after so long; how many steps it acknowledged."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        with suppress(BaseException):
            mine = copy.deepcopy(plan)
            os.write(writing, b"?")
            while True:
                step = mine.next()
                store.do(step)
                mine.done(step)
                os.write(writing, b"+")
        os._exit(1)
    os.close(writing)
    with os.fdopen(reading, "rb", buffering=0) as acknowledged:
        acknowledged.read(1)  # it has begun
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        return len(acknowledged.read())


def faults(seed: int, *, every: int = 1) -> dict[str, Found]:
    """Each kind of step, failing at its first, second … call, or at every so many-th; what was found, by fault."""
    found = {"ENOSPC": Found(), "EIO": Found(), "files cut short": Found()}
    for kind in KINDS:
        with begun(Own, seed) as (store, plan):
            shutil.copytree(settings().home, settings().home.with_name("saved"))
            new = (plan.picture(), plan.picture()) if kind in ("add", "sync") else ()
            step = Step(kind, new, () if new else tuple(sorted(plan.contents)[:2]), "cow")
            ways: dict[str, Callable[[int], bool]] = {
                "ENOSPC": partial(_failing, partial(store.do, step), errno.ENOSPC),
                "EIO": partial(_failing, partial(store.do, step), errno.EIO),
                "files cut short": partial(_cut, partial(store.do, step)),
            }
            for name, way in ways.items():
                k, goes_on = 0, True
                while goes_on:
                    shutil.rmtree(settings().home)
                    shutil.copytree(settings().home.with_name("saved"), settings().home)
                    goes_on = way(k)
                    found[name].note(store, plan.contents, after(plan.contents, step))
                    store.forget(step)
                    k += every
    return found


def _failing(act: Callable[[], None], code: int, k: int) -> bool:
    """Do a step whose k-th call fails; whether there was one."""
    count, really_open = 0, os.open

    def failing(call: Callable[..., Any]) -> Callable[..., Any]:
        def asked(*arguments: Any, **words: Any) -> Any:  # noqa: ANN401 - whatever the call takes and gives
            nonlocal count
            if call is really_open and not arguments[1] & (os.O_WRONLY | os.O_RDWR):
                return call(*arguments, **words)  # what is only read does not fill a disk
            count += 1
            if count == k + 1:
                raise OSError(code, os.strerror(code), str(arguments[:1]))
            return call(*arguments, **words)

        return asked

    with ExitStack() as patches:
        for name in CALLS:
            patches.enter_context(mock.patch.object(os, name, failing(getattr(os, name))))
        with suppress(SemsearchError):
            act()
    return count > k


def _cut(act: Callable[[], None], k: int) -> bool:
    """Do a step in a process in which no file may grow beyond a size that grows with k; whether it was too small."""
    child = os.fork()
    if not child:
        code = 1
        with suppress(BaseException):
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (int(16 * 1.25**k), resource.RLIM_INFINITY))
            act()
            code = 0
        os._exit(code)
    return os.waitpid(child, 0)[1] != 0


def crowd(writers: int, adds: int, readers: int) -> tuple[Found, float]:
    """Writers that add pictures one by one while readers read; what was found, and pictures a second."""
    found = Found()
    with begun(Own, 0) as (store, plan):
        plans = [Plan(100 + number) for number in range(writers)]
        given = [[each.picture() for _ in range(adds)] for each in plans]
        began = time.perf_counter()
        reading = [_forked(lambda: _read_until(len(plan.contents) + writers * adds)) for _ in range(readers)]
        writing = [_forked(partial(_add, mine)) for mine in given]
        failed = [os.waitpid(child, 0)[1] for child in writing]
        took = time.perf_counter() - began
        failed += [os.waitpid(child, 0)[1] for child in reading]
        found.note(store, plan.contents | {pin(data): "cow" for mine in given for data in mine})
        found.unreadable += sum(status != 0 for status in failed)
        found.lost += len(datasets.load(NAME).items) != len(plan.contents) + writers * adds
    return found, writers * adds / took


def _add(mine: Sequence[bytes]) -> None:
    for data in mine:
        if edits.add(NAME, [Given(f"{pin(data)[:12]}.jpg", "cow", data)]).added != 1:
            raise SystemExit(1)


def _read_until(count: int) -> None:
    """Read until so many are there; what is read is whole, never less than before, and has nothing twice."""
    seen = 0
    while seen < count:
        items = datasets.load(NAME).items
        if len(items) < seen or len({item.sha256 for item in items}) != len(items):
            raise SystemExit(1)
        seen = len(items)


def _forked(act: Callable[[], None]) -> int:
    child = os.fork()
    if child:
        return child
    code = 1
    with suppress(BaseException):
        act()
        code = 0
    os._exit(code)


def large(count: int, some: int) -> tuple[float, bool, float]:
    """Seconds to remove some of many pictures, whether they stay away, and seconds to put right a kill of that step."""
    with tempfile.TemporaryDirectory() as place, mock.patch.dict(os.environ, {"SEMSEARCH_HOME": place}):
        pins = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(count)]
        known = {f"{number}.jpg": Picture(one, f"kind {number % 100}") for number, one in enumerate(pins)}
        listed = pictures.listed(NAME, NAME, known, Path(place), ())
        storage.write_bytes(settings().datasets / NAME / "card.json", pictures.card(listed))
        ledger.history(NAME)
        dataset = datasets.load(NAME)
        base = galleries.features_of(dataset, "0" * 24)
        order = tuple(item.sha256 for item in dataset.items)
        vectorfiles.write(base, Stored(features(list(order)), np.arange(count), {}, order))
        began = time.perf_counter()
        edits.remove(dataset, range(0, some))
        took, gone = time.perf_counter() - began, set(order[:some])
        away = not gone & {item.sha256 for item in datasets.load(NAME).items}
        storage.write_bytes(settings().datasets / NAME / "card.json", b"cut")  # worse than a kill can
        began = time.perf_counter()
        ledger.history(NAME)
        again = {item.sha256 for item in datasets.load(NAME).items}
        return took, away and not gone & again, time.perf_counter() - began


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--part", type=int, default=1, help="do a seeded n-th of it")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    part = max(1, given.part)
    rows = [kills(make, KILLS // part, given.seed).row(f"kill -9, {name}") for name, make in STORES.items()]
    rows += [found.row(f"{name}, semsearch") for name, found in faults(given.seed, every=part).items()]
    alone, speed = crowd(WRITERS, ADDS // part, READERS)
    rows.append(alone.row(f"{WRITERS} writers × {ADDS // part} adds, {READERS} readers, {speed:.0f} a second"))
    heads = "| what | tries | lost | mismatched | unreadable | recovery s, at most |"
    lines = [heads, "|---" * 6 + "|", *(f"| {' | '.join(row)} |" for row in rows)]
    seconds, away, _ = large(40_000, 1_000)
    lines.append(f"\nremoving 1,000 of 40,000: {seconds:.2f} s, {'they stay away' if away else 'THEY CAME BACK'}")
    lines.append(f"recovery at 100,000 pictures: {large(100_000, 1_000)[2]:.2f} s")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    needs.run(main)
