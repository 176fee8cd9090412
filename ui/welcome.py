"""The orientation of the Search page: a line above the results that greets until it is put away, and comes back."""

import streamlit as st

_OPEN, _PARAMETER, _AWAY = "welcome_open", "welcome", "no"
SEARCH = "pages/search.py"


def show(words: str) -> None:
    """Draw the line with these words: as a greeting until it was put away, in this session or by a link."""
    greets = st.session_state.setdefault(_OPEN, st.query_params.get(_PARAMETER) != _AWAY)
    if greets:
        st.query_params.pop(_PARAMETER, None)
    elif st.query_params.get(_PARAMETER) != _AWAY:
        st.query_params[_PARAMETER] = _AWAY
    with st.container(key="welcome", horizontal=True, wrap=False, vertical_alignment="center"):
        if greets:
            st.markdown(f"**New here?** {words} The Guide explains how.")
            st.button("Got it", key="welcome_close", on_click=_set, args=(False,))
        else:
            st.caption(words)
            st.button("Introduction", key="welcome_again", type="tertiary", on_click=_set, args=(True,))


def reopen() -> None:
    """A button for other pages that goes to the Search page with the line open."""
    if st.button("Show the introduction", key="welcome_reopen", icon=":material/help:", on_click=_set, args=(True,)):
        st.switch_page(SEARCH)


def _set(value: bool) -> None:
    st.session_state[_OPEN] = value
