"""The Live search page run without a browser, on a small world whose answers are known by hand."""

import base64
import json
import shutil
import threading
from concurrent.futures import Future

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from semsearch.data import datasets
from semsearch.errors import (
    Busy,
    EngineError,
    FetchFailed,
    ImageRefused,
    InputError,
    LinkRefused,
    PicturesUnavailable,
    TooLate,
    WeightsUnavailable,
)
from semsearch.images import formats
from semsearch.live import search, serving
from semsearch.live.extractors import Tools
from semsearch.live.galleries import Galleries
from semsearch.live.search import LESS, MORE, Example
from semsearch.models import catalog, weights
from semsearch.net import links
from semsearch.results import experiments, recommend
from tests import ROOT
from tests.ui import pressing
from tests.worlds import small_world
from tests.worlds.files import heif_files
from tests.worlds.files.bitmaps import write_bmp
from tests.worlds.files.weight_files import serve
from tests.worlds.live_page import (
    HERE,
    allow,
    browse,
    components,
    found,
    jpeg,
    missing,
    open_page,
    picture,
    ranking,
    refused,
    shown,
    upload,
    with_map,
)
from tests.worlds.live_world import GALLERIES, SPEC, Green
from ui import offers, resources
from ui.choice import PARTS, Choice
from ui.components.upload import sent
from ui.jobs import weights as weights_offer
from ui.live import call as live_call
from ui.live import map as live_map
from ui.live import query_pictures, sources, uploads
from ui.live import results as live_results


def words(app):
    return " ".join(element.value for kind in ("error", "warning", "info", "success") for element in getattr(app, kind))


def titles(app):
    return " ".join(warning.proto.title for warning in app.warning)


def png(rgb):
    return datasets.sources._png(rgb)


def test_the_page_opens_with_the_ranking_of_the_query(service):
    app = open_page(q=3)
    assert not app.exception and not app.error and not app.warning
    assert ranking(app) == small_world.RANKINGS["mobilenetv2"] == found(3)
    assert shown(app, "query")["tiles"][0]["id"] == 3
    assert [tile["verdict"] for tile in shown(app, "matches")["tiles"]] == ["same class"] * 2 + ["other class"] * 3
    assert app.query_params["with"] == "q"


def test_uploaded_pictures_are_the_query(service, photos, tmp_path):
    app = upload(open_page(q=3), ("mine.jpg", jpeg(2)))
    assert not app.exception and not app.error
    assert ranking(app) == found(jpeg(2))
    assert "verdict" not in shown(app, "matches")["tiles"][0]
    tile = shown(app, "query")["tiles"][0]
    assert tile["name"] == "mine.jpg" and tile["src"].startswith("data:image/jpeg;base64,")
    assert app.query_params["with"].startswith("own.")
    assert "a link to this page does not carry them" in " ".join(caption.value for caption in app.caption)
    app = upload(app, ("a.jpg", jpeg(10)), ("b.jpg", jpeg(11)))
    assert ranking(app) == found([Example(jpeg(10)), Example(jpeg(11))])
    app = upload(app, ("saved.jfif", jpeg(2)))
    assert not app.exception and ranking(app) == found(jpeg(2))


def test_a_bad_file_among_several_loses_none_of_the_others(service):
    app = upload(open_page(), ("bad.jpg", b"<svg onload=alert(1)>"), ("x.jpg", jpeg(2)))
    assert not app.exception
    assert refused(app) == ["bad.jpg is an SVG drawing, which cannot be read here; save it as JPEG or PNG."]
    assert ranking(app) == found(jpeg(2)) and not app.error
    assert not refused(app.run())
    upload(app, ("bad.jpg", b"no picture"))
    assert not refused(upload(app, ("good.jpg", jpeg(3))))


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("text.jpg", b"no picture", f"text.jpg is not a picture that can be read here ({formats.WORDS})."),
        ("cut.png", png(np.zeros((64, 64, 3), np.uint8))[:60], "cut.png is incomplete. Get the whole file again."),
        ("none.png", b"", "none.png: expected a picture, got no bytes."),
    ],
)
def test_why_a_file_is_refused_is_one_plain_sentence(service, name, data, why):
    assert refused(upload(open_page(q=3), (name, data))) == [why]


def test_what_the_browser_refused_is_said_beside_what_the_server_refused(service):
    payload = {"rows": [{"name": "a", "data": ""}], "refused": ["b.svg: larger than 10 MB.", 7, "x" * 1_000]}
    app = pressing.tell(open_page(q=3), "live_upload", "uploaded", payload)
    assert refused(app) == ["a: expected a picture, got no bytes.", "b.svg: larger than 10 MB.", "x" * 400]


def test_the_picture_of_a_phone_is_taken_and_what_is_not_read_is_called_by_its_name(service):
    jxl = ("photo.jxl.jpg", b"\xff\x0a\x7a\x7f")
    app = upload(open_page(q=3), ("IMG_1.HEIC", heif_files.PLAIN), jxl)
    assert ranking(app) == found(heif_files.PLAIN) and shown(app, "query")["tiles"][0]["name"] == "IMG_1.HEIC"
    assert refused(app) == [
        "photo.jxl.jpg is a JPEG XL picture, which cannot be read here; save it as JPEG or PNG.",
    ]


