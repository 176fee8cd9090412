"""From a click to changed pictures, and how far the page moves meanwhile.

    python -m benchmarks.clicks [--rounds 5]

Starts the app with the shipped store and presses in Chromium what visitors press most, each kind ``--rounds`` times in
one tab. A click has its answer when what it changes has changed and every picture in view has its pixels. The shift is
the sum that the browser reports (0 where nothing moved), those within half a second of a click counted too. Every wait
is the browser's own; nothing is added by this program, which waits a second between two clicks.
"""

import os
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks import needs
from benchmarks.screenshots import app
from benchmarks.weight import chromium

MILLISECONDS, SHIFT, REFUSAL = 300, 0.002, 0.05
"""Targets, of medians: until the answer, shift of a click, shift of a refusal. A number that becomes a figure wider in
its place counts up to 0.001."""
METER = """
window.meter = { clicked: 0, shift: 0 }
addEventListener("click", (event) => { meter.clicked = event.timeStamp }, true)
new PerformanceObserver((list) => { for (const one of list.getEntries()) meter.shift += one.value })
  .observe({ type: "layout-shift", buffered: true })
meter.deep = (selector, root = document) => [
  ...root.querySelectorAll(selector),
  ...[...root.querySelectorAll("*")].flatMap((one) => (one.shadowRoot ? meter.deep(selector, one.shadowRoot) : [])),
]
meter.seen = (one) => one.getClientRects().length > 0
meter.sign = (selector) => meter.deep(selector).filter(meter.seen)
  .map((one) => [one.getAttribute("src"), one.getAttribute("aria-label"), one.textContent].join()).join()
meter.whole = (one) => !meter.seen(one) || one.loading === "lazy" || (one.complete && one.naturalWidth > 0)
meter.begin = (selector) => {
  const before = meter.sign(selector)
  Object.assign(meter, { shift: 0, clicked: performance.now() })
  meter.answer = new Promise((done) => {
    const look = () => {
      const now = meter.sign(selector)
      if (now && now !== before && meter.deep("ol img").every(meter.whole)) done(performance.now() - meter.clicked)
      else requestAnimationFrame(look)
    }
    look()
  })
}
"""
TILE = "ol.matches li button.tile"
CHART = ".js-plotly-plot, ol.matches"
TABLE = "[data-testid=stDataFrame], ol.matches"
MATCHES = "ol.matches li .tile, ol.matches img"


@dataclass(frozen=True)
class Kind:
    """A click that visitors make."""

    name: str
    address: str
    """Of the page it is made on."""
    press: Callable[[Any, int], None]
    """Makes it, with the tab and the number of the round."""
    sign: str
    """Selector of what it changes."""
    shift: float | None = SHIFT
    """Target; none for what shows another view."""


def option(tab: Any, label: str, step: int) -> None:  # noqa: ANN401 - playwright's page, imported late
    """Choose, with the keyboard's place in the list, the option after or before the one that is chosen."""
    box = tab.get_by_role("combobox", name=label).first
    box.click()
    tab.wait_for_timeout(300)
    options = tab.get_by_role("option")
    options.nth(1 + step % 2).click()


def segment(*names: str) -> Callable[[Any, int], None]:
    """Presses one of several buttons in turns."""
    return lambda tab, turn: tab.get_by_role("radio", name=names[turn % len(names)], exact=True).click()


def link(*names: str) -> Callable[[Any, int], None]:
    """Goes from page to page in turns."""
    return lambda tab, turn: tab.get_by_role("link", name=names[turn % len(names)], exact=True).click()


def upload(name: str, content: bytes) -> Callable[[Any, int], None]:
    """Gives a file of this device to Live search."""

    def press(tab: Any, turn: int) -> None:  # noqa: ANN401
        file = {"name": f"{turn}{name}", "mimeType": "image/jpeg", "buffer": content}
        tab.locator(".upload input[type=file]").set_input_files([file])

    return press


