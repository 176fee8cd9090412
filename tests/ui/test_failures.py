"""Whatever fails on a page, in a callback or a dialog is one plain sentence with a way back; the log has the rest."""

import ast
import logging

import pytest
import streamlit as st

from semsearch import server_log
from semsearch.errors import IntegrityError, LinkRefused
from tests import ROOT
from tests.ui import pressing
from tests.ui.search_page import open_app, ranking, shown
from ui import failures, offers, pictures, resources, sidebar, texts
from ui.search import matches as view_matches


def raising(error):
    def fail(*_, **__):
        raise error

    return fail


FAILURES = {
    OSError(28, "No space left on device"): "cannot use a file: the disk is full; free some space",
    PermissionError(13, "Permission denied", "/secret"): "cannot use /secret: this user may not do that there",
    TimeoutError(): "cannot use a file: TimeoutError; try again",
    ZeroDivisionError("division by zero"): failures.UNFORESEEN,
    KeyError("model"): failures.UNFORESEEN,
    ValueError("a bug, no InputError"): failures.UNFORESEEN,
    MemoryError(): failures.UNFORESEEN,
    IntegrityError("<b>damaged</b>; run `semsearch precompute world`"): "<b>damaged</b>; run `semsearch precompute",
}


def capital(sentence):
    """As pages begin a sentence, but for a mark or the name of a place."""
    return sentence[:1].upper() + sentence[1:]


@pytest.mark.parametrize("error", FAILURES, ids=lambda error: type(error).__name__)
def test_whatever_fails_is_one_sentence_with_a_way_back(store, monkeypatch, caplog, error):
    app = open_app(q=3, metric="manhattan", k=7)
    monkeypatch.setattr(server_log, "MINUTE", 0)
    with monkeypatch.context() as patch:
        patch.setattr(view_matches, "_tools", raising(error))
        app.run()
        [said] = app.error
        assert not app.exception and said.proto.title == "This cannot be shown"
        assert said.value.replace("\\", "").startswith(capital(FAILURES[error].replace("\\", "")))
        assert "Traceback" not in said.value
        [record] = [record for record in caplog.records if record.name == server_log.__name__]
        assert record.levelno == logging.ERROR
        assert isinstance(error, IntegrityError) or record.exc_info[1] is error
    app.button(key="start_again").click().run()
    assert not app.exception and not app.error
    assert {name: app.query_params[name] for name in ("q", "metric", "k")} == {"q": "0", "metric": "cosine", "k": "15"}
    assert len(ranking(app)) == 5 and shown(app, "query")["tiles"][0]["id"] == 0


def test_what_still_fails_is_said_again(store, monkeypatch):
    app = open_app(q=3)
    monkeypatch.setattr(view_matches, "_tools", raising(OSError(5, "Input/output error")))
    app.run()
    for _ in range(2):
        app.button(key="start_again").click().run()
        assert not app.exception and "the disk reports a fault" in app.error[0].value


@pytest.mark.parametrize("place", [(sidebar, "show"), (resources, "settle"), (offers, "computable")], ids=str)
def test_it_does_not_matter_where_it_fails(store, monkeypatch, place):
    with monkeypatch.context() as patch:
        patch.setattr(*place, raising(RuntimeError("[x](http://evil.example)")))
        app = open_app()
        assert not app.exception and [error.value for error in app.error] == [failures.UNFORESEEN]
    app.button(key="start_again").click().run()
    assert not app.error and len(ranking(app)) == 5


@pytest.mark.parametrize("end", ["stop", "rerun", "switch"])
def test_what_ends_a_run_on_purpose_is_no_failure(store, monkeypatch, end):
    runs = []

    def ending(*_):
        runs.append(end)
        if len(runs) == 1:
            st.stop() if end == "stop" else st.rerun() if end == "rerun" else st.switch_page("pages/guide.py")
        return st.caption("after")

    monkeypatch.setattr(view_matches, "show", ending)
    app = open_app(q=3)
    assert not app.exception and not app.error and "start_again" not in {button.key for button in app.button}
    assert [title.value for title in app.title] == ["Guide" if end == "switch" else "Search"]
    assert len(runs) == (2 if end == "rerun" else 1)