def test_a_picture_beyond_the_limits_is_told(service, monkeypatch):
    monkeypatch.setattr(uploads, "LIMIT", 100)
    app = upload(open_page(q=3), ("x.jpg", jpeg(2)))
    assert "x.jpg: expected a picture of at most 10 MB" in refused(app)[0] and ranking(app) == found(3)
    monkeypatch.undo()


def test_more_pictures_than_a_session_holds_are_told(service, monkeypatch):
    monkeypatch.setattr(query_pictures, "MOST", 1)
    app = upload(open_page(q=3), *[(f"{place}.jpg", jpeg(place)) for place in (1, 2)])
    assert "expected at most 1 pictures" in refused(app)[0] and ranking(app) == found(3)


def test_pictures_are_liked_unliked_removed_and_brought_back(service):
    app = open_page(q=3)
    app.segmented_control(key="live_new").set_value("adds").run()
    app = upload(app, ("far.jpg", jpeg(14)))
    assert ranking(app) == found([Example(3), Example(jpeg(14))])
    far = app.session_state["live_given"][1].key
    app.button(key=f"live_flip_{far}").click().run()
    unlike = found([Example(3), Example(jpeg(14), -1.0)])
    assert ranking(app) == unlike != found(3)
    app.button(key="live_remove_world-3").click().run()
    assert ranking(app) == found([Example(jpeg(14), -1.0)])
    app.button(key="live_undo").click().run()
    assert ranking(app) == unlike
    app.button(key="live_clear").click().run()
    assert ranking(app) == found(3) and app.query_params["with"] == "q"


def test_a_query_of_twenty_is_one_query_and_leaves_room_for_its_answer(service, tmp_path):
    for number in range(21):
        write_bmp(tmp_path / "many" / "kind" / f"{number}.bmp", (9, 10 * number, 9))
    datasets.add("many", tmp_path / "many")
    app = open_page(dataset="many", **{"with": ",".join(f"like.{number}" for number in range(20))})
    assert [item for item, _ in ranking(app)] == [20] and "Part of this link" not in titles(app)


def test_the_query_alone_can_be_unliked(service):
    app = open_page(q=3)
    app.button(key="live_flip_world-3").click().run()
    assert ranking(app) == found([Example(3, -1.0)])
    assert "verdict" not in shown(app, "matches")["tiles"][0]
    assert app.query_params["with"] == "unlike.3"


def test_marks_are_chips_that_can_be_taken_back(service):
    app = open_page(q=3)
    assert shown(app, "matches")["marks"] and not shown(app, "query")["marks"]
    app.session_state["live_given"] = (query_pictures.item("world", 4, MORE), query_pictures.item("world", 2, LESS))
    app.run()
    assert ranking(app) == found([Example(3), Example(4, MORE), Example(2, LESS)])
    assert app.query_params["with"] == "q,more.4,less.2"
    chips = [button.label.replace("\\", "") for button in app.button if button.key.startswith("live_unmark_")]
    assert chips == ["More like apple, picture 4 ✕", "Less like <b>pear, picture 2 ✕"]
    app.button(key="live_unmark_world-2").click().run()
    assert ranking(app) == found([Example(3), Example(4, MORE)])


def test_a_part_of_an_item_is_searched_with_and_the_item_left_out(service, photos):
    rgb = np.full((8, 8, 3), 30, np.uint8)
    rgb[:, 4:] = 180
    app = upload(open_page(), ("two.png", png(rgb)))
    key = app.session_state["live_given"][0].key
    for box, place in ((0, 0, 0.5, 1), 2), ((0.5, 0, 1, 1), 12):
        [one] = app.session_state["live_given"]
        app.session_state["live_given"] = (query_pictures.replace(one, crop=box),)
        app.run()
        assert ranking(app) == found(picture(place)) == found([Example(png(rgb), crop=box)])
    assert one.key == key
    app = open_page(**{"with": "like.3~0-0-500-1000"})
    half = Example(photos / "apple" / "0.bmp", crop=(0, 0, 0.5, 1))
    assert ranking(app) == found([half], exclude=frozenset([3])) and 3 not in dict(ranking(app))
    assert app.query_params["with"] == "like.3~0-0-500-1000"
    assert "Part 0–50 % across" in shown(app, "query")["tiles"][0]["note"]


def fetch(app, link):
    browse(app, "Link").button(key="live_browse").click()
    app.text_input(key="live_link").set_value(link)
    return app.button(key="live_fetch").click().run()


def test_a_link_goes_through_the_guarded_door_alone(service, monkeypatch):
    asked = []
    monkeypatch.setattr(links, "fetch_image", lambda link, **more: asked.append((link, more)) or jpeg(2))
    app = fetch(open_page(), "https://pictures.example/two.jpg")
    assert asked == [("https://pictures.example/two.jpg", {"limit": 10_000_000, "policy": links.PUBLIC})]
    assert ranking(app) == found(jpeg(2))
    assert shown(app, "query")["tiles"][0]["name"] == "https://pictures.example/two.jpg"
    app.run()
    assert len(asked) == 1


