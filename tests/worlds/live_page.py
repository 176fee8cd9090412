"""The Live search page run without a browser over the small world: opened, used, and what it then shows."""

import base64
import json

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from semsearch import images
from semsearch.live import search, serving
from semsearch.models import weights
from tests import ROOT
from tests.ui import pressing
from tests.worlds.live_world import GALLERIES, SPEC
from ui import resources
from ui.admission.uploads import ALLOWED

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
    """Bring pictures as the browser does, each (name, bytes)."""
    rows = [{"name": name, "data": base64.b64encode(data).decode()} for name, data in files]
    return pressing.tell(app, "live_upload", "uploaded", {"rows": rows, "refused": []})


def refused(app):
    """Why the last pictures were not taken, as the page says it."""
    return next(data["refused"] for data in components(app) if "refused" in data)


def browse(app, way):
    """Open the other ways in at one of them."""
    app.button(key="live_browse").click().run()
    app.button(key="live_browse").click()
    return app.segmented_control(key="live_way").set_value(way).run()


def missing(monkeypatch, state="not here"):
    lacks = weights.WeightsStatus(False, state, "`semsearch models pull vgg16` gets them from somewhere")
    monkeypatch.setattr(weights, "status", lambda model: lacks if model == "vgg16" else HERE)
