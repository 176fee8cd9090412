"""What a person decided about pictures, and is not asked again: look-alikes that all stay, labels that are right.

A decision is about contents, by SHA-256, and so holds wherever the files lie. It is a step of the history, and is taken
back as any other.
"""

import json
import os
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from semsearch.data.dataset import Dataset
from semsearch.errors import InputError
from semsearch.own.edits import unchanged

ALIKE, LABEL = "alike", "label"
KEEPER = "the largest file of each group, of equals the first"
"""Which of look-alikes is proposed to stay."""


@dataclass(frozen=True)
class Decision:
    """One decision."""

    kind: str
    """ALIKE: these look alike, and all of them stay. LABEL: the class of this one is right."""
    pictures: tuple[str, ...]
    """Their SHA-256, rising."""
    title: str = ""
    """Of the class, where the kind is LABEL."""

    @property
    def facts(self) -> str:
        """All of it as one line, which ``from_facts`` reads."""
        return json.dumps([self.kind, self.title, *self.pictures])


def from_facts(facts: str) -> Decision:
    """The decision of which this is the line."""
    kind, title, *found = json.loads(facts)
    return Decision(kind, tuple(found), title)


def keep(dataset: Dataset, ids: Sequence[int]) -> Dataset:
    """Remember that items look alike and all of them stay.

    InputError for fewer than two, for items that are none, and when the dataset is another one by now.
    """
    pins = _pins(dataset, ids)
    if len(pins) < 2:
        raise InputError(f"expected at least two pictures that look alike, got {len(pins)}")
    with unchanged(dataset) as ledger:
        return ledger.decide(f"{len(pins):,} look-alikes stay", [Decision(ALIKE, pins).facts])


def confirm(dataset: Dataset, ids: Sequence[int]) -> Dataset:
    """Remember that the classes of items are right, as long as they are these; raises as ``keep``, but takes one."""
    pins = _pins(dataset, ids)
    titles = {dataset.items[id].sha256: dataset.classes[dataset.items[id].label] for id in ids}
    with unchanged(dataset) as ledger:
        what = "1 label is right" if len(pins) == 1 else f"{len(pins):,} labels are right"
        return ledger.decide(what, [Decision(LABEL, (pin,), titles[pin]).facts for pin in pins])


def open_groups(dataset: Dataset, groups: Iterable[Sequence[int]], made: Collection[Decision]) -> list[tuple[int, ...]]:
    """The groups of items that look alike of which no decision says that all of them stay."""
    decided = [set(one.pictures) for one in made if one.kind == ALIKE]
    pins = {tuple(group): {dataset.items[item].sha256 for item in group} for group in groups}
    return [group for group, these in pins.items() if not any(these <= known for known in decided)]


def doubted(dataset: Dataset, item: int, made: Collection[Decision]) -> bool:
    """Whether nobody has said that the class that an item has is right."""
    title = dataset.classes[dataset.items[item].label]
    return Decision(LABEL, (dataset.items[item].sha256,), title) not in made


def keeper(dataset: Dataset, group: Sequence[int]) -> int:
    """The one of a group that is proposed to stay, see KEEPER; a file that is not there counts as empty."""

    def size(item: int) -> int:
        try:
            return os.stat(dataset.place(item)).st_size
        except OSError:
            return 0

    return max(sorted(group), key=size)


def _pins(dataset: Dataset, ids: Sequence[int]) -> tuple[str, ...]:
    if not ids or not all(0 <= id < len(dataset.items) for id in ids):
        raise InputError(f"expected items from 0 to {len(dataset.items) - 1}, got {list(ids)[:3] or 'none'}")
    return tuple(sorted({dataset.items[id].sha256 for id in ids}))
