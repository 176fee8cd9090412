"""The Search page of a dataset of which a sample of the pictures are queries."""

import pytest

from tests.ui.search_page import open_app, shown
from tests.worlds import sampled_world
from ui import pictures, resources


@pytest.fixture
def others(sampled_folder, tmp_path):
    """The pictures that are no queries, over the page of that dataset."""
    with sampled_world.opened(sampled_folder) as patch:
        patch.setattr(pictures, "FOLDER", tmp_path / "static")
        queries = set(resources.queries(sampled_world.NAME))
        yield [item for item in resources.items(sampled_world.NAME) if item not in queries]


def captions(app):
    return " ".join(caption.value for caption in app.caption)


def test_the_page_says_that_its_numbers_are_of_a_sample(others):
    app = open_app(dataset="many", model="mobilenetv2")
    assert not app.exception and len(shown(app)["tiles"]) == 15
    assert "a seeded sample of 300 of the 330 pictures as queries" in captions(app)
    app = open_app(dataset="many", model="mobilenetv2", view="Whole dataset", part="A vs B", b_layer="Conv1")
    assert not app.exception and any("a seeded sample of 300" in text.value for text in app.markdown)


def test_a_picture_outside_of_the_sample_has_ways_on(others):
    app = open_app(dataset="many", model="mobilenetv2", q=others[0])
    assert f"Picture {others[0]} is not in the sample" in app.info[0].value
    app.button(key="sampled_live").click().run()
    assert app.title[0].value == "Live search" and app.session_state["q"] == others[0]


def test_the_nearest_picture_of_the_sample_is_one_press_away(others):
    app = open_app(dataset="many", model="mobilenetv2", q=others[0])
    app.button(key="sampled_near").click().run()
    assert not app.exception and not app.info
    near = app.session_state["q"]
    assert near not in others and abs(near - others[0]) <= 2 and shown(app, "query")["tiles"][0]["id"] == near
