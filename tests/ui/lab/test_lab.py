"""The Index lab: measured in a job that all sessions watch, cancelled, refused where it cannot be, adopted."""

import json
import threading
from concurrent.futures import wait as wait_for

import pytest
from streamlit.testing.v1 import AppTest

from semsearch.data import datasets
from semsearch.errors import EngineError
from semsearch.indices import lab
from semsearch.indices.recipes import RECIPES
from semsearch.models import weights
from tests import ROOT
from tests.ui import pressing
from tests.worlds import live_page
from tests.worlds.files.bitmaps import write_bmp
from tests.worlds.waiting import soon
from ui.lab import measuring
from ui.lab.measuring import Measurements

PAGE = "pages/index_lab.py"


@pytest.fixture
def many(service, tmp_path, monkeypatch):
    """A dataset of 70 pictures beside the small world, and no measurement yet."""
    for place in range(70):
        write_bmp(tmp_path / "many" / f"class{place // 35}" / f"{place}.bmp", (90, 3 * place, 90))
    datasets.add("many", tmp_path / "many")
    kept = Measurements()
    monkeypatch.setattr(measuring, "measurements", lambda: kept)
    monkeypatch.setattr("ui.lab.panel.measurements", lambda: kept)
    return kept


@pytest.fixture
def held(monkeypatch):
    """A gate at which each measurement waits until it is opened."""
    gate, real = threading.Event(), lab.measure

    def wait(*parts, progress, **more):
        progress(1, 6)
        gate.wait(20)
        return real(*parts, progress=progress, **more)

    monkeypatch.setattr(lab, "measure", wait)
    yield gate
    gate.set()


def open_lab(**address):
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30).run()
    app.switch_page(PAGE)
    for name, value in ({"dataset": "many", "metric": "euclidean"} | address).items():
        app.query_params[name] = str(value)
    return app.run()


def measured(app, kept):
    """The page after a press, once the measurement is over."""
    app.button(key="lab_measure").click().run()
    [job] = kept._last.values()
    wait_for([job.finished], 30)
    return app.run()


def lines(app):
    return json.loads(pressing.proto(app, "bidi_component", "lab_table").json)["lines"]


def keys(app):
    return {button.key for button in app.button}


def test_a_measurement_is_shown_as_table_frontier_and_recommendation(many):
    app = open_lab()
    assert not app.exception and "lab_measure" in keys(app) and "Up to 1,000 pictures" in app.info[0].value
    measured(app, many)
    assert not app.exception and not app.error
    assert [line[1] for line in lines(app)] == [f"Use {one.title}" for one in RECIPES.values()]
    assert {line[2] for line in lines(app)} == {"1.000 · 1.000"}  # so few are all looked at
    assert "63 vectors of 2 numbers; 7 queries that no index holds" in " ".join(text.value for text in app.markdown)
    assert "**Exact** finds 100.0% of the ten nearest" in app.success[0].value
    assert app.get("plotly_chart") and app.button(key="lab_measure").label == "Measure again"


def test_a_metric_that_some_cannot_do_says_so(many):
    app = measured(open_lab(metric="manhattan"), many)
    assert [line[1] for line in lines(app)] == ["Use Exact", "Use HNSW"]
    told = [text.value for text in app.caption if "not manhattan" in text.value]
    assert len(told) == 3 and "use exact or hnsw for that" in told[0]


def test_a_budget_changes_what_is_recommended_or_says_that_nothing_fits(many):
    app = measured(open_lab(), many)
    app.number_input(key="lab_memory").set_value(0.0).run()
    assert app.success and "Exact" not in app.success[0].value
    app.number_input(key="lab_ms").set_value(0.0).run()
    assert not app.success and "No index is within that budget" in app.warning[0].value
    assert "lab_use" not in keys(app)


def test_the_recommended_index_is_used_by_live_search(many):
    app = measured(open_lab(), many)
    app.number_input(key="lab_memory").set_value(0.0).run()  # Exact takes 504 bytes
    app.button(key="lab_use").click().run()
    assert not app.exception and app.title[0].value == "Live search"
    name = app.segmented_control(key="index").value
    assert name in RECIPES and name != "exact" and app.query_params["index"] == RECIPES[name].title


