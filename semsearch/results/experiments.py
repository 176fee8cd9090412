"""What the store knows, asked one experiment at a time: matches of a query, its score, a summary, the leaderboard."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from semsearch.errors import InputError, SpecMismatch, UnknownName
from semsearch.models.catalog import Readout
from semsearch.ranking import closeness, scores
from semsearch.settings import settings
from semsearch.store import opened
from semsearch.store.artifacts import Ranking
from semsearch.store.experiment import Experiment
from semsearch.store.store import Store


@dataclass(frozen=True)
class Match:
    """One item of a ranking."""

    item: int
    distance: float
    similarity: float
    """How often matches as close as this one are of their query's class in this dataset, in [0, 1]; where classes say
    nothing, the share of pairs that are farther. See ``closeness.py``."""
    rank: int
    """From 1."""
    pairs: int
    """Pairs of the dataset that the similarity rests on; 0 where classes say nothing."""
    correct: bool
    """Whether the item has the class of the query."""


@dataclass(frozen=True)
class QueryScore:
    """How well the k nearest of one query agree with its class."""

    score: float
    """Published score over the k ranks there are."""
    hits: int
    k: int
    """Matches there are: at most the k asked for."""
    precision: float
    recall: float
    """NaN when the class has no other member."""
    average_precision: float
    """Over the full ranking; NaN as recall."""


@dataclass(frozen=True)
class Summary:
    """An experiment over all its queries, at k = 15."""

    experiment: Experiment
    score: scores.Interval
    mean_average_precision: float
    """Over the queries that have one; NaN, as recall, where no class has two members."""
    precision: float
    recall: float
    per_class: tuple[float, ...]
    """Mean published score by class."""


def open_store(path: Path | None = None) -> Store:
    """The store at ``path``, by default the shipped one; IntegrityError when it is missing or damaged."""
    return Store(path or settings().precomputed)


def matches(store: Store, experiment: Experiment, query: int, *, k: int) -> list[Match]:
    """The k nearest items of a query (an item id), nearest first; as many as are stored when k is more.

    InputError for k < 1; UnknownName for a query without results; SpecMismatch when the dataset on this
    machine is not the one that the results were computed from.
    """
    ranking, row = _ranking(store, experiment, query, k)
    ids, distances = ranking.ids[row, :k], ranking.distances[row, :k]
    shown = distances.astype(np.float64) ** 2 if experiment.metric == "sqeuclidean" else distances
    labels, queries = _labels(store, experiment), store.queries(experiment.dataset, experiment.spec.model)
    correct = labels[ids] == labels[query]
    similarity, pairs = _similarity(ranking, row, labels, queries)
    rows = zip(ids, shown, similarity[:k], pairs[:k], correct, strict=True)
    return [
        Match(int(id), float(distance), float(alike), rank, int(behind), bool(right))
        for rank, (id, distance, alike, behind, right) in enumerate(rows, 1)
    ]


def query_score(store: Store, experiment: Experiment, query: int, *, k: int = scores.PUBLISHED_K) -> QueryScore:
    """The scores of one query over its k nearest; raises as ``matches`` does."""
    ranking, row = _ranking(store, experiment, query, k)
    labels = _labels(store, experiment)
    items = store.items(experiment.dataset, experiment.spec.model)
    hits = scores.hits(labels[[query]], labels[ranking.ids[[row], :k]])
    relevant = np.array([(labels[items] == labels[query]).sum() - 1])
    stored = store.score(experiment)
    return QueryScore(
        score=float(scores.published_score(hits)[0]),
        hits=int(scores.count(hits)[0]),
        k=hits.shape[1],
        precision=float(scores.precision(hits)[0]),
        recall=float(scores.recall(hits, relevant)[0]),
        average_precision=float(stored.average_precision[row]),
    )


def summary(store: Store, experiment: Experiment) -> Summary:
    """The scores of an experiment over all its queries."""
    stored = store.score(experiment)
    labels = _labels(store, experiment)[store.queries(experiment.dataset, experiment.spec.model)]
    others = relevant(store, experiment.dataset, experiment.spec.model)
    depth = min(scores.PUBLISHED_K, len(store.items(experiment.dataset, experiment.spec.model)) - 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        recalls = np.where(others > 0, stored.hits / others, np.nan)
    classes = len(opened.dataset(experiment.dataset).classes)
    return Summary(
        experiment,
        score=scores.bootstrap_interval(stored.score),
        mean_average_precision=scores.mean(stored.average_precision),
        precision=scores.mean(stored.hits / depth),
        recall=scores.mean(recalls),
        per_class=tuple(float(value) for value in scores.class_means(stored.score, labels, classes)),
    )


def layer_means(store: Store, dataset: str, readout: Readout, metric: str) -> dict[tuple[str, str], float]:
    """{(model, layer): mean published score} of all that is stored of a dataset with that readout and metric."""
    table = store.scores(dataset)
    means = table.scores.score.mean(1)
    rows = zip(table.specs, table.metrics, means.tolist(), strict=True)
    return {(spec.model, spec.layer): mean for spec, of, mean in rows if spec.readout == readout and of == metric}


def leaderboard(store: Store, dataset: str) -> list[tuple[Experiment, float, float]]:
    """(experiment, mean published score, mAP) of all stored experiments of a dataset, best score first.

    The mAP is NaN where no class has two members.
    """
    table = store.scores(dataset)
    means = table.scores.score.mean(1)
    maps = [scores.mean(row) for row in table.scores.average_precision]
    order = np.argsort(-means, kind="stable")
    return [
        (Experiment(dataset, table.specs[row], table.metrics[row]), float(means[row]), float(maps[row]))
        for row in order
    ]


def everywhere(store: Store, dataset: str, query: int) -> list[tuple[Experiment, float]]:
    """(experiment, published score) of one query for all stored experiments of a dataset."""
    table = store.scores(dataset)
    column = _position(table.queries, query)
    rows = zip(table.specs, table.metrics, table.scores.score[:, column], strict=True)
    return [(Experiment(dataset, spec, metric), float(score)) for spec, metric, score in rows]


def nearest(store: Store, experiment: Experiment, query: int, *, k: int) -> list[int]:
    """Item ids of the stored matches of a query, nearest first, without what else is known of them."""
    ranking, row = _ranking(store, experiment, query, k)
    ids: list[int] = ranking.ids[row, :k].tolist()
    return ids


def _ranking(store: Store, experiment: Experiment, query: int, k: int) -> tuple[Ranking, int]:
    if k < 1:
        raise InputError(f"expected k of at least 1, got {k}")
    ranking = store.ranking(experiment)
    return ranking, _position(store.queries(experiment.dataset, experiment.spec.model), query)


def _similarity(ranking: Ranking, row: int, labels: np.ndarray, queries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The similarity of the stored matches of a query, and the pairs behind each."""
    rows = closeness.sample(len(queries))
    known = closeness.neighbourhoods(ranking.ids[rows], ranking.distances[rows], labels, queries[rows])
    own = np.flatnonzero(rows == row)
    nearest = ranking.distances[row]
    return known.similarity(nearest, nearest, row=int(own[0]) if len(own) else None)


