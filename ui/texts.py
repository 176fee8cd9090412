"""Words and numbers as they appear on the pages."""

import math
import re
import string

from semsearch.data import datasets
from semsearch.errors import ImageRefused, LinkRefused, UnknownName
from semsearch.models import catalog
from semsearch.models.catalog import Layer, Model
from semsearch.names import printable
from semsearch.settings import settings

UNDEFINED = "–"
"""In place of a number that there is not; never 0."""
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|:$~&@/])")
_LINKED = re.compile(r"(?i)(?<=http)(?=s?://)|(?<=www)(?=\.)|(?=@)")
_FOLDERS = re.compile(r"(?<![\w/:.~…])/(?=[^\s/])(?:(?:(?![:;,] | /)[^/\n])+/)+")
"""The folders of an absolute path, and the stroke before its last name."""
_NOTHING = "\u2060"
"""A joiner of words that is not seen: it keeps an address from becoming a link, which no backslash does."""


def plain(text: str) -> str:
    """``text`` for a place that reads Markdown, so that it is shown as it is: labels and links are untrusted."""
    words = " ".join(printable(text, keep=string.whitespace).split())
    return _MARKDOWN.sub(r"\\\1", _LINKED.sub(_NOTHING, words))


def told(error: Exception) -> str:
    """What an error says, as ``plain`` has it, as a sentence."""
    return plain(sentence(for_visitors(error)))


def sentence(text: str) -> str:
    """``text`` with a capital at its beginning, unless that is the name of a dataset, a model or a file."""
    first = re.match(r"[a-z]+(?=[ ,])", text)
    named = first and first[0] in (*catalog.models(), *datasets.names())
    return text[:1].upper() + text[1:] if first and not named else text


def for_visitors(error: Exception) -> str:
    """What an error says: all of it when it quotes a visitor, else without the folders of this machine."""
    return str(error) if isinstance(error, ImageRefused | LinkRefused | UnknownName) else without_paths(str(error))


def without_paths(text: str) -> str:
    """``text`` with the folders of this machine left out, which are for its keeper, who reads them in the log.

    What lies in a place that a setting names begins with that setting; of any other path the last name is left.
    """
    if "/" not in text:
        return text
    here = settings()
    owned = {"SEMSEARCH_HOME": here.home, "SEMSEARCH_PRECOMPUTED": here.precomputed}
    for name, place in sorted(owned.items(), key=lambda pair: -len(pair[1].parts)):
        if len(place.parts) > 1:
            text = re.sub(re.escape(str(place)) + r"(?![\w.-])", name, text)
    return _FOLDERS.sub("…/", text)


def count(number: int) -> str:
    """A large number in three digits: 2,257,984 is 2.3 M."""
    for unit, size in (("M", 1_000_000), ("k", 1_000)):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return str(number)


def counted(number: int, noun: str) -> str:
    """A number and what it counts, a noun in the singular: 1 match, 2,000 pictures, 3 classes, 4 queries."""
    if number == 1:
        return f"1 {noun}"
    stem, end = (noun[:-1], "ies") if noun.endswith("y") else (noun, "es" if noun.endswith(("ch", "ss")) else "s")
    return f"{number:,} {stem}{end}"


def queries(count: int, items: int) -> str:
    """The queries that numbers rest on, of so many pictures with results."""
    if count == items:
        return f"all {counted(count, 'query')}"
    return f"a seeded sample of {count:,} of the {items:,} pictures as queries"


def signed(value: float) -> str:
    """A difference of scores; a dash where it is undefined."""
    return UNDEFINED if math.isnan(value) else f"{value:+.1f}".replace("-", "−")


def distance(value: float) -> str:
    """A distance in three significant digits."""
    if 1e-3 <= abs(value) < 999.5:
        return f"{value:#.3g}".rstrip(".")
    return "0" if value == 0 else f"{value:,.0f}" if 999.5 <= abs(value) < 1e6 else f"{value:.1e}"


def share(value: float) -> str:
    """A number from 0 to 1; a dash where it is undefined."""
    return UNDEFINED if math.isnan(value) else f"{value:.2f}"


def model_facts(model: Model) -> str:
    """One line about a model."""
    return f"{count(model.parameters)} parameters, sees {model.size} × {model.size} px"


def sees(layer: Layer, size: int) -> str:
    """How much of a picture of so many pixels across one unit of a layer sees."""
    whole = layer.receptive_field >= size
    return "the whole picture" if whole else f"a square of {layer.receptive_field:,} px"


def layer_facts(layer: Layer, size: int) -> str:
    """One line about a layer, of a network that is shown pictures of so many pixels across."""
    return f"{layer.channels:,} channels that see {sees(layer, size)}"


def duration(seconds: float) -> str:
    """Roughly how long, in one unit: 4 s, 2 min, 3 h."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 5_400 else f"{seconds / 3_600:.0f} h"
