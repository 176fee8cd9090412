"""A visitor's whole path through the app, and links that bring a fresh browser to exactly what was on screen."""

import csv
from collections import Counter
from contextlib import contextmanager
from functools import cache
from urllib.parse import urlsplit

import pytest

from semsearch.errors import UnknownName
from semsearch.models import catalog
from semsearch.models.catalog import READOUTS
from semsearch.results import experiments, leaderboard
from semsearch.store.experiment import Experiment
from tests import ROOT
from tests.browser.screen import PLOT, asked, drag, drawn, is_stranger, rest, selection, until, where
from tests.worlds.servers.app_server import serving

pytestmark = pytest.mark.browser

DATASET = "groceries200"
PINK_LADY = 2
"""Label of the class."""
REACH = 30
"""How far a lasso goes to each side of a point, in pixels."""


@contextmanager
def visitor(chromium):
    """A page of a fresh profile; in the end no error was told in its console and no other machine was asked."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    broken, strangers = [], []
    page.on("pageerror", lambda error: broken.append(str(error)))
    page.on("console", lambda said: broken.append(f"{said.text} {said.location}") if is_error(said) else None)
    page.on("request", lambda one: strangers.append(one.url) if is_stranger(one.url) else None)
    yield page
    assert (broken, strangers) == ([], [])
    context.close()


def is_error(said):
    """Not counted: below a page's own address Streamlit first asks for its server, then finds it above."""
    path = urlsplit(said.location.get("url", "")).path
    return said.type == "error" and path not in ("/map/_stcore/health", "/map/_stcore/host-config")


def control(page, role, name):
    return page.get_by_test_id("stSidebar").get_by_role(role, name=name, exact=True)


def choose(page, name, option):
    """Set a control of the sidebar that opens a list."""
    rest(page)
    control(page, "combobox", name).click()
    page.get_by_role("option", name=option, exact=True).click()
    until(page, lambda: control(page, "combobox", name).input_value() == option, f"{name}: {option}")


def sides(page):
    """The item ids of the matches on screen, a list for each configuration."""
    tiles = "all => all.map(one => [...one.querySelectorAll('li button.tile')].map(tile => Number(tile.dataset.id)))"
    return page.locator("ol.matches").evaluate_all(tiles)


@cache
def shipped():
    return experiments.open_store(ROOT / "precomputed")


def answers(page):
    """What the store holds for the configurations that the sidebar shows: the matches of the query for each."""
    found = []
    for before, of in (("", ""), ("b_", " of B")):
        if control(page, "combobox", f"Model{of}").count():
            title = control(page, "combobox", f"Model{of}").input_value()
            model = next(one.name for one in catalog.models().values() if one.title == title)
            layer = control(page, "combobox", f"Layer{of}").input_value().split(" · ")[1]
            spec = READOUTS[asked(page, f"{before}pooling")].spec(model, layer)
            one = Experiment(DATASET, spec, asked(page, f"{before}metric"))
            found.append(experiments.matches(shipped(), one, query(page), k=int(asked(page, "k"))))
    return found


def rankings(page):
    """The item ids of the answers, to be found on screen; none while a control has changed and not yet the others."""
    rest(page)
    try:
        return [[match.item for match in side] for side in answers(page)]
    except (UnknownName, KeyError):
        return []


def query(page):
    """The item id of the query picture on screen."""
    return int(page.locator("ol.query img").get_attribute("alt").rsplit(" ", 1)[1])


def on_screen(page):
    """All words and states of controls, as a screen reader finds them.

    Left out is what belongs to a session and to no view: what was last told of a change.
    """
    parts = [page.get_by_test_id(part).aria_snapshot() for part in ("stSidebar", "stMain")]
    return "\n".join(line for line in "\n".join(parts).splitlines() if "- status" not in line)


def drawings(page):
    """The marks of the maps, where and how they are drawn, and which of them are pictures."""
    page.mouse.move(5, 5)
    marks = "[...one.querySelectorAll('.point')].map(mark => mark.outerHTML)"
    return page.locator(PLOT).evaluate_all(f"all => all.map(one => [{marks}, one.framed()])")


def same(fresh, page, look, message):
    """Wait until both pages look alike, and show where they do not."""
    try:
        until(fresh, lambda: look(fresh) == look(page), message)
    except AssertionError:
        assert look(fresh) == look(page), message


def configure(page):
    """Another model and layer, then B, each with the ranking that the store holds."""
    until(page, lambda: len(sides(page)) == 1 and sides(page) == rankings(page), "the first ranking")
    before = sides(page)
    choose(page, "Model", "MobileNet")
    until(page, lambda: sides(page) != before and sides(page) == rankings(page), "the ranking of MobileNet")
    before = sides(page)
    choose(page, "Layer", f"5 of 8 · {catalog.model('mobilenet').layers[4].name}")
    until(page, lambda: sides(page) != before and sides(page) == rankings(page), "the ranking of layer 5")
    page.get_by_test_id("stSidebar").get_by_text("Compare two settings").click()
    until(page, lambda: len(sides(page)) == 2, "two rankings")
    choose(page, "Model of B", "VGG16")
    until(page, lambda: sides(page) == rankings(page), "the rankings of A and B")
    assert sides(page)[0] == rankings(page)[0] != sides(page)[1]


