"""How far to trust the answer to "why similar", and how long it takes.

    python -m benchmarks.why [--pairs 200] [--model mobilenetv2] [--layer Conv_1]

Deletion (Petsiuk et al. 2018): of seeded pairs of groceries200, each a query and one of its 15 nearest by cosine, the
hottest 30 % of the query are painted over with its mean colour, and it goes through the network again. Printed is the
share of pairs in which this lowers the similarity more than painting over a random region of the same shape and size,
and than a centred box of the same size; then the same at the layer itself, where the same share of positions of the map
is silenced. Last, the milliseconds of an answer of the service to the first visitor and to those after.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks import needs
from semsearch import images
from semsearch.data import datasets
from semsearch.explain import regions
from semsearch.explain.agreement import Agreement, agreement, layer_map
from semsearch.features import FeatureExtractor
from semsearch.live.reasons import Why
from semsearch.live.search import Example
from semsearch.live.serving import Service
from semsearch.models import catalog
from semsearch.models.catalog import PRESETS, READOUTS, FeatureSpec
from semsearch.ranking import metrics

DATASET, AREA, NEAREST = "groceries200", 0.3, 15


@dataclass(frozen=True, eq=False)
class Pictures:
    """Pictures as a network sees them, their maps of a layer, and their features of a spec."""

    spec: FeatureSpec
    network: FeatureExtractor
    squares: np.ndarray
    maps: np.ndarray
    features: np.ndarray

    def again(self, squares: Sequence[np.ndarray]) -> np.ndarray:
        """Features of other squares."""
        return np.stack([vectors[self.spec] for vectors in self.network.each(np.stack(squares))])


def pictures(spec: FeatureSpec, most: int) -> Pictures:
    """The first pictures of the dataset through the network, ``most`` at most."""
    dataset, flat = datasets.load(DATASET), FeatureSpec(spec.model, spec.layer, "flatten", spec.preset)
    network, resample = FeatureExtractor([spec, flat]), PRESETS[spec.preset].resample
    paths = [dataset.path(item.id) for item in dataset.items[:most]]
    squares = np.stack([images.load_square(path, spec.size, resample=resample) for path in paths])
    vectors = list(network.each(squares))
    maps = np.stack([layer_map(row[flat], spec) for row in vectors])
    return Pictures(spec, network, squares, maps, np.stack([row[spec] for row in vectors]))


def pairs(features: np.ndarray, count: int) -> list[tuple[int, int]]:
    """Seeded pairs: a query, and one of its nearest."""
    draw, order = np.random.default_rng(0), np.arange(len(features))
    nearest, _ = metrics.rank(metrics.pairwise(features, ["cosine"])["cosine"], NEAREST, exclude=order)
    return [(int(q), int(draw.choice(nearest[q]))) for q in draw.integers(len(features), size=count)]


def masks(hot: np.ndarray, draw: np.random.Generator) -> list[np.ndarray]:
    """The hot region of a square, the same elsewhere, and a centred box of its size."""
    rows, columns = hot.shape
    elsewhere = np.roll(hot, (int(draw.integers(1, rows)), int(draw.integers(1, columns))), (0, 1))
    distance = np.maximum(*np.meshgrid(*(abs(np.arange(n) - (n - 1) / 2) for n in hot.shape), indexing="ij"))
    centre = np.zeros(hot.size, bool)
    centre[np.argsort(distance, axis=None, kind="stable")[: hot.sum()]] = True
    return [hot, elsewhere, centre.reshape(hot.shape)]


def in_the_picture(seen: Pictures, query: int, heat: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """Features of the query without its hot region, another one, and its centre, (3, d)."""
    square = seen.squares[query]
    colour = square.mean((0, 1)).astype(np.uint8)
    hidden = masks(regions.hottest(heat, len(square), AREA), draw)
    return seen.again([np.where(mask[..., None], colour, square) for mask in hidden])


def in_the_map(seen: Pictures, query: int, heat: np.ndarray, draw: np.random.Generator) -> list[np.ndarray]:
    """The map of the query without its hottest positions, others, and its centre."""
    hot = np.zeros(heat.size, bool)
    hot[np.argsort(-heat, axis=None, kind="stable")[: max(1, round(AREA * heat.size))]] = True
    hidden = masks(hot.reshape(heat.shape), draw)
    return [np.where(mask[..., None], 0, seen.maps[query]) for mask in hidden]


def drops(seen: Pictures, chosen: Sequence[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    """How much the similarity falls without the hot region, another and the centre: in the picture and in the map.

    Each is (pairs, 3).
    """
    draw, pooling = np.random.default_rng(1), seen.spec.pooling
    painted, silenced = [], []
    for query, match in chosen:
        found = agreement(seen.maps[query], seen.maps[match], pooling, "cosine")
        rows = in_the_picture(seen, query, found.heat[0], draw)
        far = metrics.distances(rows, seen.features[[match]], "cosine")[:, 0]
        painted.append(found.value - (1 - far))
        without = in_the_map(seen, query, found.heat[0], draw)
        silenced.append([found.value - _value(one, seen.maps[match], pooling) for one in without])
    return np.array(painted), np.array(silenced)


def _value(a: np.ndarray, b: np.ndarray, pooling: str) -> float:
    found: Agreement = agreement(a, b, pooling, "cosine")
    return found.value


def wins(fallen: np.ndarray) -> tuple[float, float]:
    """In how many pairs the hot region counts for more than another, and than the centre, as shares."""
    return float((fallen[:, 0] > fallen[:, 1]).mean()), float((fallen[:, 0] > fallen[:, 2]).mean())


def answers(model: str, layer: str, rounds: int) -> list[float]:
    """Milliseconds of answers of a service of its own, the first with all that has to be loaded."""
    dataset, service = datasets.load(DATASET), Service()
    draw, spec, took = np.random.default_rng(2), FeatureSpec(model, layer, "avg"), []
    try:
        for a, b in draw.integers(len(dataset.items), size=(rounds, 2)).tolist():
            start = time.perf_counter()
            service.explain(Why(Example(dataset.path(a)), [Example(dataset.path(b))], spec)).result()
            took.append(1000 * (time.perf_counter() - start))
    finally:
        service.close()
    return took


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("--model", choices=catalog.models(), default="mobilenetv2")
    parser.add_argument("--layer", default="Conv_1")
    given = parser.parse_args()
    needs.get(models=[given.model], sets=[DATASET])
    print(f"{given.pairs} pairs of {DATASET}, {given.model} {given.layer}, cosine")
    print(
        "| pooling | method | painted: > random | > centre | silenced: > random | > centre |\n|---|---|--:|--:|--:|--:|"
    )
    percent: Callable[[float], str] = "{:.1%}".format
    for readout in READOUTS.values():
        seen = pictures(readout.spec(given.model, given.layer), 200)
        painted, silenced = drops(seen, pairs(seen.features, given.pairs))
        cells = " | ".join(percent(share) for share in (*wins(painted), *wins(silenced)))
        method = "by gradient" if readout.pooling == "gem" else "exact"
        print(f"| {readout.title} | {method} | {cells} |", flush=True)
    first, *rest = answers(given.model, given.layer, 50)
    print(
        f"an answer: the first {first:.0f} ms, then median {np.median(rest):.0f}, p95 {np.percentile(rest, 95):.0f} ms"
    )


if __name__ == "__main__":
    needs.run(main)
