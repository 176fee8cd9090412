"""What is told of a link of which parts are not available."""

import pytest

from tests.ui.embeddings.map_page import open_map
from tests.ui.search_page import open_app


def told(app):
    return [warning.value.replace("\\", "").splitlines() for warning in app.warning]


def test_what_the_sidebar_and_a_page_tell_is_one_notice(store):
    """They were two, one above the other."""
    app = open_map(metric="hamming", method="sne", dims="4")
    [lines] = told(app)
    assert [line.partition(" ")[2].split()[0] for line in lines] == ["There", "method:", "dims:"]
    titles = [one.proto.title for one in app.warning]
    assert titles == ["Part of this link is not available"]
    assert app.main.children[0].type == "warning", "above the title, where the sidebar's was"
    assert not app.run().warning


@pytest.mark.parametrize("asked", [{"metric": "hamming"}, {"method": "sne"}])
def test_what_one_of_them_tells_is_told_alone(store, asked):
    app = open_map(**asked)
    [[line]] = told(app)
    assert next(iter(asked.values())) in line


def test_a_notice_is_not_told_again_by_another_page(store):
    app = open_app(metric="hamming")
    assert len(told(app)) == 1
    app.switch_page("pages/embeddings.py").run()
    app.query_params["method"] = "sne"
    [[line]] = told(app.run())
    assert line.startswith("- method: ")
