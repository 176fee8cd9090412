"""The Embeddings page run without a browser: opened at an address, its sections, and what they then show."""

from tests.ui.search_page import open_app
from tests.worlds import live_page


def open_map(**address):
    app = open_app()
    app.switch_page("pages/embeddings.py")
    for name, value in address.items():
        app.query_params[name] = str(value)
    app.run()
    assert not app.exception and not app.error
    return app


def opened(app, key):
    """The page once a section was opened."""
    app.session_state[key] = True
    app.run()
    assert not app.exception and not app.error
    return app


def shown(app, look):
    """The data of all galleries of that look."""
    return [data for data in live_page.components(app) if data.get("look") == look]
