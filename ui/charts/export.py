"""What can be saved or sent from a page: a table as CSV, and the link to the page as it is."""

from collections.abc import Mapping
from urllib.parse import urlencode

import streamlit as st

from semsearch.files.spreadsheets import csv_bytes as csv_bytes
from semsearch.files.spreadsheets import inert as inert


def link(extra: Mapping[str, object]) -> str:
    """The address of this page with every choice in it; ``extra`` are those that the sidebar does not know.

    The page is the first one: its address ends with a slash, which the server would otherwise send the browser to.
    """
    address = {key: st.query_params[key] for key in st.query_params if key not in extra}
    parameters = urlencode(address | {key: value for key, value in extra.items() if value}, doseq=True)
    return f"{(st.context.url or '').split('?')[0].rstrip('/')}/?{parameters}"
