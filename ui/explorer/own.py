"""A network of the visitor's own: added from a Keras file on the server's machine, and removed again."""

from pathlib import Path

import streamlit as st

from semsearch.errors import InputError, SemsearchError
from semsearch.models import added, catalog
from ui import editors, failures, sidebar, texts

FILE, TITLE, TREATED, SIDE = "explorer_own_file", "explorer_own_title", "explorer_own_treated", "explorer_own_side"
_SAID, _SURE = "explorer_own_said", "explorer_own_sure"
_AUTOMATIC = "As its first layer does it"
_TREATMENTS = {
    _AUTOMATIC: "",
    "Values 0 to 255, as they are": "none",
    "Values 0 to 1": "unit",
    "Values −1 to 1 (tf)": "tf",
    "Mean and deviation of ImageNet (torch)": "torch",
    "BGR without the mean of ImageNet (caffe)": "caffe",
}


def show(at_model: str) -> None:
    """A drawer with the form; for a model that was added, the way to remove it."""
    kind, sentence = st.session_state.pop(_SAID, ("", ""))
    with st.expander("A network of your own", icon=":material/add_box:", expanded=bool(kind)):
        if kind == "failed":
            st.error(sentence, icon=":material/error:")
        elif kind:
            st.success(sentence, icon=":material/check_circle:")
        st.markdown(
            "A Keras file (`.keras` or `.h5`) becomes a model that every page can search with. No code in it is run: "
            "a file that needs some is refused, with the reason. Its classifier is left out."
        )
        if not editors.may_edit():
            st.caption(
                ":material/lock: Only at the machine of this server; whoever keeps it adds one with "
                "`semsearch models add FILE`."
            )
            return
        _form()
        if catalog.model(at_model).added:
            _removal(at_model)


def _form() -> None:
    st.text_input("File on this computer", key=FILE, placeholder="/home/me/models/flowers.keras")
    with st.container(horizontal=True):
        st.text_input("Title", key=TITLE, max_chars=40, placeholder="as the file")
        st.selectbox("What it was trained on", list(_TREATMENTS), key=TREATED)
        st.number_input(
            *("Side of its input, pixels", added.SMALLEST, added.LARGEST, None),
            key=SIDE,
            placeholder="as the file has it",
        )
    st.button("Add the network", key="explorer_own_add", type="primary", icon=":material/add:", on_click=_add)


def _add() -> None:
    text, title = (str(st.session_state.get(key) or "").strip() for key in (FILE, TITLE))
    treated, side = _TREATMENTS[st.session_state.get(TREATED) or _AUTOMATIC], st.session_state.get(SIDE) or 0
    try:
        if not text:
            raise InputError("expected the Keras file of a network, got nothing")
        with st.spinner("Reading the network …"):
            model = added.add(Path(text).expanduser(), title=title, preprocessing=treated, size=int(side))
    except SemsearchError as error:
        told = InputError(_for_a_page(str(error))) if isinstance(error, InputError) else error
        st.session_state[_SAID] = ("failed", failures.caught(told))
        return
    sidebar.go(model=model.name, layer=model.layer_names[-1])
    for key in (FILE, TITLE, SIDE):
        st.session_state[key] = None if key == SIDE else ""
    words = f"{texts.plain(model.title)} is here: Live search can use it now, and Search computes its results."
    st.session_state[_SAID] = ("done", words)


def _for_a_page(sentence: str) -> str:
    """A sentence of the command line with the fields of this page in place of options."""
    return sentence.replace(" with --preprocessing:", " below:").replace("with --size, such as --size 224", "below")


def _removal(name: str) -> None:
    title = texts.plain(catalog.model(name).title)
    st.divider()
    if st.session_state.get(_SURE) != name:
        st.button(f"Remove {title}", key="explorer_own_remove", icon=":material/delete:", on_click=_ask, args=(name,))
        return
    st.markdown(f"Remove **{title}** from all pages? The file that it came from stays where it is.")
    with st.container(horizontal=True):
        st.button("Remove it", key="explorer_own_gone", type="primary", on_click=_remove, args=(name,))
        st.button("Keep it", key="explorer_own_keep", on_click=_ask, args=("",))


def _ask(name: str) -> None:
    st.session_state[_SURE] = name


def _remove(name: str) -> None:
    title = texts.plain(catalog.model(name).title)
    try:
        added.remove(name)
    except SemsearchError as error:
        st.session_state[_SAID] = ("failed", failures.caught(error))
        return
    sidebar.go(model=next(iter(catalog.models())))
    words = f"{title} was removed. Its file, added again, brings it back with all that was computed."
    st.session_state[_SAID] = ("done", words)
