"""Many users at once: requests a second and latency, beside the same app with ``model.predict`` under a lock.

    python -m benchmarks.serving [--seconds 15] [--rounds 3] [--soak 300]

Two servers are started, the app and the app of benchmarks/predict_server.py; 16 clients over HTTP ask the one, then
the other, in turns, with photos of groceries200 and MobileNetV2; then 64 clients ask the app for ``--soak`` seconds,
and 256 clients ask it all at the same moment. Each request carries a fingerprint and a photo that must find itself,
so that an answer meant for another is seen. Clients and servers share the machine.
"""

import argparse
import asyncio
import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import uvloop

from benchmarks import needs
from semsearch.data import datasets

ROOT = Path(__file__).resolve().parents[1]
FIELDS = {"dataset": "groceries200", "model": "mobilenetv2", "layer": "Conv_1", "pooling": "avg", "metric": "cosine"}
CLIENTS, MANY, FLOOD = 16, 64, 256


@dataclass
class Seen:
    """What clients saw; seconds of each answer by status."""

    took: dict[int, list[float]] = field(default_factory=dict)
    crossed: int = 0
    broken: int = 0

    def count(self, status: int) -> int:
        """How many answers had that status."""
        return len(self.took.get(status, []))

    def percentile(self, share: float, status: int = 200) -> float:
        """Milliseconds."""
        return float(np.percentile(self.took.get(status) or [np.nan], share)) * 1_000


def memory(process: int) -> float:
    """Resident megabytes of a process and its children."""
    folder = Path(f"/proc/{process}")
    own = next(int(line.split()[1]) for line in (folder / "status").read_text().splitlines() if "VmRSS" in line)
    children = (folder / "task" / str(process) / "children").read_text().split()
    return own / 1024 + sum(memory(int(child)) for child in children)


@contextmanager
def server(script: str) -> Iterator[tuple[int, int]]:
    """A started server that answered a first search; its port and process."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", script, "--server.port", str(port)]
    env = {**os.environ, "SEMSEARCH_RATE": "1000000", "PYTHONPATH": str(ROOT)}
    with tempfile.TemporaryFile() as log:
        running = subprocess.Popen(command, cwd=ROOT, env=env, stdout=log, stderr=log)
        try:
            asyncio.run(_ready(port, script))
            yield port, running.pid
        finally:
            running.terminate()
            running.wait()


async def _ready(port: int, script: str) -> None:
    for _ in range(600):
        try:
            seen = Seen()
            await _ask(port, _requests()[0], seen)
            if seen.count(200):
                return
        except OSError:
            pass
        await asyncio.sleep(0.2)
    raise SystemExit(f"{script} did not answer a first search within two minutes")


def _requests() -> list[tuple[int, bytes, bytes]]:
    """(item, head and body before the fingerprint, body after it) of each photo."""
    found, edge = datasets.load("groceries200"), "edge-of-a-part"
    result = []
    for item in found.items:
        parts = [f'--{edge}\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n' for n, v in FIELDS.items()]
        parts.append(f'--{edge}\r\nContent-Disposition: form-data; name="image"; filename="{item.id}.jpg"\r\n')
        photo = found.path(item.id).read_bytes()
        before = "".join(parts).encode() + b"Content-Type: image/jpeg\r\n\r\n" + photo
        before += f'\r\n--{edge}\r\nContent-Disposition: form-data; name="fingerprint"\r\n\r\n'.encode()
        after = f"\r\n--{edge}--\r\n".encode()
        head = (
            f"POST /api/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary={edge}\r\n"
            f"Content-Length: {len(before) + 16 + len(after)}\r\n\r\n"
        )
        result.append((item.id, head.encode() + before, after))
    return result


async def _ask(port: int, asked: tuple[int, bytes, bytes], seen: Seen) -> None:
    """One request on a connection of its own."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        await _exchange(reader, writer, asked, seen)
    finally:
        writer.close()


async def _exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asked: tuple[int, bytes, bytes], seen: Seen
) -> None:
    item, before, after = asked
    fingerprint = secrets.token_hex(8)
    start = time.perf_counter()
    writer.write(before + fingerprint.encode() + after)
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    status = int(head.split(b" ", 2)[1])
    body = await reader.readexactly(int(head.split(b"content-length:")[1].split(b"\r\n")[0]))
    seen.took.setdefault(status, []).append(time.perf_counter() - start)
    if status == 200:
        answer = json.loads(body)
        first = answer["matches"][0]
        seen.crossed += answer["fingerprint"] != fingerprint or first["item"] != item or first["distance"] > 1e-5


