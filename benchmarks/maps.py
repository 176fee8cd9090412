"""The map of Embeddings at three sizes: how smoothly it travels and how soon it answers, in Chromium.

    python -m benchmarks.maps [--points 200 1400 10000] [--rounds 5]

Makes up a dataset and a store of that many pictures in 14 classes, whose places are others from layer to layer, starts
the app with it and uses the map as a hand does. "frames" are those of a journey in which points moved, a second; a
click ends when the new query is marked, a box when what it selected is drawn, a change of layer when the last point
rests. All waits are the browser's own. Bytes are those of a first visit.
"""

import argparse
import os
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks import needs
from benchmarks.screenshots import app
from benchmarks.weight import NETWORKS, chromium, visits
from semsearch.data import datasets
from semsearch.data.datasets import Dataset
from semsearch.models import catalog
from semsearch.models.catalog import READOUTS
from semsearch.ranking import scores
from semsearch.ranking.projection import Trust
from semsearch.store import artifacts, units

NAME, MODEL, CLASSES = "made", "mobilenetv2", 14
FRAMES, BOX, LAYER = {200: 50, 1_400: 20}, {10_000: 300}, {10_000: 500}
"""Targets, by number of points: frames a second at least, milliseconds at most."""
SPOT = """id => { const plot = document.querySelector(".panels .plot"), { left, top } = plot.getBoundingClientRect()
  const [x, y] = plot.where(id); return [left + x, top + y] }"""
METER = """
window.meter = { frame: () => new Promise(requestAnimationFrame), plot: () => document.querySelector(".panels .plot") }
meter.place = () => meter.plot().where(1).join()
// Milliseconds until a sign of the plot changes; the clock starts with the next event of that kind.
meter.begin = (kind, sign) => {
  const before = sign()
  meter.answer = new Promise((done) => addEventListener(kind, async ({ timeStamp }) => {
    while (sign() === before) await meter.frame()
    done(performance.now() - timeStamp)
  }, { capture: true, once: true }))
}
meter.query = () => meter.plot().data.at(-1).x[0]
// Plotly tells of the selection, and then that all is drawn.
meter.box = () => {
  const plot = meter.plot(), heard = (name) => new Promise((done) => plot.once(name, done))
  meter.answer = new Promise((done) => addEventListener("pointerup", async ({ timeStamp }) => {
    await heard("plotly_selected")
    await heard("plotly_afterplot")
    await meter.frame()
    done(performance.now() - timeStamp)
  }, { capture: true, once: true }))
}
// [milliseconds until the points have come to rest, places on the way]
meter.rest = () => {
  meter.answer = new Promise((done) => addEventListener("keydown", async ({ timeStamp }) => {
    let last = meter.place(), moves = 0, at = timeStamp
    while (!moves || performance.now() - at < 600) {
      await meter.frame()
      if (meter.place() !== last) [last, at, moves] = [meter.place(), performance.now(), moves + 1]
    }
    done([at - timeStamp, moves])
  }, { capture: true, once: true }))
}
// Frames a second in which points moved.
meter.frames = async (milliseconds) => {
  const begun = performance.now()
  let last = meter.place(), moves = 0
  while (performance.now() - begun < milliseconds) {
    await meter.frame()
    if (meter.place() !== last) [last, moves] = [meter.place(), moves + 1]
  }
  return moves / ((performance.now() - begun) / 1000)
}
"""


