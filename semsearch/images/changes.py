"""Pictures as they come in other circumstances: turned, cut, mirrored, blurred, darker, compressed, without colour.

Each takes RGB (H, W, 3) uint8 and gives such a picture, of the same size but where it is cut.
"""

import io

import numpy as np

from semsearch.images.pixels import pillow


def turned(rgb: np.ndarray, degrees: float) -> np.ndarray:
    """Turned counter-clockwise about its middle; corners that nothing is known of get its mean colour."""
    colour = tuple(int(each) for each in rgb.mean((0, 1)))
    picture = pillow().fromarray(rgb)
    return np.asarray(picture.rotate(degrees, pillow().Resampling.BICUBIC, fillcolor=colour))


def cut(rgb: np.ndarray, percent: float) -> np.ndarray:
    """Its middle, so many percent of each side cut away."""
    rows, columns = (round(length * percent / 200) for length in rgb.shape[:2])
    return rgb[rows : len(rgb) - rows, columns : rgb.shape[1] - columns]


def mirrored(rgb: np.ndarray, _strength: float = 1) -> np.ndarray:
    """Left and right exchanged."""
    return np.ascontiguousarray(rgb[:, ::-1])


def blurred(rgb: np.ndarray, percent: float) -> np.ndarray:
    """As by a lens out of focus: a Gaussian whose radius is so many percent of the shorter side."""
    from PIL import ImageFilter

    radius = min(rgb.shape[:2]) * percent / 100
    return np.asarray(pillow().fromarray(rgb).filter(ImageFilter.GaussianBlur(radius)))


def darker(rgb: np.ndarray, percent: float) -> np.ndarray:
    """With so many percent of its light less."""
    return np.round(rgb * (1 - percent / 100)).astype(np.uint8)


def compressed(rgb: np.ndarray, quality: float) -> np.ndarray:
    """As a JPEG of that quality shows it."""
    out = io.BytesIO()
    pillow().fromarray(rgb).save(out, "JPEG", quality=round(quality))
    return np.asarray(pillow().open(out, formats=["JPEG"]).convert("RGB"))


def grey(rgb: np.ndarray, _strength: float = 1) -> np.ndarray:
    """Without its colours: the luma of ITU-R BT.601, which JPEG and television share, three times."""
    luma = rgb @ np.array([0.299, 0.587, 0.114])
    return np.repeat(np.round(luma).astype(np.uint8)[..., None], 3, axis=2)
