"""The card of what a layer minds, over a store whose numbers are known."""

import json

from streamlit.testing.v1 import AppTest

from semsearch.explain import invariance

SCRIPT = """
from ui.why import invariance
invariance.show("mobilenetv2", "Conv_1")
"""


def opened():
    return AppTest.from_string(SCRIPT, default_timeout=30).run()


def test_curves_and_a_sentence_of_advice(store):
    found = {name: [0.9] * len(change.strengths) for name, change in invariance.CHANGES.items()} | {"grey": [0.2]}
    invariance.write(store / invariance.FILE, {"mobilenetv2": {"Conv_1": found}})
    app = opened()
    [data] = [json.loads(one.proto.json) for one in app.get("bidi_component")]
    assert data["curves"][0] == ["Turned", ["5°", "15°", "45°", "90°"], [0.9] * 4] and data["curves"][-1][2] == [0.2]
    assert "made grey, 20 %: do not mix grey and coloured pictures" in app.markdown[0].value.replace("\\", "")


def test_what_was_not_measured_or_is_damaged_is_said(store):
    app = opened()
    assert "was not measured" in app.caption[0].value and not app.get("bidi_component")
    invariance.write(store / invariance.FILE, {})
    data = (store / invariance.FILE).read_bytes()
    (store / invariance.FILE).write_bytes(data.replace(b"15", b"16"))
    app = opened()
    assert "does not hold" in app.caption[0].value and not app.exception
