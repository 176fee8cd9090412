"""Pictures of channels as files that browsers keep, like thumbnails."""

import base64
import hashlib
from contextlib import suppress

from semsearch.errors import StorageError
from semsearch.explain.channels import COLUMNS, Channels
from semsearch.files.storage import read_here, trouble, write_bytes
from ui import pictures
from ui.components.channels import Sprite

PLACE = "_channels"
"""A folder beside those of datasets, of which none may begin with a line."""


class Sheet:
    """The pictures of a layer's channels, in one file."""

    def __init__(self, channels: Channels) -> None:
        """Have the file there."""
        self._channels, self._address = channels, _address(channels)

    def sprite(self, channel: int) -> Sprite | None:
        """The picture of a channel; None where it has none."""
        place = self._channels.places.get(channel)
        return None if place is None else Sprite(self._address, place, COLUMNS, self._channels.rows)


def _address(channels: Channels) -> str:
    """Address of the sheet of a layer; where no file can be written it is the sheet itself, as data."""
    data = channels.sheet.tobytes()
    file = f"{hashlib.sha256(data).hexdigest()[:24]}.webp"
    with suppress(StorageError):
        if not trouble(pictures.FOLDER):
            (pictures.FOLDER / PLACE).mkdir(parents=True, exist_ok=True)
            if read_here(pictures.FOLDER / PLACE / file) != data:
                write_bytes(pictures.FOLDER / PLACE / file, data)
            return f"app/static/pictures/{PLACE}/{file}"
    return "data:image/webp;base64," + base64.b64encode(data).decode("ascii")
