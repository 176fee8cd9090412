"""The pictures whose neighbourhood changed most from one experiment to another on the same dataset."""

from dataclasses import dataclass

import numpy as np

from semsearch.errors import InputError
from semsearch.results import compare
from semsearch.store.experiment import Experiment
from semsearch.store.store import Store


@dataclass(frozen=True)
class Mover:
    """A picture and its nearest in both experiments, as many of each."""

    item: int
    nearest_a: tuple[int, ...]
    """Item ids, nearest first."""
    nearest_b: tuple[int, ...]

    @property
    def common(self) -> frozenset[int]:
        """The items that are among the nearest of both."""
        return frozenset(self.nearest_a) & frozenset(self.nearest_b)


def movers(store: Store, a: Experiment, b: Experiment, *, k: int, most: int) -> list[Mover]:
    """The ``most`` pictures with the fewest in common among their k nearest in feature space, fewest first.

    Of equals come first those that have the fewest in common among all stored matches, then the smaller ids. Pictures
    without results in both are left out. InputError for k < 1; SpecMismatch for two datasets.
    """
    if k < 1:
        raise InputError(f"expected k of at least 1, got {k}")
    compare.check_same_dataset(a, b)
    items_a, items_b = (store.queries(one.dataset, one.spec.model) for one in (a, b))
    items, rows_a, rows_b = np.intersect1d(items_a, items_b, assume_unique=True, return_indices=True)
    ids_a, ids_b = store.ranking(a).ids[rows_a], store.ranking(b).ids[rows_b]
    first = np.lexsort((items, _common(ids_a, ids_b), _common(ids_a[:, :k], ids_b[:, :k])))[:most]
    return [Mover(int(items[row]), tuple(ids_a[row, :k].tolist()), tuple(ids_b[row, :k].tolist())) for row in first]


def _common(ids_a: np.ndarray, ids_b: np.ndarray) -> np.ndarray:
    """How many ids the rows of both have in common, (n,); no row has an id twice."""
    joined = np.sort(np.concatenate([ids_a, ids_b], axis=1), axis=1)
    return np.asarray((joined[:, 1:] == joined[:, :-1]).sum(axis=1))