@pytest.mark.parametrize("error", [LinkRefused("address", "not public"), FetchFailed("no answer"), Busy("too many")])
def test_why_a_link_gives_no_picture_is_told(service, monkeypatch, error):
    def refuse(link, **more):
        raise error

    monkeypatch.setattr(links, "fetch_image", refuse)
    app = fetch(open_page(q=3), "http://[evil](x)/<b>")
    assert refused(app) == [f"http://[evil](x)/<b>: {error}."] and ranking(app) == found(3)


def test_no_link_is_asked_for_one(service):
    assert refused(fetch(open_page(q=3), " ")) == ["Enter a link."]


def test_a_session_that_asks_for_many_links_is_told_to_wait(service, monkeypatch):
    allow(monkeypatch, link=2)
    monkeypatch.setattr(links, "fetch_image", lambda link, **more: jpeg(2))
    app = open_page()
    for _ in range(2):
        assert not refused(fetch(app, "https://a.example/"))
    assert "requests a second" in refused(fetch(app, "https://a.example/"))[0]


def test_a_session_that_searches_or_brings_too_often_is_told_to_wait(service, monkeypatch):
    allow(monkeypatch, search=1, picture=1)
    app = upload(open_page(q=3), ("a.jpg", jpeg(2)))
    assert "requests a second" in words(app) and not app.exception
    assert not any(data.get("look") == "matches" for data in components(app))
    allow(monkeypatch, picture=1)
    app.button(key="live_again").click().run()
    assert not app.error and ranking(app) == found(jpeg(2))
    app = upload(app, *[(f"{place}.jpg", jpeg(place)) for place in (10, 11)])
    assert "11.jpg: expected at most" in refused(app)[0] and ranking(app) == found(jpeg(10))


def test_a_link_in_the_address_is_filled_in_and_not_fetched(service, monkeypatch):
    monkeypatch.setattr(links, "fetch_image", lambda link, **more: pytest.fail("fetched"))
    app = open_page(q=3, link="https://a.example/x.jpg")
    browse(app, "Link")
    assert app.text_input(key="live_link").value == "https://a.example/x.jpg"
    assert ranking(app) == found(3) and not app.exception


def test_the_camera_is_there_only_when_chosen(service):
    app = open_page()
    assert not app.get("camera_input")
    [camera] = browse(app, "Camera").camera_input
    app.button(key="live_browse").click()
    camera.set_value(("photo.jpg", jpeg(10), "image/jpeg")).run()
    assert not app.exception and ranking(app) == found(jpeg(10))


def test_browsing_offers_pictures_of_every_dataset(service, tmp_path):
    write_bmp(tmp_path / "other" / "thing" / "2.bmp", (9, 30, 9))
    write_bmp(tmp_path / "other" / "thing" / "3.bmp", (9, 45, 9))
    datasets.add("other", tmp_path / "other")
    app = open_page(q=3)
    app.button(key="live_browse").click().run()
    assert [tile["id"] for tile in shown(app, "pictures")["tiles"]] == [0, 1, 2, 3, 4, 5]
    assert {"World" if name == "world" else name for name in app.selectbox(key="live_browse_dataset").options} >= {
        "other"
    }
    app = open_page(**{"with": "like.other.0"})
    assert ranking(app) == found(picture(2)) and app.query_params["with"] == "like.other.0"
    app.selectbox(key="dataset").select("other").run()
    assert dict(ranking(app)).keys() == {1} and app.query_params["with"] == "like.0"


def test_choices_go_into_the_question_and_the_address(service):
    app = open_page(q=3)
    app.segmented_control(key="index").set_value("approximate").run()
    assert ranking(app) == found(3, index="approximate")
    app.multiselect(key="classes").set_value([0]).run()
    assert ranking(app) == found(3, classes=frozenset([0])) == [(0, 10), (1, 11), (2, 14)]
    app.slider(key="least").set_value(40).run()
    assert ranking(app) == found(3, classes=frozenset([0]), at_least=0.4) == [(0, 10), (1, 11), (2, 14)]
    app.slider(key="least").set_value(41).run()  # of 25 pairs ten are of one class
    assert ranking(app) == [] and "No picture passes" in words(app)


def test_colour_is_ignored_in_query_dataset_and_answer(service, monkeypatch):
    asked, submit = [], service.submit

    def noted(examples, question, **more):
        asked.append(question.spec)
        return submit(examples, question, **more)

    monkeypatch.setattr(service, "submit", noted)
    app = open_page(q=3)
    app.toggle(key="grey").set_value(True).run()
    assert not app.exception and not app.error and ranking(app) == found(3)
    assert [spec.preset for spec in asked[-2:]] == ["default", "grey"]
    squares = upload(app, ("mine.jpg", jpeg(2)))
    assert asked[-1].preset == "grey" and shown(squares, "seen")["tiles"][0]["src"]
    assert open_page(q=3, pooling="published").toggle(key="grey").disabled and asked[-1].preset == "published"


def test_near_duplicates_are_folded_away(service, photos):
    write_bmp(photos / "apple" / "1.bmp", (200, 2, 90))
    datasets.add("world", photos)
    resources._dataset.clear()
    app = open_page(q=0)
    assert ranking(app) == found(0)
    app.toggle(key="fold").set_value(True).run()
    assert ranking(app) == found(0, fold=True) == [(1, 1), (2, 4), (5, 7), (3, 10)]


