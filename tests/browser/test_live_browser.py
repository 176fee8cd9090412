"""Live search in a real browser, on fake networks: each way in, with the ranking that the library finds for it."""

import sys
from contextlib import contextmanager

import numpy as np
import pytest

from benchmarks.weight import NETWORKS, Meter
from semsearch.data import datasets
from semsearch.data.dataset import card as card_of
from semsearch.data.dataset import listed
from semsearch.live.search import LESS, MORE, Example
from tests.browser.hostile_words import WORDS
from tests.browser.screen import asked, until
from tests.worlds import small_world
from tests.worlds.files.bitmaps import bitmap, write_bmp
from tests.worlds.live_page import found
from tests.worlds.servers import serve_live
from tests.worlds.servers.app_server import environment, free_port, running
from tests.worlds.servers.local_http import site

pytestmark = pytest.mark.browser

TILES = "ol.matches button.tile"
GRAVE = ("serious", "critical")
WIDTHS = (360, 1280, 2560)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """The home of server and test, with the small world, a dataset whose classes are hostile, and a store."""
    folder = tmp_path_factory.mktemp("live")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEMSEARCH_HOME", str(folder / "home"))
        small_world.add(folder / "pictures")
        small_world.compute(folder / "store")
        for number in range(len(WORDS)):
            write_bmp(folder / "hostile" / f"{number:03}" / "0.bmp", (9, 30 + number % 200, number))
        add_hostile(folder)
        yield folder


def add_hostile(folder):
    """As a folder whose sub-folders have those names, slashes included."""
    found = datasets.add("hostile", folder / "hostile")
    rows = [(item.label, item.sha256, item.file) for item in found.items]
    renamed = listed("hostile", ("hostile", "the owner's", ""), WORDS, rows, found.root)
    card = card_of(renamed, folder=str(folder / "hostile"))
    (folder / "home" / "datasets" / "hostile" / "card.json").write_bytes(card)


@pytest.fixture(scope="module")
def web():
    with site() as served:
        served.pages["/two.png"] = answer(bmp(2))
        yield served


def answer(body):
    def send(handler):
        handler.send_response(200)
        handler.send_header("Content-Type", "binary/octet-stream")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return send


@pytest.fixture(scope="module")
def server(home, web):
    places = {"SEMSEARCH_HOME": str(home / "home"), "SEMSEARCH_PRECOMPUTED": str(home / "store"), "HOME": str(home)}
    port = free_port()
    url, command = f"http://127.0.0.1:{port}/", [sys.executable, serve_live.__file__, str(port)]
    with running([*command, web.address.rsplit(":", 1)[1]], environment(**places), url):
        yield url


@contextmanager
def visitor(chromium, server, address="", *, width=1280, scheme="light"):
    """A page of a fresh profile at Live search; in the end nothing was executed and no error told in its console."""
    context = chromium.new_context(
        viewport={"width": width, "height": 900},
        color_scheme=scheme,
        permissions=["clipboard-read", "clipboard-write"],
    )
    page = context.new_page()
    broken = []
    page.on("pageerror", lambda error: broken.append(str(error)))
    page.on("dialog", lambda dialog: broken.append(dialog.message))
    page.goto(f"{server}live?dataset=world&metric=euclidean&q=3{address}")
    page.locator(TILES).first.wait_for()
    yield page
    assert page.evaluate("window.__xss") is None and not broken
    context.close()


@pytest.fixture
def page(chromium, server):
    with visitor(chromium, server) as opened:
        yield opened


def bmp(place):
    return bitmap(np.full((48, 64, 3), (0, 15 * place + 7, 0), np.uint8))


def two_coloured(left, right):
    """A PNG with one place on its left and another on its right."""
    rgb = np.full((40, 80, 3), 15 * left + 7, np.uint8)
    rgb[:, 40:] = 15 * right + 7
    return datasets.sources._png(rgb)


def ranking(page):
    rows = page.locator(TILES).evaluate_all(
        "all => all.map(one => [Number(one.dataset.id), one.querySelector('.distance').textContent])"
    )
    return [(item, float(distance)) for item, distance in rows]


def shows(page, expected, what):
    try:
        until(page, lambda: ranking(page) == expected, what)
    except AssertionError:
        assert ranking(page) == expected, what


def settled(page):
    page.wait_for_timeout(150)
    until(page, lambda: page.locator("[data-test-script-state=notRunning]").count() == 1, "the end of the run")


