"""Facts of every layer of every model, known without loading one: shapes, costs, and what a unit sees.

They are data, in ``layers.json``, which ``python -m semsearch.models.graphs layers`` prints; a test rebuilds
them from the Keras graphs.
"""

import json
import math
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from semsearch.errors import UnknownName
from semsearch.models import catalog


@dataclass(frozen=True)
class LayerFacts:
    """One layer of a network at its native size. Pairs are (vertical, horizontal)."""

    index: int
    """Position in the model's own order."""
    name: str
    kind: str
    """Class name of the Keras layer."""
    shape: tuple[int, int, int]
    """Height, width and channels of its output; 0 where the network takes any size."""
    parameters: int
    cumulative_parameters: int
    """Parameters of all layers up to and including this one, in the model's own order."""
    multiply_adds: int
    """Of its convolutions and matrix products, for one picture; what normalises, adds or pools counts as nothing."""
    side: tuple[float, float]
    """Extent in input pixels of the window that one unit sees, not clipped to the picture."""
    step: tuple[float, float]
    """Input pixels between the windows of neighbouring units."""
    start: tuple[float, float]
    """Where the window of unit (0, 0) begins; below 0 where it begins in the padding."""
    whole: tuple[int, int] | None
    """Sides of the input where a unit depends on all of it, as after squeeze-and-excitation; else None."""
    parents: tuple[str, ...]
    """Names of the layers that it reads from."""

    @property
    def channels(self) -> int:
        """The last axis of its output."""
        return self.shape[2]

    @property
    def receptive_field(self) -> int:
        """The longer side of what one unit sees, input pixels, not clipped to the picture."""
        return math.ceil(max(*self.side, *(self.whole or ())))

    def box(self, y: int, x: int) -> tuple[int, int, int, int]:
        """(top, left, bottom, right) in input pixels of what the unit in row y and column x sees.

        Not clipped to the picture; bottom and right are the first pixels outside. The whole input for a unit that
        depends on all of it.
        """
        if self.whole:
            return (0, 0, *self.whole)
        corner = [start + at * step for start, at, step in zip(self.start, (y, x), self.step, strict=True)]
        top, left = map(math.floor, corner)
        bottom, right = (math.ceil(begin + side) for begin, side in zip(corner, self.side, strict=True))
        return top, left, bottom, right


def table(model_name: str) -> tuple[LayerFacts, ...]:
    """All layers of a model, in its own order; UnknownName for a model that is not known."""
    added = catalog.model(model_name).added
    return _of_added(model_name) if added else _tables()[model_name]


def facts(model_name: str, layer: str) -> LayerFacts:
    """The layer of that name, or published alias; UnknownName if there is none."""
    aliases = {chosen.alias: chosen.name for chosen in catalog.model(model_name).layers if chosen.alias}
    by_name = {row.name: row for row in table(model_name)}
    try:
        return by_name[aliases.get(layer, layer)]
    except KeyError:
        raise UnknownName(f"layer of {model_name}", layer, catalog.model(model_name).layer_names) from None


def cost(model_name: str, layer: str) -> int:
    """Multiply-adds from the picture to a layer: its own, and those of all that it is computed from."""
    by_name = {row.name: row for row in table(model_name)}
    needed, waiting = set(), [facts(model_name, layer).name]
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            waiting += by_name[name].parents
    return sum(by_name[name].multiply_adds for name in needed)


@cache
def _tables() -> dict[str, tuple[LayerFacts, ...]]:
    stored = json.loads((Path(__file__).parent / "layers.json").read_text(encoding="utf-8"))
    return {name: unpacked(rows, catalog.model(name).size) for name, rows in stored.items()}


@lru_cache(8)
def _of_added(model_name: str) -> tuple[LayerFacts, ...]:
    """Of a model that was added here: its name holds a digest, so they cannot change."""
    return unpacked(catalog.card(model_name)["layers"], catalog.model(model_name).size)


def packed(rows: list[LayerFacts]) -> list[list[Any]]:
    """Rows as short lists for JSON; parents by index, and nothing that follows from other values."""
    index = {row.name: row.index for row in rows}
    return [
        [row.name, row.kind, *row.shape, row.parameters, row.multiply_adds]
        + [*row.side, *row.step, *row.start, int(row.whole is not None), *(index[name] for name in row.parents)]
        for row in rows
    ]


def unpacked(rows: list[list[Any]], size: int) -> tuple[LayerFacts, ...]:
    """The inverse of ``packed``, for a square input of that side."""
    facts: list[LayerFacts] = []
    total = 0
    for index, row in enumerate(rows):
        name, kind, height, width, channels, parameters, multiply_adds, *window = row
        total += parameters
        side, step, start = (tuple(window[at : at + 2]) for at in (0, 2, 4))
        facts.append(
            LayerFacts(
                *(index, name, kind, (height, width, channels), parameters, total, multiply_adds),
                *(side, step, start, (size, size) if window[6] else None),
                tuple(rows[parent][0] for parent in window[7:]),
            )
        )
    return tuple(facts)
