"""What is stored of a layer, computed from its features: rankings and scores of its readouts × metrics, and maps."""

from collections.abc import Mapping

import numpy as np

from semsearch.models.catalog import FeatureSpec, Readout
from semsearch.ranking import metrics, projection, scores
from semsearch.store import artifacts

Drawing = tuple[projection.Project, artifacts.Maps]
"""How maps are drawn, and those of the layer before, from which the maps of a layer set out."""


def results(
    vectors: Mapping[FeatureSpec, np.ndarray], labels: np.ndarray, draw: Drawing | None = None
) -> artifacts.LayerResults:
    """The results of one layer from its features, (n, d) float32 by spec, and the label of each item, (n,).

    Without ``draw`` there are no maps.
    """
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
    everyone = np.arange(len(matrix))
    ids, distances = metrics.rank(matrix, len(matrix) - 1, exclude=everyone)
    hits = scores.hits(labels, labels[ids])
    top = hits[:, : scores.PUBLISHED_K]
    return (
        artifacts.Ranking(ids[:, : artifacts.DEPTH], distances[:, : artifacts.DEPTH], metrics.scale(matrix)),
        artifacts.Scores(
            scores.published_score(top), scores.count(top), scores.average_precision(hits, scores.relevant(labels))
        ),
    )
