"""Why a match is one, on Search and Live search, without a browser: on networks whose maps are known by hand."""

import base64

import numpy as np
import pytest

from semsearch.errors import EngineError
from tests.ui import pressing
from tests.ui.search_page import COMPARED, open_app
from tests.worlds.live_page import components, jpeg, missing, open_page, upload
from tests.worlds.small_world import LAST
from ui.why import asked

SEARCH = {"q": 3, "metric": "euclidean", "k": 5}


def drawn(app):
    """The data of the pictures in the dialog, none where it is closed."""
    return [data for data in components(app) if "pairs" in data]


def heat(picture):
    return np.frombuffer(base64.b64decode(picture["heat"]), np.int8).reshape(picture["fine"]).tolist()


def words(app):
    return " ".join(
        element.value for kind in ("markdown", "caption", "error", "info") for element in getattr(app, kind)
    )


def ask(app, item, gallery="search_matches"):
    return pressing.tell(app, gallery, "asked", item)


def test_a_match_is_explained(service):
    """Picture 3 lies at 0 and picture 4 at 1: each of four positions adds a quarter of the distance, by one channel."""
    app = ask(open_app(**SEARCH), 4)
    [data] = drawn(app)
    assert [picture["name"] for picture in data["pictures"]] == ["Query: apple, picture 3", "1. apple, picture 4"]
    assert [picture["shares"] for picture in data["pictures"]] == [[25.0] * 4] * 2
    assert heat(data["pictures"][0]) == [[127, 127], [127, 127]] and data["channels"][0] == {"number": 0, "share": 100}
    assert (data["model"], data["layer"], data["noun"]) == ("mobilenetv2", LAST["mobilenetv2"], "the distance")
    assert "euclidean distance of **1.00**" in words(app) and "Exact: with average pooling" in words(app)
    assert app.query_params["why"] == "4" and not app.exception


def test_a_link_opens_it_and_closing_it_clears_the_address(service):
    app = open_app(**SEARCH, why=5, than=0)
    [data] = drawn(app)
    assert len(data["pictures"]) == 3 and len(data["pairs"]) == 2
    app.session_state["why_open"] = None  # what closing the dialog does
    app.run()
    assert not drawn(app) and "why" not in app.query_params and "than" not in app.query_params


def test_the_browsers_back_closes_it(service):
    app = ask(open_app(**SEARCH), 4)
    del app.query_params["why"]
    app.session_state[asked._WRITTEN] = ({"why": "4"}, {"why": "4"})  # as after a while
    assert not drawn(app.run()) and not app.exception


def test_one_is_above_another(service):
    """Pictures 4 and 5 lie at 1 and 3: the first is nearer by 2."""
    app = ask(open_app(**SEARCH), 4)
    app.selectbox(key="why_than").set_value(5).run()
    assert app.query_params["than"] == "5" and "is nearer than" in words(app) and "by **2.00**" in words(app)
    assert drawn(app)[0]["signs"] == ["for the first", "for the second"]
    app.selectbox(key="why_than").set_value(-1).run()
    assert "than" not in app.query_params and len(drawn(app)[0]["pictures"]) == 2


def test_both_questions_are_answered_where_the_metric_has_both(service):
    assert "why_question" not in {one.key for one in ask(open_app(**SEARCH), 4).segmented_control}
    app = ask(open_app(**SEARCH | {"metric": "cosine"}), 0)
    assert "cosine similarity of **0.447**" in words(app), "(0, 5) and (10, 5)"
    app.segmented_control(key="why_question").set_value("different").run()
    assert "cosine distance of **0.553**" in words(app) and app.query_params["ask"] == "different"


def test_b_is_explained_by_its_own_configuration(service):
    app = ask(open_app(**COMPARED), 0, "search_matches_b")
    assert drawn(app)[0]["model"] == "vgg16" and app.query_params["of"] == "B"


def test_the_visitors_own_picture_is_explained(service):
    app = ask(upload(open_page(q=3), ("mine.jpg", jpeg(2))), 5, "live_matches")
    [data] = drawn(app)
    assert data["pictures"][0]["name"] == "Query: mine.jpg" and app.query_params["why"] == "5"
    assert "euclidean distance of **1.00**" in words(app), "it lies at 2, picture 5 at 3"
    app = ask(open_page(q=3, **{"with": "like.3~0-0-500-1000"}), 4, "live_matches")
    assert "euclidean distance of **1.00**" in words(app) and not app.exception


def test_a_missing_model_is_offered(service, monkeypatch):
    missing(monkeypatch)
    app = ask(open_app(**SEARCH | {"model": "vgg16"}), 4)
    assert app.button(key="live_get").label == "Get the model" and not drawn(app) and not app.exception


def test_missing_pictures_are_said(service, photos):
    app = open_app(**SEARCH)
    (photos / "apple" / "1.bmp").unlink()
    app = ask(app, 4)
    assert "It needs both pictures" in words(app) and not drawn(app) and not app.exception


def test_a_failure_is_told_in_the_dialog(service, monkeypatch):
    def fail(why, *, client):
        raise EngineError("the model failed at this picture")

    with monkeypatch.context() as patch:
        patch.setattr(service, "explain", fail)
        app = ask(open_app(**SEARCH), 4)
        assert "The model failed at this picture" in app.error[0].value and not app.exception
    app.button(key="why_again").click().run()
    assert not app.error and len(drawn(app)[0]["pictures"]) == 2


@pytest.mark.parametrize("lie", [-1, 6, 10**12, "4", None, [4], {"id": 4}, True, 1.5])
def test_a_hostile_browser_opens_nothing(service, lie):
    app = ask(open_app(**SEARCH), lie)
    assert not drawn(app) and not app.exception and "why" not in app.query_params


def test_a_hostile_link_opens_nothing(service):
    for address in ({"why": "x"}, {"why": "99"}, {"than": "4"}, {"why": "-1"}, {"why": "9" * 40}):
        app = open_app(**SEARCH, **address)
        assert not drawn(app) and not app.exception and "why" not in app.query_params
    app = open_app(**SEARCH, why=4, than=99, ask="<b>", of="C")
    assert len(drawn(app)[0]["pictures"]) == 2 and not app.exception
