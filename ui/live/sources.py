"""Where a picture to search with comes from: a file, the clipboard, a dataset, a link, the camera."""

from collections.abc import Callable, Iterable

import streamlit as st

from semsearch.errors import Busy, InputError
from ui import offers, resources, sidebar, texts
from ui.choice import Choice
from ui.components.upload import LIMIT, Upload, sent, upload
from ui.live import query_pictures, uploads
from ui.live.query_pictures import MOST
from ui.pictures import browsing

_REFUSED, _TAKEN, _ROUND, _LINK = "live_refused", "live_taken", "live_round", "live_link"


def show(choice: Choice) -> None:
    """Draw the ways in, the visitor's own pictures first, and over what follows why the last were not taken."""
    with st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="small", key="live_ways"):
        upload(
            st.session_state.pop(_REFUSED, []),
            limit=LIMIT,
            most=query_pictures.MOST,
            room=query_pictures.ROOM,
            key="live_upload",
            on_upload=lambda payload: _take(choice, *sent(payload, most=MOST)),
        )
        if st.button("Browse", key="live_browse", help="A picture of a dataset, a link, or the camera."):
            browse(choice)


def _take(choice: Choice, offered: Iterable[Upload], lost: Iterable[str] = ()) -> None:
    """Take pictures of the visitor; those that are refused are shown in the run that follows and harm no other.

    ``lost`` are sentences about pictures that did not even come.
    """
    accepted, refused = uploads.accept(offered)
    if accepted:
        try:
            query_pictures.take(choice, accepted, adds=_adds())
        except (InputError, Busy) as error:
            accepted = []
            refused.append(f"{texts.for_visitors(error)}.")
    st.session_state[_REFUSED], st.session_state[_TAKEN] = [*refused, *lost], bool(accepted)


def _adds() -> bool:
    return st.session_state.get("live_new") == "adds"


def pick(choice: Choice, dataset: str, number: object) -> None:
    """Search with an item of a dataset, or beside the pictures in use where that is chosen; for callbacks."""
    if type(number) is not int or not 0 <= number < len(resources.dataset(dataset).items):
        return
    if dataset == choice.dataset and not _adds():
        query_pictures.clear()
        sidebar.pick(number)
        return
    try:
        query_pictures.take(choice, [query_pictures.item(dataset, number)], adds=_adds())
    except InputError as error:
        st.session_state[_REFUSED] = [f"{error}."]


@st.dialog("Choose a picture", width="large", icon=":material/grid_view:")
def browse(choice: Choice) -> None:
    """A picture of any dataset, of a link or of the camera; taking one closes this, a refusal is said in it."""
    source = st.segmented_control(
        "From", list(SOURCES), key="live_way", default="Dataset", required=True, label_visibility="collapsed"
    )
    SOURCES[source](choice)
    if refused := st.session_state.pop(_REFUSED, []):
        st.error("\n".join(f"- {texts.plain(reason)}" for reason in refused), icon=":material/hide_image:")
    if st.session_state.pop(_TAKEN, False):
        st.rerun()


def _of_dataset(choice: Choice) -> None:
    """The pictures of a dataset, by class."""
    names = [name for name in offers.live().datasets if resources.pictured(name)]
    if not names:
        st.info("The pictures of no dataset are on this machine yet.", icon=":material/hide_image:")
        return
    name = st.selectbox(
        "Dataset",
        names,
        index=names.index(choice.dataset) if choice.dataset in names else 0,
        key="live_browse_dataset",
        format_func=lambda option: resources.peek(option)[0].title,
    )
    dataset = resources.dataset(name)
    picked = browsing.show(
        choice, dataset, key="live_browse", on_pick=lambda number: pick(choice, dataset.name, number)
    )
    if picked is not None:
        st.rerun()


def _link(choice: Choice) -> None:
    def fetch() -> None:
        link = st.session_state[_LINK].strip()
        _take(choice, [uploads.linked(link)])
        st.query_params["link"] = link

    linked = st.query_params.get("link", "")[:2048]
    with st.form("live_link_form", border=False):
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
            st.text_input("Link to a picture", linked, key=_LINK, placeholder="https://…", max_chars=2048)
            st.form_submit_button("Get picture", on_click=fetch, icon=":material/download:", key="live_fetch")
    st.caption("It is downloaded once. Public links only, up to 10 MB.")


def _camera(choice: Choice) -> None:
    key = f"live_camera_{st.session_state.setdefault(_ROUND, 0)}"

    def taken() -> None:
        photo = st.session_state.get(key)
        st.session_state[_ROUND] += 1
        if photo:
            _take(choice, [("Photo", photo.getvalue)])
            uploads.forget([photo])

    with st.container(width=420):
        st.camera_input("Take a photo", key=key, on_change=taken)


SOURCES: dict[str, Callable[[Choice], None]] = {"Dataset": _of_dataset, "Link": _link, "Camera": _camera}
