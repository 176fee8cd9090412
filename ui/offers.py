"""What Search and Embeddings offer: what has stored results, and all that could have them."""

from dataclasses import replace

from semsearch.models import catalog
from semsearch.models.catalog import READOUTS
from semsearch.store.store import Store
from ui import resources
from ui.choice import Choice, Offers

LACKING = "no results yet"


def computable() -> Offers:
    """Every dataset whose list is known, under every model; to begin with, what has stored results."""
    store = resources.store()
    shown = [name for name in store.datasets if not resources.unfit(name)]
    live = resources.live_offers()
    ready = {name: store.models(name) for name in sorted(shown, key=resources.shipped_first)}
    others = [name for name in live.datasets if name not in ready]
    return Offers(
        (*ready, *others),
        lambda name: tuple(catalog.models()),
        lambda name: resources.queries(name) if name in ready else range(len(resources.dataset(name).items)),
        live.hidden,
        first_query=lambda choice: resources.first_query(choice) if _has(store, choice, ready) else 0,
        dataset_state=lambda name: _state(name, name in ready),
        model_state=lambda dataset, name: "" if name in ready.get(dataset, ()) else LACKING,
        ready=lambda name: ready.get(name, ()),
    )


def told() -> Offers:
    """What the Guide can tell of: what has stored results of every kind, maps among them."""
    store, stored = resources.store(), resources.offers()

    def models(dataset: str) -> tuple[str, ...]:
        return tuple(model for model in store.models(dataset) if _is_full(store, dataset, model))

    return replace(stored, datasets=tuple(name for name in stored.datasets if models(name)), models=models)


def _is_full(store: Store, dataset: str, model: str) -> bool:
    return len(store.readouts(dataset, model)) == len(READOUTS) and store.facts(dataset, model).get("maps", True)


def has_results(choice: Choice) -> bool:
    """Whether there are stored results of a choice, made of the pictures that its dataset has now."""
    store = resources.store()
    return store.has(choice.dataset, choice.experiment.spec) and not resources.unfit(choice.dataset)


def _has(store: Store, choice: Choice, ready: object) -> bool:
    first = choice.readout.spec(choice.model, catalog.model(choice.model).layer_names[0])
    return choice.dataset in ready and store.has(choice.dataset, first)  # type: ignore[operator]


def _state(name: str, is_ready: bool) -> str:
    return ("" if resources.pictured(name) else "pictures not here") if is_ready else LACKING
