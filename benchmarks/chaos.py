"""A server whose files are spoiled while it is used: no death, no wrong answer, well again at once.

    python -m benchmarks.chaos [--seconds 600] [--seed 1] [--no-pull]

Starts the app with real sets and a copy of the shipped store in a folder of its own. For ``--seconds`` one process
spoils files of cache and store (see mischief.py) while eight clients search over REST, whose answers are known
beforehand to the bit, and a browser looks around on all pages; halfway it gets a second model there. Allowed are
right answers and clear refusals (429, 503). Then all must be well within five seconds. What takes longer to make anew
is left in peace towards the end, for as long as this machine is measured to take. Prints a table; the exit code is 0
when every target was met.
"""

import argparse
import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import needs
from benchmarks.seen import Seen, report, verdict
from benchmarks.visitor import ADDRESSES, SECOND, Visitor
from semsearch import features
from semsearch.data import datasets
from semsearch.live import search
from semsearch.models import catalog, weights
from semsearch.models.catalog import FeatureSpec
from ui import pictures

ROOT = Path(__file__).resolve().parents[1]
CLIENTS, HANGS = 8, 30.0
PHOTOS = "groceries200"
OWN = tuple(f"own{number}" for number in range(4))
PLACES = [
    ("own0", "Conv_1", "flatten"),
    *((name, "Conv_1", "avg") for name in (PHOTOS, *OWN)),
    *((name, "block_12_expand", "max") for name in (PHOTOS, *OWN)),
]
"""More than are kept open, so that galleries are loaded again and again; one large enough to be mapped."""


@dataclass(frozen=True)
class Asked:
    """A search and its whole answer."""

    body: bytes
    kind: str
    matches: list[tuple[int, float]]


def prepare(folder: Path) -> tuple[Path, Path]:
    """A home with weights, pictures and own datasets of 25 photos, and a copy of the store."""
    home, store = folder / "home", folder / "store"
    os.environ["SEMSEARCH_HOME"], os.environ["SEMSEARCH_PRECOMPUTED"] = str(home), str(store)
    shutil.copytree(ROOT / "precomputed", store, ignore=shutil.ignore_patterns(".work"))
    weights.pull("mobilenetv2")
    found = datasets.fetch(PHOTOS)
    for number, name in enumerate(OWN):
        for item in found.items[number::8]:
            (folder / name / f"class {item.label}").mkdir(parents=True, exist_ok=True)
            shutil.copyfile(found.path(item.id), folder / name / f"class {item.label}" / f"{item.id}.jpg")
        datasets.add(name, folder / name)
    return home, store


def questions() -> list[Asked]:
    """Each place asked with two items and two pictures, answered by the library."""
    asked = []
    for name, layer, pooling in PLACES:
        spec, dataset = FeatureSpec("mobilenetv2", layer, pooling), datasets.load(name)
        fields = {"dataset": name, "model": spec.model, "layer": layer, "pooling": pooling, "metric": "cosine"}
        question = search.Question(name, spec, "cosine")
        for item in (1, len(dataset.items) - 2):
            photo = dataset.path(item).read_bytes()
            for given in (item, photo):
                found = search.search(given, question)
                body, kind = _body(fields, given)
                asked.append(Asked(body, kind, [(match.item, match.distance) for match in found.matches]))
    return asked


def _body(fields: dict[str, str], given: int | bytes) -> tuple[bytes, str]:
    if isinstance(given, int):
        return json.dumps({**fields, "item": given}).encode(), "application/json"
    edge = "edge-of-a-part"
    parts = [f'--{edge}\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n' for n, v in fields.items()]
    parts.append(f'--{edge}\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n')
    return "".join(parts).encode() + given + f"\r\n--{edge}--\r\n".encode(), f"multipart/form-data; boundary={edge}"


def ask(port: int, asked: Asked, seen: Seen) -> bool:
    """One search; True when its answer is right, and a fault noted when it is not what is allowed."""
    start = time.monotonic()
    try:
        status, said = _exchange(port, "POST", "/api/search", asked.body, {"Content-Type": asked.kind})
    except (OSError, http.client.HTTPException, ValueError) as error:
        seen.answers["broken"] += 1
        seen.faults.append(f"no answer: {error!r} after {time.monotonic() - start:.1f} s")
        return False
    seen.slowest = max(seen.slowest, time.monotonic() - start)
    if status == 200:
        right = [(match["item"], match["distance"]) for match in said["matches"]] == asked.matches
        seen.answers["200 right" if right else "200 WRONG"] += 1
        if not right:
            seen.faults.append(f"wrong answer: {asked.body[:150]!r}")
        return right
    refusal = said.get("error", {})
    seen.answers[f"{status} {refusal.get('kind', '?')}"] += 1
    seen.refusals.append(f"{refusal.get('message')} after {time.monotonic() - start:.1f} s: {asked.body[:150]!r}")
    if status not in (429, 503):
        seen.faults.append(f"{status}: {said}")
    return False


