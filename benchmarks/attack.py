"""A server that is attacked while an honest visitor uses it: how much slower it is for that one, and what it takes.

    python -m benchmarks.attack [--seconds 20] [--only NAME]

Starts the app in a home of its own on a free port of this machine, with a dataset of its owner that holds a hostile
picture, and runs each attack of attackers.py from a process and an address of its own. Beside it one client searches
with a photo over REST, one tab turns over the pages, and one asks how the server is. Bounds: the 95th percentile of
both at most three times that without an attack, ``/api/health`` within 200 ms always, 900 MB of the server and its
children at the most, and less than 400 MB a minute later. Prints a table; the exit code is 1 when a bound is missed.
"""

import argparse
import asyncio
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks import attack_pictures, needs
from benchmarks.attackers import ATTACKS, FAILURES, ask, form
from benchmarks.tab import Tab
from semsearch.data import datasets
from semsearch.settings import settings

ROOT = Path(__file__).resolve().parents[1]
SLOWER, HEALTH, PEAK, AFTER, REST = 3.0, 0.2, 900.0, 400.0, 60.0
"""Times; seconds; megabytes at the most and after that; seconds until then."""
FIELDS = {"dataset": "groceries200", "model": "mobilenetv2", "layer": "Conv_1", "pooling": "avg", "metric": "cosine"}


@dataclass
class Seen:
    """Seconds of each answer, what went wrong, and megabytes."""

    searches: list[float] = field(default_factory=list)
    pages: list[float] = field(default_factory=list)
    health: list[float] = field(default_factory=list)
    refused: int = 0
    memory: list[float] = field(default_factory=list)
    after: float = float("nan")


def memory(process: int) -> float:
    """Resident megabytes of a process and its children; of those that end meanwhile nothing."""
    with suppress(OSError):
        folder = Path(f"/proc/{process}")
        own = sum(int(line.split()[1]) for line in (folder / "status").read_text().splitlines() if "VmRSS" in line)
        children = [child for task in folder.glob("task/*/children") for child in task.read_text().split()]
        return own / 1024 + sum(memory(int(child)) for child in children)
    return 0.0


def prepare(home: Path) -> None:
    """A home with weights, groceries200, and a dataset of its owner of which one picture is hostile."""
    needs.get(models=[FIELDS["model"]], sets=[FIELDS["dataset"]])
    shutil.copytree(settings().weights, home / "weights")
    shutil.copytree(settings().datasets / FIELDS["dataset"], home / "datasets" / FIELDS["dataset"])
    photos = datasets.load(FIELDS["dataset"])
    os.environ["SEMSEARCH_HOME"] = str(home)
    for item in photos.items[::10]:
        folder = home / "own" / f"class {item.label}"
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(photos.path(item.id), folder / f"{item.id}.jpg")
    (folder / "hostile.jpg").write_bytes(attack_pictures.ATTACKS["scans without end"](0))
    datasets.add("own", home / "own")