def test_the_best_configuration_is_one_click_away_and_says_why(service):
    app = open_page(model="vgg16", layer="block1_conv1")
    best = recommend.recommend(resources.store(), "world")
    said = [text.value.replace("\\", "") for text in app.caption]
    assert [text for text in said if text.endswith(best.reason)]
    app.button(key="live_use_best").click().run()
    assert app.query_params["model"] == best.spec.model and app.query_params["layer"] == best.spec.layer
    assert app.query_params["metric"] == best.metric and app.button(key="live_use_best").disabled


def configuration(app):
    return {name: app.session_state[name] for name in PARTS}


def test_the_page_begins_with_the_best_configuration_until_another_is_chosen(service, tmp_path):
    """As a visitor comes from the Search page; a dataset without results has another best."""
    (tmp_path / "z").mkdir()
    for number in range(2):
        write_bmp(tmp_path / "z" / "kind" / f"{number}.bmp", (9, 15 * number, 9))
    datasets.add("z", tmp_path / "z")
    best, other = (resources.best_parts(name) for name in ("world", "z"))
    plain = {"model": "mobilenetv2", "layer": SPEC.layer, "pooling": "avg", "metric": "cosine"}
    assert best != plain == other
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30).run()
    assert configuration(app) == plain
    app.switch_page("pages/live_search.py").run()
    assert app.session_state["dataset"] == "world" and configuration(app) == best
    app.selectbox(key="dataset").select("z").run()
    assert configuration(app) == other
    app.selectbox(key="metric").select("manhattan").run()
    app.selectbox(key="dataset").select("world").run()
    assert configuration(app) == plain | {"metric": "manhattan"} and not app.exception


def test_a_first_visit_begins_with_the_query_that_shows_most(service, tmp_path):
    """Where results are stored: under VGG16 the pear at 4, which scores best; else the first picture."""
    write_bmp(tmp_path / "z" / "kind" / "0.bmp", (9, 15, 9))
    datasets.add("z", tmp_path / "z")
    live = offers.live()
    begun = [live.begin({"dataset": name, "model": "vgg16"}) for name in ("world", "z")]
    assert [choice.q for choice in begun] == [2, 0]
    assert live.begin({"dataset": "world", "model": "xception"}).q == 0


def test_a_configuration_in_a_link_is_kept(service):
    plain = {"model": "mobilenetv2", "layer": SPEC.layer, "pooling": "avg", "metric": "cosine"}
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30)
    app.query_params["metric"] = "cosine"
    app.run().switch_page("pages/live_search.py").run()
    assert configuration(app) == plain != resources.best_parts("world")


def said(app):
    return [caption.value.replace("\\", "") for caption in app.caption]


def go(app, page):
    return app.switch_page(f"pages/{page}.py").run()


def test_every_model_and_dataset_is_offered_and_says_what_it_lacks(service, monkeypatch):
    lacks = weights.WeightsStatus(False, "not here", "")
    monkeypatch.setattr(weights, "status", lambda model: HERE if model == "mobilenetv2" else lacks)
    app = open_page()
    models = app.selectbox(key="model").options
    assert len(models) == len(catalog.models())
    assert {"MobileNetV2 · here", "VGG16 · 59 MB", "ResNet50 · needs internet"} <= set(models)
    assert {"world · here", "Iconic 200 · needs internet"} <= set(app.selectbox(key="dataset").options)
    assert any("semsearch datasets fetch cifar10-200" in line for line in said(app))
    assert "compare" not in {toggle.key for toggle in app.toggle}


def test_a_dataset_whose_pictures_are_not_here_is_kept_and_they_are_offered(service):
    app = open_page(dataset="iconic200")
    assert not app.exception and not app.error and not app.warning
    assert app.session_state["dataset"] == app.query_params["dataset"] == "iconic200"
    assert any("pictures of Iconic 200 are not" in text.value for text in app.markdown)
    assert app.button(key="fetch").label == "Fetch pictures"
    assert not any(data.get("look") == "matches" for data in components(app))


def test_no_page_changes_what_was_chosen_on_another(service, tmp_path):
    write_bmp(tmp_path / "z" / "kind" / "0.bmp", (9, 15, 9))
    write_bmp(tmp_path / "z" / "kind" / "1.bmp", (9, 30, 9))
    datasets.add("z", tmp_path / "z")
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30).run()
    plain = configuration(app)
    assert configuration(go(app, "live_search")) == resources.best_parts("world") != plain
    assert configuration(go(app, "search")) == plain
    go(app, "live_search").selectbox(key="model").select("resnet50").run()
    app.selectbox(key="dataset").select("z").run()
    chosen = configuration(app)
    go(app, "guide")
    assert (app.session_state["dataset"], app.session_state["model"]) == ("world", "vgg16") and not app.exception
    assert [line.split(": it shows")[0] for line in said(app) if "cannot tell of" in line] == [
        ":material/info: This page cannot tell of z",
        ":material/info: This page cannot tell of ResNet50",
    ]
    for page in ("live_search", "search", "embeddings"):
        go(app, page)
        assert app.session_state["dataset"] == "z" and configuration(app) == chosen and chosen["model"] == "resnet50"
        assert not any("cannot tell of" in line for line in said(app)) and not app.exception


