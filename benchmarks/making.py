"""The Model explorer at work: until a layer is shown, until a picture that is made tells how far it is, and who waits.

    python -m benchmarks.making [--rounds 5]

In Chromium, with the shipped store: from the choice of a layer to its channels; from "Make the picture"
to its first progress, and from "Cancel" to the end, in a process that has its network already. Then a REST client
searches with photos, one after the other, alone and while two tabs have pictures made that take long. Waits are those
of the browser and of the client; client, browser, server and the process that makes pictures share the machine.
"""

import os
import statistics
import time
import urllib.error
import urllib.request
from typing import Any

from benchmarks import needs
from benchmarks.screenshots import app
from benchmarks.weight import chromium

LAYER_MS, TOLD_MS, ENDED_MS, TIMES = 300, 1_000, 2_000, 2.0
"""Targets: medians, and how much longer the median search may take."""
PAGE = "model_explorer?model=mobilenetv2&layer={}"
CARDS = "ol.grid[aria-label='Channels of the layer'] button"
SEARCHES = 40
WAITS = 120_000


def opened(browser: Any, address: str, layer: str, **settings: object) -> Any:  # noqa: ANN401 - playwright's page
    """A tab at a layer."""
    tab = browser.new_page(viewport={"width": 1280, "height": 900})
    tab.goto(address + PAGE.format(layer) + "".join(f"&{name}={value}" for name, value in settings.items()))
    tab.locator(CARDS).first.wait_for(timeout=WAITS)
    tab.wait_for_load_state("networkidle")
    return tab


def layers(browser: Any, address: str, rounds: int) -> list[float]:  # noqa: ANN401
    """Milliseconds from one layer to the next."""
    tab, taken = opened(browser, address, "Conv1"), []
    for number in range(min(rounds, 7)):
        tab.wait_for_timeout(1_000)
        before = tab.locator(CARDS).first.inner_html()
        tab.get_by_role("combobox", name="Layer").first.click()
        tab.wait_for_timeout(300)
        choice = tab.get_by_role("option").nth(number + 1)
        begun = time.perf_counter()
        choice.click()
        while tab.locator(CARDS).first.inner_html() == before:
            time.sleep(0.01)
        taken.append(1_000 * (time.perf_counter() - begun))
    tab.close()
    return taken


def made(browser: Any, address: str, rounds: int) -> tuple[list[float], list[float]]:  # noqa: ANN401
    """Milliseconds until a picture tells how far it is, and until it has ended when it is cancelled."""
    told, ended = [], []
    for number in range(rounds + 1):
        tab = begin(browser, address, seed=number)
        begun = time.perf_counter()
        tab.get_by_role("button", name="Make the picture").click()
        tab.get_by_role("button", name="Cancel").wait_for(timeout=WAITS)
        told.append(1_000 * (time.perf_counter() - begun))
        tab.get_by_role("img", name="The picture so far").or_(tab.locator("[data-testid=stImage]")).first.wait_for(
            timeout=WAITS
        )
        begun = time.perf_counter()
        tab.get_by_role("button", name="Cancel").click()
        tab.get_by_text("The last picture was cancelled").wait_for(timeout=WAITS)
        ended.append(1_000 * (time.perf_counter() - begun))
        tab.close()
    return told[1:], ended[1:]


def begin(browser: Any, address: str, *, seed: int) -> Any:  # noqa: ANN401
    """A tab whose form is open, for a picture that takes long and that no run before has made."""
    unique = int(time.time()) % 999 * 10 + seed
    tab = opened(browser, address, "block_9_project", make_size=256, make_steps=512, make_seed=unique)
    tab.get_by_text("Make a picture with your own settings").click()
    return tab


def ready(address: str, photos: list[bytes]) -> None:
    """Wait until the features of the dataset are computed and each photo was answered once."""
    for photo in photos:
        for _ in range(60):
            try:
                ask(address, photo)
                break
            except urllib.error.HTTPError as error:
                if error.code != 503:
                    raise
                time.sleep(1)


def searches(address: str, photos: list[bytes]) -> list[float]:
    """Milliseconds of searches, one after the other."""
    taken = []
    for number in range(SEARCHES):
        begun = time.perf_counter()
        ask(address, photos[number % len(photos)])
        taken.append(1_000 * (time.perf_counter() - begun))
    return taken


def ask(address: str, photo: bytes) -> None:
    """Search with a photo, as a program does."""
    mark = b"semsearch-benchmark"
    fields = {"dataset": "groceries200", "model": "mobilenetv2", "layer": "Conv_1", "pooling": "avg"}
    parts = [f'name="{name}"\r\n\r\n{value}'.encode() for name, value in fields.items()]
    parts.append(b'name="image"; filename="a.jpg"\r\nContent-Type: image/jpeg\r\n\r\n' + photo)
    body = b"".join(b"--" + mark + b"\r\nContent-Disposition: form-data; " + part + b"\r\n" for part in parts)
    head = {"Content-Type": "multipart/form-data; boundary=" + mark.decode()}
    request = urllib.request.Request(f"{address}api/search", body + b"--" + mark + b"--\r\n", head)
    urllib.request.urlopen(request, timeout=60).read()


def main() -> None:
    """Measure and print."""
    rounds = needs.rounds(__doc__, 5)
    photos = needs.live_search()
    print(f"load {os.getloadavg()[0]:.1f} at the start, {rounds} rounds\n")
    print("| what | median | at most | target | |\n|---|---|---|---|---|")
    with app(SEMSEARCH_RATE="1000") as address, chromium() as browser:
        tell("a layer is shown, ms", layers(browser, address, rounds), LAYER_MS)
        told, ended = made(browser, address, rounds)
        tell("progress of a picture, ms", told, TOLD_MS)
        tell("a cancelled picture has ended, ms", ended, ENDED_MS)
        ready(address, photos)
        alone = searches(address, photos)
        tabs = [begin(browser, address, seed=number) for number in (7, 8)]
        for tab in tabs:
            tab.get_by_role("button", name="Make the picture").click()
            tab.get_by_role("button", name="Cancel").wait_for(timeout=WAITS)
        beside = searches(address, photos)
        tell("a search alone, ms", alone)
        tell("a search beside two pictures, ms", beside, TIMES * statistics.median(alone))


def tell(what: str, taken: list[float], target: float | None = None) -> None:
    """A line of the table."""
    middle = statistics.median(taken)
    said = "" if target is None else "met" if middle <= target else "MISSED"
    print(
        f"| {what} | {middle:.0f} | {max(taken):.0f} | {'' if target is None else f'{target:.0f}'} | {said} |",
        flush=True,
    )


if __name__ == "__main__":
    needs.run(main)