def dig(page):
    """By the leaderboard to the best configuration, to its worst query, and back to the matches of that query."""
    page.get_by_role("radio", name="Whole dataset").click()
    board = page.get_by_test_id("stDataFrame").first
    board.wait_for()
    page.get_by_text("is number").wait_for()
    assert "number 1 with" not in page.get_by_text("is number").inner_text()
    area = board.bounding_box()
    page.mouse.click(area["x"] + 12, area["y"] + 122)  # the box before the row below those of A and B
    page.get_by_role("button", name="Use as A").click()
    page.get_by_text("number 1 with").wait_for()
    page.get_by_role("radio", name="Details").click()
    worst = page.get_by_role("list", name="The 12 worst queries").get_by_role("button").first
    worst.wait_for()
    item = int(worst.get_attribute("data-id"))
    best = leaderboard.board(shipped(), DATASET)
    found = leaderboard.queries(shipped(), best.experiment(int(best.score.argmax())))
    assert item == found.items[found.order[0]]
    worst.click()
    until(page, lambda: asked(page, "q") == str(item), "the worst query chosen")
    page.get_by_role("radio", name="Matches").click()
    until(page, lambda: len(sides(page)) == 2 and sides(page) == rankings(page), "its matches")
    assert query(page) == item


def open_map(page):
    page.get_by_role("link", name="Embeddings").click()
    until(page, lambda: page.locator(PLOT).count() == 2 and drawn(page) and drawn(page, 1), "two maps")


def lasso(page, item):
    """Draw a square round the point of an item on map A and check that what lies in it is selected, in the end."""
    page.get_by_role("button", name="Lasso Select").first.click()  # this may scroll: look where they are after it
    x, y = where(page, item)
    away = {one: max(abs(px - x), abs(py - y)) for one in range(200) for px, py in [where(page, one)]}
    drag(page, [(x + dx * REACH, y + dy * REACH) for dx, dy in ((-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1))])
    page.get_by_role("button", name="Pan", exact=True).first.click()
    until(page, lambda: item in selection(page), "the points in the lasso")
    chosen = selection(page)
    assert (
        {one for one in away if away[one] < REACH - 2} <= set(chosen) <= {one for one in away if away[one] < REACH + 2}
    )
    return chosen


def read_csv(page, button, path):
    with page.expect_download() as taken:
        page.get_by_role("button", name=button).click()
    taken.value.save_as(path)
    return list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines()))


def test_a_visitor_walks_through_and_the_link_brings_it_all_back(chromium, fresh_home, tmp_path):
    with serving(fresh_home) as server, visitor(chromium) as page:
        page.goto(server.url)
        configure(page)
        dig(page)
        open_map(page)
        rest(page)
        looks = {"t-SNE": ("method", "tsne"), "Neighbours kept": ("colour", "kept"), "Pictures": ("points", "pictures")}
        for name, (parameter, value) in looks.items():
            page.get_by_test_id("stMain").get_by_role("radiogroup").get_by_text(name, exact=True).click()
            until(page, lambda name=parameter, value=value: asked(page, name) == value, f"{name} in {page.url}")
        chosen = lasso(page, int(asked(page, "q")))
        until(page, lambda: asked(page, "chosen"), "the selection in the address")
        counts = Counter(name.rsplit(",", 1)[0] for name in names(page))
        assert sum(counts.values()) == len(chosen) > 1
        assert page.get_by_text(f"Selection: {len(chosen)} of 200").is_visible()
        badges = page.get_by_test_id("stMain").locator(".stMarkdownBadge").all_inner_texts()
        assert sorted(badges) == sorted(f"{name} ({count})" for name, count in counts.items())
        lines = read_csv(page, "Download table", tmp_path / "selection.csv")
        assert [int(line["picture"]) for line in lines] == chosen
        with visitor(chromium) as fresh:
            fresh.goto(page.url)
            same(fresh, page, on_screen, "the same words and controls")
            same(fresh, page, selection, "the same pictures")
            same(fresh, page, drawings, "the same maps")
            assert fresh.url == page.url


def names(page):
    return page.locator("ol.pictures li img").evaluate_all("all => all.map(one => one.alt)")


def open_popover(page, name):
    page.get_by_role("button", name=name, exact=True).click()
    body = page.get_by_test_id("stPopoverBody")
    body.wait_for()
    return body


def test_a_link_brings_back_a_filtered_comparison(chromium, fresh_home, tmp_path):
    with serving(fresh_home) as server, visitor(chromium) as page:
        page.goto(server.url + "?model=mobilenet&layer=conv_dw_6&b_model=vgg16&k=30&q=46&classes=Pink+Lady&least=20")
        until(page, lambda: len(sides(page)) == 2 and len(rankings(page)) == 2, "A and B")
        kinds = experiments.labels(shipped(), DATASET)
        pink = [[match for match in side if kinds[match.item] == PINK_LADY] for side in answers(page)]
        kept = [[match.item for match in side if 100 * match.similarity >= 20] for side in pink]
        until(page, lambda: sides(page) == kept, "pink ladies that are alike enough")
        assert kept[0] and 0 < len(kept[1]) < len(pink[1])
        link = open_popover(page, "Export").get_by_test_id("stCode").inner_text().strip()
        lines = read_csv(page, "Matches as CSV", tmp_path / "matches.csv")
        taken = [[int(line["item"]) for line in lines if line["configuration"] == side] for side in "AB"]
        assert taken == sides(page)
        page.keyboard.press("Escape")
        with visitor(chromium) as fresh:
            fresh.goto(link)
            same(fresh, page, sides, "the same rankings")
            same(fresh, page, on_screen, "the same words and controls")
            for one in (fresh, page):
                open_popover(one, "Filter")
            same(fresh, page, lambda one: one.get_by_test_id("stPopoverBody").aria_snapshot(), "the same filter")