def test_any_index_of_the_table_is_used_by_live_search(many):
    app = measured(open_lab(), many)
    place = list(RECIPES).index("rabitq")
    pressing.tell(app, "lab_table", "picked", place)
    assert not app.exception and app.title[0].value == "Live search"
    assert app.segmented_control(key="index").value == "rabitq"
    assert app.session_state["dataset"] == "many" and app.session_state["metric"] == "euclidean"


def test_an_index_that_cannot_do_the_metric_gives_way_to_exact(many):
    app = live_page.open_page(dataset="many", index="RaBitQ")
    assert app.segmented_control(key="index").value == "rabitq" and not app.exception and not app.error
    app.selectbox(key="metric").set_value("manhattan").run()
    assert not app.exception and app.segmented_control(key="index").value == "exact" and not app.error
    assert app.segmented_control(key="index").options == ["Exact", "Approximate", "HNSW"]


def test_a_hostile_browser_adopts_nothing(many):
    app = measured(open_lab(), many)
    for lie in (99, -1, "rabitq", None, 1.5):
        pressing.tell(app, "lab_table", "picked", lie)
        assert not app.exception and app.title[0].value == "Index lab"


def test_a_measurement_is_watched_by_all_and_cancelled_by_whoever_may_change_datasets(many, held, monkeypatch):
    monkeypatch.setenv("SEMSEARCH_EDITORS", "all")
    first, second = open_lab(), open_lab()
    first.button(key="lab_measure").click().run()
    soon(lambda: many.running() and many.running().done == 1)
    second.run()
    for app in (first.run(), second):
        assert "lab_measure" not in keys(app) and "lab_cancel" in keys(app)
        assert "Measuring Exact" in app.get("progress")[0].proto.text
    second.button(key="lab_cancel").click().run()
    assert second.button(key="lab_cancel").label == "Stopping …" and second.button(key="lab_cancel").disabled
    [job] = many._last.values()
    held.set()
    wait_for([job.finished], 20)
    assert "The last measurement was cancelled." in [text.value for text in first.run().caption]
    assert "lab_measure" in keys(first)


def test_a_second_measurement_waits_for_the_first(many, held):
    first, second = open_lab(), open_lab(metric="cosine")
    first.button(key="lab_measure").click().run()
    second.button(key="lab_measure").click().run()
    assert "is being measured on this server" in second.warning[0].value and not second.exception


def test_what_cannot_be_measured_is_said_in_words_and_tried_again(many, monkeypatch):
    def fail(*parts, **more):
        raise EngineError("the network answered nonsense")

    app = open_lab()
    with monkeypatch.context() as patch:
        patch.setattr(lab, "held_out", fail)
        measured(app, many)
    assert "The network answered nonsense" in app.error[0].value and app.button(key="lab_measure").label == "Measure"
    with monkeypatch.context() as patch:
        patch.setattr(measuring, "LARGEST", 100)
        measured(app, many)
    assert "semsearch bench index many" in app.error[0].value.replace("\\", "")
    monkeypatch.setattr(measuring, "GRAPH", 100)
    measured(app, many)
    assert not app.error and "Use HNSW" not in [line[1] for line in lines(app)]
    assert any("HNSW was left out" in text.value for text in app.caption)


def test_six_pictures_need_no_index(many):
    app = open_lab(dataset="world")
    assert "Exact search is all that 6 pictures need" in app.info[0].value and "lab_measure" not in keys(app)


def test_without_the_model_the_way_to_it_is_named(many, monkeypatch):
    monkeypatch.setattr(weights, "status", lambda model: weights.WeightsStatus(False, "not here", "a test"))
    app = open_lab()
    assert "is not on this machine" in app.info[0].value and "lab_measure" not in keys(app)
    assert [link.proto.page for link in app.get("page_link")] == ["live"]


def test_without_pictures_they_are_offered(many, tmp_path):
    (tmp_path / "many").rename(tmp_path / "elsewhere")
    live_page.resources._pictured.clear()
    live_page.resources._dataset.clear()
    app = open_lab()
    assert not app.exception and "fetch" in keys(app) and "lab_measure" not in keys(app)
