"""Results and maps that are not there are offered, computed by a process of its own, and then shown like the rest."""

import time

import pytest

from semsearch.data import datasets
from semsearch.jobs import desk, records
from semsearch.jobs.records import Request
from semsearch.results import precompute
from semsearch.results.extent import POOLED
from tests import ROOT
from tests.ui.search_page import open_app, shown
from tests.worlds import small_world
from tests.worlds.files.bitmaps import write_bmp
from ui import resources

PATIENCE = 60


@pytest.fixture
def jobs(store, home, monkeypatch):
    """Jobs of the small world, and a store of it that lacks two models of nine."""
    monkeypatch.setattr(desk, "COMMAND", ("-m", "tests.worlds.job_child"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("SEMSEARCH_EDITORS", "all")
    for cache in (resources._dataset, resources._pictured, resources._recommendation):
        cache.clear()
    yield home / "slow"
    (home / "slow").unlink(missing_ok=True)
    for job in records.every():
        if job.live:
            desk.cancel(job.number)
            until(lambda number=job.number: not records.find(number).live)


@pytest.fixture
def quick(jobs, store):
    """The store, with a dataset ``z`` that has results and no maps."""
    for number in range(6):
        write_bmp(store.parent / "z" / "ab"[number // 3] / f"{number}.bmp", (9, 15 * number, 9))
    datasets.add("z", store.parent / "z")
    tools = precompute.Tools(extractor=small_world.Line, project=small_world.no_maps, digest=lambda model: "0" * 64)
    precompute.precompute(["z"], ["mobilenetv2"], root=store, how_much=POOLED, tools=tools)


def until(ready):
    end = time.monotonic() + PATIENCE
    while not ready():
        assert time.monotonic() < end
        time.sleep(0.05)


def text(app):
    return " ".join(part.value for part in [*app.markdown, *app.caption]).replace("\\", "")


def bars(app):
    return [bar.proto.text for bar in app.get("progress")]


def keys(app):
    return {button.key for button in app.button}


def test_results_of_another_model_are_computed_and_shown_like_the_rest(jobs):
    app = open_app(model="xception", q=3)
    assert "Xception has no results for world yet." in text(app) and not app.exception
    assert "6 pictures go through the network." in text(app) and "MB of weights are fetched" in text(app)
    assert {"back_mobilenetv2", "back_vgg16"} <= keys(app)
    app.button(key="job_begin").click().run()
    until(lambda: records.find(1).state.name == "done")
    app.run()
    assert "job_begin" not in keys(app) and not app.exception and not app.error
    assert [tile["id"] for tile in shown(app)["tiles"]] == [4, 5, 0, 1, 2]
    models = app.selectbox(key="model").options
    assert "Xception" in models and "ResNet50 · no results yet" in models


def test_an_own_dataset_is_offered_computed_and_searched(jobs, store):
    for number in range(4):
        write_bmp(store.parent / "own" / "ab"[number // 2] / f"{number}.bmp", (9, 15 * number, 9))
    datasets.add("own", store.parent / "own")
    app = open_app()
    assert app.query_params["dataset"] == "world"  # to begin with, what has results
    assert "own · no results yet" in app.selectbox(key="dataset").options
    app.selectbox(key="dataset").select("own").run()
    assert "has no results for own yet." in text(app)
    app.button(key="job_begin").click().run()
    until(lambda: records.find(1).state.name == "done")
    app.run()
    assert len(shown(app)["tiles"]) == 3 and not app.exception


def test_a_job_of_the_command_line_is_seen_with_its_progress_and_cancelled_here(jobs):
    jobs.write_text("31")
    desk.begin(Request(("world",), ("xception",)))
    until(lambda: records.find(1).state.done == 31)
    app = open_app(model="xception")
    assert [bar.startswith("Starting 31 of 100") for bar in bars(app)] == [True] and "job_begin" not in keys(app)
    app.button(key="job_cancel").click().run()
    until(lambda: records.find(1).state.name == "cancelled")
    app.run()
    assert bars(app) == ["The last try was cancelled; what was whole is kept."] and "job_begin" in keys(app)


def test_a_paused_job_is_resumed_here_and_a_lost_one_begun_again(jobs):
    jobs.write_text("7")
    desk.begin(Request(("world",), ("xception",)))
    until(lambda: records.find(1).state.name == "running")
    app = open_app(model="xception")
    app.button(key="job_pause").click().run()
    until(lambda: records.find(1).state.name == "paused")
    app.run()
    assert bars(app) == ["Paused …"]
    app.button(key="job_resume").click().run()
    until(lambda: records.find(1).state.name == "running")
    jobs.unlink()
    until(lambda: records.find(1).state.name == "done")
    assert "job_begin" not in keys(app.run())


def test_only_who_began_a_job_and_the_keepers_of_datasets_end_it(jobs, monkeypatch):
    monkeypatch.setenv("SEMSEARCH_EDITORS", "none")
    jobs.write_text("7")
    mine, other = open_app(model="xception"), open_app(model="xception")
    mine.button(key="job_begin").click().run()
    until(lambda: records.find(1).state.name == "running")
    assert not {"job_pause", "job_cancel", "job_begin"} & keys(other.run()) and bars(other)
    assert {"job_pause", "job_cancel"} <= keys(mine.run())
    mine.button(key="job_cancel").click().run()
    until(lambda: not records.find(1).live)


def test_what_cannot_be_begun_says_why(jobs):
    app = open_app(model="xception")
    jobs.write_text("7")
    desk.begin(Request(("world",), ("xception",)))
    app.button(key="job_begin").click().run()
    assert "job 1 is at it already" in text(app) and not app.exception
    app.button(key="job_cancel").click()
    desk.cancel(1)
    until(lambda: not records.find(1).live)
    app.run()
    assert "there is nothing to cancel" in text(app) and not app.exception


def test_why_a_job_failed_is_said(jobs):
    with pytest.raises(ValueError), desk.here(Request(("world",), ("xception",))):
        raise precompute.InputError("its pictures are <b>odd</b>")
    [said] = bars(open_app(model="xception"))
    assert said.replace("\\", "") == "The last try failed: its pictures are <b>odd</b>"


def test_the_published_pooling_of_a_quick_unit_is_offered(quick):
    app = open_app(dataset="z", pooling="published")
    assert "MobileNetV2 has no results with the pooling Published for z yet." in text(app)
    assert "6 pictures go through the network twice." in text(app)
    app.button(key="back_mobilenetv2").click().run()
    assert app.query_params["pooling"] == "avg" and len(shown(app)["tiles"]) == 5


def test_a_map_that_is_not_drawn_is_offered_and_drawn(quick):
    app = open_app(dataset="z").switch_page("pages/embeddings.py").run()
    assert "The map by UMAP in two dimensions of z is not drawn yet." in text(app) and not app.exception
    app.session_state["map_method"] = "pca"
    app.run()
    assert "The map by PCA in two dimensions of z is not drawn yet." in text(app)
    app.button(key="job_begin").click().run()
    until(lambda: records.find(1).state.name == "done")
    app.run()
    assert "not drawn yet" not in text(app) and not app.exception and not app.error
    assert records.find(1).state.words == "8 maps drawn"


def test_pages_that_use_maps_go_on_without(quick):
    app = open_app(dataset="z")
    assert not app.exception and not app.error
    app.button(key="search_browse").click().run()
    assert "search_browse_alike" not in {toggle.key for toggle in app.toggle}
    app = open_app(dataset="z").switch_page("pages/guide.py").run()
    assert not app.exception and not app.error and app.session_state["dataset"] == "world"


@pytest.mark.parametrize("view", ["All models", "Whole dataset"])
def test_the_views_of_a_quick_unit_show_what_it_has(quick, view):
    app = open_app(dataset="z", view=view)
    assert not app.exception and not app.error
