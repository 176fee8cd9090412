"""Signals at seeded moments of every command that takes time: how it ends, what it leaves, how it goes on.

    python -m tests.processes.signals [--count 100] [--only precompute …] [--seed 1]

Of every sixteen tries two come within the first 50 ms, one at the end, four are two signals within 20 ms, and four are
sent to the whole process group, as a terminal does; most of those of ``precompute`` come while features are extracted.
After each series of tries one run is let go to its end: its result must be, to the byte, that of an undisturbed run.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests import heed_signals
from tests.processes import signal_jobs as jobs

LINGER = 5.0
"""Seconds that a child may still take when its caller has ended."""
STUCK = 60.0
SERVED = 3.0
"""Seconds after its start in which the server, too, is told to end."""
SAYS = {1: "ended with its terminal", 2: "interrupted", 15: "ended;"}
NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL)


@dataclass
class Row:
    """What came of all tries of one command with one signal."""

    name: str
    number: int
    tries: int = 0
    early: int = 0
    """Ended before the signal."""
    codes: Counter = field(default_factory=Counter)
    young: int = 0
    """Ended by the signal itself, for the interpreter was still starting."""
    crashes: int = 0
    tracebacks: int = 0
    leftovers: int = 0
    resumed: int = 0
    ends: int = 0
    """Runs that were let go to the end; ``resumed`` of them to the same bytes."""
    answered: int = 0
    """Requests."""
    slowest: float = 0.0
    slow: list = field(default_factory=list)
    """Moments after which the end took more than 2 s."""
    faults: list = field(default_factory=list)

    def cells(self):
        said = " ".join(f"{code}×{count}" for code, count in sorted(self.codes.items()))
        same = f"{self.resumed}/{self.ends}" if self.ends else "–"
        row = [self.name, signal.Signals(self.number).name, self.tries, self.early, said, self.young]
        return [*row, self.crashes, self.tracebacks, self.leftovers, same, f"{self.slowest:.1f}", len(self.faults)]


HEADS = ["command", "signal", "tries", "ended before", "exit codes", "while Python starts", "crashes", "tracebacks"]
HEADS += ["leftovers", "same bytes", "slowest end, s", "faults"]


def descendants(pid):
    """(pid, time of start) of all processes below one, for a pid may be given anew."""
    parents = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            parents[int(entry.name)] = (int(fields[1]), fields[19], fields[0])
    found, grown = {pid}, True
    while grown:
        more = {child for child, (parent, _, _) in parents.items() if parent in found} - found
        found, grown = found | more, bool(more)
    return {(child, parents[child][1]) for child in found - {pid}}


def marked(mark):
    """Processes that were started below a try."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if f"SIGNALS_MARK={mark}".encode() in (entry / "environ").read_bytes().split(b"\0"):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                found.add((int(entry.name), fields[19]))
    return found


def alive(process):
    pid, start = process
    with suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return fields[19] == start and fields[0] != "Z"
    return False


class Try:
    """One run of a job, with a signal after ``delay`` seconds; ``manner`` is once, twice or group."""

    def __init__(self, job, folder, number, delay, manner):
        self.delay = delay
        self.mark = f"{os.getpid()}.{time.monotonic_ns()}"
        with tempfile.TemporaryFile() as err:
            process = subprocess.Popen(
                job.argv(folder),
                cwd=jobs.ROOT,
                env=job.environment(folder, self.mark),
                stdout=subprocess.DEVNULL,
                stderr=err,
                start_new_session=True,
            )
            client = job.client() if job.client else None
            with suppress(subprocess.TimeoutExpired):
                process.wait(delay)
            self.early = process.poll() is not None
            self.children = descendants(process.pid)
            begun = time.monotonic()
            if client:
                client.told.set()
            self._send(process, number, manner)
            try:
                process.wait(STUCK)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            self.seconds = time.monotonic() - begun
            self.code = process.returncode
            self.cut, self.statuses = self._close(client)
            err.seek(0)
            self.said = err.read().decode(errors="replace")
        self.children |= marked(self.mark)

    def _send(self, process, number, manner):
        for again in range(2 if manner == "twice" else 1):
            time.sleep(0.02 * again)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, number) if manner == "group" else process.send_signal(number)

    @staticmethod
    def _close(client):
        if not client:
            return [], []
        client.close()
        return client.cut, client.statuses

    def left(self):
        """Processes that do not end."""
        until = time.monotonic() + LINGER
        while (still := [process for process in self.children if alive(process)]) and time.monotonic() < until:
            time.sleep(0.02)
        return still


