"""The tables behind the views of a whole dataset: leaderboard, one query everywhere, confusion, differences."""

import json
from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from semsearch.errors import UnknownName
from semsearch.models import catalog
from semsearch.models.catalog import FeatureSpec, Readout
from semsearch.ranking import scores
from semsearch.results import experiments, latencies
from semsearch.store.experiment import Experiment
from semsearch.store.store import Store

LEVEL = 0.95
FEWEST = 6
"""Queries below which no difference is called significant: five that all agree do so by chance once in 16."""
RESAMPLES = 2_000
_DRAWS, _BLOCK = 10_000_000, 200_000  # numbers drawn for all classes of a difference; for a block of resamples
_ROWS = 64
"""Experiments whose intervals are sought at a time."""
_LARGE = 2_000
"""Queries above which resampled sums are made in float32: in half the time, to a ten-thousandth of a point."""


@dataclass(frozen=True)
class Board:
    """All stored experiments of a dataset; row i is ``specs[i]`` with ``metrics[i]``, each array (rows,) float64.

    NaN is unknown, never 0.
    """

    dataset: str
    specs: tuple[FeatureSpec, ...]
    metrics: tuple[str, ...]
    score: np.ndarray
    """Mean published score, 0 to 100, with its 95 % bootstrap interval ``low`` to ``high``."""
    low: np.ndarray
    high: np.ndarray
    not_worse: np.ndarray
    """Whether a score is not significantly worse than the best, (rows,) bool; see ``not_worse``."""
    mean_average_precision: np.ndarray
    precision: np.ndarray
    """At k = 15, as is ``recall``."""
    recall: np.ndarray
    published: np.ndarray
    """Mean score as published by others, for the published preset."""
    parameters: np.ndarray
    """Of the network up to and including the layer."""
    dimension: np.ndarray
    """Length of a vector; unknown where every position is kept."""
    milliseconds: np.ndarray
    """Of one picture up to the layer, at the model's native size and pooled."""
    machine: str
    """Where the milliseconds were measured; empty without measurements."""

    @property
    def ranks(self) -> np.ndarray:
        """From 1, best score first; equal scores share the first of their ranks."""
        return np.asarray(np.searchsorted(np.sort(-self.score.round(6)), -self.score.round(6)) + 1)

    @property
    def bytes(self) -> np.ndarray:
        """Of one vector in float32."""
        return 4 * self.dimension

    def experiment(self, row: int) -> Experiment:
        """The experiment of a row."""
        return Experiment(self.dataset, self.specs[row], self.metrics[row])

    def row(self, experiment: Experiment) -> int:
        """The row of an experiment; UnknownName if it is not stored."""
        rows = zip(self.specs, self.metrics, strict=True)
        for row, pair in enumerate(rows):
            if pair == (experiment.spec, experiment.stored_metric):
                return row
        raise UnknownName("stored experiment", experiment.spec.key, sorted({spec.model for spec in self.specs}))


def board(store: Store, dataset: str) -> Board:
    """The leaderboard of a dataset, in the order of the store."""
    return timed(scored(store, dataset), store.root / latencies.FILE)


def timed(untimed: Board, path: Path) -> Board:
    """A leaderboard with the milliseconds that ``latencies.read`` reads at ``path``."""
    measured = latencies.read(path)
    known = [np.nan if spec.pooling == "flatten" else latencies.milliseconds(measured, spec) for spec in untimed.specs]
    return replace(untimed, milliseconds=np.array(known, np.float64), machine=measured.machine if measured else "")


def scored(store: Store, dataset: str) -> Board:
    """All of a leaderboard that follows from stored results: whose milliseconds are unknown."""
    table = store.scores(dataset)
    model = store.models(dataset)[0]
    depth = min(scores.PUBLISHED_K, len(store.items(dataset, model)) - 1)
    hits = table.scores.hits.astype(np.float64)
    others = experiments.relevant(store, dataset, model).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        recalls = np.where(others > 0, hits / others, np.nan)
    layers = [catalog.model(spec.model).layer(spec.layer) for spec in table.specs]
    pooled = np.array([spec.pooling != "flatten" for spec in table.specs])
    pairs = list(zip(table.specs, table.metrics, strict=True))
    mean, low, high = intervals(table.scores.score).T
    return Board(
        dataset,
        table.specs,
        table.metrics,
        *(mean, low, high, not_worse(table.scores.score)),
        mean_average_precision=_means(table.scores.average_precision),
        precision=_means(hits / depth if depth else np.full_like(hits, np.nan)),
        recall=_means(recalls),
        published=np.array([published(dataset, spec, metric) for spec, metric in pairs]),
        parameters=np.array([layer.cumulative_parameters for layer in layers], np.float64),
        dimension=np.where(pooled, [layer.channels for layer in layers], np.nan),
        milliseconds=np.full(len(pairs), np.nan),
        machine="",
    )


