"""What the folder of a dataset holds beside the pictures in use, for those who miss a file."""

import streamlit as st

from semsearch.data.datasets import Dataset
from ui import resources


def show(dataset: Dataset) -> None:
    """A small line that opens to every file that was left out, and why; nothing where nothing was."""
    rows = [*dataset.left_out, *resources.unreadable(dataset.name).items()]
    if not rows:
        return
    with st.expander(f"{len(rows):,} {'file' if len(rows) == 1 else 'files'} left out", icon=":material/folder_off:"):
        files, reasons = zip(*rows, strict=True)
        st.dataframe({"File or folder": files, "Left out because": reasons}, hide_index=True, key="left_out")
        again = "look for changes" if dataset.source else "add them again"
        st.caption(f"Mend these files, then {again} on the page Datasets.")
