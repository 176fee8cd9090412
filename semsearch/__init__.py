"""semsearch: image search with convolutional networks, to explore, to understand and to use.

The names below are the public door; each is loaded when first asked for, so ``import semsearch`` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from semsearch.data.datasets import load as load_dataset
    from semsearch.errors import SemsearchError
    from semsearch.features import FeatureExtractor
    from semsearch.images import load as load_image
    from semsearch.models.catalog import FeatureSpec, models
    from semsearch.ranking.metrics import distances, rank, similarity
    from semsearch.results.experiments import Experiment, matches, open_store, summary

_DOOR = {
    "Experiment": "results.experiments",
    "FeatureExtractor": "features",
    "FeatureSpec": "models.catalog",
    "SemsearchError": "errors",
    "distances": "ranking.metrics",
    "load_dataset": "data.datasets:load",
    "load_image": "images:load",
    "matches": "results.experiments",
    "models": "models.catalog",
    "open_store": "results.experiments",
    "rank": "ranking.metrics",
    "similarity": "ranking.metrics",
    "summary": "results.experiments",
}
__all__ = [
    "Experiment",
    "FeatureExtractor",
    "FeatureSpec",
    "SemsearchError",
    "distances",
    "load_dataset",
    "load_image",
    "matches",
    "models",
    "open_store",
    "rank",
    "similarity",
    "summary",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
    if name not in _DOOR:
        raise AttributeError(f"module 'semsearch' has no attribute {name!r}; it has {', '.join(__all__)}")
    module, _, attribute = _DOOR[name].partition(":")
    return getattr(import_module(f"semsearch.{module}"), attribute or name)


def __dir__() -> list[str]:
    return __all__