def _position(queries: np.ndarray, query: int) -> int:
    rows = np.flatnonzero(queries == query)
    if not len(rows):
        raise UnknownName("query with stored results", query, [f"{queries[0]} … {queries[-1]}"])
    return int(rows[0])


def _labels(store: Store, experiment: Experiment) -> np.ndarray:
    return _labels_of(experiment.dataset, store.facts(experiment.dataset, experiment.spec.model)["dataset_hash"])


@lru_cache(16)
def _labels_of(dataset: str, content_hash: str) -> np.ndarray:
    present = opened.dataset(dataset)
    if present.content_hash != content_hash:
        raise SpecMismatch(
            f"{dataset}: expected the pictures that its results were computed from ({content_hash[:12]}…), "
            f"got others ({present.content_hash[:12]}…); run `semsearch precompute {dataset}`"
        )
    return present.labels


def relevant(store: Store, dataset: str, model: str) -> np.ndarray:
    """How many other items with results have the class of each query, (m,) int64."""
    items, queries = store.items(dataset, model), store.queries(dataset, model)
    others = scores.relevant(labels(store, dataset)[items])
    return np.asarray(others[np.searchsorted(items, queries)])


def labels(store: Store, dataset: str) -> np.ndarray:
    """Label of each item of a dataset by id, (n,) int32; SpecMismatch when its pictures are not those of the store."""
    return _labels_of(dataset, store.facts(dataset, store.models(dataset)[0])["dataset_hash"])
