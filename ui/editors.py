"""Who may change datasets on the pages, see where on this machine they lie, and end the work of others."""

import ipaddress

import streamlit as st

from semsearch.settings import settings

_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via")
"""What a server in between says; the address of the browser is not the one that is seen then."""


def may_edit() -> bool:
    """Whether this visitor may: by default whoever sits at the machine of the server."""
    editors = settings().editors
    if editors != "local":
        return editors == "all"
    return _is_here(st.context.ip_address) and not any(name in st.context.headers for name in _FORWARDED)


def _is_here(address: str | None) -> bool:
    """Whether that is the address of this machine, for which Streamlit has none."""
    try:
        return address is None or ipaddress.ip_address(address.removeprefix("::ffff:")).is_loopback
    except ValueError:
        return False


def tell() -> None:
    """Say why nothing can be changed; nothing to those who may."""
    if not may_edit():
        st.caption(
            ":material/lock: Datasets can be changed at the machine of this server only; whoever keeps it may allow "
            "more with the setting `SEMSEARCH_EDITORS`."
        )