def way(page, name):
    page.get_by_role("radio", name=name, exact=True).click()
    settled(page)


def upload(page, *brought):
    rows = [{"name": name, "mimeType": "image/bmp", "buffer": data} for name, data in brought]
    page.locator("input[type=file]").first.set_input_files(rows)
    settled(page)


def browse(page, name):
    """Open the other ways in at one of them."""
    page.get_by_role("button", name="Browse", exact=True).click()
    way(page, name)


def unfold(page, name):
    """Open what is folded away."""
    page.get_by_role("button", name=name).click()
    page.wait_for_timeout(300)


def test_the_first_visit_is_light_until_the_map_is_opened(chromium, server):
    """It weighed 8.6 MB, four of them for a map that few look at."""
    context = chromium.new_context()
    page = context.new_page()
    meter, asked_for = Meter(page, NETWORKS[0]), []
    page.on("request", lambda request: asked_for.append(request.url))
    page.goto(f"{server}live?dataset=world&metric=euclidean&q=3")
    page.locator(TILES).first.wait_for()
    page.wait_for_load_state("networkidle")
    assert meter.bytes <= 1.6e6, "2 MB with the pictures of a real dataset"
    assert not [url for url in asked_for if "Plotly" in url]
    page.get_by_text("Your picture on the map").click()
    page.locator(".js-plotly-plot").wait_for()
    assert [url for url in asked_for if "Plotly" in url] and meter.bytes <= 3.2e6
    context.close()


def test_upload_signs_and_undo(page):
    shows(page, found(3), "the query of the sidebar")
    upload(page, ("one.bmp", bmp(2)))
    shows(page, found(bmp(2)), "an uploaded picture")
    unfold(page, "Settings")
    page.get_by_role("radio", name="Add", exact=True).click()
    page.keyboard.press("Escape")
    upload(page, ("far.bmp", bmp(14)))
    shows(page, found([Example(bmp(2)), Example(bmp(14))]), "two pictures")
    page.get_by_role("button", name="Exclude this").nth(1).click()
    both = found([Example(bmp(2)), Example(bmp(14), -1.0)])
    shows(page, both, "one liked, one not")
    page.get_by_role("button", name="Remove").nth(1).click()
    shows(page, found(bmp(2)), "one removed")
    page.get_by_role("button", name="Undo").click()
    shows(page, both, "brought back")


def test_dropped_and_pasted_pictures(page):
    """Anywhere on the page, no place has to be chosen before."""
    page.get_by_role("button", name="Upload picture").wait_for()
    settled(page)
    drop(page, "h1", bmp(11))
    shows(page, found(bmp(11)), "a dropped picture")
    copy(page, two_coloured(12, 12))
    page.keyboard.press("Control+V")
    shows(page, found(bmp(12)), "a picture pasted by keyboard")
    copy(page, two_coloured(6, 6))
    page.get_by_role("button", name="Paste", exact=True).click()
    shows(page, found(bmp(6)), "a picture pasted by the button")
    page.evaluate("navigator.clipboard.writeText('no picture')")
    page.get_by_role("button", name="Paste", exact=True).click()
    page.get_by_text("There is no picture in the clipboard").wait_for()
    shows(page, found(bmp(6)), "the picture before")


SHIFTS = """() => { window.shifted = 0
                    const add = (list) => { for (const one of list.getEntries()) window.shifted += one.value }
                    new PerformanceObserver(add).observe({ type: "layout-shift" }) }"""


def test_a_refused_file_is_explained_beside_the_way_in_and_moves_nothing(page):
    page.evaluate(SHIFTS)
    alert = page.locator(".upload [role=alert]")
    upload(page, ("note.txt", b"no picture"))
    alert.get_by_text("note.txt is not a picture that can be read here").wait_for()
    assert page.evaluate("window.shifted") <= 0.05
    shows(page, found(3), "the query before")
    upload(page, ("huge.svg", b" " * 10_000_001))
    alert.get_by_text("huge.svg: larger than 10 MB").wait_for()
    assert not alert.get_by_text("note.txt").count()
    upload(page, ("one.bmp", bmp(2)))
    shows(page, found(bmp(2)), "a good picture")
    assert not alert.is_visible()
    upload(page, ("two.bmp", bmp(4)), ("huge.svg", b" " * 10_000_001), ("note.txt", b"no picture"))
    shows(page, found(bmp(4)), "the good one of three")
    until(page, lambda: alert.locator("li").count() == 2, "a sentence for each of the others")
    page.get_by_role("button", name="Close").click()
    assert not alert.is_visible()


