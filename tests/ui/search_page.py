"""The Search page run without a browser: opened at an address, and what it then shows."""

import json

from streamlit.testing.v1 import AppTest

from tests import ROOT


def open_app(**address):
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30)
    for name, value in address.items():
        app.query_params[name] = str(value)
    return app.run()


def shown(app, look="matches"):
    """The data of the gallery of that look."""
    galleries = [json.loads(element.proto.json) for element in app.get("bidi_component")]
    return next(data for data in galleries if data.get("look") == look)


def ranking(app):
    return [(tile["id"], float(tile["distance"])) for tile in shown(app)["tiles"]]


COMPARED = {"model": "mobilenetv2", "metric": "euclidean", "q": 3, "k": 5, "b_model": "vgg16", "b_metric": "euclidean"}
"""Both known rankings of picture 3: 4 5 0 1 2 and 0 1 4 5 2."""


def sides(app):
    """The tiles of A and of B."""
    galleries = [json.loads(element.proto.json) for element in app.get("bidi_component")]
    return [data["tiles"] for data in galleries if data.get("look") == "matches"]
