"""Pixels of every mode of Pillow to RGB, in bands, so that a large picture is never held twice.

Transparency is composed on white; 16-bit grey is divided by 257 and rounded. Colour profiles are not applied, except
that LAB becomes sRGB.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from PIL import Image

Corners = tuple[int, int, int, int]
"""Left, top, right and bottom, in pixels."""
BAND = 3_000_000
"""Pixels that are converted at once."""
INVERTED = "inverted"
"""What ``info`` says of 16-bit grey whose 0 is white."""
_KEY_SCALES = {"L;2": 85, "L;4": 17}
_WHITES = {"I": (65_535,), "F": (1, 255, 65_535)}
_SWAPPED, _MIRRORED_X, _MIRRORED_Y = (5, 6, 7, 8), (2, 3, 7, 8), (3, 4, 6, 7)
"""Of the orientations of EXIF: whether rows are stored as columns, and which stored axis runs backwards."""


class Upright(NamedTuple):
    """A decoded picture, and how it must be turned to be upright."""

    picture: "Image.Image"
    orientation: int
    """1 to 8, as EXIF counts."""
    shown: Corners
    """What is shown of the stored picture."""
    drawn: Corners | None = None
    """Where the stored picture has colours, if not everywhere; around it, it is white."""
    clear: "Image.Image | None" = None
    """Of the stored picture, 255 in "L" where it is transparent, which is white; known apart from its colours."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the upright picture."""
        width, height = self.shown[2] - self.shown[0], self.shown[3] - self.shown[1]
        return (height, width) if self.orientation in _SWAPPED else (width, height)

    def bands(self, box: Corners) -> Iterator["Image.Image"]:
        """RGB of a part of the upright picture from top to bottom, each as wide as the part and some rows high."""
        left, top, right, bottom = box
        rows = max(1, BAND // max(1, right - left))
        white = _white(self.picture)
        for place in range(top, bottom, rows):
            corners = self._stored((left, place, right, min(place + rows, bottom)))
            rgb = _to_rgb(self.picture.crop(corners), white)
            if self.clear:
                rgb.paste("white", mask=self.clear.crop(corners))
            if self.drawn:
                rgb = _within(rgb, corners, self.drawn)
            yield _turned(rgb, self.orientation)

    def _stored(self, box: Corners) -> Corners:
        """Where a part of the upright picture is stored."""
        across, down = (box[0], box[2]), (box[1], box[3])
        if self.orientation in _SWAPPED:
            across, down = down, across
        left, top, right, bottom = self.shown
        if self.orientation in _MIRRORED_X:
            across = (right - left - across[1], right - left - across[0])
        if self.orientation in _MIRRORED_Y:
            down = (bottom - top - down[1], bottom - top - down[0])
        return left + across[0], top + down[0], left + across[1], top + down[1]


def _turned(picture: "Image.Image", orientation: int) -> "Image.Image":
    from PIL import Image

    turn = Image.Transpose
    turns = {
        2: turn.FLIP_LEFT_RIGHT,
        3: turn.ROTATE_180,
        4: turn.FLIP_TOP_BOTTOM,
        5: turn.TRANSPOSE,
        6: turn.ROTATE_270,
        7: turn.TRANSVERSE,
        8: turn.ROTATE_90,
    }
    return picture.transpose(turns[orientation]) if orientation in turns else picture


def _within(rgb: "Image.Image", corners: Corners, drawn: Corners) -> "Image.Image":
    """A band at those corners of the stored picture, white outside of what is drawn."""
    from PIL import Image

    box = (
        max(corners[0], drawn[0]) - corners[0],
        max(corners[1], drawn[1]) - corners[1],
        min(corners[2], drawn[2]) - corners[0],
        min(corners[3], drawn[3]) - corners[1],
    )
    if box == (0, 0, *rgb.size):
        return rgb
    white = Image.new("RGB", rgb.size, "white")
    if box[0] < box[2] and box[1] < box[3]:
        white.paste(rgb.crop(box), box[:2])
    return white


def scale_key(picture: "Image.Image", raw: str) -> None:
    """Bring a PNG's transparent colour, stored at the file's depth, to the depth of the decoded pixels."""
    key = picture.info.get("transparency")
    if isinstance(key, int) and raw in _KEY_SCALES:
        picture.info["transparency"] = key * _KEY_SCALES[raw]


def _to_rgb(picture: "Image.Image", white: float) -> "Image.Image":
    from PIL import Image

    if picture.mode.startswith(("I", "F")):
        return _deep_grey(picture, white).convert("RGB")
    if picture.mode == "LAB":
        from PIL import ImageCms

        lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(picture, lab, srgb, outputMode="RGB") or picture
    if not picture.has_transparency_data:
        return picture if picture.mode == "RGB" else picture.convert("RGB")
    clear = picture if picture.mode == "RGBA" else picture.convert("RGBA")
    paper = Image.new("RGB", clear.size, "white")
    paper.paste(clear, mask=clear.getchannel("A"))
    return paper


def _white(picture: "Image.Image") -> float:
    """The value of deep grey that is white. Of 32-bit integers it is 65,535, of floats the least of 1, 255 and 65,535
    that no value exceeds; where all are exceeded, the largest value is.
    """
    if picture.mode not in _WHITES:
        return 65_535
    peak = 0.0
    rows = max(1, BAND // max(1, picture.width))
    for top in range(0, picture.height, rows):
        values = np.asarray(picture.crop((0, top, picture.width, min(top + rows, picture.height))))
        peak = max(peak, float(values.max(initial=0, where=np.isfinite(values))))
    return next((white for white in _WHITES[picture.mode] if peak <= white), peak)


def _deep_grey(picture: "Image.Image", white: float) -> "Image.Image":
    """8-bit grey of deep grey, negative as black."""
    from PIL import Image

    values = np.asarray(picture)
    if values.dtype.kind == "u":
        grey = ((np.arange(65_536) + 128) // 257).astype(np.uint8)[values]
        if picture.info.get(INVERTED):
            grey = 255 - grey
        if isinstance(key := picture.info.get("transparency"), int):
            grey[values == key] = 255
    else:
        shares = np.nan_to_num(np.clip(values.astype(np.float32) / np.float32(white), 0, 1))
        grey = np.rint(shares * np.float32(255)).astype(np.uint8)
    return Image.fromarray(grey)
