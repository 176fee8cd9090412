"""The first-visit orientation of the Search page: a bar below the results that can be put away and called back."""

import streamlit as st

_OPEN, _PARAMETER, _AWAY = "welcome_open", "welcome", "no"
SEARCH = "pages/search.py"


def show() -> None:
    """Pin the bar below the page unless it was put away, in this session or by a link of one where it was."""
    if st.session_state.setdefault(_OPEN, st.query_params.get(_PARAMETER) != _AWAY):
        st.query_params.pop(_PARAMETER, None)
        with st.bottom:
            _bar()
    elif st.query_params.get(_PARAMETER) != _AWAY:
        st.query_params[_PARAMETER] = _AWAY
    with st.sidebar:
        st.button(
            "Introduction", key="welcome_again", icon=":material/help:", type="tertiary", on_click=_set, args=(True,)
        )


def reopen() -> None:
    """A button for other pages that goes to the Search page with the bar open."""
    if st.button("Show the introduction", key="welcome_reopen", icon=":material/help:", on_click=_set, args=(True,)):
        st.switch_page(SEARCH)


def _bar() -> None:
    with st.container(border=True, key="welcome", horizontal=True, wrap=False, vertical_alignment="center"):
        st.markdown(
            "**New here?** A network ranks all pictures by how alike it finds them to one, the query. Click any "
            "picture to make it the query. The Guide tells how it works."
        )
        st.button("Got it", key="welcome_close", on_click=_set, args=(False,))


def _set(value: bool) -> None:
    st.session_state[_OPEN] = value
