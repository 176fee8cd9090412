"""Where one picture stands among the matches of a query, under every model and layer."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from semsearch.errors import UnknownName
from semsearch.models import catalog
from semsearch.models.catalog import Readout
from semsearch.settings import cores
from semsearch.store.experiment import Experiment
from semsearch.store.store import Store


def nearest(store: Store, dataset: str, readout: Readout, metric: str) -> np.ndarray:
    """The stored matches of every query by model and layer, (models, layers, n, k) item ids, nearest first.

    The models are those with results of that readout, in the order of the store. The ids are as narrow as they can be:
    these are all the rankings of one readout and metric.
    """
    models = [model for model in store.models(dataset) if readout in store.readouts(dataset, model)]
    places = [(model, layer.name) for model in models for layer in catalog.model(model).layers]
    narrow = np.min_scalar_type(max(int(store.items(dataset, model).max()) for model, _ in places))

    def ids(place: tuple[str, str]) -> np.ndarray:
        return store.ranking(Experiment(dataset, readout.spec(*place), metric)).ids.astype(narrow)

    with ThreadPoolExecutor(cores()) as pool:
        found = np.stack(list(pool.map(ids, places)))
    return found.reshape(-1, catalog.CHOSEN, *found.shape[1:])


def of_item(nearest: np.ndarray, items: np.ndarray, query: int, item: int) -> np.ndarray:
    """The rank of an item for a query by model and layer, (models, layers) int from 1; 0 beyond the stored matches.

    ``items`` (n,) are the queries of ``nearest``. UnknownName for another query.
    """
    row = np.flatnonzero(items == query)
    if not len(row):
        raise UnknownName("query with stored results", query, [f"{items[0]} … {items[-1]}"])
    stands = nearest[:, :, row[0]] == item
    return np.asarray(np.where(stands.any(axis=-1), stands.argmax(axis=-1) + 1, 0))
