"""Milliseconds of one picture through the fast engine, from its network input to each of a model's eight layers.

    python -m benchmarks.latency [--models mobilenetv2 vgg16] [--rounds 50] [--out precomputed/latency.json]

For each layer the network is cut there, at the model's native size and with the spatial mean, and one picture at a
time goes through it; the table and the file hold medians over the rounds, after three to warm up. Decoding and
resizing are not in it. The layers of a model take turns within a round, so that a busy machine slows all alike.
The leaderboard of the app shows what is in the file; models that are not measured now keep their old numbers if
they came from the same machine.
"""

import argparse
import os
import platform
import statistics
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np  # noqa: E402

from benchmarks import needs  # noqa: E402
from semsearch.features.openvino_engine import OpenVINOEngine  # noqa: E402
from semsearch.models import catalog  # noqa: E402
from semsearch.results import experiments, latencies
from semsearch.settings import cores, settings  # noqa: E402

WARM_UP = 3


WIDEST = {"avx512f": "AVX-512", "avx2": "AVX2"}
"""Instructions that convolutions run on, by the kernel's word for them: a processor of one name may have either."""


def machine() -> str:
    """This machine in one line, without names of its own."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").is_file() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    flags = next((line.split() for line in lines if line.startswith("flags")), [])
    widest = next((f" with {title}" for flag, title in WIDEST.items() if flag in flags), "")
    return f"{names[0] if names else platform.machine()}, {cores()} cores{widest}, OpenVINO in float32"


def measure(model: str, rounds: int) -> dict[str, float]:
    """Median milliseconds by layer."""
    facts = catalog.model(model)
    engines = {layer.name: OpenVINOEngine(model, [(layer.name, "avg")], size=facts.size) for layer in facts.layers}
    picture = np.random.default_rng(0).normal(size=(1, facts.size, facts.size, 3)).astype(np.float32)
    taken: dict[str, list[float]] = {name: [] for name in engines}
    for number in range(WARM_UP + rounds):
        for name, engine in engines.items():
            start = time.perf_counter()
            engine.run(picture)
            if number >= WARM_UP:
                taken[name].append(1_000 * (time.perf_counter() - start))
    return {name: round(statistics.median(values), 2) for name, values in taken.items()}


def stored_models() -> list[str]:
    """Models with stored results of any dataset, in catalogue order."""
    store = experiments.open_store()
    found = {model for dataset in store.datasets for model in store.models(dataset)}
    return [name for name in catalog.models() if name in found]


def main() -> None:
    """Measure, print the table and write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", choices=catalog.models(), help="default: all with stored results")
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--out", type=Path, default=settings().precomputed / latencies.FILE)
    given = parser.parse_args()
    chosen = given.models or stored_models()
    needs.get(models=chosen, sets=["groceries200"])
    here = machine()
    before = latencies.read(given.out)
    found = dict(before.models) if before and before.machine == here else {}
    print(f"{here}; load {os.getloadavg()[0]:.1f} at the start; median of {given.rounds} rounds")
    print("| model | " + " | ".join(f"layer {place}" for place in range(1, 9)) + " |\n|---|" + "---|" * 8)
    for model in chosen:
        found[model] = measure(model, given.rounds)
        print(f"| {catalog.model(model).title} | " + " | ".join(f"{ms:.1f}" for ms in found[model].values()) + " |")
    latencies.write(given.out, latencies.Latency(here, found))
    print(f"ms per picture up to each layer; load {os.getloadavg()[0]:.1f} at the end; written to {given.out}")


if __name__ == "__main__":
    needs.run(main)
