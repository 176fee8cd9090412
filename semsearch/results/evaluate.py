"""Tables of scores over the stored experiments, for the command line and the documents."""

from typing import Any

from semsearch.models import catalog
from semsearch.results import experiments
from semsearch.store.store import Store

READOUTS = tuple(readout for readout in catalog.READOUTS.values() if readout.preset == "default")
COLUMNS = tuple((readout, metric) for readout in READOUTS for metric in ("cosine", "euclidean"))


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
            "layer": layer,
            **{
                f"{readout.pooling} {metric}": f"{means[readout.spec(model, layer), metric]:.1f}"
                for readout, metric in COLUMNS
            },
        }
        for model in store.models(dataset)
        for layer in catalog.model(model).layer_names
    ]
