"""A network as a drawing: what belongs together in one box, boxes in columns by depth, branches in lanes."""

from collections.abc import Sequence
from dataclasses import dataclass

from semsearch.models.layers import LayerFacts

BOXED = ("BatchNormalization", "ReLU", "Activation", "Dropout", "ZeroPadding2D", "Rescaling", "Normalization")
"""Kinds that share the box of the layer whose output they alone read."""
KINDS = {
    "Conv2D": "convolution",
    "DepthwiseConv2D": "depthwise",
    "SeparableConv2D": "depthwise",
    "MaxPooling2D": "pooling",
    "AveragePooling2D": "pooling",
    "GlobalAveragePooling2D": "pooling",
    "Add": "merging",
    "Concatenate": "merging",
    "Multiply": "merging",
}
"""What a box is drawn as, by the kind of its first layer; all others are ``other``."""


@dataclass(frozen=True)
class Box:
    """A layer and those that only pass its output on."""

    layers: tuple[LayerFacts, ...]
    column: int
    """Boxes on the longest way here from the input."""
    lane: int
    """0 is the main way, branches lie below."""

    @property
    def kind(self) -> str:
        """What it is drawn as."""
        return KINDS.get(self.layers[0].kind, "other")


@dataclass(frozen=True)
class Drawing:
    """Boxes in the order of their first layers, the wires between them as pairs of their places, and bands."""

    boxes: tuple[Box, ...]
    wires: tuple[tuple[int, int], ...]
    bands: tuple[tuple[int, int], ...]
    """(first column, height of the maps) wherever the maps of the main way become smaller."""


def draw(table: Sequence[LayerFacts]) -> Drawing:
    """The drawing of all layers of a network, given in an order in which every layer comes after what it reads."""
    groups, place = _grouped(table)
    wires = sorted({(place[parent], at) for at, group in enumerate(groups) for parent in group[0].parents})
    columns = _columns(len(groups), wires)
    lanes: dict[int, int] = {}
    taken: set[tuple[int, int]] = set()
    followed: set[int] = set()
    before: list[list[int]] = [[] for _ in groups]
    for source, target in wires:
        before[target].append(source)
    for at in sorted(range(len(groups)), key=lambda at: (columns[at], at)):
        lanes[at] = _lane(at, before[at], columns, lanes, taken, followed)
    boxes = tuple(Box(tuple(group), columns[at], lanes[at]) for at, group in enumerate(groups))
    return Drawing(boxes, tuple(wires), _bands(boxes))


def _grouped(table: Sequence[LayerFacts]) -> tuple[list[list[LayerFacts]], dict[str, int]]:
    """Layers by box, and the box of each name."""
    read: dict[str, int] = {}
    for layer in table:
        for parent in layer.parents:
            read[parent] = read.get(parent, 0) + 1
    groups: list[list[LayerFacts]] = []
    place: dict[str, int] = {}
    for layer in sorted(table, key=lambda layer: layer.index):
        alone = len(layer.parents) == 1 and read[layer.parents[0]] == 1 and layer.parents[0] in place
        if alone and layer.kind in BOXED:
            place[layer.name] = place[layer.parents[0]]
            groups[place[layer.name]].append(layer)
        else:
            place[layer.name] = len(groups)
            groups.append([layer])
    return groups, place


def _columns(count: int, wires: Sequence[tuple[int, int]]) -> list[int]:
    columns = [0] * count
    for source, target in sorted(wires, key=lambda wire: wire[1]):
        columns[target] = max(columns[target], columns[source] + 1)
    return columns


def _lane(
    at: int,
    before: Sequence[int],
    columns: Sequence[int],
    lanes: dict[int, int],
    taken: set[tuple[int, int]],
    followed: set[int],
) -> int:
    """Where branches meet, the uppermost of them; on a branch, that of what it reads, for the first that reads it."""
    if not before:
        first, wanted = columns[at], 0
    else:
        last = max(before, key=lambda source: (columns[source], -lanes[source]))
        first = columns[last] + 1
        wanted = min(lanes[source] for source in before) if len(before) > 1 or last not in followed else 1
        followed.add(last)
    lane = next(
        lane
        for lane in range(wanted, wanted + len(columns) + 1)
        if all((lane, column) not in taken for column in range(first, columns[at] + 1))
    )
    taken.update((lane, column) for column in range(first, columns[at] + 1))
    return lane


def _bands(boxes: Sequence[Box]) -> tuple[tuple[int, int], ...]:
    bands: list[tuple[int, int]] = []
    for box in sorted((box for box in boxes if box.lane == 0), key=lambda box: box.column):
        height = box.layers[0].shape[0]
        if height > 1 and (not bands or height < bands[-1][1]):
            bands.append((box.column, height))
    return tuple(bands)
