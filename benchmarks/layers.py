"""Milliseconds of each layer of each model by itself, as the fast engine runs them.

    python -m benchmarks.layers [--models mobilenetv2 vgg16] [--rounds 20] [--out precomputed/layer_latency.json]

A network is made without weights, for its speed does not depend on them, and converted whole. One picture at a time
goes through it at native size while OpenVINO measures each of its steps; what is written is the median over the
rounds, after three to warm up. A step that does the work of several layers, as a convolution with the normalisation
and the activation behind it, counts for the first of them. The Model explorer shows what is in the file; models that
are not measured now keep their old numbers if they came from the same machine.
"""

import argparse
import os
import statistics
import warnings
from collections import defaultdict
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np  # noqa: E402

from benchmarks import needs  # noqa: E402
from benchmarks.latency import WARM_UP, machine  # noqa: E402
from semsearch.features import openvino_engine  # noqa: E402
from semsearch.models import catalog, fields, graphs, layers  # noqa: E402
from semsearch.results import latencies  # noqa: E402
from semsearch.settings import cores, settings  # noqa: E402


def measure(model: str, rounds: int) -> dict[str, float]:
    """Median milliseconds by layer, of those that are steps of their own."""
    size = catalog.model(model).size
    request, owners = _compiled(model, size)
    picture = np.random.default_rng(0).normal(size=(1, size, size, 3)).astype(np.float32)
    taken: dict[str, list[float]] = defaultdict(list)
    for number in range(WARM_UP + rounds):
        request.infer({0: picture})
        if number < WARM_UP:
            continue
        now: dict[str, float] = defaultdict(float)
        for step in request.profiling_info:
            if layer := owners.get(step.node_name):
                now[layer] += 1_000 * step.real_time.total_seconds()
        for layer, milliseconds in now.items():
            taken[layer].append(milliseconds)
    return {name: round(statistics.median(values), 3) for name, values in taken.items() if any(values)}


def _compiled(model: str, size: int) -> tuple[Any, dict[str, str]]:
    """A request of the whole network that measures its steps, and the layer for which each step counts."""
    import keras

    openvino, network = openvino_engine._openvino(), graphs.build(model, size=size)
    outputs = {layer.name: network.get_layer(layer.name).output for layer in layers.table(model)[1:]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        copy = openvino_engine._copy_of(keras.Model([network.input], list(outputs.values())))
    copy.reshape([1, size, size, 3])
    last = None
    for name, tensor in outputs.items():
        output = next(output for output in copy.outputs if tensor.name in output.get_names())  # one of its copies
        last = output.get_node().input_value(0)
        _name(last.get_node(), name)
    whole = openvino.Model([openvino.opset13.result(last)], copy.get_parameters())
    plan = {**openvino_engine.PLAN, "NUM_STREAMS": cores(), "INFERENCE_NUM_THREADS": cores(), "PERF_COUNT": True}
    compiled = openvino_engine._core().compile_model(whole, "CPU", plan)
    return compiled.create_infer_request(), _owners(model, compiled)


def _name(node: Any, layer: str) -> None:  # noqa: ANN401
    """Call all that a layer is made of by its name, from its output back to what was named before."""
    waiting, number = [node], 0
    while waiting:
        node = waiting.pop()
        if node.get_type_name() in ("Parameter", "Constant") or node.get_friendly_name().startswith("@"):
            continue
        node.set_friendly_name(f"@{layer}@{number}")
        number += 1
        waiting += [entry.get_source_output().get_node() for entry in node.inputs()]


def _owners(model: str, compiled: Any) -> dict[str, str]:  # noqa: ANN401
    """{step: layer} of those that do the work of layers."""
    by_name = {row.name: row for row in layers.table(model)}
    owners = {}
    for step in compiled.get_runtime_model().get_ops():
        facts = step.get_rt_info()
        parts = str(facts["originalLayersNames"].astype(str)) if "originalLayersNames" in facts else ""
        named = [part.split("@")[1] for part in parts.split(",") if part.startswith("@")]
        if not named:
            continue
        row = min((by_name[name] for name in named), key=lambda row: row.index)
        before = by_name[row.parents[0]]
        folded = row.kind == "BatchNormalization" and before.kind in fields.CONVOLUTIONS
        owners[step.get_friendly_name()] = (before if folded else row).name
    return owners


def main() -> None:
    """Measure, print the slowest layers and write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    shipped = [model.name for model in catalog.models().values() if not model.added]
    parser.add_argument("--models", nargs="+", choices=catalog.models(), default=shipped)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--out", type=Path, default=settings().precomputed / latencies.EACH_LAYER)
    given = parser.parse_args()
    here = machine()
    before = latencies.read(given.out)
    found = dict(before.models) if before and before.machine == here else {}
    print(f"{here}; load {os.getloadavg()[0]:.1f} at the start; median of {given.rounds} rounds")
    print("| model | steps | ms in all | slowest layer | its ms |\n|---|---|---|---|---|")
    for model in given.models:
        found[model] = taken = measure(model, given.rounds)
        name = max(taken, key=lambda name: taken[name])
        title, whole = catalog.model(model).title, sum(taken.values())
        print(f"| {title} | {len(taken)} | {whole:.1f} | {name} | {taken[name]:.2f} |", flush=True)
        latencies.write(given.out, latencies.Latency(here, found))
    print(f"load {os.getloadavg()[0]:.1f} at the end; written to {given.out}")


if __name__ == "__main__":
    needs.run(main)
