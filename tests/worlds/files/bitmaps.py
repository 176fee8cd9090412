"""The one writer of BMP: pictures whose every pixel is known."""

import numpy as np


def bitmap(rgb):
    """The file of an (h, w, 3) array, without padding: its width is a multiple of four."""
    height, width, _ = rgb.shape
    assert width % 4 == 0, width
    head = b"BM" + (54 + rgb.size).to_bytes(4, "little") + bytes(4) + (54).to_bytes(4, "little")
    head += b"".join(number.to_bytes(4, "little") for number in (40, width, height))
    head += (1).to_bytes(2, "little") + (24).to_bytes(2, "little") + bytes(24)
    return head + rgb[::-1, :, ::-1].astype(np.uint8).tobytes()


def write_bmp(path, colour):
    """An 8 × 8 picture of one colour, in a folder that is made where it lacks."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bitmap(np.full((8, 8, 3), colour, np.uint8)))
