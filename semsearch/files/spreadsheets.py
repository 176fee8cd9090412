"""Tables as CSV that a spreadsheet opens as text and numbers, never as formulas."""

import csv
import io
import re
from collections.abc import Mapping, Sequence

import numpy as np

_SIGNS = "=+\\-@\u207a\u207b\u207c\u208a\u208b\u208c\u2212\ufb29\ufe62\ufe63\ufe66\ufe6b\uff0b\uff0d\uff1d\uff20"
"""What begins a formula, in all widths and heights in which Unicode has it."""
_UNSEEN = "".join(map(chr, (*range(0x21), *range(0x7F, 0xA1), *range(0x2000, 0x2010), *range(0x2028, 0x2030))))
_UNSEEN += "\xad\u1680\u180e\u205f\u2060\u2061\u2062\u2063\u2064\u3000\ufeff"
"""White space, control signs and marks without a shape: some spreadsheet skips each of them."""
_FORMULA = re.compile(rf"(^|[;\t\r\n])(?=[{_UNSEEN}\"']*[{_SIGNS}])|^(?=[\t\r\n])")


def csv_bytes(rows: Sequence[Mapping[str, object]]) -> bytes:
    """Rows of one set of columns as CSV that a spreadsheet opens as text and numbers, never as formulas.

    It begins with the mark by which Excel knows UTF-8. Texts are ``inert``, those of the header too.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    if rows:
        writer.writerow(map(_cell, rows[0]))
        writer.writerows([_cell(row[name]) for name in rows[0]] for row in rows)
    return out.getvalue().encode("utf-8-sig", "replace")


def inert(text: str) -> str:
    """A text with an apostrophe before whatever a spreadsheet would take for a formula.

    That is also so behind a semicolon, a tab or a line break, where some of them begin another cell.
    """
    return _FORMULA.sub(r"\1'", text)


def _cell(value: object) -> object:
    return value if value is None or isinstance(value, int | float | np.number) else inert(str(value))