def test_a_query_chosen_where_the_dataset_was_replaced_takes_its_dataset_along(service, tmp_path):
    write_bmp(tmp_path / "z" / "kind" / "0.bmp", (9, 15, 9))
    datasets.add("z", tmp_path / "z")
    app = open_page(dataset="z")
    go(app, "guide").button(key="next_query").click().run()
    item = app.session_state["q"]
    go(app, "live_search")
    assert (app.session_state["dataset"], app.session_state["q"]) == ("world", item)


def test_the_browsers_way_back_chooses_nothing(service):
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30).run()
    before = dict(app.query_params)
    best = configuration(go(app, "live_search"))
    app.switch_page("pages/search.py")
    for name, value in before.items():
        app.query_params[name] = value
    assert configuration(app.run()) != best == configuration(go(app, "live_search"))


def test_a_chosen_dataset_that_is_taken_away_is_replaced(service, tmp_path):
    write_bmp(tmp_path / "z" / "kind" / "0.bmp", (9, 15, 9))
    datasets.add("z", tmp_path / "z")
    app = go(open_page(dataset="z"), "guide")
    assert any("cannot tell of z" in line for line in said(app))
    shutil.rmtree(datasets.settings().datasets / "z")
    resources._dataset.clear()
    assert not app.run().exception and not any("cannot tell of" in line for line in said(app))
    assert not go(app, "live_search").exception and app.session_state["dataset"] == "groceries200"


def test_how_far_an_answer_is_trusted(service, tmp_path):
    """Twelve pictures of a kind at either end: one like those is told from one that lies between."""
    for label, places in enumerate(((0, 1, 2), (14, 15, 16))):
        for number in range(12):
            write_bmp(tmp_path / "ends" / f"kind{label}" / f"{number}.bmp", (9, 15 * places[number % 3], number))
    datasets.add("ends", tmp_path / "ends")
    resources._pictured.clear()
    app = open_page(dataset="ends")
    assert words(app) == (
        "Looks like **kind0**: 5 of the 5 nearest agree. Such answers are right in 100 % of cases here."
    )
    assert "| confident | 100 % | 0 % | 0 % |" in " ".join(part.value for part in app.markdown)
    upload(app, ("mine.jpg", jpeg(8)))
    assert words(app).startswith("Nothing like it here: the nearest, **kind0**, is as far away")


def test_where_there_is_too_little_to_learn_from_that_is_said(service):
    app = open_page(q=3)
    assert words(app).startswith("How far to trust this answer is not known")
    assert not [part for part in app.expander if part.label == "How far to trust it"]


def test_the_vote_and_the_times_are_those_of_the_answer(service):
    app = open_page(q=3)
    bars = [bar.proto.text.replace("\\", "") for bar in app.get("progress")]
    assert bars == ["<b>pear: 60 %", "apple: 40 %"]
    times = {metric.label: float(metric.value) for metric in app.metric}
    assert list(times) == ["Waiting", "Opening", "Decoding", "Network", "Search", "Total"]
    assert times["Decoding"] == times["Network"] == 0 < times["Total"]
    assert times["Total"] == pytest.approx(sum(list(times.values())[:-1]), abs=0.3)


def test_the_map_is_drawn_once_it_is_opened(service):
    """Plotly alone is three times as heavy as the rest of the page."""
    app = open_page(q=3)
    assert not app.get("plotly_chart") and "live_open" in app.session_state
    assert with_map(app).get("plotly_chart")


def test_the_query_lies_at_its_own_place_or_among_its_neighbours(service):
    places = dict(enumerate(resources.store().map("world", SPEC, "umap2").coordinates))
    [figure] = with_map(open_page(q=3)).get("plotly_chart")
    star = json.loads(figure.proto.spec)["data"][-1]
    assert (star["x"][0], star["y"][0]) == pytest.approx(tuple(places[3]))
    app = upload(open_page(), ("x.jpg", jpeg(2)))
    result = search.search(jpeg(2), search.Question("world", SPEC, "euclidean"), galleries=GALLERIES)
    near = result.matches[:5]
    weight = np.array([match.similarity for match in near])
    want = sum(w * places[match.item] for w, match in zip(weight, near, strict=True)) / weight.sum()
    data = json.loads(with_map(app).get("plotly_chart")[0].proto.spec)["data"]
    assert (data[-1]["x"][0], data[-1]["y"][0]) == pytest.approx(tuple(want))
    ends = list(zip(data[-2]["x"][1::3], data[-2]["y"][1::3], strict=True))
    assert ends == [pytest.approx(tuple(places[match.item])) for match in result.matches]
    assert any("placed by its neighbours" in caption.value for caption in app.caption)
    none = [search.Match(1, 0, 0, 9.0, 0.0), search.Match(2, 1, 0, 9.0, 0.0)]
    assert live_map.placed(none, {0: np.array([0, 0]), 1: np.array([2, 4])}).tolist() == [1, 2]


def test_without_a_map_it_is_said_why(service):
    app = with_map(open_page(model="xception"))
    assert not app.exception and not app.get("plotly_chart")
    assert any("There is no map of world" in caption.value for caption in app.caption)


