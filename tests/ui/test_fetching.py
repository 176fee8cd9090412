"""The button that fetches pictures: its success on every page, its failures in words, and many who press it."""

import json
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import wait as wait_for

import numpy as np
import pytest

from semsearch.data import datasets
from tests.ui.search_page import open_app
from tests.worlds import fetch_world, small_world
from tests.worlds.servers.local_http import site
from tests.worlds.tiny_store import write_store
from tests.worlds.waiting import soon
from ui import offers, pictures, resources
from ui.pictures import fetching

PLACES = ("pages/search.py", "pages/embeddings.py", "pages/guide.py")


@pytest.fixture
def web(monkeypatch):
    with site() as served:
        monkeypatch.setenv("SEMSEARCH_MIRROR", served.address)
        yield served


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Card and results of the small iconic200, made once."""
    folder = tmp_path_factory.mktemp("iconic")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEMSEARCH_HOME", str(folder / "home"))
        fetch_world.write_card(folder / "facts")
        patch.setattr(datasets, "FACTS", folder / "facts")
        fetch_world.write_results(folder / "store")
    return folder


@pytest.fixture
def iconic(results, home, tmp_path, monkeypatch):
    """The folder of the pictures of the small iconic200, none of which is here."""
    monkeypatch.setattr(datasets, "FACTS", results / "facts")
    monkeypatch.setenv("SEMSEARCH_PRECOMPUTED", str(results / "store"))
    monkeypatch.setattr(pictures, "FOLDER", tmp_path / "static")
    for cache in (resources._dataset, resources._pictured, resources.fetch_jobs):
        cache.clear()
    return home / "datasets" / "iconic200"


def open_page(place="pages/search.py", **address):
    app = open_app(**address)
    return app if place == PLACES[0] else app.switch_page(place).run()


def sources(app):
    """Addresses of the pictures of all tiles on the page, None where there is none."""
    found = [json.loads(element.proto.json) for element in app.get("bidi_component")]
    return [tile["src"] for data in found for tile in data.get("tiles", [])]


def bars(app):
    return [bar.proto.text for bar in app.get("progress")]


def buttons(app):
    return {button.key for button in app.button}


def fetched(app):
    """Press, and wait until the fetch is over; the page as it looks then."""
    app.button(key="fetch").click().run()
    assert not app.exception
    return over(app)


def over(app):
    job = app.session_state["fetch_watched"] if "fetch_watched" in app.session_state else None
    if job:
        wait_for([job.finished], 20)
        assert job.finished.done()
    return app.run()


@pytest.mark.parametrize("place", PLACES)
def test_the_pictures_are_fetched_and_shown(iconic, web, place):
    web.pages = fetch_world.pages()
    app = open_page(place)
    assert app.button(key="fetch").label == "Fetch pictures" and set(sources(app)) <= {None}
    fetched(app)
    assert not app.exception and not app.error and "fetch" not in buttons(app)
    assert {path.name: path.read_bytes() for path in iconic.iterdir()} == fetch_world.PHOTOS
    seen = sources(app)
    assert all(source.startswith("app/static/pictures/iconic200/") for source in seen)
    for other in PLACES:
        shown = sources(open_page(other))
        assert None not in shown and (shown or other == PLACES[1])
    assert sorted(web.asked) == sorted(f"/iconic/{name}" for name in fetch_world.PHOTOS)


def test_the_guide_explains_with_pictures_of_another_dataset(iconic, tmp_path, monkeypatch):
    """It explained with empty tiles; what is chosen in the sidebar stays chosen."""
    small_world.add(tmp_path / "world")
    fetch_world.write_results(tmp_path / "store")
    write_store(
        tmp_path / "store",
        "world",
        np.random.default_rng(0).normal(size=(6, 2)).astype(np.float32),
        np.repeat([0, 1], 3),
    )
    monkeypatch.setenv("SEMSEARCH_PRECOMPUTED", str(tmp_path / "store"))
    app = open_page("pages/guide.py", dataset="iconic200", q=7)
    assert not app.exception and None not in sources(app) and "fetch" not in buttons(app)
    [line] = [text.value for text in app.caption if "not downloaded yet" in text.value]
    assert "The pictures of Iconic are not" in line and "this page uses world" in line
    assert (app.query_params["dataset"], app.query_params["q"]) == ("iconic200", "7")


def test_live_search_offers_the_dataset_at_once_to_all(iconic, web):
    web.pages = fetch_world.pages()
    other = open_page()
    assert not resources._pictured("iconic200", datasets.settings().datasets)
    fetched(open_page())
    assert resources._pictured("iconic200", datasets.settings().datasets)
    assert "iconic200" in offers.live().datasets
    assert "fetch" not in buttons(other.run()) and None not in sources(other)


def test_live_search_keeps_the_dataset_that_was_chosen_and_offers_its_pictures(iconic, web):
    app = open_page("pages/live_search.py")
    assert not app.exception and app.session_state["dataset"] == "iconic200"
    assert app.button(key="fetch").label == "Fetch pictures"
    [option] = open_page("pages/search.py").selectbox(key="dataset").options
    assert option.endswith(" · pictures not here")


def test_a_server_that_cannot_be_reached_is_said_plainly(iconic, monkeypatch):
    with site() as gone:
        pass
    monkeypatch.setenv("SEMSEARCH_MIRROR", gone.address)
    app = fetched(open_page())
    [error] = app.error
    assert not app.exception and error.proto.title == "The pictures could not be fetched"
    assert error.value == fetching.UNREACHED == (
        "No connection to the picture server. Check the network and try again."
    )  # fmt: skip
    [details] = [one for one in app.expander if one.label == "Details, and another way"]
    assert "ConnectionRefusedError" in details.caption[0].value.replace("\\", "") and not details.proto.expanded
    assert details.code[0].value == "semsearch datasets add iconic200 --from FOLDER"
    assert app.button(key="fetch").label == "Fetch pictures" and not app.button(key="fetch").disabled


def test_a_fetch_that_broke_off_goes_on_where_it_was(iconic, web):
    web.pages = fetch_world.pages("11.jpg")
    app = fetched(open_page())
    assert app.error[0].value == fetching.WRONG and "404" in app.expander[0].caption[0].value
    here = {path.name for path in iconic.iterdir()}
    assert "11.jpg" not in here and "fetch" in buttons(app)
    web.pages = fetch_world.pages()
    web.asked.clear()
    fetched(app)
    assert not app.error and "fetch" not in buttons(app) and None not in sources(app)
    assert sorted(web.asked) == sorted(f"/iconic/{name}" for name in set(fetch_world.PHOTOS) - here)


def test_a_full_disk_is_said_in_words(iconic, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(datasets, "fetch", full)
    app = fetched(open_page())
    assert "the disk is full" in app.error[0].value and not app.exception


def test_how_far_it_is_is_shown_to_all_and_leaving_ends_nothing(iconic, web):
    slow = fetch_world.Slow(web)
    app, other = open_page(), open_page()
    app.button(key="fetch").click().run()
    soon(lambda: resources.fetch_jobs().running("iconic200").done == 11)
    for one in (app.run(), other.run()):
        assert bars(one) == ["11 of 12 pictures fetched"] and not one.error and not one.exception
        assert one.button(key="fetch").disabled and one.button(key="fetch").label == "Fetching …"
        assert len(sources(one)) > 5, "the results stay on the page"
    app.switch_page("pages/guide.py").run()
    assert bars(app) == ["11 of 12 pictures fetched"] and not app.exception
    app.switch_page("pages/search.py")
    slow.go.set()
    over(app)
    assert "fetch" not in buttons(app) and "fetch" not in buttons(other.run())
    assert None not in sources(app) + sources(other) and len(web.asked) == 12


def test_many_who_press_at_once_share_one_fetch(iconic, web):
    slow = fetch_world.Slow(web)
    apps = [open_page() for _ in range(2)]
    for app in apps:
        app.button(key="fetch").click().run()
    assert apps[0].session_state["fetch_watched"] is resources.fetch_jobs().running("iconic200")
    with ThreadPoolExecutor(8) as pool:
        jobs = set(pool.map(lambda _: resources.fetch_jobs().start("iconic200"), range(64)))
    assert len(jobs) == 1
    slow.go.set()
    for app in apps:
        assert not over(app).exception and not app.error and "fetch" not in buttons(app)
    assert len(web.asked) == 12


def test_one_who_did_not_press_is_not_told_of_the_failure(iconic, web):
    web.pages = fetch_world.pages("3.jpg")
    app, other = open_page(), open_page()
    fetched(app)
    assert app.error and not other.run().error and other.button(key="fetch").label == "Fetch pictures"


def test_pictures_that_come_by_the_command_line_are_seen_within_seconds(iconic, web, monkeypatch):
    web.pages = fetch_world.pages()
    app = open_page()
    assert "fetch" in buttons(app) and not resources._pictured("iconic200", datasets.settings().datasets)
    datasets.fetch("iconic200")
    assert "fetch" not in buttons(app.run()) and None not in sources(app)
    threading.Event().wait(resources.SOON + 0.1)
    assert resources._pictured("iconic200", datasets.settings().datasets)
    shutil.rmtree(iconic)
    assert "fetch" in buttons(app.run())


def test_a_dataset_that_was_added_anew_is_seen_at_once(home, tmp_path):
    for kind in ("a", "b"):
        (tmp_path / "mine" / kind).mkdir(parents=True)
        (tmp_path / "mine" / kind / "1.jpg").write_bytes(kind.encode())
    datasets.add("mine", tmp_path / "mine")
    assert len(resources.dataset("mine").items) == 2
    (tmp_path / "mine" / "b" / "2.jpg").write_bytes(b"more")
    datasets.add("mine", tmp_path / "mine")
    assert len(resources.dataset("mine").items) == 3