def test_a_new_query_moves_nothing(page):
    """Its picture fills the place of the one before, in whose absence all below it would jump up and back."""
    settled(page)
    page.evaluate(SHIFTS)
    for item in (5, 2):
        page.locator(f"{TILES}[data-id='{item}']").click()
        shows(page, found(item), "the matches of the next")
        page.wait_for_timeout(500)
    assert page.evaluate("window.shifted") <= 0.002


def test_a_large_photo_is_made_smaller_before_it_is_sent(page):
    sent = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda frame: sent.append(len(frame))))
    page.reload()
    page.locator(TILES).first.wait_for()
    settled(page)
    photo = bitmap(np.full((3000, 4000, 3), (0, 15 * 2 + 7, 0), np.uint8))
    assert len(photo) > 30_000_000
    upload(page, ("photo.bmp", photo))
    shows(page, found(bmp(2)), "a large photo")
    assert 0 < max(sent) < 1_000_000


def drop(page, where, data):
    script = """([place, bytes]) => {
      const carried = new DataTransfer()
      carried.items.add(new File([new Uint8Array(bytes)], "dropped.bmp", { type: "image/bmp" }))
      for (const kind of ["dragenter", "dragover", "drop"]) {
        const event = new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer: carried })
        document.querySelector(place).dispatchEvent(event)
      }
    }"""
    page.evaluate(script, [where, list(data)])


def copy(page, png):
    script = """bytes => navigator.clipboard.write([
      new ClipboardItem({ "image/png": new Blob([new Uint8Array(bytes)], { type: "image/png" }) })])"""
    page.evaluate(script, list(png))


def test_link(page, web):
    browse(page, "Link")
    field = page.get_by_label("Link to a picture")
    field.fill(web.address + "/two.png")
    page.get_by_role("button", name="Get picture").click()
    shows(page, found(bmp(2)), "the picture of a link")
    assert web.asked == ["/two.png"]
    until(page, lambda: not page.get_by_role("dialog").count(), "the answer, nothing before it")
    browse(page, "Link")
    field.fill(web.address + "/none.png")
    field.press("Enter")
    page.get_by_text("there is none at this address").wait_for()
    field.fill("http://localhost.localdomain:80/")
    field.press("Enter")
    page.get_by_role("dialog").get_by_text("localhost.localdomain").wait_for()
    shows(page, found(bmp(2)), "the picture before")


def test_a_link_in_the_address_is_not_fetched(chromium, server, web):
    before = list(web.asked)
    with visitor(chromium, server, f"&link={web.address}/two.png") as page:
        browse(page, "Link")
        field = page.get_by_label("Link to a picture")
        until(page, lambda: field.input_value() == web.address + "/two.png", "the link of the address in its field")
        shows(page, found(3), "the query of the sidebar")
    assert web.asked == before


def test_browsing_and_marks(page):
    page.get_by_role("button", name="Browse", exact=True).click()
    page.get_by_role("list", name="Pictures of world").locator(".tile").nth(4).click()
    shows(page, found(4), "a picture that was browsed for")
    page.get_by_role("button", name="More like this: apple, picture 5").click()
    shows(page, found([Example(4), Example(5, MORE)]), "more like a match")
    page.get_by_role("button", name="Less like this: <b>pear, picture 0").click()
    marked = found([Example(4), Example(5, MORE), Example(0, LESS)])
    shows(page, marked, "less like another")
    until(page, lambda: asked(page, "with") == "q,more.5,less.0", "the marks in the address")
    page.reload()
    page.locator(TILES).first.wait_for()
    shows(page, marked, "what the link brings back")
    page.locator(".st-key-live_unmark_world-0 button").first.click()
    shows(page, found([Example(4), Example(5, MORE)]), "a mark taken back")
    page.locator(TILES).nth(1).click()
    item = found([Example(4), Example(5, MORE)])[1][0]
    shows(page, found(item), "a match as the query")


