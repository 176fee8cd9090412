"""What AppTest cannot press by itself, pressed as a browser would: components, charts, tables and downloads."""

import json

import streamlit as st
from streamlit.components.v2.bidi_component.main import _make_trigger_id
from streamlit.proto.WidgetStates_pb2 import WidgetState


def proto(app, kind, key):
    """The one element of that kind with that key on screen."""
    [found] = [one.proto for one in app.get(kind) if one.proto.id.endswith(f"-{key}")]
    return found


def _send(app, state):
    states = app._tree.get_widget_states()
    states.widgets.append(state)
    return app._run(states)


def tell(app, key, event, value):
    """An event of a custom component: what its script says to the server."""
    said = json.dumps([{"event": event, "value": value}])
    id = _make_trigger_id(proto(app, "bidi_component", key).id, "events")
    return _send(app, WidgetState(id=id, json_trigger_value=said))


def click_mark(app, key, number):
    """A click on the mark of a chart that carries that number."""
    points = [{"customdata": [number], "curve_number": 0, "point_index": 0}]
    said = {"selection": {"points": points, "point_indices": [0], "box": [], "lasso": []}}
    return _send(app, WidgetState(id=proto(app, "plotly_chart", key).id, string_value=json.dumps(said)))


def select_in_table(app, key, **chosen):
    """A selection of rows or cells in a table."""
    said = {"selection": {"rows": [], "columns": [], "cells": []} | chosen}
    return _send(app, WidgetState(id=proto(app, "dataframe", key).id, string_value=json.dumps(said)))


def downloads(monkeypatch):
    """What each download button that is drawn from now on would give, by key: a function to its bytes, or None."""
    given = {}

    def download_button(label, data, *_, key, disabled=False, **__):
        given[key] = None if disabled else data

    monkeypatch.setattr(st, "download_button", download_button)
    return given
