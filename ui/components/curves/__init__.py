"""Small curves beside each other, each of a few percentages; a chart of Plotly weighs a hundred times as much."""

from collections.abc import Sequence

from ui.components import component

_RENDER = component("curves")
Curve = tuple[str, tuple[str, ...], tuple[float, ...]]
"""Its title, what stands below each point, and the points, 0 to 1."""


def curves(drawn: Sequence[Curve], *, label: str, key: str) -> None:
    """Draw curves as a list named ``label``; each reads as a sentence where it is not seen."""
    _RENDER(key=key, data={"curves": tuple(drawn), "label": label})
