"""Which configuration to begin with on a dataset, and why."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from semsearch.errors import InputError, IntegrityError, StorageError
from semsearch.models import catalog, weights
from semsearch.models.catalog import FeatureSpec
from semsearch.results import latencies
from semsearch.store.store import Store

BUDGET = 20.0
"""Milliseconds of one picture through the network: below what a person notices beside everything else."""
FALLBACK = "mobilenetv2"


@dataclass(frozen=True)
class Recommendation:
    """A configuration and the reason for it, in words."""

    spec: FeatureSpec
    metric: str
    reason: str


def recommend(store: Store, dataset: str, *, budget: float = BUDGET) -> Recommendation:
    """The stored configuration with the best mean score on a dataset within ``budget`` ms of one picture.

    Of equal scores the faster. Only models whose weights are here count, unless none is, whatever is known of their
    times; features that are not pooled are not for a beginning. A dataset without
    stored results, or one on which all score alike, gets the last layer of the fastest good all-round model: where
    no class has two pictures, say, a best score means nothing.
    """
    if dataset not in store.datasets:
        return _fallback("No scores of this dataset are stored")
    table, measured = store.scores(dataset), _measured(store)
    scores = table.scores.score.mean(1)
    if np.ptp(scores) == 0:
        return _fallback(f"On this dataset all configurations score alike ({scores[0]:.1f} of 100)")
    cost = np.array([latencies.milliseconds(measured, spec) for spec in table.specs])
    pooled = np.array([spec.pooling != "flatten" for spec in table.specs])
    cost[~pooled] = np.nan
    present = {name for name in store.models(dataset) if weights.status(name).here}
    here = np.array([spec.model in present for spec in table.specs])
    fits = cost <= budget
    rows = next(rows for rows in (fits & here, pooled & here, fits, pooled) if rows.any()).nonzero()[0]
    best = int(rows[np.lexsort((np.nan_to_num(cost[rows], nan=np.inf), -scores[rows]))][0])
    among = "the models on this machine" if here[best] else "all models with stored results"
    reason = f"Of {among} it scores best on this dataset ({scores[best]:.1f} of 100)"
    if fits[best]:
        reason += f" within {budget:g} ms a picture ({cost[best]:.1f} ms)"
    return Recommendation(table.specs[best], table.metrics[best], reason + ".")


def _measured(store: Store) -> latencies.Latency | None:
    with suppress(IntegrityError, StorageError):  # whoever shows the times says so; a search does not need them
        return latencies.read(store.root / latencies.FILE)
    return None


def _fallback(why: str) -> Recommendation:
    model = catalog.model(FALLBACK)
    spec = FeatureSpec(model.name, model.layers[-1].name, "avg")
    return Recommendation(spec, "cosine", f"{why}; {model.title} is small and fast.")


def configured(
    dataset: str, given: Mapping[str, str | None], store: Callable[[], Store], *, budget: float = BUDGET
) -> Recommendation:
    """The configuration of what was given of model, layer, pooling, preset and metric; ``store`` opens the results.

    Of a given model the last layer, avg, the default preset and cosine where nothing else is said, for no
    reason; without a model what is recommended. InputError for a part without its model.
    """
    if given["model"] is None:
        if extra := [name for name, value in given.items() if value is not None]:
            raise InputError(f"expected a model beside {extra[0]}, got none; leave both out for the best configuration")
        return recommend(store(), dataset, budget=budget)
    model = catalog.model(given["model"])
    layer = given["layer"] or model.layers[-1].name
    spec = FeatureSpec(model.name, layer, given["pooling"] or "avg", given["preset"] or "default")
    return Recommendation(spec, given["metric"] or "cosine", "")
