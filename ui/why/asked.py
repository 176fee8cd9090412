"""What is asked about a match, kept in the session and in the address: opened and closed by either."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from semsearch.explain.agreement import DIFFERENT, SIMILAR

KEYS = ("why", "than", "ask", "of")
_OPEN, _WRITTEN = "why_open", "why_written"


@dataclass(frozen=True)
class Asked:
    """One question: why is ``item`` a match, or nearer than another?"""

    item: int
    than: int | None = None
    """The match that it is compared with."""
    question: str = SIMILAR
    side: str = "A"
    """The configuration: A, or B while two are compared."""

    def address(self) -> dict[str, str]:
        """As parameters of the address."""
        parts = {"why": str(self.item)}
        parts |= {} if self.than is None else {"than": str(self.than)}
        parts |= {} if self.question == SIMILAR else {"ask": self.question}
        return parts | ({} if self.side == "A" else {"of": self.side})


def ask(item: object, side: str = "A") -> None:
    """Ask about an item, as the browser says it; for callbacks."""
    if type(item) is int and item >= 0:
        st.session_state[_OPEN] = Asked(item, side=side)


def put(asked: Asked) -> None:
    """Ask this instead; for callbacks."""
    st.session_state[_OPEN] = asked


def close() -> None:
    """Ask nothing more; for callbacks."""
    st.session_state.pop(_OPEN, None)


def current(pictures: int) -> Asked | None:
    """What is asked now, of a dataset of so many pictures: of the address where that is not what was written last."""
    state = st.session_state
    address = {key: st.query_params[key] for key in KEYS if key in st.query_params}
    context = get_script_run_ctx()
    led = context is not None and context.is_history_navigation
    if led or address not in state.get(_WRITTEN, ({},)):
        state[_OPEN] = _read(address)
    asked: Asked | None = state.get(_OPEN)
    if not asked or asked.item >= pictures:
        return None
    return replace(asked, than=None) if asked.than is not None and asked.than >= pictures else asked


def write(asked: Asked | None) -> None:
    """Have the address say what is asked."""
    address = asked.address() if asked else {}
    state = st.session_state
    last, *_ = state.get(_WRITTEN, ({},))
    if address != last:
        state[_WRITTEN] = (address, last)  # a browser may still name the one before
    if any(st.query_params.get(key) != value for key, value in address.items()):
        st.query_params.update(address)
    for key in KEYS:
        if key not in address and key in st.query_params:
            del st.query_params[key]


def _read(address: Mapping[str, str]) -> Asked | None:
    """What a link asks; what it says of no number is left out."""
    item, than = (_number(address.get(key, "")) for key in ("why", "than"))
    if item is None:
        return None
    question = DIFFERENT if address.get("ask") == DIFFERENT else SIMILAR
    return Asked(item, than if than != item else None, question, "B" if address.get("of") == "B" else "A")


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None
