"""semsearch: image search with convolutional networks, to explore, to understand and to use.

The names below are the public door; each is loaded when first asked for, so ``import semsearch`` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from semsearch.catalog import FeatureSpec, models
    from semsearch.datasets import load as load_dataset
    from semsearch.errors import SemsearchError
    from semsearch.experiments import Experiment, matches, open_store, summary
    from semsearch.features import FeatureExtractor
    from semsearch.images import load as load_image
    from semsearch.metrics import distances, rank, similarity

_DOOR = {
    "Experiment": "experiments",
    "FeatureExtractor": "features",
    "FeatureSpec": "catalog",
    "SemsearchError": "errors",
    "distances": "metrics",
    "load_dataset": "datasets.load",
    "load_image": "images.load",
    "matches": "experiments",
    "models": "catalog",
    "open_store": "experiments",
    "rank": "metrics",
    "similarity": "metrics",
    "summary": "experiments",
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
    module, _, attribute = _DOOR[name].partition(".")
    return getattr(import_module(f"semsearch.{module}"), attribute or name)


def __dir__() -> list[str]:
    return __all__