def test_crop_by_mouse_and_keyboard(page, home):
    upload(page, ("halves.png", two_coloured(2, 12)))
    shows(page, found(two_coloured(2, 12)), "the whole picture")
    page.get_by_role("button", name="Crop").click()
    stage = page.locator(".crop .stage")
    stage.wait_for()
    page.wait_for_timeout(500)  # the dialog opens with a movement
    area = stage.bounding_box()
    at = [(area["x"] + area["width"] * x, area["y"] + area["height"] * y) for x, y in ((0.6, 0.1), (0.95, 0.9))]
    page.mouse.move(*at[0])
    page.mouse.down()
    page.mouse.move(*at[1], steps=4)
    page.mouse.up()
    page.get_by_role("button", name="Use this part").click()
    shows(page, found(bmp(12)), "the right half")
    page.get_by_role("button", name="Start over").click()
    shows(page, found(3), "the query of the sidebar")
    page.get_by_role("button", name="Crop").click()
    box = page.get_by_role("application", name="Part of the picture")
    box.focus()
    for key in ("ArrowRight", "ArrowRight", "Shift+ArrowDown"):
        box.press(key)
    page.get_by_text("Selected: 22 to 82 % across, 20 to 82 % down.").wait_for()
    box.press("Enter")
    part = Example(home / "pictures" / "apple" / "0.bmp", crop=(0.22, 0.2, 0.82, 0.82))
    shows(page, found([part], exclude=frozenset([3])), "a part of an item, which is itself left out")
    until(page, lambda: asked(page, "with") == "like.3~220-200-820-820", "the part in the address")
    page.get_by_role("button", name="Crop").click()
    page.get_by_role("button", name="Whole picture").click()
    shows(page, found(3), "the whole again")


def test_a_link_restores_filter_and_index(chromium, server):
    with visitor(chromium, server, "&classes=%3Cb%3Epear&index=Approximate&with=like.3,unlike.5") as page:
        shows(page, found([Example(3), Example(5, -1.0)], classes=frozenset([0])), "filtered matches")
        unfold(page, "Settings")
        assert page.get_by_role("radio", name="Approximate").is_checked()


def test_hostile_labels_are_text(chromium, server):
    labels = set()
    with visitor(chromium, server, "&k=50") as page:
        for query in (0, 50, 100, 150, 199):
            page.goto(f"{server}live?dataset=hostile&metric=euclidean&k=50&q={query}")
            page.locator(TILES).nth(49).wait_for()
            settled(page)
            labels.update(page.locator("ol.matches .class").all_inner_texts())
            assert page.evaluate("window.__xss") is None
        page.get_by_role("button", name="Browse", exact=True).click()
        browsed = page.get_by_role("list", name="Pictures of hostile").locator(".class")
        for first, count in ((0, 120), (120, 80)):
            until(page, lambda count=count: browsed.count() == count, "a page of pictures")
            until(page, lambda first=first: browsed.first.text_content() == WORDS[first], "its first label")
            labels.update(browsed.all_text_contents())
            if not first:
                page.get_by_role("button", name="Page 2").click()
        page.keyboard.press("Escape")
        unfold(page, "Settings")
        page.get_by_test_id("stPopoverBody").get_by_role("combobox").click()
        page.get_by_role("option").first.wait_for()
        page.wait_for_timeout(300)
        assert set(WORDS) <= labels


def test_hostile_file_names_are_text(page):
    names = [f"{word.replace('/', '∕')}.bmp" for word in WORDS]  # no file has a slash in its name
    shown = page.locator("ol.entry .class")
    for start in range(0, len(names), 16):
        upload(page, *[(name, bmp(2)) for name in names[start : start + 16]])
        until(page, lambda start=start: shown.all_text_contents() == names[start : start + 16], "the names")
    upload(page, *[(name, b"no picture") for name in names[:16]])
    page.get_by_text("These pictures could not be used").wait_for()


def seen(alert):
    """What a reader sees of it: all but the joiners that keep addresses from becoming links."""
    return " ".join(" ".join(alert.all_inner_texts()).replace("\u2060", "").split())


