"""The address of a page beside what its session holds: whichever changed is followed by the other.

A page follows its address where that is not what it wrote there last: so a link, and the browser's back and forward,
bring their own state, and what is chosen on the page is in the link that is copied.
"""

from collections.abc import Collection, Mapping, Sequence

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from ui import texts

_TOLD = "told_of_link"
"""What was told of the link in this run, and where."""


class Part:
    """The parameters of the address that one part of a page reads and writes."""

    def __init__(self, name: str, keys: Collection[str]) -> None:
        """``name`` keeps it apart from others in a session; ``keys`` are its parameters."""
        self._keys = tuple(keys)
        self._written, self._writing = f"{name}_written", f"{name}_writing"

    def asked(self) -> dict[str, str] | None:
        """What the address asks for, None where it says what was written last, or nothing; all of it at first.

        Also all of it after the browser's back and forward: controls may still say what they said before.
        """
        address = {key: st.query_params[key] for key in self._keys if key in st.query_params}
        written = st.session_state.get(self._written, {})
        writing = st.session_state.get(self._writing, written)  # another, where the next run cut short the writing
        known = all(address.get(key) in (written.get(key), writing.get(key)) for key in self._keys)
        context = get_script_run_ctx()
        led = context is not None and context.is_history_navigation
        return None if writing and (not address or (known and not led)) else address

    def write(self, address: Mapping[str, str]) -> None:
        """Have the address say this, of these parameters no other."""
        st.session_state[self._writing] = dict(address)
        if any(st.query_params.get(key) != value for key, value in address.items()):
            st.query_params.update(address)
        for key in self._keys:
            if key not in address and key in st.query_params:
                del st.query_params[key]
        st.session_state[self._written] = dict(address)


def renamed(key: str, names: Mapping[str, str]) -> None:
    """Follow a link of an earlier version, for a control that is bound to the address: ``names`` are its options."""
    if (option := names.get(st.query_params.get(key, ""))) is not None:
        st.session_state[key] = option


def tell(notices: Sequence[str], *, anew: bool = False) -> None:
    """Say in words which parts of a link could not be met; nothing when all were.

    What several parts of a page tell in a run stands in one notice, at the place of the first; ``anew`` begins a run.
    """
    place, told = (None, []) if anew else st.session_state.get(_TOLD, (None, []))
    told = [*told, *notices]
    if notices:
        place = place or st.empty()
        lines = "\n".join(f"- {texts.plain(notice)}" for notice in told)
        place.warning(lines, title="Part of this link is not available", icon=":material/link_off:")
    st.session_state[_TOLD] = place, told
