"""The Model explorer run without a browser: opened at an address, and what it then shows."""

import json

from streamlit.testing.v1 import AppTest

from tests import ROOT
from tests.ui import pressing

PAGE = "pages/explorer.py"


def open_explorer(**address):
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30).run()
    app.switch_page(PAGE)
    for name, value in ({"model": "mobilenetv2", "layer": "block_5_expand"} | address).items():
        app.query_params[name] = str(value)
    return app.run()


def data(app, key):
    """What a component of the page is given."""
    return json.loads(pressing.proto(app, "bidi_component", key).json)