async def _stay(port: int, asked: list[tuple[int, bytes, bytes]], number: int, until: float, seen: Seen) -> None:
    """One client: request after request on one connection until the time is over."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        while time.perf_counter() < until:
            number = (number + 7) % len(asked)
            try:
                await _exchange(reader, writer, asked[number], seen)
            except (OSError, asyncio.IncompleteReadError):
                seen.broken += 1
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
    finally:
        writer.close()


def load(port: int, clients: int, seconds: float) -> tuple[float, Seen]:
    """(answers with status 200 a second, what was seen) of clients that ask one request after the other."""
    asked, seen = _requests(), Seen()

    async def all_of_them() -> None:
        until = time.perf_counter() + seconds
        await asyncio.gather(*(_stay(port, asked, 11 * number, until, seen) for number in range(clients)))

    start = time.perf_counter()
    uvloop.run(all_of_them())
    return seen.count(200) / (time.perf_counter() - start), seen


def flood(port: int, clients: int) -> Seen:
    """That many clients, connected before, ask at the same moment, once each."""
    asked, seen = _requests(), Seen()

    async def all_of_them() -> None:
        pairs = [await asyncio.open_connection("127.0.0.1", port) for _ in range(clients)]
        jobs = [_exchange(*pair, asked[n % len(asked)], seen) for n, pair in enumerate(pairs)]
        found = await asyncio.gather(*jobs, return_exceptions=True)
        seen.broken += sum(isinstance(one, BaseException) for one in found)
        for _, writer in pairs:
            writer.close()

    uvloop.run(all_of_them())
    return seen


def _verdict(met: bool) -> str:
    return "met" if met else "MISSED"


def compare(ours: int, theirs: int, seconds: float, rounds: int) -> None:
    """Print requests a second and latency of both, asked in turns, and their ratios."""
    rates: dict[str, list[float]] = {"semsearch": [], "predict under a lock": []}
    highs: dict[str, list[float]] = {name: [] for name in rates}
    print(f"{CLIENTS} clients, medians of {rounds} rounds\n| app | requests/s | p50 ms | p95 ms |\n|---|---|---|---|")
    middles: dict[str, list[float]] = {name: [] for name in rates}
    for _ in range(rounds):
        for name, port in (("predict under a lock", theirs), ("semsearch", ours)):
            rate, seen = load(port, CLIENTS, seconds)
            assert not seen.crossed and not seen.broken and set(seen.took) == {200}, (name, seen.took.keys())
            rates[name].append(rate)
            middles[name].append(seen.percentile(50))
            highs[name].append(seen.percentile(95))
    for name in rates:
        numbers = [float(np.median(values)) for values in (rates[name], middles[name], highs[name])]
        print(f"| {name} | {numbers[0]:.1f} | {numbers[1]:.0f} | {numbers[2]:.0f} |")
    faster = np.median(rates["semsearch"]) / np.median(rates["predict under a lock"])
    sooner = np.median(highs["predict under a lock"]) / np.median(highs["semsearch"])
    print(f"requests/s: {faster:.1f} times (target ≥ 12: {_verdict(bool(faster >= 12))})")
    print(f"p95: 1/{sooner:.1f} (target ≤ 1/15: {_verdict(bool(sooner >= 15))})", flush=True)


def endure(port: int, soak: float) -> None:
    """Print how many answers were wrong, with many clients for long."""
    rate, seen = load(port, MANY, soak)
    errors = seen.broken + sum(len(took) for status, took in seen.took.items() if status != 200)
    print(f"\n{MANY} clients for {soak:.0f} s: {seen.count(200):,} answers, {rate:.1f} a second, p95 ", end="")
    print(f"{seen.percentile(95):.0f} ms, {errors} errors, {seen.crossed} crossed (target 0 and 0: ", end="")
    print(_verdict(not errors and not seen.crossed) + ")", flush=True)


def overflow(port: int) -> None:
    """Print what more clients than there is room for are told."""
    seen = flood(port, FLOOD)
    slowest = max(seen.took.get(503, [0.0])) * 1_000
    rest = seen.broken + FLOOD - seen.count(200) - seen.count(503) + seen.crossed
    print(f"\n{FLOOD} clients at once: {seen.count(200)} served, {seen.count(503)} told busy, the last of them after ")
    print(f"{slowest:.0f} ms (target ≤ 200: {_verdict(slowest <= 200)}), {rest} anything else (target 0)", flush=True)


def main() -> None:
    """Start both servers, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--soak", type=float, default=300)
    given = parser.parse_args()
    needs.get(models=[FIELDS["model"]], sets=["groceries200"])
    print(f"load {os.getloadavg()[0]:.1f} at the start, {os.cpu_count()} cores")
    with server("server.py") as (ours, process):
        with server("benchmarks/predict_server.py") as (theirs, _):
            compare(ours, theirs, given.seconds, given.rounds)
        endure(ours, given.soak)
        overflow(ours)
        print(f"\nmemory of the app and its decoders after that: {memory(process):.0f} MB")


if __name__ == "__main__":
    needs.run(main)
