"""A picture through the network, on networks whose maps are known: channel 0 says its place, channel 1 says 5."""

import base64
import shutil

import numpy as np

from semsearch.errors import EngineError
from semsearch.live.reasons import Answers
from tests.ui import pressing
from tests.ui.explorer.explorer_page import data, open_explorer
from tests.worlds.live_page import components, jpeg
from tests.worlds.small_world import LAST
from ui.explorer.picture import strongest

LAYER = LAST["mobilenetv2"]


def sent(app):
    return app.button(key="explorer_query").click().run()


def upload(app, name, content):
    rows = [{"name": name, "data": base64.b64encode(content).decode()}]
    return pressing.tell(app, "explorer_upload", "uploaded", {"rows": rows, "refused": []})


def tiles(app):
    """(channel, what its map shows, largest answer) of each that is drawn."""
    shown = data(app, "explorer_answers")
    return [(number, list(base64.b64decode(packed)), words) for number, packed, words in shown["channels"]]


def words(app):
    return " ".join(element.value for kind in ("caption", "error", "info") for element in getattr(app, kind))


def test_the_channels_that_answer_most_come_first(service):
    app = open_explorer(layer=LAYER, q=4)
    assert not [one for one in components(app) if "channels" in one], "no network is asked before anyone wants it"
    assert tiles(sent(app))[:3] == [(1, [255] * 4, "5.00"), (0, [51] * 4, "1.00"), (2, [0] * 4, "0")]
    assert len(tiles(app)) == 24 and "24 of 1,280 channels" in words(app) and not app.exception


def test_a_picture_of_the_visitor_goes_through_every_layer_looked_at(service):
    app = upload(open_explorer(layer=LAYER), "mine.jpg", jpeg(10))
    assert tiles(app)[0] == (0, [255] * 4, "10.0") and "mine" in words(app)
    pressing.tell(app, "explorer_table", "picked", 3)
    assert not [one for one in components(app) if "channels" in one] and "choose one" in words(app)
    app.selectbox(key="layer").set_value("Conv1").run()
    assert tiles(app)[0][0] == 0 and not app.exception


def test_a_file_that_is_no_picture_is_refused(service):
    app = upload(open_explorer(layer=LAYER), "<b>.txt", b"no picture")
    [refused] = data(app, "explorer_upload")["refused"]
    assert refused.startswith("<b>.txt: ") and not [one for one in components(app) if "channels" in one]


def test_a_channel_is_looked_at(service, monkeypatch):
    app = sent(open_explorer(layer=LAYER, q=4))
    monkeypatch.setattr(service, "answers", None)  # what is drawn is not asked for again
    pressing.tell(app, "explorer_answers", "picked", 2)
    assert app.query_params["channel"] == "2" and data(app, "explorer_answers")["lit"] == 2


def test_a_channel_of_a_link_is_drawn_though_it_answers_little(service):
    app = sent(open_explorer(layer=LAYER, q=4, channel=700))
    assert [number for number, *_ in tiles(app)][-1] == 700 == data(app, "explorer_answers")["lit"]


def test_a_hostile_browser_looks_at_no_channel(service):
    app = sent(open_explorer(layer=LAYER, q=4))
    for lie in (1_280, "1", [1]):
        pressing.tell(app, "explorer_answers", "picked", lie)
        assert "channel" not in app.query_params and not app.exception


def test_what_fails_is_told_in_its_place(service, photos, monkeypatch):
    def fail(*_, **__):
        raise EngineError("the network broke")

    shutil.rmtree(photos)
    app = sent(open_explorer(layer=LAYER, q=4))
    assert "not here yet" in words(app)
    monkeypatch.setattr(service, "answers", fail)
    app = upload(open_explorer(layer=LAYER, q=4), "mine.jpg", jpeg(10))
    assert "The network broke" in words(app) and not app.exception


def test_maps_keep_their_largest_answers_where_they_are_too_fine_to_draw():
    maps = np.zeros((112, 112, 2), np.float32)
    maps[3, 111, 1], maps[50, 50, 0] = 8, -3
    drawn = strongest.payload(Answers(np.zeros((20, 20, 3), np.uint8), maps), None)
    (first, packed, said), (second, silent, nothing) = drawn["channels"]
    heat = np.frombuffer(base64.b64decode(packed), np.uint8).reshape(drawn["shape"])
    assert drawn["shape"] == (56, 56) and (first, said, second, nothing) == (1, "8.00", 0, "0")
    assert np.argwhere(heat).tolist() == [[1, 55]] and heat[1, 55] == 255
    assert not any(base64.b64decode(silent))
