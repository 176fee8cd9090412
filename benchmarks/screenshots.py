"""The README's pictures of the app: ``python benchmarks/screenshots.py`` writes JPEG files to docs/.

Starts the app on a free port with the shipped store and takes them in Chromium (see requirements-dev.txt).
"""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks import needs

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PICTURES = {
    "search": "?welcome=no",
    "compare": "?welcome=no&q=123&b_layer=block_9_project",
    "map": "map?q=123",
    "live": "live",
}
"""File in docs/ without its ending, and the address that it shows."""
LIMIT, WIDTH, HEIGHT, SECONDS = 200_000, 1440, 900, 60
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@contextmanager
def app(**settings: str) -> Iterator[str]:
    """The address of a server of this checkout, with those settings of the environment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    env = {key: value for key, value in os.environ.items() if key != "SEMSEARCH_PRECOMPUTED"} | settings
    command = [sys.executable, "-m", "streamlit", "run", str(ROOT / "server.py"), "--server.port", str(port)]
    with subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL) as process:
        try:
            wait_for(f"http://127.0.0.1:{port}/_stcore/health")
            yield f"http://127.0.0.1:{port}/"
        finally:
            process.terminate()


def wait_for(address: str) -> None:
    """Return when something answers there."""
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def open_page(page: Any, address: str) -> None:  # noqa: ANN401 - playwright's page, imported late
    """Open an address and wait until its run has ended and its pictures are drawn; SystemExit if it tells a failure."""
    page.goto(address)
    page.locator("h1").first.wait_for()
    page.locator("[data-test-script-state=notRunning]").wait_for(state="attached")
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(3000)
    if page.locator("[data-testid=stException], [data-testid=stAlertContentError], [role=dialog]").count():
        raise SystemExit(f"{address} does not show what it should")


def jpeg(page: Any) -> bytes:  # noqa: ANN401
    """What the page shows, in the best quality that the limit allows."""
    for quality in range(90, 20, -5):
        data: bytes = page.screenshot(type="jpeg", quality=quality)
        if len(data) <= LIMIT:
            return data
    raise SystemExit(f"no quality gives at most {LIMIT:,} bytes")


def main() -> None:
    """Take all pictures."""
    from playwright.sync_api import sync_playwright

    needs.live_search()
    DOCS.mkdir(exist_ok=True)
    with app() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        open_page(page, address)
        for name, part in PICTURES.items():
            open_page(page, address + part)
            data = jpeg(page)
            (DOCS / f"{name}.jpg").write_bytes(data)
            print(f"docs/{name}.jpg  {len(data):,} bytes")
        browser.close()


if __name__ == "__main__":
    needs.run(main)