def test_a_callback_that_fails_says_so(store, monkeypatch, told_everywhere):
    app = open_app(q=3)
    with monkeypatch.context() as patch:
        patch.setattr(sidebar, "go", raising(OSError(28, "No space left on device")))
        pressing.tell(app, "search_matches", "picked", 4)
        assert not app.exception
        [said] = app.error
        assert "the disk is full" in said.value
    app.button(key="start_again").click().run()
    assert not app.exception and not app.error and app.query_params["q"] == "0" and len(ranking(app)) == 5


def test_a_dialog_that_fails_says_so_in_its_own_place(store, monkeypatch, told_everywhere):
    app = open_app(q=3)
    full = raising(OSError(28, "No space left on device"))
    with monkeypatch.context() as patch:
        patch.setattr(pictures, "ensure_thumbnails", only_in_a_dialog(full))
        app.button(key="search_browse").click().run()
        assert not app.exception
        [said] = app.error
        assert "the disk is full" in said.value
        assert [one.value for one in dialog(app).error] == [said.value], "it is told in its own place"
    app.button(key="start_again").click().run()
    assert not app.exception and not app.error


def dialog(app):
    """The open dialog."""
    todo = [app._tree]
    while todo:
        block = todo.pop()
        if block.type == "dialog":
            return block
        todo += [child for child in block.children.values() if hasattr(child, "children")]
    raise AssertionError("no dialog is open")


def only_in_a_dialog(write):
    """The page itself asks for a set of thumbnails, the dialog for a list."""
    return lambda dataset, items: write(dataset, items) if isinstance(items, list) else None


def test_the_server_names_the_teller_of_what_app_py_cannot_see():
    [call] = [
        node
        for node in ast.walk(ast.parse((ROOT / "server.py").read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "st.App"
    ]
    assert {word.arg: ast.unparse(word.value) for word in call.keywords}["on_script_error"] == "failures.tell_uncaught"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("cannot use {home}/weights/a.b: forbidden", "cannot use SEMSEARCH_HOME/weights/a.b: forbidden"),
        ("{store}/world: damaged; see {home}", "SEMSEARCH_PRECOMPUTED/world: damaged; see SEMSEARCH_HOME"),
        ("cannot use /srv/my pictures/a/b.jpg: no; try again", "cannot use …/b.jpg: no; try again"),
        ("got PosixPath('/opt/x/y.py'), (/a/b/c)", "got PosixPath('…/y.py'), (…/c)"),
        ("{home}x/y and /tmp", "…/y and /tmp"),
        ("https://example.org/a/b and/or n/k, 3 / 4", "https://example.org/a/b and/or n/k, 3 / 4"),
    ],
)
def test_no_page_says_where_things_lie_on_the_server(home, tmp_path, monkeypatch, text, shown):
    monkeypatch.setenv("SEMSEARCH_PRECOMPUTED", str(tmp_path / "store"))
    given = text.format(home=home, store=tmp_path / "store")
    assert texts.without_paths(given) == shown
    said = failures.in_words(IntegrityError(given))
    assert str(tmp_path) not in said.replace("\\", "") and said == texts.plain(
        shown if text.startswith(("{", "https")) else capital(shown)
    )


def test_what_visitors_wrote_is_shown_as_they_wrote_it():
    """Their words may look like a path; a page that changes them shows another label or link than theirs."""
    for words in ("</script> /etc/passwd/x", "/home/me/cats"):
        assert texts.plain(words) == texts.told(LinkRefused("scheme", words))
        assert texts.plain(words).replace("\\", "").replace("\u2060", "") == words


def test_a_damaged_store_is_told_without_its_place_and_logged_with_it(store, monkeypatch, caplog):
    monkeypatch.setattr(server_log, "MINUTE", 0)
    monkeypatch.setattr(offers, "computable", raising(IntegrityError(f"{store}/a/b: damaged")))
    app = open_app()
    assert str(store) not in app.error[0].value.replace("\\", "") and "SEMSEARCH" in app.error[0].value
    assert str(store) in caplog.text


def test_a_value_that_expires_while_it_is_read_is_read_again():
    """Streamlit's cache finds a value, and a moment later that its time is over."""
    answers = iter([KeyError("expired"), "list"])

    def cached(name):
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return f"{answer} of {name}"

    assert resources._lasting(cached, "world") == "list of world"
