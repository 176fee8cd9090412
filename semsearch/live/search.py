"""Live search: any picture, or several with weights, against a dataset, under any features and metric.

One path for the library, the command line, the pages and the server: ``search``. What a search needs of a
dataset stands in ``galleries.py``.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from semsearch import images
from semsearch.data import datasets
from semsearch.errors import InputError, PicturesUnavailable
from semsearch.images import changes
from semsearch.indices import recipes
from semsearch.live.computing import Progress
from semsearch.live.galleries import Galleries, shared
from semsearch.live.gallery import Calibrated, Gallery
from semsearch.models.catalog import PRESETS, FeatureSpec
from semsearch.ranking import closeness, metrics
from semsearch.ranking.verdict import Verdict
from semsearch.results import compare

Picture = bytes | Path | np.ndarray
Through = Callable[[FeatureSpec, np.ndarray], np.ndarray]
MORE, LESS = 0.75, -0.25
"""Weights of a match that was called more, or less, like what is wanted, beside a query of weight 1: the
proportions that work well for text (Manning et al., Introduction to Information Retrieval, 9.1.1), where too
large a part for what is not wanted drives a query nowhere."""


@dataclass(frozen=True)
class Example:
    """A picture like, or unlike, those that are searched for."""

    picture: Picture | int
    """Encoded, a file, RGB (H, W, 3) uint8, or an item of the dataset that is searched."""
    weight: float = 1.0
    """Below 0 for a picture unlike those that are searched for."""
    crop: images.Box = images.WHOLE
    """The part that counts; an item always counts as a whole."""


@dataclass(frozen=True)
class Question:
    """Where to search, how, and what to leave out."""

    dataset: str
    spec: FeatureSpec
    metric: str = "cosine"
    k: int = 15
    index: str = "exact"
    """See ``recipes.INDEXES``; all but exact may miss a match, none misjudges a distance."""
    exclude: frozenset[int] = frozenset()
    """Items left out, beside those that are examples."""
    classes: frozenset[int] | None = None
    """Only items of these classes; None is all."""
    at_least: float = 0.0
    """The least similarity of a match."""
    fold: bool = False
    """Whether a near-duplicate of a better match is left out, see ``compare.duplicate_limit``."""

    def __post_init__(self) -> None:
        """Refuse what no search can answer: UnknownName, InputError."""
        recipes.of_index(self.index, self.metric)
        if self.k < 1 or not 0 <= self.at_least <= 1:
            got = f"k = {self.k}, at least {self.at_least}"
            raise InputError(f"expected k of at least 1 and a least similarity from 0 to 1; got {got}")


@dataclass(frozen=True)
class Match:
    """One match; ``rank`` counts from 1."""

    rank: int
    item: int
    label: int
    distance: float
    similarity: float
    """How often matches as close as this one are of their query's class in this dataset, in [0, 1]; where classes say
    nothing, the share of pairs that are farther. See ``closeness.py``."""
    pairs: int = 0
    """Pairs of the dataset that it rests on; 0 where classes say nothing."""


@dataclass(frozen=True)
class SearchResult:
    """The matches of a search, and how far to trust them."""

    matches: tuple[Match, ...]
    vote: tuple[tuple[int, float], ...]
    """(class, its share of the matches), largest first, equal shares by class."""
    verdict: Verdict | None
    """Whether the query's class is here, judged by its nearest, whatever is filtered; see ``ranking/verdict.py``. None
    where the dataset is too small to tell, or its classes say nothing."""
    timings: dict[str, float]
    """Seconds: ``gallery`` (open the network, load or compute the dataset's features), ``decode``, ``features``
    (of the examples, waiting for the model included), ``search``."""


def search(
    examples: Picture | int | Sequence[Example],
    question: Question,
    *,
    progress: Progress | None = None,
    galleries: Galleries | None = None,
) -> SearchResult:
    """The k nearest items to a picture or an item, or to several examples; equal distances by item id.

    One example is used as it is. Several become the mean of the L2-normalised vectors of positive weight minus
    that of negative weight, each times its weight (Rocchio 1971), made as long as those of positive weight are on
    average: metrics that look at lengths compare it with vectors of the dataset. Items used as examples are left out.
    ``progress`` counts pictures while features are computed; ``galleries`` are by default those of this process.
    InputError for no example, a weight of 0 or an item without features; ImageRefused for a bad picture; else as
    ``Galleries.open`` raises.
    """
    galleries, queries = galleries or shared(), _examples(examples)
    start = time.perf_counter()
    searched = galleries.open(question.dataset, question.spec, progress=progress)
    waited = time.perf_counter() - start

    def through(spec: FeatureSpec, square: np.ndarray) -> np.ndarray:
        return next(galleries.networks.get(spec).each(square[None]))[spec]

    result = within(searched, queries, question, through=through, galleries=galleries)
    return replace(result, timings={**result.timings, "gallery": waited + result.timings["gallery"]})


def within(
    searched: Gallery,
    examples: Picture | int | Sequence[Example],
    question: Question,
    *,
    through: Through,
    galleries: Galleries,
) -> SearchResult:
    """What ``search`` gives, of a gallery that is open.

    ``through(spec, square)`` turns what the network sees, (s, s, 3) uint8, into its vector: a server batches there.
    """
    queries = _examples(examples)
    start = time.perf_counter()
    known = galleries.calibrated(searched, question.metric)
    timings = {"gallery": time.perf_counter() - start, "decode": 0.0, "features": 0.0}
    vectors = [_vector(example, searched, question.spec, through, timings) for example in queries]
    start = time.perf_counter()
    alone = len(queries) == 1 and queries[0].weight > 0
    point = vectors[0] if alone else _rocchio(vectors, [example.weight for example in queries])
    used = {example.picture for example in queries if isinstance(example.picture, int)}
    own = int(np.searchsorted(searched.items, next(iter(used)))) if alone and used else None
    matches, verdict = _Search(searched, question, galleries, known, point, used, own).answer()
    timings["search"] = time.perf_counter() - start
    return SearchResult(matches, _vote(matches), verdict, timings)


def _examples(given: Picture | int | Sequence[Example]) -> list[Example]:
    queries = [Example(given)] if isinstance(given, Picture | int) else list(given)
    if not queries or any(not np.isfinite(example.weight) or example.weight == 0 for example in queries):
        raise InputError(f"expected examples with finite weights other than 0, got {len(queries)} of them")
    return queries


def seen(picture: Picture, spec: FeatureSpec, *, crop: images.Box = images.WHOLE) -> np.ndarray:
    """What the network sees of a picture, (s, s, 3) uint8; strangers' bytes are decoded in a child process."""
    preset = PRESETS[spec.preset]
    if isinstance(picture, np.ndarray):
        square = images.square(picture, spec.size, resample=preset.resample, crop=crop)
    else:
        square = images.load_square_isolated(picture, spec.size, resample=preset.resample, crop=crop)
    return changes.grey(square) if preset.grey else square


def _vector(
    example: Example, searched: Gallery, spec: FeatureSpec, run: Through, timings: dict[str, float]
) -> np.ndarray:
    item = example.picture
    if isinstance(item, int):
        row = int(np.searchsorted(searched.items, item))
        if row == len(searched.items) or searched.items[row] != item:
            if reason := searched.left_out.get(item):
                raise PicturesUnavailable(f"picture {item} of this dataset {reason}")
            raise InputError(f"expected an item with features, 0 … {searched.items.max()}; got {item}")
        return np.asarray(searched.vectors[row])
    start = time.perf_counter()
    square = seen(item, spec, crop=example.crop)
    decoded = time.perf_counter()
    vector = run(spec, square)
    timings["decode"] += decoded - start
    timings["features"] += time.perf_counter() - decoded
    return vector


@dataclass(frozen=True, eq=False)
class _Search:
    """A gallery, what is asked of it, and what its distances mean."""

    searched: Gallery
    question: Question
    galleries: Galleries
    known: Calibrated
    point: np.ndarray
    used: set[int]
    """Items that are examples."""
    own: int | None
    """Row of the only example, where that is an item."""

    def answer(self) -> tuple[tuple[Match, ...], Verdict | None]:
        """The matches, and how far to trust them."""
        searched, question, judge = self.searched, self.question, self.known.judge
        rows, near, around, nearest = self._nearest(self._wanted())
        judged = judge.verdict(nearest, searched.labels[around], self.known.scale) if judge and len(around) else None
        alike, pairs = self.known.similarity(near, nearest, row=self.own)
        enough = alike >= question.at_least
        rows, near, alike, pairs = (part[enough] for part in (rows, near, alike, pairs))
        if question.fold:
            first = _first_of_their_kind(searched.vectors[rows], question, self.known.scale)
            rows, near, alike, pairs = (part[first] for part in (rows, near, alike, pairs))
        items, labels = searched.items[rows].tolist(), searched.labels[rows].tolist()
        listed = zip(items, labels, near.tolist(), alike.tolist(), pairs.tolist(), strict=True)
        return tuple(Match(rank, *parts) for rank, parts in enumerate(list(listed)[: question.k], 1)), judged

    def _wanted(self) -> np.ndarray:
        """Which rows may be matches, (n,) bool."""
        searched, question = self.searched, self.question
        wanted = ~np.isin(searched.items, [*question.exclude, *self.used])
        if question.classes is not None:
            wanted &= np.isin(searched.labels, list(question.classes))
        return np.asarray(wanted)

    def _nearest(self, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Wanted rows, nearest first, and their distances, enough to have k left after folding; the same of all.

        All are those that are no examples, wanted or not: what the query lies among, at most ``closeness.NEAREST``.
        """
        searched, question, metric = self.searched, self.question, self.question.metric
        others, recipe = ~np.isin(searched.items, list(self.used)), recipes.of_index(question.index, metric)
        if recipe == "exact":
            vectors = self.galleries.prepared(searched, metric)
            row, rows = metrics.distances(self.point[None], vectors, metric)[0], np.flatnonzero(wanted)
            around = np.flatnonzero(others)
            far, near = row[around], row[rows]
        else:
            index = self.galleries.index(searched, metric, recipe)
            rows = index.candidates(self.point, question.k * (3 if question.fold else 1), np.flatnonzero(wanted))
            around = index.candidates(self.point, closeness.NEAREST, np.flatnonzero(others))
            parts = (around, rows)
            far, near = (metrics.distances(self.point[None], searched.vectors[part], metric)[0] for part in parts)
        ids, ranked = metrics.rank(near[None], max(1, len(rows) if question.fold else question.k))
        first, nearest = metrics.rank(far[None], closeness.NEAREST)
        return rows[ids[0]], ranked[0], around[first[0]], nearest[0]


def _first_of_their_kind(vectors: np.ndarray, question: Question, scale: float) -> list[int]:
    """Places of the vectors, best first, each of which repeats none chosen before it."""
    limit = compare.duplicate_limit(question.metric, scale)
    firsts: list[int] = []
    for place in range(len(vectors)):
        if len(firsts) == question.k:
            break
        gaps = metrics.distances(vectors[[place]], vectors[firsts], question.metric) if firsts else np.array([np.inf])
        if gaps.min() > limit:
            firsts.append(place)
    return firsts


def _vote(matches: Sequence[Match]) -> tuple[tuple[int, float], ...]:
    labels = [match.label for match in matches]
    shares = {label: labels.count(label) / len(labels) for label in labels}
    return tuple(sorted(shares.items(), key=lambda pair: (-pair[1], pair[0])))


def _rocchio(vectors: Sequence[np.ndarray], signed: Sequence[float]) -> np.ndarray:
    weights = np.array(signed)
    liked = weights > 0
    rows = np.array(vectors, np.float64)
    lengths = np.linalg.norm(rows, axis=1)
    shares = weights / np.where(liked, liked.sum(), (~liked).sum())
    mean = (shares / np.where(lengths > 0, lengths, 1)) @ rows
    length, typical = np.linalg.norm(mean), lengths[liked if liked.any() else ~liked].mean()
    return np.asarray(mean * (typical / length if length else 0), np.float32)


def document(result: SearchResult, dataset: datasets.Dataset) -> dict[str, Any]:
    """The result in plain types for JSON, with class titles and files."""
    rows = [
        {**vars(match), "class": dataset.classes[match.label], "file": dataset.items[match.item].shown}
        for match in result.matches
    ]
    vote = [{"class": dataset.classes[label], "share": share} for label, share in result.vote]
    verdict = result.verdict and {"class": dataset.classes[result.verdict.label], **result.verdict.plain()}
    return {"matches": rows, "vote": vote, "verdict": verdict, "timings": result.timings}
