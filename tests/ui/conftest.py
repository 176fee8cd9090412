"""What the pages are run over: the small world with its store, or with a service of fake networks."""

import shutil

import pytest
from streamlit.testing.v1 import local_script_runner

from semsearch.live import serving
from semsearch.live.galleries import Galleries
from semsearch.models import weights
from tests.worlds import live_page, small_world
from tests.worlds.live_world import TOOLS
from ui import failures, pictures, resources


@pytest.fixture
def photos(tmp_path):
    """The folder of the pictures of the small world."""
    return tmp_path / "world"


@pytest.fixture
def store(home, photos, computed_world, tmp_path, monkeypatch):
    """A store of the small world and its pictures, for one test to use and spoil."""
    small_world.add(photos)
    shutil.copytree(computed_world, tmp_path / "store")
    monkeypatch.setenv("SEMSEARCH_PRECOMPUTED", str(tmp_path / "store"))
    monkeypatch.setattr(pictures, "FOLDER", tmp_path / "static")
    return tmp_path / "store"


@pytest.fixture
def service(store, monkeypatch):
    """A service of fake networks over the small world, in place of that of the process."""
    monkeypatch.setattr(weights, "status", lambda model: live_page.HERE)
    live_page.allow(monkeypatch)
    opened = serving.Service(galleries=Galleries(TOOLS))
    monkeypatch.setattr(serving, "service", lambda: opened)
    resources._pictured.clear()
    resources._peek.clear()
    resources._dataset.clear()
    resources._recommendation.clear()
    yield opened
    opened.close()


@pytest.fixture
def told_everywhere(monkeypatch):
    """AppTest as a started server: what app.py cannot see is told by the function that server.py names."""
    make = local_script_runner.LocalScriptRunner.__init__

    def made(self, *arguments, **words):
        make(self, *arguments, **words)
        self._on_script_error = failures.tell_uncaught

    monkeypatch.setattr(local_script_runner.LocalScriptRunner, "__init__", made)
