"""How files reach the browser: what is compressed, how often, and what a browser may keep."""

import asyncio
import gzip
import re
from importlib.metadata import version
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, PlainTextResponse
from starlette.routing import Route
from streamlit import file_util

from tests.worlds.servers.asgi_client import Client
from ui import pictures
from ui.web import packing, plotly_js
from ui.web.delivery import FOR_GOOD, Delivery
from ui.web.fonts import Fonts

GZIP = {"Accept-Encoding": "gzip"}
LONG = "as it is, " * 200
ICONS = "/static/media/Icons.x3.woff2"
STYLE = (
    "/"
    + next(Path(file_util.get_static_dir()).glob("static/css/index.*.css"))
    .relative_to(file_util.get_static_dir())
    .as_posix()
)
PAGE = f"<!doctype html><html><head><title>A page</title></head><body>{LONG}</body></html>"


def client(base="", fonts=None):
    """One of a server whose own answer to everything is LONG, to /page a page, and 404 where something is gone."""

    def answer(request):
        if request.url.path.endswith("/page"):
            return HTMLResponse(PAGE, headers={"ETag": "of the file"})
        if request.url.path.endswith("/styled"):
            return HTMLResponse(f'<html><head><link rel="stylesheet" href=".{STYLE}"></head></html>')
        return PlainTextResponse(LONG, 404 if "gone" in request.url.path else 200)

    methods = ["GET", "POST"]
    return Client(Delivery(Starlette(routes=[Route("/{path:path}", answer, methods=methods)]), base=base, fonts=fonts))


@pytest.fixture
def cut():
    """Fonts that are cut: one, and a style with another content than Streamlit's."""
    fonts = Fonts()
    fonts.files = {f"{ICONS}?k9": b"a few icons", f"{STYLE}?k9": b"body{margin:0}" * 99}
    return fonts


@pytest.fixture
def script():
    """A script of Streamlit's: its address and what it holds."""
    folder = Path(file_util.get_static_dir())
    file = next(folder.glob("static/js/index.*.js"))
    return f"/{file.relative_to(folder).as_posix()}", file.read_bytes()


@pytest.mark.parametrize("base", ["", "/shop/find/"])
def test_a_script_is_sent_compressed_and_may_be_kept(script, base):
    address, content = script
    answer = client(base).get(base.rstrip("/") + address, headers=GZIP)
    assert answer.status == 200 and gzip.decompress(answer.body) == content
    assert len(answer.body) < len(content) / 2 and answer.headers["content-length"] == str(len(answer.body))
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["cache-control"] == FOR_GOOD and answer.headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize("base", ["", "/shop/find/"])
def test_plotly_comes_out_of_its_package_and_may_be_kept(base):
    """Compressed where that is read, else as it is: no other file has its address."""
    content, address = plotly_js.file().read_bytes(), f"{base.rstrip('/')}/{plotly_js.address()}"
    packed, plain = client(base).get(address, headers=GZIP), client(base).get(address)
    assert gzip.decompress(packed.body) == plain.body == content and b"plotly.js v" in content[:99]
    assert len(packed.body) < 1_600_000
    for answer in (packed, plain):
        assert answer.status == 200 and answer.headers["cache-control"] == FOR_GOOD
        assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
        assert answer.headers["vary"] == "Accept-Encoding"
    assert version("plotly") in plotly_js.address()


def test_a_server_without_delivery_finds_a_copy_of_plotly(tmp_path, monkeypatch):
    """That is `streamlit run app.py`; a checkout that is read-only stays without."""
    monkeypatch.setattr(pictures, "FOLDER", tmp_path / "static" / "pictures")
    plotly_js.ensure()
    copy = tmp_path / "static" / plotly_js.address().rpartition("/")[2]
    assert copy.read_bytes() == plotly_js.file().read_bytes()
    written = copy.stat().st_mtime_ns
    plotly_js.ensure()
    assert copy.stat().st_mtime_ns == written
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setattr(pictures, "FOLDER", tmp_path / "file" / "pictures")
    plotly_js.ensure()


def test_many_who_ask_at_once_have_it_compressed_once(script, monkeypatch):
    address, content = script
    compressed, one = [], client()
    compress = packing._quickly
    monkeypatch.setattr(packing, "_quickly", lambda *how: compressed.append(how) or compress(*how))

    async def ask():
        first = asyncio.create_task(one.asked("GET", address, headers=GZIP))
        await asyncio.sleep(0)
        others = [asyncio.create_task(one.asked("GET", address, headers=GZIP)) for _ in range(20)]
        await asyncio.sleep(0)
        first.cancel()
        return await asyncio.gather(*others)

    answers = asyncio.run(ask())
    assert all(gzip.decompress(answer.body) == content for answer in answers) and len(compressed) == 1


