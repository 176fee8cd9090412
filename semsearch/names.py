"""Names of files and folders as text that can be shown, sent and stored anywhere.

The name of a file is any bytes. Python keeps those that are not UTF-8 as lone surrogates, which no browser, terminal,
table or archive takes; others hide what follows or turn the reading direction. Files are found by their real names.
"""

import os
import unicodedata

_INVISIBLE = frozenset({"Cc", "Cs", "Zl", "Zp"})
_UNSEEN = frozenset("\u00ad\u180e\u200b\u2060\u2061\u2062\u2063\u2064\ufeff\ufff9\ufffa\ufffb")
"""Take no room: a name with one looks like a name without. Nor do these, but some scripts and emoji need them:"""
_JOINERS, _BREAK = "\u200c\u200d", "\u200c"
_VIRAMA = 9
"""The combining class of the marks of Indic scripts after which a joiner changes how letters are drawn."""
_ENDS = "\u0622\u0623\u0624\u0625\u0627\u0629\u062f\u0630\u0631\u0632\u0648\u0688\u0691\u0698\u06c0\u06c7\u06d2\u06d5"
"""Arabic letters that never join the next: after them a break is not seen."""
_TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def printable(text: str, *, keep: str = "") -> str:
    r"""The text with ``%`` and two digits for each byte that cannot be shown, but for the characters of ``keep``.

    >>> printable("caf\udce9\n.jpg")
    'caf%E9%0A.jpg'
    """
    if text.isascii() and text.isprintable():
        return text
    needless = {place for place, character in enumerate(text) if character in _JOINERS and not _joins(text, place)}
    return "".join(
        character if character in keep or (_shows(character) and place not in needless) else _escaped(character)
        for place, character in enumerate(text)
    )


def title(name: str) -> str:
    """A folder's name as the title of a class: two names that look the same are one title.

    Composed (NFC), printable, with single spaces and none at the ends. Names that differ in case stay apart.
    """
    return " ".join(unicodedata.normalize("NFC", printable(name)).split()) or _escaped(name)


def path_text(path: os.PathLike[str] | str) -> str:
    """A path as printable text."""
    return printable(os.fspath(path))


def _joins(text: str, place: int) -> bool:
    """Whether a joiner stands where it is seen: in emoji, after a virama, as a break between Arabic letters."""
    before, after = text[place - 1 : place] if place else "", text[place + 1 : place + 2]
    if not before:
        return False
    if text[place] == _BREAK and after:
        letters = unicodedata.bidirectional(before) == unicodedata.bidirectional(after) == "AL"
        return (letters and before not in _ENDS) or unicodedata.combining(before) == _VIRAMA
    emoji = before == "\ufe0f" or unicodedata.category(before) in ("So", "Sk")
    return unicodedata.combining(before) == _VIRAMA or (emoji and after != "" and unicodedata.category(after) == "So")


def _shows(character: str) -> bool:
    return character not in _TURNING | _UNSEEN and unicodedata.category(character) not in _INVISIBLE


def _escaped(text: str) -> str:
    data = b"".join(_bytes(character) for character in text)
    return "".join(f"%{byte:02X}" for byte in data)


def _bytes(character: str) -> bytes:
    """A byte that was not UTF-8 is itself; any other lone surrogate is what it would be in UTF-8."""
    return character.encode("utf-8", "surrogateescape" if "\udc80" <= character <= "\udcff" else "surrogatepass")