def intervals(values: np.ndarray, *, seed: int = 0, resamples: int = RESAMPLES) -> np.ndarray:
    """Mean, low and high of each row of ``values`` (rows, n), (rows, 3) float64.

    The numbers of ``scores.bootstrap_interval``, row by row, with one drawing for all rows.
    """
    values = np.asarray(values, np.float64)
    n = values.shape[1]
    whole = ~np.isnan(values).any(axis=1) & (n > 1)
    result = np.empty((len(values), 3))
    for row in np.flatnonzero(~whole):
        interval = scores.bootstrap_interval(values[row], seed=seed, resamples=resamples, level=LEVEL)
        result[row] = interval.mean, interval.low, interval.high
    if whole.any():
        means = _resampled(values[whole], seed, resamples)
        result[whole, 0] = values[whole].mean(axis=1)
        ends = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
        slices = [means[first : first + _ROWS] for first in range(0, len(means), _ROWS)]  # each is copied to be sorted
        result[whole, 1:] = np.concatenate([np.quantile(rows, ends, axis=1).T for rows in slices])
    return result


def not_worse(values: np.ndarray) -> np.ndarray:
    """Which rows of ``values`` (rows, n) are not significantly worse than the best, query by query, (rows,) bool.

    At LEVEL for all rows together (max-t bootstrap, Westfall and Young 1993): a row is worse when it lies further
    behind, in its own standard errors, than any does by chance.
    """
    if values.shape[1] < FEWEST or np.isnan(values).any():
        return np.full(len(values), True)
    behind = np.asarray(values[values.mean(axis=1, dtype=np.float64).argmax()] - values, np.float64)
    drawn = _resampled(behind, 0, RESAMPLES) - behind.mean(axis=1)[:, None]
    error = drawn.std(axis=1)
    furthest = (drawn[error > 0] / error[error > 0, None]).max(axis=0, initial=0)
    return np.asarray(behind.mean(axis=1) <= np.quantile(furthest, LEVEL) * error)