def test_whoever_does_not_read_gzip_or_wants_a_part_gets_it_from_the_pages(script):
    for headers in ({"Accept-Encoding": "identity"}, GZIP | {"Range": "bytes=0-9"}):
        answer = client().get(script[0], headers=headers)
        assert answer.body.decode() == LONG and "content-encoding" not in answer.headers
    assert client().post(script[0], headers=GZIP).body.decode() == LONG


@pytest.mark.parametrize("address", ["/static/js/none.js", "/static/js/../../../../setup.js", "/live", "/api/health"])
def test_what_is_no_script_of_the_pages_is_theirs_to_answer(address):
    answer = client().get(address, headers=GZIP)
    assert answer.body.decode() == LONG and "cache-control" not in answer.headers


@pytest.mark.parametrize("base", ["", "/shop/find/"])
def test_a_page_is_compressed_and_knows_its_server(base):
    """Below its own address a page asked in vain, which browsers report, and waited before it asked again."""
    path = base.rstrip("/") + "/page"
    answer = client(base).get(path, headers=GZIP | {"Accept": "text/html,*/*"})
    page = gzip.decompress(answer.body).decode()
    assert re.sub("<script>.*?</script>|<link [^>]*>", "", page) == PAGE and "etag" not in answer.headers
    assert f'new URL("{base or "/"}", location.href)' in page.partition("<title>")[0] and "preload" in page
    assert client(base).get(path, headers={"Accept": "text/html"}).body.decode() == page
    assert client(base).get(path).body.decode() == PAGE


@pytest.mark.parametrize("base", ["", "/shop/find/"])
def test_once_fonts_are_cut_pages_name_them_and_browsers_may_keep_them(cut, base):
    one, before, asked = client(base, cut), base.rstrip("/"), {"Accept": "text/html"}
    files, cut.files = cut.files, {}
    assert f'href=".{STYLE}"' in one.get(f"{before}/styled", headers=asked).body.decode()
    cut.files = files
    assert f'href=".{STYLE}?k9"' in one.get(f"{before}/styled", headers=asked).body.decode()
    for headers in (GZIP, {"Accept-Encoding": "identity"}):
        style = one.get(f"{before}{STYLE}?k9", headers=headers)
        packed = "content-encoding" in style.headers
        assert packed is (headers == GZIP)
        assert (gzip.decompress(style.body) if packed else style.body) == files[f"{STYLE}?k9"]
        font = one.get(f"{before}{ICONS}?k9", headers=headers)
        assert font.body == b"a few icons" and font.headers["content-type"] == "font/woff2"
        assert font.headers["cache-control"] == style.headers["cache-control"] == FOR_GOOD


def test_at_another_address_the_whole_font_and_its_style_are_served(cut):
    """What a browser has kept stays right, and an address of another version leads to more, never to less."""
    one = client("", cut)
    for query in ("", "?k8"):
        assert one.get(f"{ICONS}{query}", headers=GZIP).body.decode() == LONG
        style = gzip.decompress(one.get(f"{STYLE}{query}", headers=GZIP).body)
        assert style == (Path(file_util.get_static_dir()) / STYLE[1:]).read_bytes()


def test_scripts_of_widgets_come_with_the_page_each_once_and_complete():
    page = client().get("/page", headers={"Accept": "text/html"}).body.decode()
    folder = Path(file_util.get_static_dir())
    linked = re.findall(r'<link rel="modulepreload" crossorigin href="\./(static/js/[^"]+)">', page)
    known = (folder / "index.html").read_text()
    assert len(linked) == len(set(linked)) > 20 and not [script for script in linked if script in known]
    assert any("/Selectbox." in script for script in linked) and not any("Plotly" in script for script in linked)
    for script in linked:
        for name in re.findall(r'(?:from|import)"\./([\w.-]+)"', (folder / script).read_text()):
            assert f"static/js/{name}" in linked or name in known, name


def test_what_is_opened_and_is_no_page_stays_as_it_is():
    answer = client().get("/media/table.csv", headers={"Accept": "text/html"})
    assert answer.body.decode() == LONG and answer.status == 200
    assert client().get("/media/gone.csv", headers={"Accept": "text/html"}).status == 404


def test_a_thumbnail_is_kept_for_good_and_its_absence_is_not():
    there = client().get("/app/static/pictures/world/0123.jpg", headers=GZIP)
    assert there.headers["cache-control"] == FOR_GOOD and there.body.decode() == LONG
    assert "cache-control" not in client().get("/app/static/pictures/world/gone.jpg").headers