def test_the_address_brings_pictures_signs_and_marks_back(service):
    asked = "like.3,unlike.2,more.4,less.1"
    app = open_page(**{"with": asked})
    assert ranking(app) == found([Example(3), Example(2, -1.0), Example(4, MORE), Example(1, LESS)])
    assert app.query_params["with"] == asked and "Part of this link" not in titles(app)
    app.query_params["with"] = "q,more.5"
    app.run()
    assert ranking(app) == found([Example(0), Example(5, MORE)])
    app.query_params["with"] = "q"
    assert ranking(app.run()) == found(0)


@pytest.mark.parametrize(
    "asked",
    ["like.6", "like.x", "like", "hate.3", "like.3~0-0-0-0", "like.3~9-9", "like.nowhere.0", "<script>", "own.12345678"]
    + ["like.3~1000-0-2000-1000", "like.3.4.5", "like.-1", "like.３", "../../etc"],
)
def test_what_a_link_asks_for_in_vain_is_told(service, asked):
    app = open_page(q=3, **{"with": asked})
    assert not app.exception and not app.error
    [warning] = [one for one in app.warning if "Part of this link" in one.proto.title]
    assert "with" in warning.value or asked.startswith("own.")
    assert "<script>" not in warning.value
    assert ranking(app) == found(3) and app.query_params["with"] == "q"
    assert "Part of this link" not in titles(app.run())


def test_a_new_query_of_the_sidebar_ends_what_was_in_use(service):
    app = open_page(q=3, **{"with": "like.2,more.4"})
    app.button(key="next_query").click().run()
    assert ranking(app) == found(4) and app.query_params["with"] == "q"
    app.button(key="live_undo").click().run()
    assert app.query_params["with"] == "like.2,more.4"


def test_each_change_of_the_query_is_undone_by_one_press(service):
    """Upload, addition, exclusion, part, marks, another query, filter: backwards through all of them."""
    app, seen = open_page(q=3), []

    def done():
        assert not app.exception and not app.error and (not seen or ranking(app) != seen[-1])
        seen.append(ranking(app))

    done()
    upload(app, ("mine.jpg", jpeg(2)))
    done()
    app.segmented_control(key="live_new").set_value("adds").run()
    upload(app, ("far.jpg", jpeg(14)))
    done()
    far = app.session_state["live_given"][1].key
    app.button(key=f"live_flip_{far}").click().run()
    done()
    pressing.tell(app, "live_matches", "marked", {"id": 4, "more": True})
    done()
    pressing.tell(app, "live_matches", "marked", {"id": 0, "more": False})
    done()
    pressing.tell(app, "live_matches", "picked", 5)
    done()
    app.multiselect(key="classes").set_value([0]).run()
    done()
    for before in reversed(seen[:-1]):
        app.button(key="live_undo").click().run()
        assert not app.exception and ranking(app) == before
    assert app.button(key="live_undo").disabled and app.query_params["q"] == "3" and app.query_params["with"] == "q"


def test_what_undo_would_bring_back_is_within_what_a_session_may_keep(service, monkeypatch):
    monkeypatch.setattr(query_pictures, "ROOM", 2 * len(jpeg(2)) + 1)
    kept = []
    monkeypatch.setattr(resources, "keep_pictures", kept.append)
    app = open_page(q=3)
    for place in (2, 10, 11, 12):
        upload(app, ("x.jpg", jpeg(place)))
        assert ranking(app) == found(jpeg(place))
    assert max(kept) <= 2 * len(jpeg(2)) + 1
    app.button(key="live_undo").click().run()
    assert ranking(app) == found(jpeg(11))


def test_a_part_and_a_filter_are_undone(service):
    app = open_page(q=3, **{"with": "like.3~0-0-500-1000"})
    app.slider(key="least").set_value(41).run()
    app.button(key="live_undo").click().run()
    assert app.slider(key="least").value == 0 and app.query_params["with"] == "like.3~0-0-500-1000"


def test_a_link_to_a_picture_of_someones_own_says_where_it_was(service):
    [warning] = [one for one in open_page(q=3, **{"with": "own.12345678"}).warning if "this link" in one.proto.title]
    assert "Your own picture was only in that session" in warning.value.replace("\\", "")


def test_a_browser_that_lags_behind_takes_nothing_back(service):
    app = upload(open_page(q=3), ("x.jpg", jpeg(2)))
    app.query_params["with"] = "q"
    app.run()
    assert ranking(app) == found(jpeg(2)) and app.query_params["with"].startswith("own.")


def test_own_pictures_come_back_with_the_browsers_way_back(service, monkeypatch):
    app = upload(open_page(q=3), ("x.jpg", jpeg(2)))
    before = app.query_params["with"]
    monkeypatch.setattr(query_pictures, "LAG", 0)
    app.button(key="live_clear").click().run()
    assert ranking(app) == found(3)
    app.query_params["with"] = before
    app.run()
    assert ranking(app) == found(jpeg(2)) and "Part of this link" not in titles(app)


FAILURES = {
    Busy("expected at most 96"): "The server is busy",
    TooLate("expected an answer"): "There was no answer in time",
    ImageRefused("timeout", "decoding takes longer"): "A picture of the query cannot be read",
    PicturesUnavailable("picture is not here"): "The pictures of this dataset are not on this machine",
    EngineError("the model failed"): "The network could not be run",
    InputError("expected features"): "This cannot be searched",
}