def judge(job, folder, number, one, row):
    """Count a try that ended with a signal, and note what should not be."""
    faults = []
    row.codes[one.code] += 1
    row.slowest = max(row.slowest, one.seconds)
    ours = [line for line in one.said.splitlines() if line.startswith("semsearch:")]
    young = job.quiet and number != signal.SIGKILL and not ours and was_young(one, number)
    row.young += young
    if one.code != job.codes[number] and not young:
        faults.append(f"exit code {one.code}")
        row.crashes += one.code < 0
    if job.quiet and not young and number != signal.SIGKILL:
        if one.said.splitlines() != ours or len(ours) != 1 or SAYS[number] not in ours[0]:
            faults.append("other words than one line")
        row.tracebacks += "Traceback" in one.said
    if still := one.left():
        row.leftovers += 1
        faults.append(f"processes left: {still}")
    faults += job.problems(folder)
    faults += [f"a file left by an ended process: {path}" for path in swept(job, folder)]
    if number != signal.SIGKILL:
        faults += [f"a request without an answer: {cut}" for cut in one.cut]
    faults += [f"an answer {status}" for status in one.statuses if status not in (200, 503)]
    row.answered += len(one.statuses)
    if one.seconds > 2:
        row.slow.append(round(one.delay, 3))
    return faults


def swept(job, folder):
    """Temporary files that are there still when the next command has been started."""
    if not leftovers(folder / "home"):
        return []
    words = [sys.executable, "-m", "semsearch", "models", "list", "--json"]
    subprocess.run(words, cwd=jobs.ROOT, env=job.environment(folder), capture_output=True, timeout=60, check=True)
    return leftovers(folder / "home")


def was_young(one, number):
    """Whether Python was still starting: no module of ours was at work but those that put our handlers in place."""
    fatal = one.code == 1 and any(words in one.said for words in ("init_import_site", "Could not import runpy module"))
    files = [line.split('"')[1] for line in one.said.splitlines() if line.strip().startswith('File "')]
    ours = {Path(file).name for file in files if "/semsearch/" in file}
    return (fatal or one.code == -number) and ours <= {"__init__.py", "__main__.py", "interrupts.py"}


def moments(rng, count, span, window):
    """(delay, manner) of each try; most of them in the window, where there is one."""
    plan = []
    for place in range(count):
        kind = place % 8
        low, high = window if window and place % 16 not in (0, 4, 8, 15) else (0.0, span)
        delay = rng.uniform(0, 0.05) if kind == 0 else rng.uniform(0.9, 1.0) * span if place % 16 == 4 else None
        manner = "twice" if kind in (2, 7) else "group" if kind in (3, 6) else "once"
        plan.append((rng.uniform(low, high) if delay is None else delay, manner))
    rng.shuffle(plan)
    return plan


def undisturbed(job, folder):
    """(result, seconds, (from, to) of the extraction of features where it can be told)."""
    job.make(folder)
    begun = time.monotonic()
    process = subprocess.Popen(
        job.argv(folder), cwd=jobs.ROOT, env=job.environment(folder), stdout=subprocess.DEVNULL, start_new_session=True
    )
    if job.client:
        return {}, started(job, process) - begun + SERVED, None
    seen = {}
    while process.poll() is None:
        now = time.monotonic() - begun
        if (folder / "store" / ".work").exists():
            seen.setdefault("from", now)
            if descendants(process.pid):
                seen.setdefault("to", now)
        time.sleep(0.02)
        assert now < 600
    assert process.returncode == 0, f"{job.name} fails undisturbed"
    span = time.monotonic() - begun
    assert not leftovers(folder)
    return job.result(folder), span, (seen["from"], seen["to"]) if "to" in seen else None


