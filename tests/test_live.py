"""The Live search page run without a browser, on a small world whose answers are known by hand."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from pages.shared import pictures, resources
from semsearch import catalog, images, search, serving, weights
from tests import small_world
from tests.test_search import TOOLS

ROOT = Path(__file__).resolve().parent.parent
SPEC = catalog.FeatureSpec("mobilenetv2", small_world.LAST["mobilenetv2"], "avg")
HERE = weights.WeightsStatus(True, "here", "a test")


@pytest.fixture
def photos(tmp_path):
    """The folder of the pictures of the small world."""
    return tmp_path / "world"


@pytest.fixture
def service(home, photos, computed_world, tmp_path, monkeypatch):
    """A service of fake networks over the small world, in place of that of the process."""
    small_world.add(photos)
    shutil.copytree(computed_world, tmp_path / "store")
    monkeypatch.setenv("SEMSEARCH_PRECOMPUTED", str(tmp_path / "store"))
    monkeypatch.setattr(pictures, "FOLDER", tmp_path / "static")
    monkeypatch.setattr(weights, "status", lambda model: HERE)
    opened = serving.Service(tools=TOOLS)
    monkeypatch.setattr(serving, "service", lambda: opened)
    resources._pictured.clear()
    resources._dataset.clear()
    resources._recommendation.clear()
    yield opened
    opened.close()


def open_page(**address):
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30).run()
    app.switch_page("pages/live_search.py")
    for name, value in ({"dataset": "world", "metric": "euclidean"} | address).items():
        app.query_params[name] = str(value)
    return app.run()


def components(app):
    return [json.loads(element.proto.json) for element in app.get("bidi_component")]


def shown(app, look):
    return next(data for data in components(app) if data.get("look") == look)


def ranking(app):
    return [(tile["id"], float(tile["distance"])) for tile in shown(app, "matches")["tiles"]]


def found(examples, **more):
    """What the library finds."""
    asked = {"dataset": "world", "spec": SPEC, "metric": "euclidean"} | more
    result = search.search(examples, search.Question(**asked), tools=TOOLS)
    return [(match.item, pytest.approx(match.distance, abs=0.06)) for match in result.matches]


def picture(place):
    return np.full((8, 8, 3), 15 * place, np.uint8)


def jpeg(place):
    return images.thumbnail(picture(place))


def upload(app, *files):
    app.segmented_control(key="live_way").set_value("Upload").run()
    [uploader] = app.file_uploader
    return uploader.set_value(list(files)).run()


def words(app):
    return " ".join(element.value for kind in ("error", "warning", "info", "success") for element in getattr(app, kind))


def test_the_page_opens_with_the_ranking_of_the_query(service):
    app = open_page(q=3)
    assert not app.exception and not app.error and not app.warning
    assert ranking(app) == small_world.RANKINGS["mobilenetv2"] == found(3)
    assert shown(app, "query")["tiles"][0]["id"] == 3
    assert [tile["verdict"] for tile in shown(app, "matches")["tiles"]] == ["same class"] * 2 + ["other class"] * 3
    assert app.query_params["with"] == "q"


def test_an_uploaded_picture_is_the_query(service):
    app = upload(open_page(q=3), ("mine.jpg", jpeg(2), "image/jpeg"))
    assert not app.exception and not app.error
    assert ranking(app) == found(jpeg(2))
    assert "verdict" not in shown(app, "matches")["tiles"][0]
    assert shown(app, "query")["tiles"][0]["name"] == "mine.jpg"
