"""New datasets, out of a folder, a zip file or pictures that are uploaded; and pictures for one that is there."""

import os
import re
import unicodedata
from collections.abc import Callable
from functools import partial
from pathlib import Path

import streamlit as st

from semsearch.data.datasets import Dataset
from semsearch.errors import InputError
from semsearch.names import printable
from semsearch.own import edits
from semsearch.own.edits import Given, Taken
from semsearch.own.zipped import Zip
from ui import resources, sidebar, texts
from ui.components.upload import LIMIT, sent, upload
from ui.datasets import said
from ui.pictures.work import Progress

MOST, ROOM = 200, 30_000_000
"""Pictures, and bytes, that are uploaded at once."""
NAME, FOLDER, TITLE = "datasets_name", "datasets_folder", "datasets_title"
PICTURES, NEXT = "Pictures", "datasets_next"
"""The part of the page that shows pictures, and where it is kept which part the next run begins with."""
_WATCHED, _REFUSED = "datasets_watched", "datasets_refused"


def new() -> None:
    """The ways to a new dataset."""
    st.text_input(
        "Name",
        key=NAME,
        placeholder="as the folder",
        max_chars=64,
        help="Of a–z, 0–9 and -. Left empty, it is made of the name of the folder or zip file.",
    )
    st.text_input(
        "Folder or zip file on this computer",
        key=FOLDER,
        placeholder="/home/me/Pictures/holiday",
        help="Sub-folders become classes. The pictures of a folder stay where they are; those of a zip are copied.",
    )
    st.button("Create dataset", key="datasets_create", type="primary", icon=":material/add:", on_click=_create)
    st.caption("Or upload pictures: they are copied, and make the dataset of that name.")
    _upload("datasets_new_upload", lambda given: edits.create_of(st.session_state.get(NAME, "").strip(), given))
    watch()


def more(dataset: Dataset) -> None:
    """The way to more pictures of a dataset."""
    st.text_input("Class of the new pictures", key=TITLE, max_chars=100, placeholder=dataset.classes[0])
    _upload("datasets_more_upload", lambda given: edits.add(dataset.name, given))


def _create() -> None:
    name, text = (str(st.session_state.get(key, "")).strip() for key in (NAME, FOLDER))
    with said.failing():
        if not text:
            raise InputError("expected the folder or zip file of the pictures, got nothing")
        place = Path(text).expanduser()
        name = name or _name_of(place)
        if os.path.isfile(place):
            run = partial(_unzipped, name, Zip(place))
        else:
            run = partial(_listed, name, place)
        st.session_state[_WATCHED] = resources.works().start(name, run)


def _name_of(place: Path) -> str:
    """The name of a folder or zip file as a dataset may have it; empty where nothing is left of it."""
    plain = unicodedata.normalize("NFKD", place.stem if place.suffix == ".zip" else place.name).lower()
    return re.sub(r"[^a-z0-9]+", "-", plain.encode("ascii", "ignore").decode()).strip("-")[:64]


def _listed(name: str, folder: Path, progress: Progress) -> str:
    dataset = edits.create(name, folder)
    return _sentence(dataset, len(dataset.left_out))


def _unzipped(name: str, pictures: Zip, progress: Progress) -> str:
    taken = edits.create_of(name, pictures.given(progress=progress), left_out=pictures.left_out)
    return _sentence(taken.dataset, len(pictures.left_out) + len(taken.refused))


def _sentence(dataset: Dataset, left: int) -> str:
    out = f"; {texts.counted(left, 'file')} left out" if left else ""
    return f"{dataset.title} is here: {dataset.contents}{out}."


@st.fragment(run_every=1.0)
def watch() -> None:
    """How far the work on a new dataset is; what became of it is said by the next run."""
    work = st.session_state.get(_WATCHED)
    if work is None:
        return
    if not work.finished.done():
        said.progress(work)
        return
    del st.session_state[_WATCHED]
    with said.failing():
        said.say(work.finished.result())
        st.query_params["dataset"] = work.name  # the sidebar follows the address
        st.query_params.pop("q", None)
        st.session_state[NEXT] = PICTURES
    st.rerun()


def _shown(name: str) -> None:
    """Have the next run show the pictures of a dataset."""
    sidebar.go(dataset=name)
    st.session_state[NEXT] = PICTURES


def _upload(key: str, take: Callable[[list[Given]], Taken]) -> None:
    def taken(payload: object) -> None:
        offered, lost = sent(payload, most=MOST)
        title = str(st.session_state.get(TITLE, ""))
        given = [Given(name, title, read()) for name, read in offered]
        with said.failing():
            done = take(given)
            refused = [f"{printable(file)}: {reason}" for file, reason in done.refused]
            st.session_state[_REFUSED] = [*refused, *lost]
            said.say(f"{texts.counted(done.added, 'picture')} taken into {done.dataset.title}.")
            _shown(done.dataset.name)

    upload(
        st.session_state.pop(_REFUSED, []),
        limit=LIMIT,
        most=MOST,
        room=ROOM,
        key=key,
        on_upload=taken,
    )
