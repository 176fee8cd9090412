"""A store written straight from features: points whose rankings are known by hand, the same for all ways."""

import shutil

import numpy as np

from semsearch.data import datasets
from semsearch.models.catalog import model
from semsearch.ranking import metrics, projection, scores
from semsearch.results.extent import FULL
from semsearch.store import artifacts, units

MODEL = "mobilenetv2"


def results(features, labels, how_much=FULL):
    """LayerResults of (n, d) features."""
    found = artifacts.LayerResults({}, {}, {})
    everyone = np.arange(len(features))
    for metric, matrix in metrics.pairwise(features, artifacts.METRICS).items():
        ids, distances = metrics.rank(matrix, len(features) - 1, exclude=everyone)
        hits = scores.hits(labels, labels[ids])
        top = hits[:, : scores.PUBLISHED_K]
        average = scores.average_precision(hits, scores.relevant(labels))
        for readout in how_much.readouts:
            cut = slice(artifacts.DEPTH)
            found.rankings[readout, metric] = artifacts.Ranking(ids[:, cut], distances[:, cut], metrics.scale(matrix))
            found.scores[readout, metric] = artifacts.Scores(scores.published_score(top), scores.count(top), average)
    matrix = metrics.pairwise(features, ["euclidean"])["euclidean"]
    for readout in how_much.readouts if how_much.maps else ():
        for kind in artifacts.KINDS:
            drawn = np.resize(features.T, (int(kind[-1]), len(features))).T.astype(np.float32)
            found.maps[readout, kind] = artifacts.Map(drawn, projection.trust(matrix, drawn, labels))
    return found


def write_store(root, dataset, features, labels, *, name=MODEL, how_much=FULL):
    """A sealed store with a unit of that dataset, every layer alike."""
    folder = root / dataset / name
    first, *others = [layer.name for layer in model(name).layers]
    artifacts.write_layer(folder, first, results(features, labels, how_much))
    for other in others:
        shutil.copyfile(folder / f"{first}.npz", folder / f"{other}.npz")
    known = datasets.load(dataset).content_hash if dataset in datasets.names() else ""
    facts = {"key": "k", "dataset": dataset, "dataset_hash": known, "model": name, "items": list(range(len(labels)))}
    units.write_unit(folder, {**facts, **how_much.facts, "schema": artifacts.SCHEMA})
    units.seal(root)
    return root
