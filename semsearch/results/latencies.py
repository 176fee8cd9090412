"""How long a picture takes to each layer, as measured on one machine and stored beside the results."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from semsearch.files import sealed
from semsearch.files.storage import read_here
from semsearch.models.catalog import FeatureSpec

FILE = "latency.json"
"""Beside the manifest of a store: up to each of the eight layers."""
EACH_LAYER = "layer_latency.json"
"""Beside it: what each layer takes by itself."""
_SEAL = b'"digest"'


@dataclass(frozen=True)
class Latency:
    """Measured milliseconds of one picture through the fast engine, by model and layer."""

    machine: str
    models: Mapping[str, Mapping[str, float]]


def write(path: Path, measured: Latency) -> None:
    """Keep what was measured, sealed; StorageError when it cannot be."""
    sealed.write(path, {"machine": measured.machine, "models": measured.models})


def read(path: Path) -> Latency | None:
    """What ``write`` wrote; IntegrityError when it is damaged.

    None without the file, and for one from before such files were sealed, which nobody can tell from a damaged one.
    """
    data = read_here(path)
    if data is None or _SEAL not in data:
        return None
    facts = sealed.from_bytes(data, str(path), cure="measure again with `python -m benchmarks.latency`, or delete it")
    return Latency(facts["machine"], facts["models"])


def milliseconds(measured: Latency | None, spec: FeatureSpec) -> float:
    """Of one picture up to a layer, pooled; NaN when it was not measured."""
    return measured.models.get(spec.model, {}).get(spec.layer, float("nan")) if measured else float("nan")
