"""Tables of scores over the stored experiments, for the command line and the documents."""

from typing import Any

from semsearch.models import catalog
from semsearch.results import experiments, leaderboard
from semsearch.store.store import ScoreTable, Store

READOUTS = tuple(readout for readout in catalog.READOUTS.values() if readout.preset == "default")
COLUMNS = tuple((readout, metric) for readout in READOUTS for metric in ("cosine", "euclidean"))


def score_rows(dataset: str, *, store: Store | None = None) -> list[dict[str, Any]]:
    """Mean published scores under the default preset: a row per model and layer, a column per pooling and metric.

    Of a sample of queries each comes with half the width of its 95 % interval.
    """
    store = store or experiments.open_store()
    table = store.scores(dataset)
    means = dict(zip(zip(table.specs, table.metrics, strict=True), _written(store, dataset, table), strict=True))
    return [
        {
            "model": model,
            "layer": layer,
            **{f"{readout.pooling} {metric}": means[readout.spec(model, layer), metric] for readout, metric in COLUMNS},
        }
        for model in store.models(dataset)
        for layer in catalog.model(model).layer_names
    ]


def basis(dataset: str, *, store: Store | None = None) -> str:
    """What the scores rest on where not every picture was a query, in words; else nothing."""
    store = store or experiments.open_store()
    model = store.models(dataset)[0]
    items, queries = len(store.items(dataset, model)), len(store.queries(dataset, model))
    return "" if items == queries else f"a seeded sample of {queries:,} of its {items:,} pictures were the queries"


def _written(store: Store, dataset: str, table: ScoreTable) -> list[str]:
    if not basis(dataset, store=store):
        return [f"{mean:.1f}" for mean in table.scores.score.mean(1)]
    return [f"{mean:.1f} ± {(high - low) / 2:.1f}" for mean, low, high in leaderboard.intervals(table.scores.score)]
