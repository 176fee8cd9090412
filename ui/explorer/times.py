"""Milliseconds that were measured on some machine, where the store has them."""

from semsearch.results import latencies
from semsearch.results.latencies import Latency
from ui import resources


def each_layer(model: str) -> Latency | None:
    """Of each layer of a model by itself; None where they were not measured."""
    return _with(model, latencies.EACH_LAYER)


def up_to_layers(model: str) -> Latency | None:
    """Up to each of its eight layers, likewise."""
    return _with(model, latencies.FILE)


def _with(model: str, file: str) -> Latency | None:
    measured = latencies.read(resources.store().root / file)
    return measured if measured and model in measured.models else None
