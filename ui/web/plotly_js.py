"""The Plotly.js that the installed package of Plotly carries: where it lies, and where browsers find it."""

import os
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from semsearch.errors import StorageError
from semsearch.files.storage import write_bytes
from ui import pictures


@cache
def file() -> Path:
    """The file in the package, found without loading the package."""
    spec = find_spec("plotly")
    assert spec and spec.origin  # noqa: S101 - it is among our requirements
    return Path(spec.origin).parent / "package_data" / "plotly.min.js"


@cache
def address() -> str:
    """Its address, relative to the app; it changes with the version, so browsers may keep what they have for good."""
    return f"app/static/plotly-{version('plotly')}.min.js"


def ensure() -> None:
    """Put a copy where Streamlit serves files from, for a server that has no ``Delivery``, as ``streamlit run`` has."""
    place = pictures.FOLDER.parent / address().rpartition("/")[2]
    if not os.path.isfile(place):
        with suppress(StorageError):  # of a checkout that is read-only; Delivery needs no copy
            write_bytes(place, file().read_bytes())
