"""A dataset checked whole: all that is stored of it against its digests, and whether every picture finds itself."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from semsearch.data import datasets
from semsearch.data.dataset import Dataset
from semsearch.errors import IntegrityError, StorageError
from semsearch.files.storage import is_here, matching
from semsearch.indices import index, recipes
from semsearch.live import galleries, vectorfiles
from semsearch.models import catalog
from semsearch.own import ledger
from semsearch.settings import settings
from semsearch.store import units

METRIC = "cosine"
"""For which an index is built and asked."""
NAMED = 20
"""Problems of one kind that are named one by one."""
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Part:
    """What was checked of a dataset, and what is wrong with it."""

    what: str
    """In words: pictures, history, features …"""
    checked: int
    """Of these."""
    problems: tuple[str, ...] = ()
    """Each with what to do."""


def verify(name: str, *, progress: Progress | None = None) -> list[Part]:
    """Check a dataset; ``progress`` counts kinds of parts. UnknownName for none of that name.

    History and list of one's own, pictures, features of every network with an index over them in which each picture
    looks for itself, results.
    """
    parts: list[Part] = []
    kinds = (_history, _pictures, _features, _results)
    for done, check in enumerate(kinds, 1):
        parts += check(name)
        if progress:
            progress(done, len(kinds))
    return parts


def _history(name: str) -> Iterator[Part]:
    if not is_here(ledger.place(name)):
        return  # none yet, and nothing is written for a look
    try:
        steps = len(ledger.history(name))
    except IntegrityError as error:
        yield Part("history and list", 1, (str(error),))
    except StorageError as error:
        yield Part(f"history and list: not looked at, {error}", 0)
    else:
        yield Part("history and list", steps)


def _pictures(name: str) -> Iterator[Part]:
    try:
        problems, count = datasets.verify(name), len(datasets.load(name).items)
    except IntegrityError:
        if not is_here(ledger.place(name)):
            raise
        return  # the history has told
    more = [f"and {len(problems) - NAMED:,} more"] if len(problems) > NAMED else []
    yield Part("pictures", count, (*problems[:NAMED], *more))


def _features(name: str) -> Iterator[Part]:
    with suppress(IntegrityError):
        dataset = datasets.load(name)
        for base in galleries.kept_files(dataset):
            yield from _kept(dataset, base)


def _kept(dataset: Dataset, base: Path) -> Iterator[Part]:
    what = f"features {base.name.partition('-')[0][:8]}"
    stored = vectorfiles.read(base)
    if stored is None:
        yield Part(what, 0, (f"{base}: damaged, and not used; the next search computes them again",))
        return
    pins = [dataset.items[item].sha256 for item in stored.items]
    others = "" if tuple(pins) == stored.pins else f"{base}: of other pictures than those listed; delete that file"
    yield Part(what, len(stored.items), (others,) if others else ())
    yield _findable(what, stored.vectors)


def _findable(what: str, vectors: np.ndarray) -> Part:
    """An index as a search would have it, in which every picture, or a copy of it, is to find itself."""
    made = index.build(vectors, METRIC, recipes.recommended(len(vectors), vectors.shape[1], METRIC))
    lost = []
    for row in range(len(vectors) if made.structure else 0):
        found = made.candidates(vectors[row], 1)
        if row not in found and not (vectors[found] == vectors[row]).all(axis=1).any():
            lost.append(row)
    beside = f", {len(made.side):,} of them looked at in every search" if len(made.side) else ""
    problems = (f"{len(lost):,} pictures do not find themselves; choose the exact index",) if lost else ()
    return Part(f"{what}: found in the index {made.recipe}{beside}", len(vectors) - len(lost), problems)


def _results(name: str) -> Iterator[Part]:
    root = settings().precomputed
    for folder in matching(root / name, "[!.]*"):
        if folder.name in catalog.models():
            whole = units.unit_key(root, name, folder.name)
            cure = f"{folder}: damaged, and not used; run `semsearch precompute {name} --models {folder.name}`"
            yield Part(f"results of {folder.name}", len(catalog.model(folder.name).layers), () if whole else (cure,))