def kinds(photos: list[bytes]) -> list[Kind]:
    """All clicks that are timed; ``photos`` are files to upload."""
    search, maps, live = "?welcome=no&q=28", "map?q=123", "live?q=28"

    def button(name: str, number: int = 0) -> Callable[[Any, int], None]:
        return lambda tab, _: tab.get_by_role("button", name=name).nth(number).click()

    def upload_next(tab: Any, turn: int) -> None:  # noqa: ANN401
        upload(".jpg", photos[turn % len(photos)])(tab, turn)

    def match(tab: Any, turn: int) -> None:  # noqa: ANN401
        tab.locator(TILE).nth(2 + turn).click()

    def compare(tab: Any, _: int) -> None:  # noqa: ANN401
        tab.get_by_text("Compare two settings").first.click()

    return [
        Kind("Search: a match", search, match, MATCHES),
        Kind("Search: Next", search, button("Next"), MATCHES),
        Kind("Search: layer", search, lambda tab, turn: option(tab, "Layer", turn), MATCHES),
        Kind("Search: metric", search, lambda tab, turn: option(tab, "Metric", turn), MATCHES),
        Kind("Search: model", search, lambda tab, turn: option(tab, "Model", turn), MATCHES),
        Kind("Search: compare", search, compare, "ol.matches", None),
        Kind("Search: all models", search, segment("All models", "Matches"), CHART, None),
        Kind("Search: whole dataset", search, segment("Whole dataset", "Matches"), TABLE, None),
        Kind("Embeddings: method", maps, segment("t-SNE", "UMAP"), "figcaption"),
        Kind("Embeddings: dimensions", maps, segment("3-D", "2-D"), "figcaption"),
        Kind("Live search: a match", live, match, MATCHES),
        Kind("Live search: more like this", live, button("More like this", 3), MATCHES),
        Kind("Live search: upload", live, upload_next, MATCHES),
        Kind("Live search: a refusal", live, upload(".txt", b"no picture"), ".refused", REFUSAL),
        Kind("pages in turns", search, link("Embeddings", "Guide", "Live search", "Search"), "h1", None),
    ]


def timed(browser: Any, address: str, kind: Kind, rounds: int) -> tuple[list[float], list[float]]:  # noqa: ANN401
    """(milliseconds until the answer, shift) of each round."""
    tab = browser.new_page(viewport={"width": 1280, "height": 900})
    tab.add_init_script(METER)
    tab.goto(address + kind.address)
    tab.locator("h1").first.wait_for()
    tab.locator("[data-test-script-state=notRunning]").wait_for(state="attached")
    tab.wait_for_load_state("networkidle")
    times, shifts = [], []
    for turn in range(rounds):
        tab.wait_for_timeout(1_000)
        tab.evaluate("selector => meter.begin(selector)", kind.sign)
        kind.press(tab, turn)
        times.append(tab.evaluate("meter.answer"))
        tab.wait_for_timeout(600)
        shifts.append(tab.evaluate("meter.shift"))
    tab.close()
    return times, shifts


def main() -> None:
    """Press everything and print the table."""
    rounds = needs.rounds(__doc__, 5)
    photos = needs.live_search()
    print(f"load {os.getloadavg()[0]:.1f} at the start, {rounds} rounds\n")
    print("| click | median ms | max ms | median shift | max shift | |\n|---|---|---|---|---|---|")
    with app() as address, chromium() as browser:
        for kind in kinds(photos):
            print(row(kind, *timed(browser, address, kind, rounds)), flush=True)
    print(f"\ntargets: medians ≤ {MILLISECONDS} ms and ≤ {SHIFT:g}, of a refusal ≤ {REFUSAL:g}")


def row(kind: Kind, times: list[float], shifts: list[float]) -> str:
    """A line of the table."""
    middle, moved = statistics.median(times), statistics.median(shifts)
    met = middle <= MILLISECONDS and (kind.shift is None or moved <= kind.shift)
    numbers = f"{middle:.0f} | {max(times):.0f} | {moved:.4f} | {max(shifts):.4f}"
    return f"| {kind.name} | {numbers} | {'met' if met else 'MISSED'} |"


if __name__ == "__main__":
    needs.run(main)
