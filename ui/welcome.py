"""The first-visit orientation of the Search page: a line above the results that can be put away and called back."""

import streamlit as st

_OPEN, _PARAMETER, _AWAY = "welcome_open", "welcome", "no"
SEARCH = "pages/search.py"


def show(words: str) -> None:
    """Draw the line with these words unless it was put away, in this session or by a link."""
    if st.session_state.setdefault(_OPEN, st.query_params.get(_PARAMETER) != _AWAY):
        st.query_params.pop(_PARAMETER, None)
        _line(words)
    elif st.query_params.get(_PARAMETER) != _AWAY:
        st.query_params[_PARAMETER] = _AWAY
    with st.sidebar:
        st.button(
            "Introduction", key="welcome_again", icon=":material/help:", type="tertiary", on_click=_set, args=(True,)
        )


def reopen() -> None:
    """A button for other pages that goes to the Search page with the line open."""
    if st.button("Show the introduction", key="welcome_reopen", icon=":material/help:", on_click=_set, args=(True,)):
        st.switch_page(SEARCH)


def _line(words: str) -> None:
    with st.container(key="welcome", horizontal=True, wrap=False, vertical_alignment="center"):
        st.markdown(f"**New here?** {words} The Guide explains how.")
        st.button("Got it", key="welcome_close", on_click=_set, args=(False,))


def _set(value: bool) -> None:
    st.session_state[_OPEN] = value