def make(folder: Path, count: int) -> None:
    """Write pictures and a store of them: groups of a class each, whose places are others from layer to layer."""
    draw = np.random.default_rng(0)
    for item in range(count):
        place = folder / "pictures" / f"class {item * CLASSES // count}"
        place.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (item % 256, item // 256, 90)).save(place / f"{item}.bmp")
    os.environ["SEMSEARCH_HOME"] = str(folder / "home")
    dataset = datasets.add(NAME, folder / "pictures")
    unit = folder / "store" / NAME / MODEL
    for number, layer in enumerate(layers := catalog.model(MODEL).layers):
        if number < 2:
            artifacts.write_layer(unit, layer.name, results(dataset, draw))
        else:
            os.link(unit / f"{layers[number % 2].name}.npz", unit / f"{layer.name}.npz")
    facts = {"key": "k", "dataset": NAME, "dataset_hash": dataset.content_hash, "model": MODEL}
    units.write_unit(unit, {**facts, "items": list(range(count)), "schema": artifacts.SCHEMA})
    units.seal(folder / "store")


def results(dataset: Dataset, draw: np.random.Generator) -> artifacts.LayerResults:
    """Made up, for one layer: clouds of classes, the same nearest under every readout and metric."""
    labels, found = dataset.labels, artifacts.LayerResults({}, {}, {})
    steps = draw.choice(np.arange(1, len(labels)), artifacts.DEPTH, replace=False)
    ids = ((np.arange(len(labels))[:, None] + steps) % len(labels)).astype(np.int32)
    ranked = artifacts.Ranking(ids, np.sort(draw.random(ids.shape).astype(np.float32)), 1.0)
    hits = scores.hits(labels, labels[ids])
    top, average = hits[:, : scores.PUBLISHED_K], scores.average_precision(hits, scores.relevant(labels))
    own = artifacts.Scores(scores.published_score(top), scores.count(top), average)
    for readout in READOUTS.values():
        found.rankings.update({(readout, metric): ranked for metric in artifacts.METRICS})
        found.scores.update({(readout, metric): own for metric in artifacts.METRICS})
        for kind in artifacts.KINDS:
            centres = draw.normal(scale=4, size=(CLASSES, int(kind[-1])))
            places = (centres[labels] + draw.normal(size=(len(labels), int(kind[-1])))).astype(np.float32)
            kept = draw.integers(0, 16, len(labels)).astype(np.uint8)
            found.maps[readout, kind] = artifacts.Map(places, Trust(0.9, 0.9, 0.5, 0.3, kept_neighbours=kept))
    return found


def opened(browser: Any, address: str) -> Any:  # noqa: ANN401 - playwright's page, imported late
    """A tab with the map, once it is at rest."""
    tab = browser.new_page(viewport={"width": 1280, "height": 900})
    tab.add_init_script(METER)
    tab.goto(f"{address}map?q=3")
    tab.locator(".panels .main-svg").first.wait_for(timeout=120_000)
    rest(tab)
    return tab


def rest(tab: Any) -> None:  # noqa: ANN401
    """Wait until nothing runs or moves."""
    tab.locator("[data-test-script-state=notRunning]").wait_for(state="attached")
    tab.wait_for_load_state("networkidle")
    tab.wait_for_timeout(2_000)


def click(tab: Any, turn: int) -> float:  # noqa: ANN401
    """Milliseconds from a click on a point to the mark of the new query."""
    spot = tab.evaluate(SPOT, 20 + 13 * turn)
    tab.mouse.move(*spot)
    tab.wait_for_timeout(300)
    tab.evaluate("meter.begin('pointerup', meter.query)")
    tab.mouse.click(*spot)
    return float(tab.evaluate("meter.answer"))


def box(tab: Any, turn: int) -> float:  # noqa: ANN401
    """Milliseconds from the end of a box to its selection."""
    tab.get_by_role("button", name="Box Select").first.click()
    area = tab.locator(".panels .plot").first.bounding_box()
    tab.mouse.move(area["x"] + 60 + 10 * turn, area["y"] + 80)
    tab.mouse.down()
    tab.mouse.move(area["x"] + 320, area["y"] + 330, steps=5)
    tab.evaluate("meter.box()")
    tab.mouse.up()
    return float(tab.evaluate("meter.answer"))


def layer(tab: Any, turn: int) -> tuple[float, int]:  # noqa: ANN401
    """Milliseconds from a key on the slider to the rest at the next layer, and the steps on the way."""
    tab.locator(".layer").focus()
    tab.evaluate("meter.rest()")
    tab.keyboard.press("ArrowLeft" if turn % 2 == 0 else "ArrowRight")
    milliseconds, steps = tab.evaluate("meter.answer")
    return float(milliseconds), int(steps)


def frames(tab: Any) -> float:  # noqa: ANN401
    """Frames a second of a journey through the layers."""
    tab.locator(".layer").focus()
    tab.keyboard.press("Home")
    rest(tab)
    tab.get_by_role("button", name="Play through the layers").click()
    tab.wait_for_timeout(1_000)
    found = float(tab.evaluate("meter.frames(5000)"))
    tab.get_by_role("button", name="Pause").click()
    rest(tab)
    return found


def repeated(tab: Any, act: Callable[[Any, int], Any], rounds: int) -> list[Any]:  # noqa: ANN401
    """What each of the rounds gave, with rest between them."""
    found = []
    for turn in range(rounds):
        found.append(act(tab, turn))
        rest(tab)
    return found


def row(browser: Any, address: str, count: int, rounds: int) -> str:  # noqa: ANN401
    """The line of the table for that many points."""
    visits(browser, address, "Search", NETWORKS[0], 1)  # the server has compressed its scripts
    cold, warm = visits(browser, address, "Embeddings", NETWORKS[0], rounds)
    tab = opened(browser, address)
    clicks = statistics.median(repeated(tab, click, rounds))
    travelled = repeated(tab, layer, rounds)
    moving = frames(tab)
    boxes = statistics.median(repeated(tab, box, rounds))
    tab.close()
    changed, steps = statistics.median(time for time, _ in travelled), statistics.median(step for _, step in travelled)
    met = moving >= FRAMES.get(count, 0) and boxes <= BOX.get(count, boxes) and changed <= LAYER.get(count, changed)
    return (
        f"| {count:,} | {moving:.0f} | {clicks:.0f} | {boxes:.0f} | {changed:.0f} | {steps:.0f} | "
        f"{cold.megabytes:.2f} | {cold.first:.1f} | {warm.first:.1f} | {'met' if met else 'MISSED'} |"
    )


def main() -> None:
    """Make the worlds, use their maps and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, nargs="+", default=[200, 1_400, 10_000])
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f} at the start, medians of {asked.rounds} rounds\n")
    print(
        "| points | frames/s | click ms | box ms | layer ms | steps | MB cold | map s cold | warm | |\n"
        + "|---" * 10
        + "|"
    )
    for count in asked.points:
        with tempfile.TemporaryDirectory() as folder:
            make(Path(folder), count)
            with app(SEMSEARCH_PRECOMPUTED=f"{folder}/store") as address, chromium() as browser:
                print(row(browser, address, count, asked.rounds), flush=True)
    print("\ntargets: ≥ 50 frames a second at 200 points, ≥ 20 at 1,400; at 10,000 box ≤ 300 ms and layer ≤ 500 ms")


if __name__ == "__main__":
    needs.run(main)