@pytest.mark.parametrize("error", FAILURES, ids=lambda error: type(error).__name__)
def test_every_failure_is_told_in_words_with_a_way_back(service, monkeypatch, error):
    app = open_page(q=3)
    failing = Future()
    failing.set_exception(error)
    with monkeypatch.context() as patch:
        patch.setattr(service, "submit", lambda examples, question, client: failing)
        app.selectbox(key="model").select("vgg16").run()
        assert not app.exception
        [told] = app.error
        assert (told.proto.title, told.value.replace("\\", "")) == (
            FAILURES[error],
            str(error)[0].upper() + str(error)[1:],
        )
        assert not any(data.get("look") == "matches" for data in components(app))
    app.button(key="live_again").click().run()
    assert not app.error and len(ranking(app)) == 5
    with monkeypatch.context() as patch:
        patch.setattr(service, "submit", lambda examples, question, client: failing)
        app.selectbox(key="metric").select("cosine").run()
        app.button(key="live_back").click()
    app.run()
    assert not app.error and app.query_params["metric"] == "euclidean" and app.query_params["model"] == "vgg16"


def test_a_full_server_says_so_at_once(service, monkeypatch):
    monkeypatch.setattr(service, "_capacity", 0)
    app = open_page()
    assert app.error[0].proto.title == "The server is busy" and not app.exception


class Gated(Green):
    """Waits at a gate before each picture of a dataset."""

    gate = threading.Event()

    def stream(self, pictures):
        for result in super().stream(pictures):
            self.gate.wait(20)
            yield result


def test_while_features_are_computed_their_progress_is_shown(service, monkeypatch):
    Gated.gate.clear()
    opened = serving.Service(galleries=Galleries(Tools(extractor=Gated, digest=lambda model: "1" * 64)))
    monkeypatch.setattr(serving, "service", lambda: opened)
    monkeypatch.setattr(serving, "PATIENCE", 0.2)
    try:
        app = open_page(q=3)
        assert not app.exception and not app.error
        assert any("Preparing world for this model" in text.value for text in app.markdown)
        assert not any(data.get("look") == "matches" for data in components(app))
        [bar] = app.get("progress")
        assert bar.proto.text == "Loading the network …" or "of 6 pictures" in bar.proto.text
        Gated.gate.set()
        opened.prepare("world", SPEC).finished.result(20)
        app.run()
        assert ranking(app) == found(3)
    finally:
        Gated.gate.set()
        opened.close()


def test_a_model_that_is_not_here_is_offered_and_nothing_stored_passes_for_live(service, monkeypatch):
    missing(monkeypatch)
    app = open_page(q=3)
    app.selectbox(key="model").select("vgg16").run()
    assert not app.exception and not app.error
    assert any("VGG16 is not on this machine yet" in text.value for text in app.markdown)
    assert "from somewhere" not in " ".join(text.value for text in app.main.markdown)  # whence, the details say
    assert not any(data.get("look") == "matches" for data in components(app))
    app.button(key="live_back").click().run()
    assert app.query_params["model"] == "mobilenetv2" and ranking(app) == found(3)


def test_a_model_is_pulled_in_the_page(service, monkeypatch):
    missing(monkeypatch)
    counted = []

    def pull(model, *, progress):
        counted.append(model)
        progress(5, 10)
        progress(10, 0)
        monkeypatch.setattr(weights, "status", lambda model: HERE)

    monkeypatch.setattr(weights, "pull", pull)
    app = open_page(q=3, model="vgg16")
    app.button(key="live_get").click().run()
    assert counted == ["vgg16"] and not app.exception and len(ranking(app)) == 5


def test_why_a_model_cannot_be_had_is_told(service, monkeypatch):
    missing(monkeypatch, "damaged")

    def pull(model, *, progress):
        raise WeightsUnavailable("no source could give [them](x)")

    monkeypatch.setattr(weights, "pull", pull)
    app = open_page(model="vgg16")
    assert any("is damaged on this machine" in text.value for text in app.markdown)
    app.button(key="live_get").click().run()
    [error] = app.error
    assert (error.proto.title, error.value) == ("The model could not be downloaded", weights_offer.UNREACHED)
    [why] = [one.caption[0].value for one in app.expander if one.label == "Why"]
    assert why.replace("\\", "") == "No source could give [them](x)" != why
    assert not app.run().error and "live_cancel" not in {button.key for button in app.button}


def test_a_pull_that_is_cancelled_leaves_nothing(small_weights, monkeypatch):
    class Rerun(BaseException):
        """As Streamlit ends a run."""

    def progress(done, total):
        raise Rerun

    monkeypatch.setattr(weights.fetch, "package_archive", serve())
    with pytest.raises(Rerun):
        weights.pull("mobilenetv2", progress=progress)
    assert {path.name for path in small_weights.iterdir()} == {".mobilenetv2.lock"}
    assert weights.pull("mobilenetv2").path.is_file()