def _resampled(values: np.ndarray, seed: int, resamples: int) -> np.ndarray:
    """Means of each row over resamples of its columns, the same for all rows, (rows, resamples) float64."""
    draw, n = np.random.default_rng(seed), values.shape[1]
    kind = np.float32 if n > _LARGE else np.float64
    values = np.asarray(values, kind)
    means = np.empty((len(values), resamples))
    step = max(1, _BLOCK // n)
    for start in range(0, resamples, step):
        size = min(step, resamples - start)
        cells = draw.integers(n, size=(size, n)) + n * np.arange(size)[:, None]
        times = np.bincount(cells.ravel(), minlength=size * n).reshape(size, n)
        means[:, start : start + size] = values @ times.T.astype(kind)
        means[:, start : start + size] /= n
    return means


def published(dataset: str, spec: FeatureSpec, metric: str) -> float:
    """The mean score of the published experiments, NaN where there is none; only for their own preset."""
    if (spec.pooling, spec.preset) != ("flatten", "published"):
        return float("nan")
    return float(_published().get(dataset, {}).get(metric, {}).get(spec.model, {}).get(spec.layer, "nan"))


@cache
def _published() -> dict[str, Any]:
    return dict(json.loads((Path(__file__).parent / "published.json").read_text(encoding="utf-8")))


def front(cost: np.ndarray, score: np.ndarray) -> np.ndarray:
    """Rows that no other beats at the same or a lower cost, cheapest first, (f,) int; rows with NaN are left out."""
    known = np.flatnonzero(~np.isnan(cost) & ~np.isnan(score))
    order = known[np.lexsort((-score[known], cost[known]))]
    best = np.maximum.accumulate(score[order])
    before = np.concatenate([[-np.inf], best[:-1]])
    return np.asarray(order[score[order] > before])


@dataclass(frozen=True)
class Everywhere:
    """The score of one query for each model and layer, (models, layers) arrays; layers from input to output."""

    models: tuple[str, ...]
    scores: np.ndarray
    rows: np.ndarray
    """Row of the board that has that score."""


def everywhere(
    store: Store, board: Board, query: int, *, readouts: Collection[Readout], metrics: Collection[str]
) -> Everywhere:
    """One query for all models and layers: its best score over ``readouts`` and ``metrics``.

    Of equal ones the first stored; of models with one of ``readouts``. UnknownName for a query without results.
    """
    table = store.scores(board.dataset)
    column = np.flatnonzero(table.queries == query)
    if not len(column):
        raise UnknownName("query with stored results", query, [f"{table.queries[0]} … {table.queries[-1]}"])
    values = table.scores.score[:, column[0]]
    models = tuple(dict.fromkeys(spec.model for spec in board.specs if spec.readout in readouts))
    shape = (len(models), catalog.CHOSEN)
    best = Everywhere(models, np.full(shape, np.nan), np.full(shape, -1))
    for row, (spec, metric) in enumerate(zip(board.specs, board.metrics, strict=True)):
        if spec.readout in readouts and metric in metrics:
            place = models.index(spec.model), catalog.model(spec.model).place(spec.layer) - 1
            if best.rows[place] < 0 or values[row] > best.scores[place]:
                best.scores[place], best.rows[place] = values[row], row
    return best


def confusion(store: Store, experiment: Experiment, classes: int) -> np.ndarray:
    """What each class finds among its fifteen nearest, (classes, classes) float64, see ``scores.confusion``."""
    labels = experiments.labels(store, experiment.dataset)
    ids = store.ranking(experiment).ids
    queries = store.queries(experiment.dataset, experiment.spec.model)
    return scores.confusion(labels[queries], labels[ids[:, : scores.PUBLISHED_K]], classes)


@dataclass(frozen=True)
class Queries:
    """Every query of one experiment: item ids, labels and published scores, (n,) each."""

    items: np.ndarray
    labels: np.ndarray
    score: np.ndarray
    order: np.ndarray
    """Positions from the worst to the best: by score, then by average precision, then by item."""


def queries(store: Store, experiment: Experiment) -> Queries:
    """The queries of an experiment with their scores."""
    items = store.queries(experiment.dataset, experiment.spec.model)
    stored = store.score(experiment)
    order = np.lexsort((items, stored.average_precision, stored.score))
    order = order[~np.isnan(stored.score[order])]
    return Queries(items, experiments.labels(store, experiment.dataset)[items], stored.score.astype(np.float64), order)


@dataclass(frozen=True)
class ClassDifference:
    """How far a is ahead of b over the queries of one class, in points of the mean score."""

    label: int
    """−1 is all classes together."""
    count: int
    mean: float
    low: float
    high: float
    significant: bool
    """The 95 % interval leaves out 0, over at least FEWEST queries."""
    corrected: bool
    """So does the interval at 1 − 0.05 / number of classes (Bonferroni)."""


def differences(store: Store, a: Experiment, b: Experiment, classes: int) -> list[ClassDifference]:
    """Mean score of a − b on the same queries: over all, then by class, each with its paired bootstrap interval."""
    left, right = queries(store, a), queries(store, b)
    parts = [(-1, np.full(len(left.labels), True))]
    parts += [(label, left.labels == label) for label in range(classes) if (left.labels == label).any()]
    compared = len(parts) - 1
    resamples = max(RESAMPLES, min(800 * compared, _DRAWS // len(left.labels)))
    return [
        _difference(label, (left.score[some], right.score[some]), 1 if label < 0 else compared, resamples)
        for label, some in parts
    ]


def _difference(label: int, pair: tuple[np.ndarray, np.ndarray], compared: int, resamples: int) -> ClassDifference:
    def apart(level: float) -> tuple[scores.Interval, bool]:
        interval = scores.paired_bootstrap(*pair, resamples=resamples, level=level).interval
        return interval, interval.count >= FEWEST and bool(interval.low > 0 or interval.high < 0)

    interval, significant = apart(LEVEL)
    corrected = significant and (compared == 1 or apart(1 - (1 - LEVEL) / compared)[1])
    return ClassDifference(label, interval.count, interval.mean, interval.low, interval.high, significant, corrected)


def _means(values: np.ndarray) -> np.ndarray:
    return np.array([scores.mean(row) for row in values])
