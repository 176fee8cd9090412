"""The real fonts of the pages, cut in this process: their own is the last to get the processor."""

import os
from pathlib import Path

import pytest
from streamlit import file_util

from semsearch.processes import child
from ui.web import fonts

STATIC = Path(file_util.get_static_dir())


def cut():
    """By address, as ``fonts.cut`` gives them; kept in the home of the environment."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(child, "run", lambda work, function, *arguments: function(*arguments))
        patch.setattr(os, "nice", lambda _: 0)
        return fonts.cut(STATIC)
