"""A child process that pulls or converts a model dies, hangs or is killed: the page says so, the next press works."""

import signal

import pytest

from semsearch.live import serving
from semsearch.live.extractors import Tools
from semsearch.live.galleries import Galleries
from semsearch.models import weights
from semsearch.processes import child
from tests.worlds import child_work
from tests.worlds.live_page import HERE, missing, open_page, ranking
from tests.worlds.live_page import found as expected
from tests.worlds.live_world import Green

KILLED = "its process was ended by SIGKILL"
HUNG = "its process gave no sign of life for 1 s and was ended"


@pytest.fixture
def quick(monkeypatch):
    """Hung is who says nothing for a second."""
    monkeypatch.setattr(child, "SILENCE", 1.0)


@pytest.mark.parametrize(("work", "sentence"), [(child_work.lose, KILLED), (child_work.stall, HUNG)])
def test_a_pull_whose_process_is_lost_is_said_and_the_next_press_works(service, quick, monkeypatch, work, sentence):
    missing(monkeypatch)
    monkeypatch.setattr(weights, "obtain", work)
    app = open_page(q=3, model="vgg16")
    app.button(key="live_get").click().run()
    said = app.error[0].value.replace("\\", "")
    assert not app.exception and said.startswith(f"vgg16 could not be pulled: {sentence}") and "try again" in said
    assert not app.get("progress")
    monkeypatch.setattr(weights, "obtain", child_work.arrive)
    monkeypatch.setattr(weights, "status", lambda model: HERE)
    app.run()
    assert not app.error and len(ranking(app)) == 5


class Converted(Green):
    """A network that is converted in a child when it is first loaded; what the child does is ``work``."""

    work: tuple = ()
    tries = 0

    def __init__(self, specs):
        Converted.tries += 1
        child.run("the network could not be converted", *Converted.work)
        super().__init__(specs)


@pytest.fixture
def converting(service, quick, monkeypatch):
    """A service whose networks are converted first."""
    monkeypatch.setattr(Converted, "tries", 0)
    opened = serving.Service(galleries=Galleries(Tools(extractor=Converted, digest=lambda model: "2" * 64)))
    monkeypatch.setattr(serving, "service", lambda: opened)
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("work", "sentence"),
    [((child_work.die, signal.SIGKILL), KILLED), ((child_work.hang,), HUNG)],
    ids=["killed", "hung"],
)
def test_a_conversion_whose_process_is_lost_is_said_and_the_next_press_works(converting, monkeypatch, work, sentence):
    monkeypatch.setattr(Converted, "work", work)
    app = open_page(q=3)
    assert app.error[0].proto.title == "The work was cut short" and sentence in app.error[0].value
    monkeypatch.setattr(Converted, "work", (child_work.leave_quietly,))
    app.button(key="live_again").click().run()
    assert not app.error and ranking(app) == expected(3)


def test_a_conversion_that_fails_after_long_is_said_and_not_begun_again_by_itself(converting, monkeypatch):
    """The page began it anew in every run, for ever, and never showed why it failed."""
    monkeypatch.setattr(serving, "PATIENCE", 0.05)
    monkeypatch.setattr(Converted, "work", (child_work.hang,))
    app = open_page(q=3)
    assert not app.error and app.get("progress")
    assert HUNG in str(app.session_state["live_work"].finished.exception(20))
    for _ in range(3):
        app.run()
        assert app.error[0].proto.title == "The work was cut short" and Converted.tries == 1
    monkeypatch.setattr(serving, "PATIENCE", 20)
    monkeypatch.setattr(Converted, "work", (child_work.leave_quietly,))
    app.button(key="live_again").click().run()
    assert not app.error and ranking(app) == expected(3) and Converted.tries == 2
