"""Fonts cut down to what is drawn with them; run in a process of its own, for it takes a second of the processor."""

import io
import os
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fontTools.ttLib import TTFont

SCHEMA = 1
"""Raised when fonts are cut in another way."""
_BLOCKS = ((0x20, 0x7F), (0xA0, 0x180), (0x2010, 0x2040), (0x2070, 0x20A0), (0x2150, 0x2160), (0x2190, 0x2194))
_SIGNS = "ΔΣπ€™−√∞∩≈≠≤≥▶◀\ufb00\ufb01\ufb02"
USUAL = frozenset(point for block in _BLOCKS for point in range(*block)) | frozenset(map(ord, _SIGNS))
"""Code points that nearly all pages do with: Western letters, punctuation, powers and indices, fractions, arrows, some
signs, and ligatures, which are not hinted as letters without one of their own."""
FEATURES = ("calt", "ccmp", "clig", "kern", "liga", "locl", "mark", "mkmk", "rlig", "rvrn", "pnum", "tnum")
"""What a font for text can do with its letters: what browsers do unasked, and figures of one width, or of their own."""


@dataclass(frozen=True)
class Cut:
    """A font, cut."""

    font: bytes
    """As WOFF2."""
    kept: str = ""
    """The code points it has, as a style names ranges; nothing for a font that has all that is ever drawn with it."""
    others: str = ""
    """Those that only the whole font has."""


def aside(icons: Iterable[Path], names: Iterable[str], letters: Iterable[Path]) -> dict[Path, Cut]:
    """Fonts of icons and fonts of letters, cut, in a process that has the processor after all others."""
    os.nice(10)
    return {path: with_icons(path, names) for path in icons} | {path: with_letters(path) for path in letters}


def with_icons(path: Path, names: Iterable[str]) -> Cut:
    """A font of icons with those alone that have these names; what it has no icon of is left out."""
    from fontTools.ttLib import TTFont

    font = TTFont(path, lazy=True)
    known = ligatures(font)
    wanted = {name: known[name] for name in names if name in known}
    signs = {ord(sign) for name in wanted for sign in name}
    # Without closure, for letters of which every other icon could be put together too.
    return Cut(_subset(font, signs, wanted.values(), layout_features=["liga", "rlig"], layout_closure=False))


def with_letters(path: Path) -> Cut:
    """A font for text with the USUAL letters alone."""
    from fontTools.ttLib import TTFont

    font = TTFont(path, lazy=True)
    has = set(font.getBestCmap())
    return Cut(_subset(font, has & USUAL, layout_features=[*FEATURES]), ranges(has & USUAL), ranges(has - USUAL))


def ligatures(font: "TTFont") -> dict[str, str]:
    """By what one writes, the glyph that a font draws in its place."""
    letter = {glyph: chr(point) for point, glyph in font.getBestCmap().items()}
    found = {}
    for lookup in font["GSUB"].table.LookupList.Lookup:
        for table in lookup.SubTable:
            table = getattr(table, "ExtSubTable", table)
            for first, all_of_it in getattr(table, "ligatures", {}).items():
                for one in all_of_it:
                    signs = [letter.get(glyph, "") for glyph in (first, *one.Component)]
                    if all(signs):
                        found["".join(signs)] = one.LigGlyph
    return found


def ranges(points: Iterable[int]) -> str:
    """Code points as a style names them."""
    runs = (list(run) for _, run in groupby(enumerate(sorted(points)), lambda pair: pair[1] - pair[0]))
    return ",".join(f"U+{run[0][1]:X}" + (f"-{run[-1][1]:X}" if len(run) > 1 else "") for run in runs)


def _subset(font: "TTFont", points: Iterable[int], glyphs: Iterable[str] = (), **options: object) -> bytes:
    from fontTools import subset

    cutter = subset.Subsetter(subset.Options(hinting=False, name_IDs=[], notdef_outline=True, **options))
    cutter.populate(unicodes=points, glyphs=glyphs)
    cutter.subset(font)
    font.flavor = "woff2"
    out = io.BytesIO()
    font.save(out)
    return out.getvalue()
