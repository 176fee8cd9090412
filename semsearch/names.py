"""Names of files and folders as text that can be shown, sent and stored anywhere.

The name of a file is any bytes. Python keeps those that are not UTF-8 as lone surrogates, which no browser, terminal,
table or archive takes; others hide what follows or turn the reading direction. Files are found by their real names.
"""

import os
import unicodedata

_INVISIBLE = frozenset({"Cc", "Cs", "Zl", "Zp"})
_TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def printable(text: str, *, keep: str = "") -> str:
    r"""The text with ``%`` and two digits for each byte that cannot be shown, but for the characters of ``keep``.

    >>> printable("caf\udce9\n.jpg")
    'caf%E9%0A.jpg'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(character if character in keep or _shows(character) else _escaped(character) for character in text)


def title(name: str) -> str:
    """A folder's name as the title of a class: two names that look the same are one title.

    Composed (NFC), printable, with single spaces and none at the ends. Names that differ in case stay apart.
    """
    return " ".join(unicodedata.normalize("NFC", printable(name)).split()) or _escaped(name)


def path_text(path: os.PathLike[str] | str) -> str:
    """A path as printable text."""
    return printable(os.fspath(path))


def _shows(character: str) -> bool:
    return character not in _TURNING and unicodedata.category(character) not in _INVISIBLE


def _escaped(text: str) -> str:
    data = b"".join(_bytes(character) for character in text)
    return "".join(f"%{byte:02X}" for byte in data)


def _bytes(character: str) -> bytes:
    """A byte that was not UTF-8 is itself; any other lone surrogate is what it would be in UTF-8."""
    return character.encode("utf-8", "surrogateescape" if "\udc80" <= character <= "\udcff" else "surrogatepass")
