"""Chromium, and what most walks in it begin with."""

import shutil
from importlib.resources import files

import pytest

from semsearch.data import datasets
from tests import ROOT
from tests.browser.screen import is_stranger
from tests.worlds import small_world

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def chromium():
    """The browser that the tests of a module share; each opens profiles of its own in it."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


@pytest.fixture
def page(chromium):
    """A fresh profile, and the addresses outside this machine that it was made to ask."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.strangers = []
    page.on("request", lambda request: page.strangers.append(request.url) if is_stranger(request.url) else None)
    yield page
    context.close()


@pytest.fixture(scope="module")
def small_folder(tmp_path_factory):
    """Home and store of the small world."""
    folder = tmp_path_factory.mktemp("small")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEMSEARCH_HOME", str(folder / "home"))
        small_world.add(folder / "pictures")
        small_world.compute(folder / "store")
    return folder


@pytest.fixture
def fresh_home(tmp_path):
    """What `make app` leaves on a machine that has never seen the app; skips where no results are shipped."""
    if not (ROOT / "precomputed" / "manifest.json").is_file():
        pytest.skip("precomputed/ is not here yet")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEMSEARCH_HOME", str(tmp_path / "home"))
        datasets.fetch("groceries200")
    return tmp_path / "home"


@pytest.fixture(scope="session")
def axe():
    """The source of axe-core, out of the package that carries it."""
    return (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
