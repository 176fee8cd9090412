"""The way to get the pictures of a dataset that are not on this machine, and what the machine does not allow."""

import streamlit as st

from pages.shared import resources, texts
from semsearch import datasets, limits
from semsearch.datasets import Dataset
from semsearch.errors import SemsearchError


def offer_pictures(dataset: Dataset) -> None:
    """Say that pictures are not here, with a button that gets them or says why not; nothing when they are here."""
    if dataset.has_pictures:
        return
    tell_limits()
    with st.container(border=True, key="fetch_pictures"):
        words, button = st.columns([3, 1], vertical_alignment="center")
        words.markdown(
            f":material/hide_image: **The pictures of {texts.plain(dataset.title)} are not on this machine.** "
            "The results below are real; tiles show the class in place of the picture."
        )
        if button.button("Fetch pictures", key="fetch", icon=":material/download:", width="stretch"):
            _fetch(dataset)


def tell_limits() -> None:
    """One line for each thing that this machine does not let be written; nothing when all is well."""
    for line in limits.limits():
        st.caption(f":material/hard_drive: {texts.plain(line[0].upper() + line[1:])}.")


def _fetch(dataset: Dataset) -> None:
    bar = st.progress(0.0, f"Fetching the pictures of {texts.plain(dataset.title)} …")

    def progress(done: int, total: int) -> None:
        bar.progress(min(1.0, done / max(1, total)), f"{done:,} of {total:,} fetched")

    try:
        datasets.fetch(dataset.name, progress=progress)
    except SemsearchError as error:
        bar.empty()
        st.error(texts.plain(str(error)), title="The pictures could not be fetched", icon=":material/cloud_off:")
        st.markdown("With a copy of the pictures on this machine, run this instead and reload the page:")
        st.code(f"semsearch datasets add {dataset.name} --from FOLDER", language="shell")
    else:
        resources.forget(dataset.name)
        st.rerun()
