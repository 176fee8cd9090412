"""A store written straight from features: points whose rankings are known by hand, the same for all ways."""

import numpy as np

from semsearch import artifacts, metrics, scores
from semsearch.catalog import WAYS, model

MODEL = "mobilenetv2"


def results(features, labels):
    """LayerResults of (n, d) features."""
    found = artifacts.LayerResults({}, {}, {})
    everyone = np.arange(len(features))
    for metric, matrix in metrics.pairwise(features, artifacts.METRICS).items():
        ids, distances = metrics.rank(matrix, len(features) - 1, exclude=everyone)
        hits = scores.hits(labels, labels[ids])
        top = hits[:, : scores.PUBLISHED_K]
        average = scores.average_precision(hits, scores.relevant(labels))
        for way in WAYS:
            cut = slice(artifacts.DEPTH)
            found.rankings[*way, metric] = artifacts.Ranking(ids[:, cut], distances[:, cut], metrics.scale(matrix))
            found.scores[*way, metric] = artifacts.Scores(scores.published_score(top), scores.count(top), average)
    for way in WAYS:
        for kind in artifacts.KINDS:
            found.maps[*way, kind] = features[:, :2].astype(np.float32)
    return found


def write_store(root, dataset, features, labels):
    """A sealed store with one unit of that dataset, every layer alike."""
    folder = root / dataset / MODEL
    for layer in model(MODEL).layers:
        artifacts.write_layer(folder, layer.name, results(features, labels))
    facts = {"key": "k", "dataset": dataset, "model": MODEL, "items": list(range(len(labels)))}
    artifacts.write_unit(folder, facts)
    artifacts.seal(root)
    return root
