"""Streamlit's fonts without what no page draws: of thousands of icons those that are named, of letters the usual ones.

On the network of a phone, the icons alone take longer than half the scripts of a page. Fonts are cut once, in a process
of its own, and kept below ``settings().home``. Until that is done, and where it fails, pages have the whole fonts.

A browser keeps what it has for good. So cut fonts, and the style that names them, have addresses of their own: those
of Streamlit with a key that changes with all that they are made of.
"""

import base64
import hashlib
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from semsearch import server_log
from semsearch.errors import IntegrityError, SemsearchError, StorageError
from semsearch.files import sealed, storage
from semsearch.processes import child
from semsearch.settings import ROOT, settings
from ui.web import cutting, packing

ICONS, LETTERS = "Material Symbols Rounded", "Source Sans"
"""The families that are cut, as the style of the pages calls them."""
_FACE = re.compile(r"@font-face\{font-family:([\w ]+);[^}]*?url\(\.\./media/([\w.-]+)\)[^}]*\}")
_NAMED = re.compile(rb":material/(\w+):")
_WORD = re.compile(rb"(?<=[\"'`])\w+(?=[\"'`])")


class Fonts:
    """The fonts of a server; ``prepare``, which takes its time, has them cut."""

    def __init__(self) -> None:
        """They are whole."""
        self.files: Mapping[str, bytes] = {}
        """By address: those that are cut, and the style that names them."""

    def prepare(self) -> None:
        """Have them cut, not in the first moments of a server; a failure is logged, and they stay whole."""
        from streamlit import file_util

        try:
            with storage.explained("the fonts of the pages"):
                self.files = cut(Path(file_util.get_static_dir()), patience=packing.PATIENCE)
        except SemsearchError as error:
            server_log.report(error)


def cut(static: Path, *, patience: float = 0.0) -> dict[str, bytes]:
    """By address, cut fonts and their style, of the pages that lie in ``static``; as they are kept, else cut.

    Before that it waits ``patience`` seconds. They are used though they cannot be kept; there are none where the style
    is not as we know it. Raises as ``child.run``, and OSError.
    """
    style = next(static.glob("static/css/index.*.css"), None)
    text = style.read_text(encoding="utf-8") if style else ""
    families = {static / "static" / "media" / name: family for family, name in _FACE.findall(text)}
    icons, letters = ([path for path, found in families.items() if found == family] for family in (ICONS, LETTERS))
    if not style or not icons:
        return {}
    names = sorted(icon_names(static))
    libraries = version("fonttools"), version("brotli")
    made_of = cutting.SCHEMA, sorted(cutting.USUAL), cutting.FEATURES, libraries, text, names
    key = hashlib.sha256(repr(made_of).encode()).hexdigest()[:16]
    place = settings().home / "fonts" / f"{key}.json"
    with suppress(IntegrityError, StorageError):
        kept = sealed.read(place, cure="it is made again")
        return {address: base64.b64decode(data) for address, data in kept["files"].items()}
    time.sleep(patience)
    fonts = child.run("the fonts of the pages", cutting.aside, icons, names, letters)
    files = {f"/static/media/{path.name}?{key}": each.font for path, each in fonts.items()}
    ours = restyled(text, key, {path.name: each for path, each in fonts.items()})
    files[f"/static/css/{style.name}?{key}"] = ours.encode()
    with suppress(StorageError):
        sealed.write(place, {"files": {address: base64.b64encode(data).decode() for address, data in files.items()}})
    return files


def icon_names(static: Path) -> set[str]:
    """All words that may name an icon.

    In our sources, and in those of Streamlit's scripts that draw with the font themselves, a name may be any text of
    one word; elsewhere it stands as in Markdown.
    """
    ours = [ROOT / "app.py", *(ROOT / "pages").glob("*.py"), *(ROOT / "ui").rglob("*.py")]
    scripts = list(static.glob("static/js/*.js"))
    found: set[bytes] = set()
    for path in [*ours, *scripts]:
        text = path.read_bytes()
        found.update(_NAMED.findall(text))
        if path not in scripts or b".iconFont" in text:
            found.update(_WORD.findall(text))
    return {name.decode() for name in found}


def restyled(text: str, key: str, fonts: Mapping[str, cutting.Cut]) -> str:
    """A style that names cut ``fonts``, by the names of their files, at the addresses with ``key``.

    A font that has more stays for the rest: a browser asks for it when a page uses a letter of those.
    """

    def face(found: re.Match[str]) -> str:
        rule, name = found[0], found[2]
        if name not in fonts:
            return rule
        ours = rule.replace(name, f"{name}?{key}")
        if not fonts[name].kept:
            return ours
        return f"{rule[:-1]};unicode-range:{fonts[name].others}}}{ours[:-1]};unicode-range:{fonts[name].kept}}}"

    return _FACE.sub(face, text)
