"""Fixtures every test may use."""

import os
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("SEMSEARCH_SHARED_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty home for caches, so that a test never sees or harms the user's."""
    folder = tmp_path / "home"
    monkeypatch.setenv("SEMSEARCH_HOME", str(folder))
    return folder


@pytest.fixture(scope="session")
def shared_data():
    """The folder of pictures that the project does not ship; the test is skipped where it is absent."""
    if not SHARED.is_dir():
        pytest.skip(f"{SHARED} is absent: set SEMSEARCH_SHARED_DATA to the folder that holds iconic200 and badimages")
    return SHARED
