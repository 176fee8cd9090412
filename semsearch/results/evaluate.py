"""Tables of scores over the stored experiments, for the command line and the documents."""

from typing import Any

from semsearch.models import catalog
from semsearch.results import experiments
from semsearch.results.store import Store

COLUMNS = tuple(
    (pooling, metric) for pooling, preset in catalog.WAYS if preset == "default" for metric in ("cosine", "euclidean")
)


def score_rows(dataset: str, *, store: Store | None = None) -> list[dict[str, Any]]:
    """Mean published scores under the default preset: a row per model and layer, a column per pooling and metric."""
    store = store or experiments.open_store()
    table = store.scores(dataset)
    means = {
        (spec, metric): float(score)
        for spec, metric, score in zip(table.specs, table.metrics, table.scores.score.mean(1), strict=True)
    }
    return [
        {
            "model": model,
            "layer": layer.name,
            **{
                f"{pooling} {metric}": f"{means[catalog.FeatureSpec(model, layer.name, pooling), metric]:.1f}"
                for pooling, metric in COLUMNS
            },
        }
        for model in store.models(dataset)
        for layer in catalog.model(model).layers
    ]
