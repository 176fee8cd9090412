"""semsearch: image search with convolutional networks, to explore, to understand and to use.

The names below are the public door; each is loaded when first asked for, so ``import semsearch`` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from semsearch.data.datasets import add as add_dataset
    from semsearch.data.datasets import fetch as fetch_dataset
    from semsearch.data.datasets import load as load_dataset
    from semsearch.data.datasets import names as list_datasets
    from semsearch.errors import SemsearchError
    from semsearch.features import FeatureExtractor
    from semsearch.images import load as load_image
    from semsearch.live.search import Example, Question, search
    from semsearch.maps.figure import map_figure
    from semsearch.models.catalog import FeatureSpec
    from semsearch.models.catalog import models as list_models
    from semsearch.models.weights import pull as pull_model
    from semsearch.ranking.metrics import distances, pairwise, rank
    from semsearch.results.evaluate import score_rows as evaluate
    from semsearch.results.experiments import matches, open_store, summary
    from semsearch.results.precompute import precompute
    from semsearch.store.experiment import Experiment

    __version__: str

_DOOR = {
    "Example": "live.search:Example",
    "Experiment": "store.experiment:Experiment",
    "FeatureExtractor": "features:FeatureExtractor",
    "FeatureSpec": "models.catalog:FeatureSpec",
    "Question": "live.search:Question",
    "SemsearchError": "errors:SemsearchError",
    "add_dataset": "data.datasets:add",
    "distances": "ranking.metrics:distances",
    "evaluate": "results.evaluate:score_rows",
    "fetch_dataset": "data.datasets:fetch",
    "list_datasets": "data.datasets:names",
    "list_models": "models.catalog:models",
    "load_dataset": "data.datasets:load",
    "load_image": "images:load",
    "map_figure": "maps.figure:map_figure",
    "matches": "results.experiments:matches",
    "open_store": "results.experiments:open_store",
    "pairwise": "ranking.metrics:pairwise",
    "precompute": "results.precompute:precompute",
    "pull_model": "models.weights:pull",
    "rank": "ranking.metrics:rank",
    "search": "live.search:search",
    "summary": "results.experiments:summary",
}
"""Each name and where it lives; none is the name of a package below this one, which would hide it once imported."""

__all__ = [
    "Example",
    "Experiment",
    "FeatureExtractor",
    "FeatureSpec",
    "Question",
    "SemsearchError",
    "__version__",
    "add_dataset",
    "distances",
    "evaluate",
    "fetch_dataset",
    "list_datasets",
    "list_models",
    "load_dataset",
    "load_image",
    "map_figure",
    "matches",
    "open_store",
    "pairwise",
    "precompute",
    "pull_model",
    "rank",
    "search",
    "summary",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
    if name == "__version__":
        from importlib.metadata import version

        return version("semsearch")
    if name not in _DOOR:
        raise AttributeError(f"module 'semsearch' has no attribute {name!r}; it has {', '.join(__all__)}")
    module, _, attribute = _DOOR[name].partition(":")
    return getattr(import_module(f"semsearch.{module}"), attribute)


def __dir__() -> list[str]:
    return __all__
