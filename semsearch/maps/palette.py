"""Colours and marker symbols of the charts and maps; they serve light and dark, and colour-blind readers.

No two of the first twelve classes share colour or symbol, and none both before the 145th. Draw markers with a thin
outline in the text colour: that is what holds the palest ones on white and the darkest ones on black.
"""

CLASS_COLOURS = (
    "#0072b2",
    "#e69f00",
    "#009e73",
    "#cc79a7",
    "#56b4e9",
    "#d55e00",
    "#f0e442",
    "#8b5fd6",
    "#999933",
    "#b8336a",
    "#44c2b0",
    "#8a8d99",
)
"""The seven hues of Okabe and Ito (2008), then five after Tol (2021) that stand apart from them."""
CLASS_SYMBOLS = (
    "circle",
    "square",
    "diamond",
    "triangle-up",
    "cross",
    "x",
    "triangle-down",
    "star",
    "hourglass",
    "bowtie",
    "triangle-left",
    "triangle-right",
)
"""Names as in Plotly."""
SEQUENTIAL = ("#00204d", "#31446b", "#666870", "#958f78", "#cbba69", "#ffea46")
"""Cividis (Nuñez, Anderton and Renslow 2018): from low to high, evenly seen with and without colour blindness."""


def class_colour(label: int) -> str:
    """Colour of a class, by its index."""
    return CLASS_COLOURS[label % len(CLASS_COLOURS)]


def class_symbol(label: int) -> str:
    """Marker symbol of a class: differs wherever the colour repeats."""
    return CLASS_SYMBOLS[(label + label // len(CLASS_COLOURS)) % len(CLASS_SYMBOLS)]


def sequential(steps: int) -> list[str]:
    """That many colours from low to high, at least two."""
    last = len(SEQUENTIAL) - 1
    return [_between(place * last / (steps - 1)) for place in range(steps)]


def ink(share: float) -> str:
    """Black or white, whichever is read better on the colour of the sequence at that share of its way, 0 to 1."""
    channels = [value / 255 for value in _channels(_between(share * (len(SEQUENTIAL) - 1)))]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    luminance = sum(weight * value for weight, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
    return "#ffffff" if (luminance + 0.05) ** 2 < 1.05 * 0.05 else "#000000"


def _between(place: float) -> str:
    low = min(int(place), len(SEQUENTIAL) - 2)
    part = place - low
    pairs = zip(_channels(SEQUENTIAL[low]), _channels(SEQUENTIAL[low + 1]), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * part):02x}" for a, b in pairs)


def _channels(colour: str) -> tuple[int, ...]:
    return tuple(int(colour[start : start + 2], 16) for start in (1, 3, 5))
