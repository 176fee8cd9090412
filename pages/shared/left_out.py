"""What the folder of a dataset holds beside its pictures, for those who miss a file."""

import streamlit as st

from semsearch.datasets import Dataset


def show(dataset: Dataset) -> None:
    """A small line that opens to every file that was left out, and why; nothing where nothing was."""
    if not dataset.left_out:
        return
    count = len(dataset.left_out)
    with st.expander(f"{count:,} {'file' if count == 1 else 'files'} left out", icon=":material/folder_off:"):
        files, reasons = zip(*dataset.left_out, strict=True)
        st.dataframe({"File or folder": files, "Left out because": reasons}, hide_index=True, key="left_out")
        st.caption("Put right what is named here, then add the folder again with `semsearch datasets add`.")
