"""Channels on the Model explorer: what each looks for, which photos excite it, and pictures made on request."""

import json
import threading
from dataclasses import replace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from semsearch import images
from semsearch.errors import EngineError
from semsearch.explain import channels
from semsearch.explain.maximise.asked import Made, Request
from semsearch.explain.maximise.maximisation import Options
from semsearch.explain.maximise.objectives import channel
from semsearch.models import weights
from semsearch.models.catalog import FeatureSpec
from semsearch.models.weights import WeightsFile
from tests import ROOT
from tests.ui import pressing
from tests.worlds import channels_world, live_page
from tests.worlds.waiting import soon
from ui.explorer.channels.making import Makings

PAGE, WORLD, LAYER = "pages/explorer.py", "world", "block_5_expand"
COUNT = 192


@pytest.fixture
def kept(store, monkeypatch):
    """What is stored about one layer, whose photos are those of the small world."""
    monkeypatch.setattr("ui.explorer.channels.shown.DATASET", WORLD)
    channels.write("mobilenetv2", LAYER, channels_world.layer_of(COUNT))
    return store


def open_explorer(**address):
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30).run()
    app.switch_page(PAGE)
    for name, value in ({"model": "mobilenetv2", "layer": LAYER} | address).items():
        app.query_params[name] = str(value)
    return app.run()


def data(app, key):
    return json.loads(pressing.proto(app, "bidi_component", key).json)


def sentences(app):
    return next(text.value for text in app.markdown if "looks for" in text.value)


def test_the_channel_that_tells_most_is_shown_first_with_its_photos(kept):
    app = open_explorer()
    assert not app.exception
    words = sentences(app)
    assert words.startswith("**Channel 95** looks for **edges**.") and "4.5 times as much as the best photo" in words
    assert "stripes every 8 px at 60°" in words
    cards = data(app, "explorer_channels")
    assert [card["id"] for card in cards["cards"]] == [0, 95, 191] and cards["current"] == 95
    assert [card["note"] for card in cards["cards"]] == ["Colours", "Edges", "Objects"]
    made = data(app, "explorer_made")["cards"][0]["made"]
    assert (made["columns"], made["rows"], made["place"]) == (6, 1, 1)
    assert made["sheet"].startswith("app/static/pictures/_channels/")
    shown = data(app, "explorer_photos")["cards"]
    assert [card["note"] for card in shown] == ["10", "8"]
    box = shown[1]["photos"][0]["box"]
    side = 43 / 224
    assert box[1] == pytest.approx((14 * 8 - 17) / 224, abs=0.02) and box[3] == pytest.approx(side)
    assert box[0] + box[2] == pytest.approx(1), "clipped where the unit sees beyond the picture"


def test_a_card_or_a_number_chooses_a_channel_and_the_address_keeps_it(kept):
    app = open_explorer()
    pressing.tell(app, "explorer_channels", "picked", 191)
    assert app.query_params["channel"] == "191" and "**Channel 191** looks for **objects**" in sentences(app)
    app.number_input(key=f"explorer_channel_mobilenetv2_{LAYER}").set_value(7).run()
    assert app.query_params["channel"] == "7" and "**Channel 7** looks for **colours**. Of simple" in sentences(app)
    assert "a plain blue excites it most" in sentences(app)
    assert any("No picture of this channel is kept" in text.value for text in app.caption)


def test_a_picture_that_excites_less_than_photos_is_no_answer_and_says_so(kept):
    found = channels_world.layer_of(COUNT)
    channels.write("mobilenetv2", LAYER, replace(found, activations=np.array([4, 1.9, 5], np.float32)))
    words = sentences(open_explorer(channel=95))
    assert "did not succeed" in words and "times as much" not in words


@pytest.mark.parametrize("said", [-1, 192, "1", None, 2.5])
def test_a_hostile_browser_chooses_no_other_channel(kept, said):
    app = open_explorer(channel=0)
    pressing.tell(app, "explorer_channels", "picked", said)
    assert not app.exception and app.query_params["channel"] == "0"


def test_channels_of_one_kind_alone(kept):
    app = open_explorer()
    app.button_group(key="explorer_kinds").set_value(["objects"]).run()
    assert [card["id"] for card in data(app, "explorer_channels")["cards"]] == [191]


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ({"layer": "Conv1"}, "No pictures are kept for this layer of MobileNetV2 yet"),
        ({"at": "Conv1_relu"}, "of the layers of the experiments, not of this one"),
    ],
)
def test_a_layer_without_pictures_says_so_and_how_to_have_them(kept, address, words):
    app = open_explorer(**address)
    assert not app.exception and any(words in info.value for info in app.info)


def test_a_damaged_file_is_told_of_and_the_rest_of_the_page_stays(kept):
    [path] = (kept / "_channels" / "mobilenetv2").iterdir()
    path.write_bytes(path.read_bytes()[:-1])
    app = open_explorer()
    assert not app.exception and any("compute them again" in warning.value for warning in app.warning)
    assert app.subheader[-1].value == "All layers" and "explorer_worth" in app.session_state


def test_a_strip_for_each_kind_leads_to_its_channels(kept):
    app = open_explorer()
    assert data(app, "explorer_kind_edges")["current"] is None
    [card] = data(app, "explorer_kind_objects")["cards"]
    assert (card["title"], card["note"]) == ("Channel 191", LAYER)
    pressing.tell(app, "explorer_kind_objects", "picked", 0)
    assert app.query_params["channel"] == "191" and data(app, "explorer_kind_objects")["current"] == 0
    pressing.tell(app, "explorer_kind_objects", "picked", 1)
    assert not app.exception and app.query_params["channel"] == "191", "no such card"