def _exchange(port: int, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=HANGS)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def client(port: int, asked: list[Asked], number: int, over: threading.Event, seen: Seen) -> None:
    """Search after search, a few of one place before the next; now and then what the server says of itself."""
    turn = 0
    while not over.is_set():
        turn += 1
        place = (number + turn // 25) % len(PLACES)
        ask(port, asked[4 * place + turn % 4], seen)
        if turn % 50 == 0:
            for path in ("/api/health", "/api/datasets", "/api/models"):
                _look(port, path, seen)
        time.sleep(0.02)


def _look(port: int, path: str, seen: Seen) -> None:
    try:
        status, _ = _exchange(port, "GET", path, None, {})
    except (OSError, http.client.HTTPException, ValueError) as error:
        seen.faults.append(f"{path}: {error!r}")
        return
    seen.answers[f"{path} {status}"] += 1
    if status != 200:
        seen.faults.append(f"{path}: {status}")


@contextmanager
def server(folder: Path) -> Iterator[tuple[int, "subprocess.Popen[bytes]"]]:
    """The app, started as a keeper would; its port and process."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", str(ROOT / "server.py"), "--server.port", str(port)]
    env = {**os.environ, "SEMSEARCH_RATE": "1000000", "PYTHONPATH": str(ROOT)}
    with (folder / "server.log").open("wb") as log:
        running = subprocess.Popen(command, cwd=ROOT, env=env, stdout=log, stderr=log)
        try:
            for _ in range(300):
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    time.sleep(0.2)
            yield port, running
        finally:
            running.terminate()
            running.wait(20)


def watch(process: int, over: threading.Event, seen: Seen) -> None:
    """Resident megabytes of the server, twice a second; its children, which decode and convert, are not counted."""
    while not over.wait(0.5):
        try:
            status = Path(f"/proc/{process}/status").read_text()
        except OSError:
            return
        if found := re.search(r"VmRSS:\s+(\d+) kB", status):
            seen.memory.append(int(found[1]) / 1024)


def needed() -> float:
    """Seconds in which this machine makes anew, beside those who search, all features that can be spoiled.

    All are four times those of groceries200, and who searches leaves about a quarter of the machine to them.
    """
    network, dataset = features.FeatureExtractor([FeatureSpec("mobilenetv2", "Conv_1", "avg")]), datasets.load(PHOTOS)
    start = time.monotonic()
    network.extract(dataset.path(item.id) for item in dataset.items)
    return max(10.0, 16 * (time.monotonic() - start))


def spoil(folder: Path, seconds: float, seed: int, quiet: float, seen: Seen) -> None:
    """Run the mischief to its end and count its deeds."""
    given = (folder / "home", folder / "store", seconds, seed, folder / "spare", quiet)
    command = [sys.executable, "-m", "benchmarks.mischief", *map(str, given)]
    with (folder / "mischief.log").open("w+") as log:
        subprocess.run(command, cwd=ROOT, stdout=log, check=True, timeout=seconds + 60)
        log.seek(0)
        for line in log:
            if deed := json.loads(line).get("how"):
                seen.deeds[f"{json.loads(line)['kind']}: {deed}"] += 1


def _last_fault(port: int, asked: list[Asked], after: Seen, stopped: float) -> float:
    """Seconds from ``stopped`` to the last answer that was not right; every question is right once after it."""
    last, right = stopped, 0
    while right < len(asked) and time.monotonic() - stopped < 60:
        for one in asked:
            good = ask(port, one, after)
            last, right = (last, right + 1) if good else (time.monotonic(), 0)
    return last - stopped


def run(folder: Path, *, seconds: float, seed: int, pull: bool, quiet: float | None = None) -> Seen:
    """All of it, with ``quiet`` seconds at the end, by default ``needed``; the figures."""
    seen, over, visited, wanted = Seen(after=Seen()), threading.Event(), threading.Event(), threading.Event()
    prepare(folder)
    asked = questions()
    seen.quiet = quiet or needed()
    shutil.rmtree(pictures.FOLDER / PHOTOS, ignore_errors=True)
    with server(folder) as (port, process):
        while not all([ask(port, one, Seen()) for one in asked]):
            time.sleep(0.5)
        visitor = Visitor(port, seen, visited, wanted)
        jobs = [threading.Thread(target=client, args=(port, asked, n, over, seen), daemon=True) for n in range(CLIENTS)]
        jobs.append(threading.Thread(target=watch, args=(process.pid, over, seen), daemon=True))
        for job in (*jobs, visitor):
            job.start()
        if pull:
            threading.Timer(seconds / 2, wanted.set).start()
        spoil(folder, seconds, seed, seen.quiet, seen)
        stopped, after = time.monotonic(), seen.after or Seen()
        seen.well = _last_fault(port, asked, after, stopped)
        visited.set()
        visitor.join(120)
        over.set()
        for job in jobs:
            job.join(HANGS + 5)
        seen.deaths = int(process.poll() is not None)
        if not all(visitor.whole.get(pattern) for pattern in ADDRESSES):
            seen.faults.append(f"pages that are not whole afterwards: {visitor.whole}")
    return seen


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--no-pull", action="store_true")
    given = parser.parse_args()
    assert SECOND in catalog.models()
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        seen = run(Path(folder), seconds=given.seconds, seed=given.seed, pull=not given.no_pull)
        log = (Path(folder) / "server.log").read_text(errors="replace")
    report(seen)
    missed = verdict(seen)
    for line in missed[:40]:
        print(f"MISSED {line}")
    print(f"{len(missed)} targets missed; the server wrote {len(log):,} characters of log")
    if missed:
        Path("chaos.log").write_text(log)
    return int(bool(missed))


if __name__ == "__main__":
    needs.run(main)
