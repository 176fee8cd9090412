"""The browser of ``chaos.py``: it looks around on all pages, and gets a second model when it is told to."""

import shutil
import threading
from contextlib import suppress
from typing import Any

from benchmarks.seen import Seen

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
SECOND = "efficientnetlite0"
TRIES = 12
ADDRESSES = (
    "?welcome=no&q={q}",
    "?welcome=no&q={q}&view=All+models",
    "?welcome=no&q={q}&view=Whole+dataset",
    "?welcome=no&q={q}&layer=block_9_project&b_layer=Conv_1",
    "live?q={q}",
    "live?q={q}&dataset=own1",
    "map?q={q}",
    "learn",
)


class Visitor(threading.Thread):
    """A browser that looks around on all pages, and gets a second model when it is told to."""

    def __init__(self, port: int, seen: Seen, over: threading.Event, pull: threading.Event) -> None:
        """Begin with ``start``; when ``over`` is set it looks at each page once more, strictly, and ends."""
        super().__init__(daemon=True)
        self.url, self.seen, self.over, self.pull = f"http://127.0.0.1:{port}/", seen, over, pull
        self.whole: dict[str, bool] = {}

    def run(self) -> None:
        """In a thread of its own, as playwright wants it."""
        from playwright.sync_api import sync_playwright

        with sync_playwright() as playwright:
            chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
            turn = 0
            while not self.over.is_set():
                page = chromium.new_page()
                for pattern in ADDRESSES:
                    if not self.over.is_set():
                        self._visit(page, pattern.format(q=turn % 24), strict=False)
                    if self.pull.is_set():
                        self.pull.clear()
                        self._get(page)
                    turn += 1
                page.close()
            page = chromium.new_page()
            for pattern in ADDRESSES:
                self.whole[pattern] = self._visit(page, pattern.format(q=3), strict=True)
            chromium.close()

    def _visit(self, page: Any, address: str, *, strict: bool) -> bool:  # noqa: ANN401
        try:
            page.goto(self.url + address, timeout=30_000)
            page.locator("h1, [data-testid=stAlert]").first.wait_for(timeout=30_000)
            page.locator("[data-test-script-state=notRunning]").wait_for(state="attached", timeout=30_000)
        except Exception as error:
            self.seen.faults.append(f"page {address} hangs: {str(error)[:200]}")
            return False
        return self._judge(page, address, strict=strict)

    def _judge(self, page: Any, address: str, *, strict: bool) -> bool:  # noqa: ANN401
        broken = page.locator("[data-testid=stException]")
        text = page.locator("body").inner_text()
        told = page.locator("[data-testid=stAlertContentError]").all_inner_texts()
        if broken.count() or "Traceback" in text:
            self.seen.faults.append(f"page {address}: {(broken.all_inner_texts() or [text])[0][:300]}")
        self.seen.pages["broken" if broken.count() else "says what is wrong" if told else "shows"] += 1
        if strict and told:
            self.seen.faults.append(f"page {address} is not well: {told}")
        return not broken.count() and not told

    def _get(self, page: Any) -> None:  # noqa: ANN401
        """Press the button that gets the second model, and wait until the page searches with it or says why not.

        While pictures are missing the page offers to fetch them instead: it is opened anew until the button is there.
        """
        from playwright.sync_api import TimeoutError

        button = page.get_by_role("button", name="Get the model")
        try:
            for _ in range(TRIES):
                page.goto(f"{self.url}live?model={SECOND}&q=5", timeout=30_000)
                with suppress(TimeoutError):
                    button.wait_for(timeout=5_000)
                    break
            button.click(timeout=5_000)
            page.locator("ol.matches, [data-testid=stAlertContentError]").first.wait_for(timeout=120_000)
            told = page.locator("[data-testid=stAlertContentError]").all_inner_texts()
            self.seen.pulled = f"told: {told}" if told else "got, and searched with"
        except Exception as error:
            self.seen.pulled = f"not got: {str(error)[:200]}"
