"""The numbers of the Guide that no other page has, each computed from the store."""

from dataclasses import dataclass

import numpy as np

from semsearch.ranking import scores
from ui import resources
from ui.choice import Choice


@dataclass(frozen=True)
class Confused:
    """The class that is taken for another most often in one experiment."""

    kind: int
    taken_for: int
    """Label of the other class."""
    share: float
    """Of the first matches of the class's queries."""
    same_class: float
    """Share of those matches that are of the class itself."""
    worst: int
    """The query of the class with the most matches of the other; the first of equals."""
    count: int
    """How many those are."""


def confused(choice: Choice) -> Confused | None:
    """The most confused pair of classes over the published number of matches; None with a single class."""
    labels, neighbour_labels = _labels(choice), _neighbours(choice)
    classes = len(resources.dataset(choice.dataset).classes)
    table = scores.confusion(labels, neighbour_labels, classes)
    others = np.where(np.eye(classes, dtype=bool), -1, np.nan_to_num(table, nan=-1))
    kind, taken_for = np.unravel_index(int(np.argmax(others)), others.shape)
    if not others[kind, taken_for] > 0:
        return None
    counts = np.where(labels == kind, (neighbour_labels == taken_for).sum(1), -1)
    worst = int(np.argmax(counts))
    return Confused(
        int(kind),
        int(taken_for),
        float(table[kind, taken_for]),
        float(table[kind, kind]),
        resources.queries(choice.dataset)[worst],
        int(counts[worst]),
    )


def ordinary(choice: Choice) -> int:
    """The query whose score is nearest to the mean of all; the first of equals."""
    experiment = choice.experiment
    stored = resources.store().score(experiment)
    query_scores = stored.score.astype(np.float64)
    return resources.queries(choice.dataset)[int(np.argmin(np.abs(query_scores - query_scores.mean())))]


def random_score(choice: Choice) -> float:
    """The score that a random ranking has on average: the share of the class among the other pictures."""
    labels = _labels(choice)
    return float(100 * scores.relevant(labels).mean() / (len(labels) - 1))


def shared(a: Choice, b: Choice) -> int:
    """How many of the first matches of a query two configurations share."""
    return len(set(_first(a)) & set(_first(b)))


def ranks(choice: Choice) -> int:
    """How many first matches there are to share or to score."""
    return min(scores.PUBLISHED_K, len(resources.queries(choice.dataset)) - 1)


def typical(choice: Choice) -> float:
    """The distance of a typical pair: the median over all pairs."""
    experiment = choice.experiment
    return resources.store().ranking(experiment).scale


def kept_neighbours(choice: Choice, kind: str) -> int:
    """How many nearest neighbours of the query that map keeps."""
    trust = resources.store().map(choice.dataset, choice.experiment.spec, kind).trust
    return int(trust.kept_neighbours[resources.queries(choice.dataset).index(choice.q)])


def _first(choice: Choice) -> list[int]:
    experiment = choice.experiment
    ranking = resources.store().ranking(experiment)
    first: list[int] = ranking.ids[resources.queries(choice.dataset).index(choice.q), : scores.PUBLISHED_K].tolist()
    return first


def _labels(choice: Choice) -> np.ndarray:
    return resources.dataset(choice.dataset).labels[list(resources.queries(choice.dataset))]


def _neighbours(choice: Choice) -> np.ndarray:
    """Labels of the first matches of every query, (n, k)."""
    experiment = choice.experiment
    ranking = resources.store().ranking(experiment)
    labels: np.ndarray = resources.dataset(choice.dataset).labels[ranking.ids[:, : scores.PUBLISHED_K]]
    return labels
