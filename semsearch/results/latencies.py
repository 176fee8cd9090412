"""How long a picture takes to each layer, as measured on one machine and stored beside the results."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from semsearch.errors import IntegrityError
from semsearch.files.storage import read_here
from semsearch.models.catalog import FeatureSpec

FILE = "latency.json"
"""Beside the manifest of a store."""


@dataclass(frozen=True)
class Latency:
    """Measured milliseconds of one picture through the fast engine, up to a layer."""

    machine: str
    models: Mapping[str, Mapping[str, float]]


def read(path: Path) -> Latency | None:
    """What ``benchmarks/latency.py`` wrote there; None without the file, IntegrityError when it is damaged."""
    if (data := read_here(path)) is None:
        return None
    try:
        document = json.loads(data)
        times = {str(m): {str(y): float(ms) for y, ms in by.items()} for m, by in document["models"].items()}
        return Latency(str(document["machine"]), times)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        cure = "measure again with `python -m benchmarks.latency`, or delete it"
        raise IntegrityError(f"{path} holds no latencies ({error}); {cure}") from error


def milliseconds(measured: Latency | None, spec: FeatureSpec) -> float:
    """Of one picture up to a layer, pooled; NaN when it was not measured."""
    return measured.models.get(spec.model, {}).get(spec.layer, float("nan")) if measured else float("nan")
