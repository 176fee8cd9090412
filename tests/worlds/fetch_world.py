"""A dataset whose pictures come from a server: iconic200 with a card of twelve, and the store of its results."""

import hashlib
import threading

import numpy as np

from semsearch import images
from semsearch.data.dataset import card as card_of
from semsearch.data.dataset import listed
from tests.worlds.tiny_store import write_store

CLASSES = ("Arch", "Banana")
PHOTOS = {f"{number}.jpg": images.thumbnail(np.full((32, 32, 3), 20 * number + 10, np.uint8)) for number in range(12)}
"""By file: six grey pictures of each class."""
PATH = "/iconic/"


def write_card(folder):
    """The card of the small iconic200, below ``folder``, which is to take the place of ``datasets.FACTS``."""
    rows = [(number // 6, hashlib.sha256(data).hexdigest(), name) for number, (name, data) in enumerate(PHOTOS.items())]
    small = listed("iconic200", ("Iconic", "CC", "here"), CLASSES, rows, folder)
    folder.mkdir(parents=True)
    (folder / "iconic200.json").write_bytes(card_of(small, base=f"https://pictures.invalid{PATH}"))


def write_results(folder):
    """The sealed store of its results: pictures on a line, in their order."""
    line = np.stack([np.arange(12), np.full(12, 5)], axis=1).astype(np.float32)
    return write_store(folder, "iconic200", line, np.repeat([0, 1], 6))


def pages(*missing):
    """What the picture server answers, without the files of those names."""
    return {f"{PATH}{name}": data for name, data in PHOTOS.items() if name not in missing}


class Slow:
    """A picture server that holds back the last picture until it is let go."""

    def __init__(self, served):
        self.go, self.held = threading.Event(), PHOTOS["11.jpg"]
        served.pages = pages() | {"/iconic/11.jpg": self}

    def __call__(self, handler):
        self.go.wait(20)
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(self.held)))
        handler.end_headers()
        handler.wfile.write(self.held)
