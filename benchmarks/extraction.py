"""Images per second of six ways to get the same features, side by side in one run.

    python -m benchmarks.extraction [--models mobilenetv2 vgg16] [--pictures 200] [--rounds 9]

The ways take turns within each round (A B C … A B C …), so that a busy machine slows all of them alike;
the table shows medians over the rounds, and each ratio is the median of the rounds' own ratios.
Photos are those of groceries200, as JPEG files; the pooling is the spatial mean. Way (g) is no way to features:
it prepares the pictures and stops. Work on one set of cores adds up, so the most that (f) can reach is
1 / (1/e + 1/g); what is lost to waiting is the rest.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np  # noqa: E402

from benchmarks import needs  # noqa: E402
from semsearch import images  # noqa: E402
from semsearch.data import datasets
from semsearch.features import FeatureExtractor  # noqa: E402
from semsearch.features.engines import TensorFlowEngine, preprocess  # noqa: E402
from semsearch.features.openvino_engine import OpenVINOEngine  # noqa: E402
from semsearch.models import catalog, weights
from semsearch.models.catalog import FeatureSpec  # noqa: E402
from semsearch.settings import cores  # noqa: E402

TARGETS = (
    ("eight layers / last layer, cost", "last", "eight", "≤", {"": 1.25}),
    ("fast, last layer / predict", "last", "predict", "≥", {"mobilenetv2": 8, "vgg16": 1.5}),
    ("fast, eight layers / eight sub-models", "eight", "submodels", "≥", {"mobilenetv2": 25}),
    ("end to end / pure forward", "files", "eight", "≥", {"": 0.85}),
)
"""Title, numerator, denominator (both in images/s), direction, target by model ("" is every model)."""


@dataclass(frozen=True)
class Way:
    """One way to get features: ``run`` takes that many pictures and returns when their vectors are there."""

    key: str
    title: str
    pictures: int
    run: Callable[[], object]


def keras_ways(model: str, batch: np.ndarray, pictures: int) -> list[Way]:
    """``model.predict`` one picture at a time, with one model and with eight."""
    import keras

    network = weights.load_model(model, size=batch.shape[1])

    def pooled(layer: str) -> keras.Model:
        return keras.Model(network.input, keras.ops.mean(network.get_layer(layer).output, (1, 2)))

    models = [pooled(layer.name) for layer in catalog.model(model).layers]
    few = max(2, pictures // 8)

    def predict(chosen: list, count: int) -> None:
        for i in range(count):
            for each in chosen:
                each.predict(batch[i : i + 1], verbose=0)

    return [
        Way("predict", "(a) predict, one at a time, last layer", few, lambda: predict(models[-1:], few)),
        Way("submodels", "(b) predict, eight sub-models", max(2, few // 4), lambda: predict(models, max(2, few // 4))),
    ]


def ways(model: str, files: list[Path]) -> list[Way]:
    """All ways, loaded; as many of the photos as the fast engine takes in a second, so that rounds stay short."""
    facts = catalog.model(model)
    specs = [FeatureSpec(model, layer.name, "avg") for layer in facts.layers]
    outputs = [(spec.layer, spec.pooling) for spec in specs]
    extractor = FeatureExtractor(specs, engine="openvino")

    def prepare(path: Path) -> np.ndarray:
        photo = images.load(path, at_least=facts.size)
        return preprocess(images.resize(photo, facts.size, resample="antialias")[None], model)

    def prepare_all() -> None:
        with ThreadPoolExecutor(cores() + 1) as pool:
            list(pool.map(prepare, files))

    batch = np.concatenate([prepare(path) for path in files])
    last = OpenVINOEngine(model, outputs[-1:], size=facts.size)
    eight = OpenVINOEngine(model, outputs, size=facts.size)
    start = time.perf_counter()
    eight.run(batch[:8])
    count = min(len(files), max(8, int(8 / (time.perf_counter() - start))))
    files, batch = files[:count], batch[:count]
    few = batch[: max(2, len(files) // 4)]
    reference = TensorFlowEngine(model, outputs, size=facts.size)
    return [
        *keras_ways(model, batch, len(files)),
        Way("graph", "(c) tf.function, eight layers in one pass", len(few), lambda: reference.run(few)),
        Way("last", "(d) fast engine, last layer", len(files), lambda: last.run(batch)),
        Way("eight", "(e) fast engine, eight layers in one pass", len(files), lambda: eight.run(batch)),
        Way("files", "(f) fast engine, end to end from JPEG files", len(files), lambda: extractor.extract(files)),
        Way("prepare", "(g) decode, resize, preprocess alone", len(files), prepare_all),
    ]


def measure(chosen: list[Way], rounds: int) -> dict[str, list[float]]:
    """Images per second of each way in each round, after one round to warm up."""
    rates: dict[str, list[float]] = {way.key: [] for way in chosen}
    for number in range(rounds + 1):
        for way in chosen:
            start = time.perf_counter()
            way.run()
            if number:
                rates[way.key].append(way.pictures / (time.perf_counter() - start))
    return rates


def report(model: str, chosen: list[Way], rates: dict[str, list[float]]) -> None:
    """Print the table of one model."""
    print(f"\n{catalog.model(model).title}, {catalog.model(model).size} px")
    for way in chosen:
        values = rates[way.key]
        print(f"  {way.title:46} {statistics.median(values):8.1f} images/s  ({min(values):.1f}–{max(values):.1f})")
    bound = [1 / (1 / e + 1 / g) for e, g in zip(rates["eight"], rates["prepare"], strict=True)]
    share = statistics.median(f / most for f, most in zip(rates["files"], bound, strict=True))
    print(f"  {'end to end / the most the cores allow':46} {share:8.2f}")
    for title, over, under, direction, by_model in TARGETS:
        ratio = statistics.median(a / b for a, b in zip(rates[over], rates[under], strict=True))
        target = by_model.get(model, by_model.get(""))
        verdict = ""
        if target is not None:
            met = ratio <= target if direction == "≤" else ratio >= target
            verdict = f"target {direction} {target}: {'met' if met else 'MISSED'}"
        print(f"  {title:46} {ratio:8.2f}            {verdict}")


def main() -> None:
    """Measure the models asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=["mobilenetv2", "vgg16"], choices=catalog.models())
    parser.add_argument("--pictures", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=9)
    given = parser.parse_args()
    needs.get(models=given.models, sets=["groceries200"])
    dataset = datasets.load("groceries200")
    files = [dataset.path(item.id) for item in dataset.items[: given.pictures]]
    print(f"{cores()} cores, load {os.getloadavg()[0]:.1f} at the start, {len(files)} photos, {given.rounds} rounds")
    for model in given.models:
        chosen = ways(model, files)
        report(model, chosen, measure(chosen, given.rounds))
    print(f"\nload {os.getloadavg()[0]:.1f} at the end")


if __name__ == "__main__":
    needs.run(main)
