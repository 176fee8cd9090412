"""The Live search page run without a browser over the small world: opened, used, and what it then shows."""

import json

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from semsearch import images
from semsearch.live import search, serving
from semsearch.models import weights
from tests import ROOT
from tests.worlds.live_world import GALLERIES, SPEC
from ui import resources
from ui.resources import ALLOWED

HERE = weights.WeightsStatus(True, "here", "a test")


def allow(monkeypatch, **most):
    """Let a session ask for that many of each kind, by default a thousand, and then for no more."""
    slow = {what: (serving.Allowance(0.001, most.get(what, 1_000)), serving.Allowance(1, 1_000)) for what in ALLOWED}
    monkeypatch.setattr(resources, "_allowances", lambda: slow)


def open_page(**address):
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30).run()
    app.switch_page("pages/live_search.py")
    for name, value in ({"dataset": "world", "metric": "euclidean"} | address).items():
        app.query_params[name] = str(value)
    return app.run()


def with_map(app):
    """The page once its map was opened."""
    app.session_state["live_open"] = True
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
    result = search.search(examples, search.Question(**asked), galleries=GALLERIES)
    return [(match.item, pytest.approx(match.distance, abs=0.06)) for match in result.matches]


def picture(place):
    return np.full((8, 8, 3), 15 * place, np.uint8)


def jpeg(place):
    return images.thumbnail(picture(place))


def upload(app, *files):
    app.segmented_control(key="live_way").set_value("Upload").run()
    [uploader] = app.file_uploader
    return uploader.set_value(list(files)).run()


def missing(monkeypatch, state="not here"):
    lacks = weights.WeightsStatus(False, state, "`semsearch models pull vgg16` gets them from somewhere")
    monkeypatch.setattr(weights, "status", lambda model: lacks if model == "vgg16" else HERE)
