"""A network of the visitor's own on the Model explorer: added, told of, refused in words, removed again."""

import keras
import pytest

from semsearch.models import added, catalog
from semsearch.processes import child
from tests.ui.explorer.explorer_page import open_explorer
from ui.explorer import own


@pytest.fixture(autouse=True)
def here(home, monkeypatch):
    """In this process: a child for each would be slow."""
    monkeypatch.setenv("SEMSEARCH_EDITORS", "all")
    monkeypatch.setattr(child, "run", lambda what, function, *given, **named: function(*given, **named))


def saved(folder):
    network = [
        keras.Input((32, 32, 3)),
        keras.layers.Conv2D(4, 3, name="first"),
        keras.layers.Conv2D(5, 3, name="second"),
    ]
    keras.Sequential(network).save(folder / "flowers.keras")
    return folder / "flowers.keras"


def press(app, key):
    return app.button(key=key).click().run()


def asked(app, file, treated=None):
    app.text_input(key=own.FILE).set_value(str(file))
    if treated:
        app.selectbox(key=own.TREATED).set_value(treated)
    return press(app, "explorer_own_add")


def test_a_network_is_added_looked_at_and_removed(store, tmp_path):
    app = asked(open_explorer(), saved(tmp_path), "Values −1 to 1 (tf)")
    assert not app.exception and not app.error
    [model] = [model for model in catalog.models().values() if model.added]
    assert (app.query_params["model"], app.query_params["layer"]) == (model.name, "second")
    assert "flowers is here" in app.success[0].value
    assert app.subheader[0].value == "second" and "number 2 of the 2 layers" in app.markdown[1].value
    assert [option for option in app.selectbox(key="model").options if option.startswith("flowers")]
    press(app, "explorer_own_remove")
    press(app, "explorer_own_keep")
    assert model.name in catalog.models()
    press(app, "explorer_own_remove")
    press(app, "explorer_own_gone")
    assert model.name not in catalog.models() and app.query_params["model"] == next(iter(catalog.models()))
    assert "flowers was removed" in app.success[0].value and not app.exception


def test_what_is_wrong_is_said_in_the_words_of_the_page(store, tmp_path):
    app = asked(open_explorer(), "")
    assert app.error[0].value.startswith("Expected the Keras file of a network")
    app = asked(app, saved(tmp_path))
    assert r"say what it was trained on below\: none" in app.error[0].value and "preproc" not in app.error[0].value
    app = asked(app, tmp_path / "none.keras")
    assert "is not there" in app.error[0].value
    assert not any(model.added for model in catalog.models().values())


def test_a_title_and_a_side_are_taken_or_refused(store, tmp_path):
    app = open_explorer()
    for title, side in (("[x](http://y)", 32), ("Rose garden", 48), ("Rose garden", 32)):
        app.text_input(key=own.TITLE).set_value(title)
        app.number_input(key=own.SIDE).set_value(side)
        app = asked(app, saved(tmp_path), "Values 0 to 1")
        words = {"[x](http://y)": "letters, digits", "Rose garden": "its own side of 32 pixels, got 48"}
        assert not app.error or words[title] in app.error[0].value
        assert bool(app.error) == ((title, side) != ("Rose garden", 32))
    [model] = [model for model in catalog.models().values() if model.added]
    assert (model.title, model.size) == ("Rose garden", 32)


def test_of_several_each_is_removed_by_its_own_name(store, tmp_path):
    first = added.add(saved(tmp_path), title="One", preprocessing="tf")
    second = added.add(saved(tmp_path), title="Two", preprocessing="tf")
    app = open_explorer(model=second.name, layer="second")
    assert app.button(key="explorer_own_remove").label == "Remove Two"
    press(app, "explorer_own_remove")
    press(app, "explorer_own_gone")
    assert [model.name for model in catalog.models().values() if model.added] == [first.name]


def test_a_model_without_its_weights_says_how_they_come_back(store, tmp_path, home):
    model = added.add(saved(tmp_path), preprocessing="tf")
    for path in (home / "weights").glob(f"{model.name}*"):
        path.unlink()
    app = open_explorer(model=model.name, layer="second")
    assert not app.exception
    assert any("The weights of flowers are not on this machine" in info.value for info in app.info)


def test_only_those_who_may_see_the_form(store, monkeypatch):
    monkeypatch.setenv("SEMSEARCH_EDITORS", "none")
    app = open_explorer()
    assert "explorer_own_add" not in [button.key for button in app.button]
    assert any("semsearch models add FILE" in caption.value for caption in app.caption)
