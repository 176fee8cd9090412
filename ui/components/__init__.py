"""What Streamlit does not have, a folder each: its Python door, and what runs in the browser."""

from pathlib import Path
from typing import Any

import streamlit as st

_HERE = Path(__file__).parent


def component(name: str, *scripts: str, isolated: bool = True) -> Any:  # noqa: ANN401 - Streamlit's own type of it is private
    """The component of one folder: its HTML, its CSS, and its scripts one after the other, by default its only one.

    One that is not ``isolated`` has no shadow root: styles of the document reach it, and its own reach the document.
    """

    def text(file: str) -> str:
        return (_HERE / name / file).read_text(encoding="utf-8")

    js = "\n".join(text(f"{script}.js") for script in scripts or [name])
    html, css = text(f"{name}.html"), text(f"{name}.css")
    return st.components.v2.component(f"semsearch_{name}", html=html, css=css, js=js, isolate_styles=isolated)
