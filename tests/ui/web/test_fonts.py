"""Cut fonts: every icon that is named is drawn, nothing of a page is lost, and what fails leaves the whole fonts."""

import base64
import io
import json
import re

import pytest
from fontTools.ttLib import TTFont
from streamlit import file_util

from semsearch.errors import EngineError
from semsearch.processes import child
from tests import ROOT
from tests.worlds.files import cut_fonts
from tests.worlds.files.cut_fonts import STATIC
from ui.web import cutting, fonts, packing
from ui.web.fonts import Fonts

MEDIA = STATIC / "static" / "media"
ICONS, LETTERS = next(MEDIA.glob("MaterialSymbols*")), next(MEDIA.glob("SourceSansVF-Upright*"))
STYLE = (
    "body{margin:0}"
    "@font-face{font-family:Source Sans;font-style:normal;src:url(../media/Sans.x1.woff2)format('woff2')}"
    "@font-face{font-family:Source Serif;src:url(../media/Serif.x2.woff2)format('woff2')}"
    "@font-face{font-family:Material Symbols Rounded;font-weight:400;src:url(../media/Icons.x3.woff2)format('woff2')}"
)


def drawn(font, word):
    """The glyphs of a word, ligatures put together as a browser does: the longest first, from the left."""
    cmap = font.getBestCmap()
    glyphs = [cmap.get(ord(sign)) for sign in word]
    for lookup in font["GSUB"].table.LookupList.Lookup:
        for table in lookup.SubTable:
            table = getattr(table, "ExtSubTable", table)
            for one in sorted(table.ligatures.get(glyphs[0], []), key=lambda each: -len(each.Component)):
                if glyphs[1 : 1 + len(one.Component)] == one.Component:
                    return [one.LigGlyph, *glyphs[1 + len(one.Component) :]]
    return glyphs


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """The real ones, cut; to read a font of thousands of icons takes seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEMSEARCH_HOME", str(tmp_path_factory.mktemp("fonts")))
        return cut_fonts.cut()


def of(done, name):
    """What is served in place of a file of Streamlit's."""
    [found] = [data for address, data in done.items() if f"/{name}" in address]
    return found


def font(done, path):
    return TTFont(io.BytesIO(of(done, path.name)))


def test_every_icon_that_is_named_is_drawn_by_its_name(done):
    """Those of our sources, as they stand there in Markdown or by themselves, and of Streamlit's scripts."""
    sources = [ROOT / "app.py", *(ROOT / "pages").glob("*.py"), *(ROOT / "ui").rglob("*.py")]
    texts = [path.read_text() for path in [*sources, *STATIC.glob("static/js/*.js")]]
    named = {name for text in texts for name in re.findall(r":material/(\w+):", text)} - {"star_filled"}  # a picture
    named |= {"image_search", "add_photo_alternate", "menu_book", "layers", "add", "remove", "more_vert", "audio_file"}
    icons = font(done, ICONS)
    assert len(named) > 100 and icons.flavor == "woff2"
    for name in named:
        assert [icons["glyf"][glyph].numberOfContours > 0 for glyph in drawn(icons, name)] == [True], name


def test_the_icons_are_a_small_part_of_the_whole_font(done):
    assert len(of(done, ICONS.name)) <= 30_000


def test_letters_are_all_that_the_ranges_say(done):
    letters, whole = font(done, LETTERS), TTFont(LETTERS, lazy=True)
    has, had = set(letters.getBestCmap()), set(whole.getBestCmap())
    style = of(done, "index.").decode()
    others, kept = re.findall(re.escape(LETTERS.name) + r"[^}]*;unicode-range:([^}]*)\}", style)
    assert (cutting.ranges(has), cutting.ranges(had - has)) == (kept, others)
    assert set(map(ord, "AZaz09 .,;–—“”…×·−≤Éßœžğ")) <= has and ord("Ж") in had - has
    assert len(of(done, LETTERS.name)) < LETTERS.stat().st_size / 2
    assert {axis.axisTag for axis in letters["fvar"].axes} == {axis.axisTag for axis in whole["fvar"].axes}


def test_our_own_words_never_need_the_whole_font():
    """One sign would have every visitor of a page fetch it."""
    others = set(TTFont(LETTERS, lazy=True).getBestCmap()) - cutting.USUAL - {0xFEFF, 0x200B}
    places = [path for folder in ("pages", "ui", "semsearch") for path in (ROOT / folder).rglob("*")]
    texts = {path: path.read_text() for path in places if path.suffix in (".py", ".js", ".html", ".css")}
    written = {path: re.sub(r"\\u(\w{4})", lambda found: chr(int(found[1], 16)), text) for path, text in texts.items()}
    assert len(texts) > 100
    assert {path.name: signs for path, text in written.items() if (signs := set(text) & set(map(chr, others)))} == {}


def test_ranges_are_written_as_a_style_has_them():
    assert cutting.ranges([0x41, 0x20, 0x21, 0x22, 0x1F600]) == "U+20-22,U+41,U+1F600" and cutting.ranges([]) == ""


