"""The way in for a visitor's pictures, which Streamlit does not have: chosen, dropped or pasted on the whole page."""

from collections.abc import Callable, Sequence

import streamlit as st

from ui.components import component

_UPLOAD = component("upload")


def upload(
    refused: Sequence[str], *, limit: int, most: int, room: int, key: str, on_upload: Callable[[object], None]
) -> None:
    """Buttons to choose and paste pictures; dropping and pasting count on the whole page.

    ``refused`` says in plain sentences why the last pictures were not taken, and is shown over what stands below, so
    that nothing moves. Large photos are made smaller in the browser, and what is still larger than ``limit`` bytes,
    more than ``most`` pictures or ``room`` bytes is refused there. ``on_upload`` gets {rows: [{name, data in base64}],
    refused: [sentence]} as the browser says it, before the script runs.
    """
    data = {"refused": tuple(refused), "limit": limit, "most": most, "room": room}
    _UPLOAD(key=key, data=data, width="content", on_uploaded_change=lambda: on_upload(st.session_state[key].uploaded))
