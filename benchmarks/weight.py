"""What opening each page costs a visitor: requests, bytes and seconds, cold and warm, on three networks.

    python -m benchmarks.weight [--rounds 3]

Starts the app with the shipped store and opens its pages in Chromium: cold in a fresh profile, warm in the same one
again. The slower networks are those of phones, and go with a quarter of this machine's processor. Bytes are those that
come over the network, of the WebSocket too, which Chromium does not slow down. "first picture" is when the first match
has its picture, on Embeddings the map its points; "all" when nothing more comes.
"""

import base64
import os
import shutil
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from benchmarks import needs
from benchmarks.screenshots import FLAGS, app

PAGES = {"Search": "", "Live search": "live", "Embeddings": "map", "Guide": "learn"}
SIGNS = {
    "Search": "ol.matches img",
    "Live search": "ol.matches img",
    "Embeddings": ".panels .main-svg",
    "Guide": "ol.pictures img",
}
"""By page: what has come when the page has an answer."""
SEEN = "one => one.tagName !== 'IMG' || (!one.hidden && one.complete && one.naturalWidth > 0)"
MEGABYTES = {"Search": 1.5, "Live search": 2.0}
"""Targets: of the first visit."""
SETTLED = 60.0
"""Seconds until a server has cut its fonts, and compressed as well as it can what it was asked for."""
SECONDS = {("Live search", "1.6 Mbit/s"): 6.0}
"""Targets: until the first picture of a first visit."""


@dataclass(frozen=True)
class Network:
    """How fast a visitor's network and processor are."""

    name: str
    megabits: float
    """A second; 0 is no limit."""
    milliseconds: float
    """Until an answer begins to come."""
    slower: float
    """How many times as slow the processor is as here."""


NETWORKS = (
    Network("here", 0, 0, 1),
    Network("9 Mbit/s", 9, 60, 4),
    Network("1.6 Mbit/s", 1.6, 150, 4),
)


@dataclass(frozen=True)
class Visit:
    """What one visit of a page took."""

    requests: float
    megabytes: float
    first: float
    """Seconds until the first picture."""
    all: float
    """Seconds until nothing more came."""


class Meter:
    """Counts what comes into a tab of the browser from now on."""

    def __init__(self, tab: Any, network: Network) -> None:  # noqa: ANN401 - playwright's page, imported late
        """Slow the tab down to that network and processor."""
        self.requests = self.bytes = 0
        self._begun = self._ended = 0.0
        session = tab.context.new_cdp_session(tab)
        session.on("Network.requestWillBeSent", self._asked)
        session.on("Network.loadingFinished", self._came)
        session.on("Network.webSocketFrameReceived", self._frame)
        session.send("Network.enable")
        speed = network.megabits * 1e6 / 8 or -1
        limits = {"latency": network.milliseconds, "downloadThroughput": speed, "uploadThroughput": speed}
        session.send("Network.emulateNetworkConditions", {"offline": False, **limits})
        session.send("Emulation.setCPUThrottlingRate", {"rate": network.slower})

    @property
    def seconds(self) -> float:
        """From the first request until the last answer."""
        return self._ended - self._begun

    def _asked(self, event: dict[str, Any]) -> None:
        self._begun = self._begun or event["timestamp"]

    def _came(self, event: dict[str, Any]) -> None:
        if event["encodedDataLength"] > 0:  # else the browser had it
            self.requests += 1
            self.bytes += round(event["encodedDataLength"])
            self._ended = max(self._ended, event["timestamp"])

    def _frame(self, event: dict[str, Any]) -> None:
        data = event["response"]["payloadData"]
        self.bytes += len(base64.b64decode(data)) if event["response"]["opcode"] == 2 else len(data)
        self._ended = max(self._ended, event["timestamp"])


def visit(context: Any, address: str, page: str, network: Network) -> Visit:  # noqa: ANN401
    """Open a page in a new tab of a profile and wait until it is there."""
    tab = context.new_page()
    meter = Meter(tab, network)
    start = time.perf_counter()
    tab.goto(address + PAGES[page], wait_until="commit")
    sign = tab.locator(SIGNS[page]).first
    sign.wait_for(timeout=120_000)
    while not sign.evaluate(SEEN):
        tab.wait_for_timeout(20)
    first = time.perf_counter() - start
    tab.locator("[data-test-script-state=notRunning]").wait_for(state="attached")
    tab.wait_for_load_state("networkidle")
    tab.close()
    return Visit(meter.requests, meter.bytes / 1e6, first, meter.seconds)


@contextmanager
def chromium() -> Iterator[Any]:
    """The browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        yield started
        started.close()


def visits(browser: Any, address: str, page: str, network: Network, rounds: int) -> list[Visit]:  # noqa: ANN401
    """The medians of first visits and of second ones."""
    taken: list[tuple[Visit, Visit]] = []
    for _ in range(rounds):
        context = browser.new_context()
        taken.append((visit(context, address, page, network), visit(context, address, page, network)))
        context.close()
    return [_median(same) for same in zip(*taken, strict=True)]


def _median(same: tuple[Visit, ...]) -> Visit:
    names = ("requests", "megabytes", "first", "all")
    return Visit(*(statistics.median(getattr(one, name) for one in same) for name in names))


def targets(page: str, network: str, cold: Visit) -> Iterator[str]:
    """A line for each target of a first visit."""
    bounds = [(cold.megabytes, MEGABYTES.get(page), "MB"), (cold.first, SECONDS.get((page, network)), "s")]
    for value, most, unit in bounds:
        if most is not None:
            met = "met" if value <= most else "MISSED"
            yield f"{page}, {network}: {value:.2f} {unit} (target ≤ {most:g}: {met})"


def main() -> None:
    """Visit all pages and print the table."""
    rounds = needs.rounds(__doc__, 3)
    needs.live_search()
    print(f"load {os.getloadavg()[0]:.1f} at the start, medians of {rounds} rounds\n")
    print("| page | visit | network | processor | requests | MB | first picture s | all s |\n" + "|---" * 8 + "|")
    told: list[str] = []
    with app() as address, chromium() as browser:
        for page in PAGES:
            visits(browser, address, page, NETWORKS[0], 1)
        time.sleep(SETTLED)
        for page in PAGES:
            for network in NETWORKS:
                cold, warm = visits(browser, address, page, network, rounds)
                for name, one in (("cold", cold), ("warm", warm)):
                    print(
                        f"| {page} | {name} | {network.name} | 1/{network.slower:g} | {one.requests:.0f} | "
                        f"{one.megabytes:.2f} | {one.first:.1f} | {one.all:.1f} |"
                    )
                told += targets(page, network.name, cold)
    print("\n" + "\n".join(told))


if __name__ == "__main__":
    needs.run(main)
