"""A box drawn on a picture, which Streamlit does not have."""

from collections.abc import Callable

import streamlit as st

from semsearch.images import Box
from ui.components import component

_CROP = component("crop")


def crop(source: str, box: Box, *, label: str, key: str, on_crop: Callable[[object], None]) -> object:
    """Draw a box on the picture ``source``, a data URI; ``on_crop`` gets its four shares as the browser says them.

    Returns them too, in the run after they were chosen, else None.
    """
    data = {"src": source, "box": box, "label": label}
    return _CROP(key=key, data=data, on_cropped_change=lambda: on_crop(st.session_state[key].cropped)).cropped
