"""A dataset to take along: its list, its features for other tools, all of it in one file."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import streamlit as st

from semsearch.data.datasets import Dataset
from semsearch.errors import SemsearchError
from semsearch.keeping import backup, export
from semsearch.live import galleries, serving
from semsearch.own import care
from ui import resources, texts
from ui.choice import Choice

MOST = 500_000_000
"""Bytes of a file that the page sends; larger ones are for the command."""


def show(choice: Choice, dataset: Dataset, *, editable: bool) -> None:
    """The ways, of which each makes its file when it is pressed."""
    with st.popover("Export", icon=":material/download:", key="datasets_take", on_change="rerun") as box:
        if not box.open:
            return
        st.download_button(
            "List as CSV",
            data=lambda: care.table(dataset),
            file_name=f"{dataset.name}.csv",
            mime="text/csv",
            key="datasets_export",
            icon=":material/table:",
            on_click="ignore",
            help="File, class and SHA-256 of each picture.",
        )
        _features(choice, dataset)
        if editable:
            _backup(dataset)


def _features(choice: Choice, dataset: Dataset) -> None:
    spec, kept, asker = choice.experiment.spec, galleries.kept_files(dataset), resources.session()

    def made() -> bytes:
        return _or_words(lambda: export.parquet(dataset, spec, serving.service().gallery(dataset.name, spec)), asker)

    st.download_button(
        "With features as Parquet",
        data=made,
        file_name=f"{dataset.name}.parquet",
        mime="application/vnd.apache.parquet",
        key="datasets_parquet",
        icon=":material/dataset:",
        on_click="ignore",
        disabled=not kept,
        help="The same with the numbers that model, layer and pooling of the sidebar make of each picture."
        if kept
        else "Search in it once: then its features can be exported.",
    )


def _backup(dataset: Dataset) -> None:
    size, asker = backup.weight(dataset), resources.session()

    def made() -> bytes:
        return _or_words(lambda: _bytes(dataset.name), asker)

    st.download_button(
        f"Backup, {size / 1e6:,.1f} MB",
        data=made,
        file_name=f"{dataset.name}-backup.zip",
        mime="application/zip",
        key="datasets_backup",
        icon=":material/archive:",
        on_click="ignore",
        disabled=size > MOST,
        help=f"Too large for a browser. Run: semsearch datasets backup {dataset.name}"
        if size > MOST
        else "List, history, features and pictures that were given, in one file. `semsearch datasets import` brings "
        "it back. Pictures in a folder stay there.",
    )


def _bytes(name: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "backup.zip"
        backup.backup(name, file)
        return file.read_bytes()


def _or_words(made: Callable[[], bytes], asker: str) -> bytes:
    """A file, or why there is none: it is made outside of any run of a page, which could tell it."""
    try:
        resources.allow("report", asker)
        return made()
    except SemsearchError as error:
        return texts.without_paths(f"No file could be made: {error}\n").encode()