@contextmanager
def server(home: Path) -> Iterator[tuple[int, int]]:
    """The app, started as its keeper would; its port and process."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, str(ROOT / "server.py"), "--server.port", str(port)]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    with (home / "server.log").open("wb") as log:
        running = subprocess.Popen(command, cwd=ROOT, env=env, stdout=log, stderr=log)
        try:
            asyncio.run(_ready(port))
            yield port, running.pid
        finally:
            running.terminate()
            running.wait(30)


async def _ready(port: int) -> None:
    """What is asked for, and what attackers ask for who name no model: to convert a model takes a gigabyte, once."""
    for fields in (FIELDS, {}):
        kind, body = form(attack_pictures.good_picture(), **fields)
        for _ in range(600):
            with suppress(*FAILURES):
                if (await ask(port, "POST", "/api/search", kind, body, source=None))[0] == 200:
                    break
            await asyncio.sleep(0.2)
        else:
            raise SystemExit("the server did not answer a first search within two minutes")


async def watch(port: int, process: int, seconds: float, tab: Tab) -> Seen:
    """What the honest visitor sees in that time."""
    seen, until = Seen(), time.monotonic() + seconds
    photos = [form(attack_pictures.good_picture(salt), **FIELDS) for salt in range(40)]

    async def again(times: list[float], pause: float, once: Callable[[int], Awaitable[bool]]) -> None:
        turn = 0
        while (begun := time.monotonic()) < until:
            try:
                async with asyncio.timeout(30):
                    good = await once(turn := turn + 1)
            except FAILURES:
                good = False
            seen.refused += not good
            times.append(time.monotonic() - begun)
            await asyncio.sleep(pause)

    async def search(turn: int) -> bool:
        return (await ask(port, "POST", "/api/search", *photos[turn % 40], source=None))[0] == 200

    async def page(turn: int) -> bool:
        return await tab.run(f"q={turn % 20}") > 0

    async def health(_turn: int) -> bool:
        return (await ask(port, "GET", "/api/health", "text/plain", b"", source=None))[0] == 200

    async def weigh() -> None:
        while time.monotonic() < until:
            seen.memory.append(memory(process))
            await asyncio.sleep(0.25)

    await asyncio.gather(
        again(seen.searches, 0.2, search), again(seen.pages, 0.3, page), again(seen.health, 0.1, health), weigh()
    )
    return seen


async def run(port: int, process: int, names: list[str], seconds: float) -> dict[str, Seen]:
    """What was seen without an attack and beside each."""
    tab = Tab(port)
    await tab.open()
    await tab.run()
    await watch(port, process, 3, tab)
    found = {"none": await watch(port, process, seconds, tab)}
    print(row("none", found["none"], found["none"]), flush=True)
    for name in names:
        words = [sys.executable, "-m", "benchmarks.attackers", name, str(port), str(seconds), str(process)]
        with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.DEVNULL) as attacker:
            try:
                seen = found[name] = await watch(port, process, seconds + 2, tab)
            finally:
                attacker.terminate()
        end = time.monotonic() + REST
        while (now := memory(process)) >= AFTER and time.monotonic() < end:
            await asyncio.sleep(1)
        seen.after = now
        print(row(name, seen, found["none"]), flush=True)
    await tab.close()
    return found


def percentile(times: list[float], share: float) -> float:
    """Milliseconds."""
    return float(np.percentile(times or [np.nan], share)) * 1_000


def row(name: str, seen: Seen, calm: Seen) -> str:
    """A line of the table."""
    cells = [name]
    for times, before in ((seen.searches, calm.searches), (seen.pages, calm.pages)):
        cells += [f"{percentile(times, 50):.0f}", f"{percentile(times, 95):.0f}"]
        cells.append(f"{percentile(times, 95) / percentile(before, 95):.1f}")
    cells += [str(seen.refused), f"{percentile(seen.health, 100):.0f}", f"{max(seen.memory):.0f}", f"{seen.after:.0f}"]
    return "| " + " | ".join(cells) + " |"


HEAD = """| attack | search p50 ms | p95 | times | page p50 ms | p95 | times | refused | health ms | MB | MB later |
|---|---|---|---|---|---|---|---|---|---|---|"""


def missed(found: dict[str, Seen]) -> list[str]:
    """The bounds that were missed."""
    calm, lines = found["none"], []
    for name, seen in found.items():
        for what, times, before in (("search", seen.searches, calm.searches), ("page", seen.pages, calm.pages)):
            slower = percentile(times, 95) / percentile(before, 95)
            lines += [f"{name}: {what} {slower:.1f} times slower"] if not slower <= SLOWER else []
        lines += [f"{name}: health after {max(seen.health):.2f} s"] if max(seen.health) > HEALTH else []
        lines += [f"{name}: {max(seen.memory):.0f} MB"] if max(seen.memory) > PEAK else []
        lines += [f"{name}: {seen.after:.0f} MB after a minute"] if seen.after >= AFTER else []
        lines += [f"{name}: {seen.refused} requests were refused or broke"] if seen.refused else []
    return lines


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20, help="of each attack")
    parser.add_argument("--only", nargs="+", choices=list(ATTACKS), default=list(ATTACKS), metavar="NAME")
    given = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f} at the start, {os.cpu_count()} cores\n\n{HEAD}", flush=True)
    with tempfile.TemporaryDirectory(prefix="attack-") as folder:
        prepare(Path(folder))
        with server(Path(folder)) as (port, process):
            lines = missed(asyncio.run(run(port, process, given.only, given.seconds)))
    for line in lines:
        print(f"MISSED {line}")
    return int(bool(lines))


if __name__ == "__main__":
    needs.run(main)
