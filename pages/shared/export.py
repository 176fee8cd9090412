"""What can be taken along from a page: a table as CSV, and the link to the page as it is."""

import csv
import io
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

import streamlit as st

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def csv_bytes(rows: Sequence[Mapping[str, object]]) -> bytes:
    """Rows of one set of columns as CSV that a spreadsheet opens as text and numbers, never as formulas.

    A text that a spreadsheet would take for a formula gets an apostrophe before it.
    """
    out = io.StringIO(newline="")
    if rows:
        writer = csv.DictWriter(out, rows[0].keys())
        writer.writeheader()
        writer.writerows({_inert(key): _safe(value) for key, value in row.items()} for row in rows)
    return out.getvalue().encode("utf-8-sig")


def _safe(value: object) -> object:
    return _inert(value) if isinstance(value, str) else value


def _inert(text: str) -> str:
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text


def link(extra: Mapping[str, object]) -> str:
    """The address of this page with every choice in it; ``extra`` are those that the sidebar does not know."""
    address = {key: st.query_params[key] for key in st.query_params if key not in extra}
    asked = urlencode(address | {key: value for key, value in extra.items() if value}, doseq=True)
    return f"{(st.context.url or '').split('?')[0]}?{asked}"