def test_a_dataset_is_ranked_by_a_channel(kept, service, monkeypatch):
    app = open_explorer(channel=0, dataset=WORLD)
    assert [button.label for button in app.button if button.key == "explorer_rank"] == ["Rank world by channel 0"]
    app.button(key="explorer_rank").click().run()
    soon(lambda: app.run() and not app.get("progress"))
    ranked = data(app, "explorer_ranked")["tiles"]
    vectors = service.gallery(WORLD, FeatureSpec("mobilenetv2", LAYER, "max")).vectors
    assert [tile["id"] for tile in ranked] == np.argsort(-vectors[:, 0], kind="stable").tolist()
    assert [tile["note"] for tile in ranked] == [f"{value:,.2f}" for value in sorted(vectors[:, 0], reverse=True)]


def test_a_dataset_is_not_ranked_by_a_channel_that_its_features_lack(kept, service):
    app = open_explorer(channel=0, dataset=WORLD)
    app.number_input(key=f"explorer_also_{LAYER}").set_value(100).run()
    assert app.button(key="explorer_rank").label == "Rank world by channel 0 and 100"
    app.button(key="explorer_rank").click().run()
    soon(lambda: app.run() and not app.get("progress"))
    assert any("Expected channels from 0 to" in warning.value for warning in app.warning), "the world has two"


class Process:
    """A process that makes a picture in three steps, waiting at the second until it may go on."""

    def __init__(self):
        self.go_on, self.requests, self.failure = threading.Event(), [], None

    def session(self):
        return self

    def stream(self, method, request, start):
        self.requests.append((method, request, start))
        yield None
        if self.failure:
            raise self.failure
        yield Made(images.png(np.zeros((96, 96, 3), np.uint8)), 1.0, 1)
        while not self.go_on.wait(0.02):
            yield Made(images.png(np.zeros((96, 96, 3), np.uint8)), 2.0, 2)
        yield Made(images.png(np.full((96, 96, 3), 9, np.uint8)), 7.5, request.options.steps)


@pytest.fixture
def process(kept, monkeypatch):
    """Pictures are made by a process of the test's own."""
    monkeypatch.setattr(weights, "status", lambda model: live_page.HERE)
    monkeypatch.setattr(weights, "local", lambda model: WeightsFile(kept, "digest", "somebody"))
    made = Process()
    shared = Makings(made)
    monkeypatch.setattr("ui.explorer.channels.maximise.makings", lambda: shared)
    yield made
    made.go_on.set()


def keys(app):
    return {button.key for button in app.button}


def test_a_picture_is_made_shown_kept_and_downloaded(process, monkeypatch):
    given = pressing.downloads(monkeypatch)
    app = open_explorer(channel=95)
    app.button(key="make").click().run()
    assert "make_cancel" in keys(app) and "make" not in keys(app)
    process.go_on.set()
    soon(lambda: app.run() and "make" in keys(app))
    [(_, request, start)] = process.requests
    assert request == Request("mobilenetv2", LAYER, channel(95), Options(steps=128)) and start is None
    assert any("**7.50** after 128 steps" in text.value for text in app.markdown)
    assert app.button(key="make").disabled
    assert images.load(given["make_download"]).max() == 9
    app = open_explorer(channel=95)
    assert any("**7.50**" in text.value for text in app.markdown), "the next visitor finds it"


def test_settings_of_the_address_and_the_controls_are_in_the_request(process):
    app = open_explorer(channel=95, make_what="This channel and another", make_size=96, make_steps=64, make_seed=3)
    app.slider(key="make_share").set_value(25).run()
    app.select_slider(key="make_smooth").set_value(1.0).run()
    app.selectbox(key="make_of_3").set_value("maco").run()
    app.toggle(key="make_clear").set_value(True).run()
    app.number_input(key=f"make_other_{LAYER}").set_value(7).run()
    app.toggle(key="make_moves").set_value(False).run()
    app.button(key="make").click().run()
    soon(lambda: process.requests)
    request = process.requests[0][1]
    assert request.objective.weights == ((95, 0.75), (7, 0.25)) and request.seed == 3
    assert request.options == Options("maco", 96, 64, transforms=False, smoothness=1.0, opacity=True)


def test_the_query_is_accentuated(process):
    app = open_explorer(
        channel=95, dataset=WORLD, make_what="The query picture, with more of this channel", make_size=96
    )
    app.button(key="make").click().run()
    soon(lambda: process.requests)
    _, request, start = process.requests[0]
    assert start.shape == (96, 96, 3) and request.start and request.objective == channel(95)


def test_a_picture_can_be_cancelled_and_begun_again(process):
    app = open_explorer(channel=95)
    app.button(key="make").click().run()
    app.button(key="make_cancel").click().run()
    soon(lambda: app.run() and "make" in keys(app))
    assert any("cancelled" in text.value for text in app.caption)
    app.button(key="make").click().run()
    assert "make_cancel" in keys(app)


def test_a_failure_is_told_and_the_button_stays(process):
    process.failure = EngineError("the network broke; try again")
    app = open_explorer(channel=95)
    app.button(key="make").click().run()
    soon(lambda: app.run() and app.error)
    assert "network broke" in app.error[0].value and not app.button(key="make").disabled


def test_as_many_as_can_wait_and_no_more(process):
    for number in range(4):
        app = open_explorer(channel=number)
        app.button(key="make").click().run()
    app = open_explorer(channel=100)
    app.button(key="make").click().run()
    assert any("As many pictures are being made as can wait" in warning.value for warning in app.warning)


def test_without_weights_nothing_can_be_made(kept, monkeypatch):
    monkeypatch.setattr(weights, "status", lambda model: weights.WeightsStatus(False, "not here", ""))
    app = open_explorer()
    assert "make" not in keys(app) and any("not on this machine" in info.value for info in app.info)