def test_hostile_links_are_text(page):
    """Four of them in each link: one that were taken for markup would do."""
    browse(page, "Link")
    field = page.get_by_label("Link to a picture")
    alert = page.get_by_role("dialog").get_by_test_id("stAlert")
    addresses = "http://127.0.0.1/x HTTPS://a.example www.b.example c@d.example"
    for link in (addresses, *(" ".join(WORDS[start : start + 4]) for start in range(0, len(WORDS), 4))):
        field.fill(link)
        field.press("Enter")
        until(page, lambda link=link: link.strip() in seen(alert), link)
        assert not alert.locator("a").count()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_grave_violation(chromium, server, axe, scheme):
    with visitor(chromium, server, "&with=q,more.5", scheme=scheme) as page:
        page.evaluate(axe)
        for state in ("Settings", "Dataset", "Link", "Crop", "What am I looking at?", "refused"):
            page.keyboard.press("Escape")
            page.wait_for_timeout(400)
            if state == "Crop":
                page.get_by_role("button", name="Crop").first.click()
                page.locator(".crop .stage").wait_for()
                page.wait_for_timeout(400)
            elif state == "Settings":
                unfold(page, state)
            elif state == "refused":
                upload(page, ("note.txt", b"no picture"))
                page.locator(".upload [role=alert] li").wait_for()
            elif state.startswith("What"):
                page.get_by_text(state).click()
            else:
                browse(page, state)
            found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
            grave = [
                (state, rule["id"], node["target"], node["failureSummary"])
                for rule in found["violations"]
                if rule["impact"] in GRAVE
                for node in rule["nodes"]
            ]
            assert not grave
            assert len(found["passes"]) >= 15, "axe saw hardly anything"


@pytest.mark.parametrize("width", WIDTHS)
def test_it_fits_every_width(chromium, server, width):
    with visitor(chromium, server, "&with=q,more.5", width=width) as page:
        for state in ("", "Settings", "Dataset", "Link", "refused"):
            page.keyboard.press("Escape")
            page.wait_for_timeout(400)
            if state == "Settings":
                unfold(page, state)
            elif state == "refused":
                upload(page, ("note.txt" * 20, b"no picture"))
            elif state:
                browse(page, state)
            assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
            main = page.locator("[data-testid=stMain]")
            assert main.evaluate("one => one.scrollWidth <= one.clientWidth"), state


INSIDE = """one => { const box = one.getBoundingClientRect()
                     return box.top >= 0 && box.bottom <= innerHeight && box.left >= 0 && box.right <= innerWidth }"""


def in_view(page):
    """Whether the query, the verdict and the first match are wholly on the screen of a page that was not scrolled."""
    parts = [page.locator("ol.query .tile"), page.get_by_test_id("stAlert").first, page.locator(TILES).first]
    unscrolled = page.get_by_test_id("stMain").evaluate("one => one.scrollTop") == 0 and page.evaluate("scrollY") == 0
    return unscrolled and all(part.count() and part.evaluate(INSIDE) for part in parts)


def answers(page, expected, what):
    """The answer is there, and seen without scrolling."""
    shows(page, expected, what)
    settled(page)
    assert in_view(page), what


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_path_of_a_shop_on_a_phone_takes_no_scrolling(chromium, server, scheme):
    """Open, upload, less like this, crop: each answer is on the screen."""
    context = chromium.new_context(
        viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True, color_scheme=scheme
    )
    page = context.new_page()
    page.goto(f"{server}live?dataset=world&metric=euclidean&q=3")
    page.locator(TILES).first.wait_for()
    answers(page, found(3), "the first answer")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Upload picture").tap()
    halves = two_coloured(2, 12)
    chooser.value.set_files([{"name": "PXL_20261130_101530123.MP.png", "mimeType": "image/png", "buffer": halves}])
    answers(page, found(halves), "the answer to an upload")
    first = found(halves)[0][0]
    less = page.locator("ol.matches .less").first
    assert less.evaluate(INSIDE), "less like this is in reach"
    less.tap()
    answers(page, found([Example(halves), Example(first, LESS)]), "the answer to less like this")
    page.get_by_role("button", name="Crop").tap()
    stage = page.locator(".crop .stage")
    stage.wait_for()
    page.wait_for_timeout(500)  # the dialog opens with a movement
    page.get_by_role("application", name="Part of the picture").press("ArrowRight")
    use = page.get_by_role("button", name="Use this part")
    assert use.evaluate(INSIDE), "the button of the dialog is in reach"
    use.tap()
    part = Example(halves, crop=(0.2, 0.2, 0.8, 0.8))
    answers(page, found([part, Example(first, LESS)]), "the answer to a part")
    page.get_by_role("button", name="Undo").tap()
    answers(page, found([Example(halves), Example(first, LESS)]), "the part taken back")
    context.close()
