"""The report of the configuration on screen: one HTML file, to be kept or sent."""

import streamlit as st

from semsearch.errors import Busy
from semsearch.maps import report
from ui import resources
from ui.choice import Choice
from ui.embeddings.choice import Look

BUSY = (
    "<!doctype html><title>Busy</title><p>Too many reports were made just now. Press Report again in a few seconds.</p>"
)
"""The file when there is no report."""


def offer(choice: Choice, look: Look) -> None:
    """The button; the file is made when it is pressed."""
    store, dims, asker = resources.store(), int(look.dims), resources.session()
    query = choice.q if choice.q in resources.queries(choice.dataset) else None

    def made() -> bytes:
        """In a thread of its own, outside of any session's run, where a failure would be told by three words alone."""
        try:
            resources.allow("report", asker)
        except Busy:
            return BUSY.encode()
        return report.page(choice.experiment, method=look.method, dims=dims, query=query, store=store).encode()

    st.download_button(
        "Report",
        made,
        f"{choice.dataset}-report.html",
        "text/html",
        key="map_report",
        icon=":material/lab_profile:",
        on_click="ignore",
        help="One HTML file that opens without a server: this map with its pictures, the scores, the best layers and "
        "the configuration.",
    )
