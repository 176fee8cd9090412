"""A dataset of ten thousand pictures with a whole grid of results, made up in seconds: features on a line."""

import os

import numpy as np

from semsearch.data import datasets
from semsearch.models import catalog
from semsearch.models.catalog import READOUTS
from semsearch.ranking import scores
from semsearch.ranking.projection import Trust
from semsearch.store import artifacts, units
from tests.worlds.files.bitmaps import write_bmp

NAME, ITEMS, CLASSES = "large", 10_000, 40
MODELS = ("vgg16", "mobilenet", "mobilenetv2", "xception", "inceptionv3", "efficientnetlite0")
REACH = 60
"""Places to each side on the line among which the nearest are looked for."""


def add(folder):
    """Write the pictures below ``folder``, no two alike, and register them."""
    for item in range(ITEMS):
        kind = item * CLASSES // ITEMS
        write_bmp(folder / f"kind {kind}" / f"{item}.bmp", (item % 256, item // 256, 90))
    return datasets.add(NAME, folder)


def ranking(places):
    """The nearest of each item by the distance of their places on a line, (n,)."""
    order = np.argsort(places, kind="stable")
    window = np.delete(np.arange(-REACH, REACH + 1), REACH)
    around = order[np.clip(np.arange(len(order))[:, None] + window, 0, len(order) - 1)]
    away = np.abs(places[around] - places[order][:, None])
    edge = np.arange(len(order))[:, None] + window
    away[(edge < 0) | (edge >= len(order))] = np.inf
    nearest = np.argsort(away, axis=1, kind="stable")[:, : artifacts.DEPTH]
    ids, distances = np.empty((2, len(order), artifacts.DEPTH))
    ids[order], distances[order] = (np.take_along_axis(part, nearest, 1) for part in (around, away))
    return artifacts.Ranking(ids.astype(np.int32), distances.astype(np.float32), float(places.std()))


def results(labels):
    """LayerResults in which the places on the line are others for each pooling, and for angles than for lengths.

    Average precision is that of the fifty nearest; the maps are clouds, their figures of trust made up.
    """
    draw = np.random.default_rng(0)
    found = artifacts.LayerResults({}, {}, {})
    for readout in READOUTS.values():
        for metrics in (artifacts.METRICS[:2], artifacts.METRICS[2:]):
            ranked = ranking(labels + draw.normal(scale=draw.uniform(0.5, 5), size=len(labels)))
            hits = scores.hits(labels, labels[ranked.ids])
            top = hits[:, : scores.PUBLISHED_K]
            average = scores.average_precision(hits, scores.relevant(labels))
            own = artifacts.Scores(scores.published_score(top), scores.count(top), average)
            found.rankings.update({(readout, metric): ranked for metric in metrics})
            found.scores.update({(readout, metric): own for metric in metrics})
        for kind in artifacts.KINDS:
            drawn = draw.normal(size=(len(labels), int(kind[-1]))) + labels[:, None] % 7
            kept = draw.integers(0, 16, len(labels)).astype(np.uint8)
            trust = Trust(*draw.uniform(0.5, 1, size=4), kept_neighbours=kept)
            found.maps[readout, kind] = artifacts.Map(drawn.astype(np.float32), trust)
    return found


def write_store(root, dataset):
    """A sealed store of all the models that the shipped one holds, all layers alike."""
    labels, made = dataset.labels, root / "made"
    artifacts.write_layer(made, "layer", results(labels))
    for model in MODELS:
        folder = root / dataset.name / model
        folder.mkdir(parents=True)
        for layer in catalog.model(model).layers:
            os.link(made / "layer.npz", folder / f"{layer.name}.npz")
        facts = {"key": "k", "dataset": dataset.name, "dataset_hash": dataset.content_hash, "model": model}
        units.write_unit(folder, {**facts, "items": list(range(len(labels))), "schema": artifacts.SCHEMA})
    units.seal(root)
    return root