def test_a_style_names_cut_fonts_at_their_own_addresses():
    letters, pictures = cutting.Cut(b"", "U+20-7E", "U+400-4FF"), cutting.Cut(b"")
    done = fonts.restyled(STYLE, "k9", {"Sans.x1.woff2": letters, "Icons.x3.woff2": pictures})
    body, whole, ours, serif, icons = re.findall(r"[^}]*\}", done)
    assert body == "body{margin:0}" and "url(../media/Serif.x2.woff2)" in serif
    assert "url(../media/Sans.x1.woff2)" in whole and whole.endswith(";unicode-range:U+400-4FF}")
    assert "url(../media/Sans.x1.woff2?k9)" in ours and ours.endswith(";unicode-range:U+20-7E}")
    assert "url(../media/Icons.x3.woff2?k9)" in icons and "unicode-range" not in icons


@pytest.fixture
def static(tmp_path):
    """A Streamlit with STYLE."""
    for name, text in {
        "css/index.x0.css": STYLE,
        "js/a.js": "`:material/check:`",
        "media/Sans.x1.woff2": "",
        "media/Icons.x3.woff2": "",
    }.items():
        (tmp_path / "static" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "static" / name).write_text(text)
    return tmp_path


@pytest.fixture
def cuts(monkeypatch):
    """What was cut, in place of a process: (icons, letters) by the names of their files."""
    done = []

    def run(work, function, icons, names, letters):
        assert function is cutting.aside and "check" in names and "image_search" in names
        done.append(([path.name for path in icons], [path.name for path in letters]))
        return {icons[0]: cutting.Cut(b"icons"), letters[0]: cutting.Cut(b"letters", "U+20-7E", "U+400")}

    monkeypatch.setattr(child, "run", run)
    return done


def test_fonts_are_cut_once_and_kept(home, static, cuts):
    first = fonts.cut(static)
    assert cuts == [(["Icons.x3.woff2"], ["Sans.x1.woff2"])] and fonts.cut(static) == first and len(cuts) == 1
    [key] = {address.partition("?")[2] for address in first}
    assert first[f"/static/media/Icons.x3.woff2?{key}"] == b"icons"
    assert first[f"/static/media/Sans.x1.woff2?{key}"] == b"letters"
    assert f"Icons.x3.woff2?{key}".encode() in first[f"/static/css/index.x0.css?{key}"]


def test_what_was_damaged_is_cut_again(home, static, cuts):
    first = fonts.cut(static)
    [kept] = (home / "fonts").glob("*.json")
    facts = json.loads(kept.read_bytes())
    facts["files"] |= dict.fromkeys(first, base64.b64encode(b"others").decode())
    kept.write_text(json.dumps(facts))
    assert fonts.cut(static) == first and len(cuts) == 2
    assert fonts.cut(static) == first and len(cuts) == 2


@pytest.mark.parametrize("change", ["names", "font", "library"])
def test_the_key_changes_with_all_that_fonts_are_made_of(home, static, cuts, change, monkeypatch):
    """Browsers keep what they have for good: with an icon more, the address must be another."""
    first = fonts.cut(static)
    if change == "names":
        (static / "static" / "js" / "b.js").write_text("`:material/quite_another:`")
    elif change == "font":
        (static / "static" / "css" / "index.x0.css").write_text(STYLE.replace("Serif.x2", "Serif.x4"))
    else:
        monkeypatch.setattr(fonts, "version", lambda name: "99")
    assert fonts.cut(static).keys().isdisjoint(first) and len(cuts) == 2


def test_a_home_that_cannot_be_written_has_them_cut_each_time(static, cuts, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("SEMSEARCH_HOME", str(tmp_path / "file"))
    assert fonts.cut(static) == fonts.cut(static) and len(cuts) == 2


def test_what_fails_is_logged_and_the_fonts_stay_whole(home, static, monkeypatch, caplog):
    def run(*arguments):
        raise EngineError("aside failed: KeyError: 'GSUB'")

    monkeypatch.setattr(child, "run", run)
    monkeypatch.setattr(file_util, "get_static_dir", lambda: str(static))
    monkeypatch.setattr(packing, "PATIENCE", 0.0)
    ours = Fonts()
    ours.prepare()
    assert not ours.files and "aside failed: KeyError: 'GSUB'" in caplog.text


@pytest.mark.parametrize("damage", ["no style", "no icons"])
def test_a_streamlit_of_another_make_keeps_its_fonts(home, static, cuts, damage):
    [style] = (static / "static" / "css").iterdir()
    style.unlink()
    if damage == "no icons":
        style.write_text(STYLE.partition("@font-face{font-family:Material")[0])
    assert fonts.cut(static) == {} and not cuts


def test_a_process_can_cut_that_knows_nothing_of_its_caller():
    assert child.run("nothing to cut", cutting.aside, [], ["undo"], []) == {}
