"""What Search and Embeddings offer: what has stored results, and all that could have them."""

from contextlib import suppress
from dataclasses import replace

from semsearch.data import datasets
from semsearch.errors import SemsearchError
from semsearch.models import catalog, weights
from semsearch.models.catalog import READOUTS
from semsearch.store.store import Store
from ui import resources
from ui.choice import Choice, Offers

LACKING = "no results yet"
LIVE = ("Live search", "Datasets", "Index lab")
"""Titles of the pages that need no stored results."""
ALONE = (*LIVE, "Model explorer")
"""Titles of the pages that show one configuration at a time."""
FETCH = "semsearch datasets fetch"


def of(page: str) -> Offers:
    """What the page of that title offers."""
    if page in LIVE:
        return live()
    return full if page == "Guide" and (full := told()).datasets else computable()


def computable() -> Offers:
    """Every dataset whose list is known, under every model; to begin with, what has stored results."""
    store = resources.store()
    shown = [name for name in store.datasets if not resources.unfit(name)]
    searched = live()
    ready = {name: store.models(name) for name in sorted(shown, key=resources.shipped_first)}
    others = [name for name in searched.datasets if name not in ready]
    return Offers(
        (*ready, *others),
        lambda name: tuple(catalog.models()),
        lambda name: resources.queries(name) if name in ready else range(len(resources.peek(name)[0].items)),
        searched.hidden,
        items=lambda name: resources.items(name) if name in ready else range(len(resources.peek(name)[0].items)),
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


def live() -> Offers:
    """What can be searched live: every dataset whose list is known, its pictures here or not yet, under every model."""
    listed = tuple(name for name in datasets.names() if _listed(name))
    return Offers(
        listed,
        lambda name: tuple(catalog.models()),
        lambda name: range(len(resources.peek(name)[0].items)),
        {name: f"{name} is not downloaded yet: {FETCH} {name}" for name in datasets.names() if name not in listed},
        best=resources.best_parts,
        first_query=_first_live_query,
        dataset_state=lambda name: "here" if resources.peek(name)[1] else "needs internet",
        model_state=lambda dataset, name: model_state(name),
    )


def _first_live_query(choice: Choice) -> int:
    """As in stored results, where there are some; else the first picture."""
    with suppress(SemsearchError):
        if choice.model in (shown := resources.offers()).models(choice.dataset) and choice.dataset in shown.datasets:
            return resources.first_query(choice)
    return 0


def _listed(name: str) -> bool:
    """Whether it is known which pictures a dataset holds."""
    with suppress(SemsearchError):
        return bool(resources.peek(name))
    return False


def model_state(name: str) -> str:
    """Whether a live search can use a model now, or how large what it lacks is, or that no package has it."""
    model = catalog.model(name)
    if weights.status(name).here:
        return "here"
    if model.added:
        return "weights not here"
    return f"{4 * model.parameters / 1e6:,.0f} MB" if model.carrier else "needs internet"
