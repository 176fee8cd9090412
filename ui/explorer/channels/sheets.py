"""Pictures of channels as files that browsers keep, like thumbnails."""

import base64
import hashlib
from contextlib import suppress

from semsearch.errors import StorageError
from semsearch.explain.channels import Channels
from semsearch.files.storage import read_here, trouble, write_bytes
from ui.pictures import FOLDER

PLACE = "_channels"
"""A folder beside those of datasets, of which none may begin with a line."""


def address(channels: Channels) -> str:
    """Address of the sheet of a layer; where no file can be written it is the sheet itself, as data."""
    data = channels.sheet.tobytes()
    file = f"{hashlib.sha256(data).hexdigest()[:24]}.webp"
    with suppress(StorageError):
        if not trouble(FOLDER):
            (FOLDER / PLACE).mkdir(parents=True, exist_ok=True)
            if read_here(FOLDER / PLACE / file) != data:
                write_bytes(FOLDER / PLACE / file, data)
            return f"app/static/pictures/{PLACE}/{file}"
    return "data:image/webp;base64," + base64.b64encode(data).decode("ascii")