def started(job, process):
    """When the server gave its first answer; it is ended again."""
    client = job.client()
    assert client.ready.wait(120)
    at = time.monotonic()
    client.close()
    process.terminate()
    process.wait(30)
    return at


def run(job, place, number, count, seed, told=lambda words: None):
    """The row of one command and one signal."""
    row, rng = Row(job.name, number), random.Random(f"{seed} {job.name} {number}")
    expected, span, window = undisturbed(job, place / "undisturbed")
    told(f"{job.name}: {span:.1f} s undisturbed, features in {window}")
    folder, since = place / "0", 0
    for delay, manner in moments(rng, count, span, window):
        if not folder.exists():
            folder = place / str(row.tries)
            job.make(folder)
        one = Try(job, folder, number, delay, manner)
        row.tries += 1
        since += 1
        if one.code == 0 and not job.client:  # or just then: the process was being taken down
            row.early += 1
            since = job.series
        else:
            faults = judge(job, folder, number, one, row)
            row.faults += [f"{manner} at {delay:.3f} s: {fault}; said {one.said[-800:]!r}" for fault in faults]
        if not job.client and (since >= job.series or row.tries == count):
            row.faults += resume(job, folder, expected, row)
            since = 0
            shutil.rmtree(folder)
    shutil.rmtree(place)
    if not set(row.codes) & set(job.codes.values()):
        row.faults.append("no try was interrupted")
    told(f"{job.name}: {row.answered} requests answered; slow ends after {row.slow} s; {row.faults}")
    return row


def resume(job, folder, expected, row):
    """Let the last run of a series go to its end; what is not as after an undisturbed run."""
    done = subprocess.run(
        job.argv(folder), cwd=jobs.ROOT, env=job.environment(folder), capture_output=True, timeout=900
    )
    row.ends += 1
    differ = sorted(set(job.result(folder).items()) ^ set(expected.items()))
    if done.returncode == 0 and not differ and not leftovers(folder):
        row.resumed += 1
        return []
    return [f"to the end: {done.returncode} {done.stderr[-300:]!r}, other files {differ[:4]}, {leftovers(folder)}"]


def leftovers(folder):
    """What no run may leave that went to its end."""
    return [str(path) for path in folder.rglob("*") if ".tmp" in path.name or path.name.endswith((".part", ".old"))]


def print_table(rows):
    cells = [HEADS, *([str(cell) for cell in row.cells()] for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEADS))]
    for place, line in enumerate(cells):
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |")
        if not place:
            print("|" + "|".join("-" * (width + 2) for width in widths) + "|")


def main(words=None):
    heed_signals()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=100, help="tries of each command with each signal")
    parser.add_argument("--only", nargs="+", help="names of commands")
    parser.add_argument("--seed", default="1")
    arguments = parser.parse_args(words)
    rows = []
    with tempfile.TemporaryDirectory(prefix="signals") as folder, ExitStack() as stack:
        for job in all_jobs(jobs.World(Path(folder)), stack):
            if arguments.only and job.name not in arguments.only:
                continue
            for number in NUMBERS:
                place = Path(folder) / job.name / number.name
                rows.append(run(job, place, number, arguments.count, arguments.seed, told=say))
                print_table(rows)
                sys.stdout.flush()
    for row in rows:
        for fault in row.faults:
            print(f"{row.name} {row.number}: {fault}")
    return 1 if any(row.faults for row in rows) else 0


def say(words):
    print(words, file=sys.stderr, flush=True)


def all_jobs(world, stack):
    """The commands, with the slow servers that they ask."""
    yield jobs.precompute_job(world)
    yield jobs.script_job(world)
    yield jobs.server_job(world)
    yield jobs.search_job(world)
    yield jobs.convert_job(world)
    yield jobs.pull_job(world, stack.enter_context(jobs.slow_site(jobs.index_files(world), 2)))
    if pictures := jobs.picture_files():
        yield jobs.fetch_job(world, stack.enter_context(jobs.slow_site(pictures, 2)))
    else:
        say("datasets fetch is left out: the pictures of iconic200 are not on this machine")


if __name__ == "__main__":
    sys.exit(main())
