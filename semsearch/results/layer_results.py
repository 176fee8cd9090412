"""What is stored of a layer, computed from its features: rankings and scores of its readouts × metrics, and maps."""

from collections.abc import Mapping

import numpy as np

from semsearch.models.catalog import FeatureSpec, Readout
from semsearch.ranking import metrics, projection, scores, sums
from semsearch.store import artifacts

_PAIRS = 2_000_000
"""Distances of queries of a sample that are in memory at once, under each metric."""
Drawing = tuple[projection.Project, artifacts.Maps]
"""How maps are drawn, and those of the layer before, from which the maps of a layer set out."""


def results(
    vectors: Mapping[FeatureSpec, np.ndarray],
    labels: np.ndarray,
    draw: Drawing | None = None,
    queries: np.ndarray | None = None,
) -> artifacts.LayerResults:
    """The results of one layer from its features, (n, d) float32 by spec, and the label of each item, (n,).

    Without ``draw`` there are no maps, nor with some rows as ``queries``, (m,) int: then memory grows with the items,
    not with their square, and scales are those of the pairs of queries.
    """
    if queries is not None:
        return _sampled(vectors, labels, queries)
    layer = artifacts.LayerResults({}, {}, {})
    for spec, rows in vectors.items():
        distances = metrics.pairwise(rows, tuple(metrics.METRICS))
        for metric, matrix in distances.items():
            ranked, scored = _ranking(matrix, labels)
            layer.rankings[spec.readout, metric] = ranked
            layer.scores[spec.readout, metric] = scored
        if draw:
            layer.maps.update(_maps(spec.readout, distances, labels, *draw))
    return layer


def _sampled(
    vectors: Mapping[FeatureSpec, np.ndarray], labels: np.ndarray, queries: np.ndarray
) -> artifacts.LayerResults:
    layer = artifacts.LayerResults({}, {}, {})
    relevant = scores.relevant(labels)[queries]
    for spec, rows in vectors.items():
        parts: dict[str, list[tuple[np.ndarray, ...]]] = {metric: [] for metric in metrics.METRICS}
        for some in sums.slices(len(queries), _PAIRS // len(rows)):
            chosen = queries[some]
            for metric, matrix in metrics.crosswise(rows[chosen], rows, tuple(metrics.METRICS)).items():
                parts[metric].append((*_ranked(matrix, labels, chosen, relevant[some]), matrix[:, queries]))
        for metric, columns in parts.items():
            ids, distances, *scored, among = (np.concatenate(column) for column in zip(*columns, strict=True))
            layer.rankings[spec.readout, metric] = artifacts.Ranking(ids, distances, metrics.scale(among))
            layer.scores[spec.readout, metric] = artifacts.Scores(*scored)
    return layer


def _maps(
    readout: Readout,
    distances: dict[str, np.ndarray],
    labels: np.ndarray,
    project: projection.Project,
    previous: artifacts.Maps,
) -> artifacts.Maps:
    """All maps of a readout: PCA of Euclidean distances; the others of cosine distances, begun at the layer before."""
    maps: artifacts.Maps = {}
    for kind in artifacts.KINDS:
        method, dimensions = kind[:-1], int(kind[-1])
        basis = distances["euclidean" if method == "pca" else "cosine"]
        before = previous.get((readout, kind))
        coordinates = projection.pca(distances["euclidean"], dimensions)
        if method == "pca" and before is not None:
            same = (coordinates.astype(np.float64) * before.coordinates).sum(0) >= 0
            coordinates = coordinates * np.where(same, 1, -1).astype(np.float32)
        elif before is not None:
            coordinates = projection.align(project(method, basis, before.coordinates), before.coordinates)
        elif method != "pca":
            coordinates = project(method, basis, coordinates)
        maps[readout, kind] = artifacts.Map(coordinates, projection.trust(basis, coordinates, labels))
    return maps


def _ranking(matrix: np.ndarray, labels: np.ndarray) -> tuple[artifacts.Ranking, artifacts.Scores]:
    """Top matches of every item by a distance matrix (n, n), and each item's scores over the full ranking."""
    ids, distances, *scored = _ranked(matrix, labels, np.arange(len(matrix)), scores.relevant(labels))
    return artifacts.Ranking(ids, distances, metrics.scale(matrix)), artifacts.Scores(*scored)


def _ranked(
    matrix: np.ndarray, labels: np.ndarray, queries: np.ndarray, relevant: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Of items (m,) by their distances (m, n): top matches, how far they are, and score, hits and average precision."""
    ids, distances = metrics.rank(matrix, matrix.shape[1] - 1, exclude=queries)
    hits = scores.hits(labels[queries], labels[ids])
    top = hits[:, : scores.PUBLISHED_K]
    first = slice(artifacts.DEPTH)
    average = scores.average_precision(hits, relevant)
    return ids[:, first], distances[:, first], scores.published_score(top), scores.count(top), average