def test_nothing_of_a_user_reaches_the_disk_or_keeps_its_metadata(service, home, tmp_path):
    secret = b"GPS 48.1 11.5 secret"
    plain = jpeg(2)
    marked = plain[:2] + b"\xff\xe1" + (len(secret) + 8).to_bytes(2, "big") + b"Exif\0\0" + secret + plain[2:]
    app = upload(open_page(), ("holiday.jpg", marked))
    assert ranking(app) == found(plain)
    sent = [data["tiles"] for data in components(app) if "tiles" in data]
    shown_back = [tile["src"] for tiles in sent for tile in tiles if str(tile["src"]).startswith("data:")]
    assert len(shown_back) == 2
    for source in shown_back:
        assert secret not in base64.b64decode(source.partition(",")[2])
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert written and not [path for path in written if secret in path.read_bytes() or "holiday" in path.name]


@pytest.mark.real
def test_a_real_network_finds_on_the_page_what_is_stored(monkeypatch):
    weights.pull("mobilenetv2")
    for cache in (resources._pictured, resources._dataset, resources._recommendation):
        cache.clear()
    opened = serving.Service()
    monkeypatch.setattr(serving, "service", lambda: opened)
    opened.prepare("groceries200", SPEC).finished.result(120)
    try:
        app = open_page(dataset="groceries200", metric="cosine", q=100)
        stored = experiments.matches(
            experiments.open_store(), experiments.Experiment("groceries200", SPEC, "cosine"), 100, k=15
        )
        shown_ids = [tile["id"] for tile in shown(app, "matches")["tiles"]]
        assert shown_ids == [match.item for match in stored]
        assert [tile["right"] for tile in shown(app, "matches")["tiles"]] == [match.correct for match in stored]
    finally:
        opened.close()


@pytest.fixture
def session(service, monkeypatch):
    """A session state outside any run."""
    monkeypatch.setattr(st, "session_state", {})
    return st.session_state


class Leaving(dict):
    """A session whose page is run anew: Streamlit ends the present run where it is next touched."""

    asked = False

    def get(self, *arguments):
        if self.asked:
            raise KeyboardInterrupt
        return super().get(*arguments)


def test_a_page_that_is_left_withdraws_its_request(service, monkeypatch):
    waiting, session = Future(), Leaving()

    def submit(examples, question, client):
        session.asked = True
        return waiting

    monkeypatch.setattr(service, "submit", submit)
    monkeypatch.setattr(st, "session_state", session)
    with pytest.raises(KeyboardInterrupt):
        live_call.ask(CHOICE, [Example(3)], search.Question("world", SPEC))
    assert waiting.cancelled()


CHOICE = Choice("world", "mobilenetv2", small_world.LAST["mobilenetv2"], "avg", "euclidean", 15, 3)
LIES = (None, 1, "x", [], {}, {"id": 99, "more": True}, {"id": -1, "more": True}, {"id": True, "more": 1}, {"id": "3"})


@pytest.mark.parametrize("lie", [*LIES, {"id": 2}, [[1]], float("nan"), {"id": 1e9, "more": None}], ids=repr)
def test_a_hostile_browser_marks_and_picks_nothing(session, lie):
    live_results._mark(CHOICE, lie)
    sources.pick(CHOICE, "world", lie if lie != 1 else 10**9)
    assert not query_pictures.in_session() and "q" not in session
    with pytest.raises(InputError):
        query_pictures.fitting(lie)
    for told in (lie, {"rows": lie, "refused": lie}, {"rows": [lie], "refused": [lie]}):
        pictures, lost = sent(told, most=query_pictures.MOST)
        given, why_not = uploads.accept(pictures)
        assert not given and len(why_not) <= 1 and lost in ([], ["x"], ["3"])


@pytest.mark.parametrize(
    "box", [(0.5, 0, 0.5, 1), (0, 0, 2, 1), (float("nan"), 0, 1, 1), (-1, 0, 1, 1), (0, 0, 1)], ids=repr
)
def test_a_box_that_is_none_is_refused(box):
    with pytest.raises(InputError, match="left < right"):
        query_pictures.fitting(box)


def test_what_is_pasted_is_taken_apart_with_care(session):
    good = {"name": "a.png", "data": base64.b64encode(jpeg(2)).decode()}
    bad = [
        {"name": "b", "data": "***"},
        {"name": "c", "data": 3},
        {"name": "d", "data": ""},
        {"data": "A" * 13_333_340},
    ]
    pictures, lost = sent({"rows": [good, *bad, "x", *[good] * 20]}, most=query_pictures.MOST)
    given, why_not = uploads.accept(pictures[:5])
    assert [one.name for one in given] == ["a.png"] and len(why_not) == 4 and not lost
    assert len(pictures) <= query_pictures.MOST
    assert given[0].source == jpeg(2)


def test_a_pick_is_added_where_that_is_chosen(session):
    session |= {"live_new": "adds"}
    sources.pick(CHOICE, "world", 5)
    assert [one.key for one in query_pictures.current(CHOICE)] == ["world-3", "world-5"]
    query_pictures.mark(CHOICE, 1, MORE)
    query_pictures.mark(CHOICE, 1, LESS)
    assert [(one.key, one.weight) for one in query_pictures.current(CHOICE)][2:] == [("world-1", LESS)]
    session["live_new"] = "replaces"
    sources.pick(CHOICE, "world", 4)
    assert session["q"] == 4 and not query_pictures.in_session()
