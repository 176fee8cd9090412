"""Where a picture to search with comes from: a sample, a file, the clipboard, a link, the camera."""

from collections.abc import Callable, Iterable

import streamlit as st

from semsearch.data.datasets import Dataset
from semsearch.errors import Busy, InputError
from semsearch.images.formats import ENDINGS
from ui import pictures, resources, sidebar, texts, tiles
from ui.choice import Choice
from ui.components.gallery import gallery
from ui.components.paste import paste
from ui.live import query_pictures, uploads
from ui.live.uploads import Upload

SAMPLES = 24
"""Classes of which a sample is shown."""
PAGE = 120
"""Pictures of one page when browsing."""
_NEW = {"replaces": "Is the query", "adds": "Is added to it"}
_REFUSED, _ROUND, _LINK = "live_refused", "live_round", "live_link"
_AREA, _CAMERA = 150, 340
"""Height of the area of each source in pixels, so that what is below stays where it is; of the camera's."""


def show(choice: Choice) -> None:
    """Draw the choice of the source, the source that is chosen, and what was wrong with the last pictures."""
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        source = st.segmented_control(
            "Picture from", list(SOURCES), key="live_way", default="Dataset", required=True, wrap=True
        )
        st.segmented_control(
            "A new picture",
            list(_NEW),
            key="live_new",
            default="replaces",
            required=True,
            format_func=_NEW.__getitem__,
            help="Several pictures are searched with together: what they have in common counts.",
        )
    with st.container(height=_CAMERA if source == "Camera" else _AREA, border=False, key="live_area"):
        SOURCES[source](choice)
    if refused := st.session_state.pop(_REFUSED, []):
        lines = "\n".join(f"- {texts.plain(reason)}" for reason in refused)
        st.error(lines, title="Not every picture could be taken", icon=":material/hide_image:")


def _take(choice: Choice, offered: Iterable[Upload]) -> None:
    """Take pictures of the user; those that are refused are shown in the run that follows and harm no other."""
    accepted, refused = uploads.accept(offered)
    if accepted:
        try:
            query_pictures.take(choice, accepted, adds=_adds())
        except (InputError, Busy) as error:
            refused.append(f"{texts.for_visitors(error)}.")
    st.session_state[_REFUSED] = refused


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


def _next_round() -> str:
    """Part of the key of a widget that is emptied by being another one."""
    return str(st.session_state.setdefault(_ROUND, 0))


def _samples(choice: Choice) -> None:
    dataset = resources.dataset(choice.dataset)
    firsts: dict[int, int] = {}
    for item in dataset.items:
        firsts.setdefault(item.label, item.id)
    shown = list(firsts.values())[:SAMPLES]
    pictures.ensure_thumbnails(dataset, shown)
    addresses = pictures.addresses(dataset)
    with st.container(horizontal=True, wrap=False, vertical_alignment="top", gap="small"):
        with st.container(width=120):
            if st.button("Browse all", key="live_browse", icon=":material/grid_view:"):
                browse(choice)
            st.caption("Or one of each class:")
        gallery(
            [tiles.item_tile(dataset, number, addresses) for number in shown],
            key="live_samples",
            look="strip",
            label="One picture of each class",
            on_pick=lambda number: pick(choice, choice.dataset, number),
        )


@st.dialog("Choose a picture", width="large", icon=":material/grid_view:")
def browse(choice: Choice) -> None:
    """The pictures of any dataset, by class; a click takes one and closes this."""
    names = list(resources.live_offers().datasets)
    with st.container(horizontal=True):
        name = st.selectbox(
            "Dataset",
            names,
            index=names.index(choice.dataset),
            key="live_browse_dataset",
            format_func=lambda option: resources.dataset(option).title,
        )
        dataset = resources.dataset(name)
        kinds = [-1, *range(len(dataset.classes))]
        kind = st.selectbox(
            "Class",
            kinds,
            key=f"live_browse_class_{name}",
            format_func=lambda label: dataset.classes[label] if label >= 0 else "All classes",
        )
    numbers = [item.id for item in dataset.items if kind < 0 or item.label == kind]
    pages = -(-len(numbers) // PAGE)
    page = st.pagination(pages, key=f"live_browse_page_{name}_{kind}") if pages > 1 else 1
    _page(choice, dataset, numbers[(page - 1) * PAGE :][:PAGE])


def _page(choice: Choice, dataset: Dataset, shown: list[int]) -> None:
    with st.spinner("Preparing pictures …"):
        pictures.ensure_thumbnails(dataset, shown)
    addresses = pictures.addresses(dataset)
    picked = gallery(
        [tiles.item_tile(dataset, number, addresses) for number in shown],
        key="live_pictures",
        look="pictures",
        label=f"Pictures of {dataset.title}",
        on_pick=lambda number: pick(choice, dataset.name, number),
    )
    if picked is not None:
        st.rerun()


def _upload(choice: Choice) -> None:
    key = f"live_upload_{_next_round()}"

    def taken() -> None:
        files = st.session_state.get(key) or []
        st.session_state[_ROUND] += 1
        _take(choice, [(file.name, file.getvalue) for file in files])
        uploads.forget(files)

    st.file_uploader(
        "Pictures from this device, by choosing or dragging them here: at most 10 MB each, 40 MB at once",
        type=list(ENDINGS),
        accept_multiple_files=True,
        key=key,
        on_change=taken,
    )


def _paste(choice: Choice) -> None:
    paste(limit=uploads.LIMIT, key="live_paste", on_paste=lambda payload: _take(choice, uploads.pasted(payload)))


def _link(choice: Choice) -> None:
    def fetch() -> None:
        link = st.session_state[_LINK].strip()
        _take(choice, [uploads.linked(link)])
        st.query_params["link"] = link

    linked = st.query_params.get("link", "")[:2048]
    with st.form("live_link_form", border=False):
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
            st.text_input("Address of a picture", linked, key=_LINK, placeholder="https://…", max_chars=2048)
            st.form_submit_button("Get picture", on_click=fetch, icon=":material/download:", key="live_fetch")
    st.caption("The server asks for it once, when you press the button: public addresses only, at most 10 MB.")


def _camera(choice: Choice) -> None:
    key = f"live_camera_{_next_round()}"

    def taken() -> None:
        photo = st.session_state.get(key)
        st.session_state[_ROUND] += 1
        if photo:
            _take(choice, [("Photo", photo.getvalue)])
            uploads.forget([photo])

    with st.container(width=420):
        st.camera_input("Take a photo", key=key, on_change=taken)


SOURCES: dict[str, Callable[[Choice], None]] = {
    "Dataset": _samples,
    "Upload": _upload,
    "Paste": _paste,
    "Link": _link,
    "Camera": _camera,
}
