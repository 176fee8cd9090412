"""The REST door over the small world: its service, its application, and pictures whose place is known."""

from contextlib import contextmanager
from unittest.mock import patch

import numpy as np
from starlette.applications import Starlette

from semsearch.live import search, serving
from semsearch.live.galleries import Galleries
from semsearch.rest import handlers
from tests.worlds.files.bitmaps import bitmap
from tests.worlds.live_world import SPEC, TOOLS

GALLERIES = Galleries(TOOLS)
ASK = {"dataset": "world", "model": "mobilenetv2", "metric": "euclidean"}


def door(base=""):
    """An application of the REST door, below a path, that is called localhost."""
    return Starlette(routes=handlers.routes(lambda host: (host or "").partition(":")[0] == "localhost", base))


@contextmanager
def opened(capacity=24, tools=TOOLS):
    """The service of this process, over the world that is there, its features computed."""
    service = serving.Service(capacity=capacity, seconds=5, galleries=Galleries(tools))
    service.submit(0, search.Question("world", SPEC)).result()
    with patch.object(serving, "service", lambda: service):
        yield service
    service.close()


def bmp(green, half=None):
    """An 8 × 8 picture of one green, or of another in its right half."""
    rgb = np.full((8, 8, 3), green, np.uint8)
    rgb[:, 4:] = green if half is None else half
    return bitmap(rgb)


def at(place):
    """A picture that lies at a place of the small world's line."""
    return bmp(15 * place)


def pairs(found):
    """(item, distance) of each match of an answer."""
    return [(match["item"], match["distance"]) for match in found.json()["matches"]]
