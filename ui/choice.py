"""What is on screen, as one value: the configuration and the query, to and from the address of the page."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from semsearch.data import datasets
from semsearch.errors import InputError, UnknownName
from semsearch.models import catalog
from semsearch.models.catalog import READOUTS, FeatureSpec, Readout
from semsearch.ranking import metrics
from semsearch.store.experiment import Experiment

K_RANGE = range(5, 51)


@dataclass(frozen=True)
class Choice:
    """Names as in the catalogue, k as a number, q as the item id of the query."""

    dataset: str = "groceries200"
    model: str = "mobilenetv2"
    layer: str = ""
    pooling: str = "avg"
    metric: str = "cosine"
    k: int = 15
    q: int = 0

    @property
    def experiment(self) -> Experiment:
        """The stored experiment that this choice shows."""
        return Experiment(self.dataset, self.readout.spec(self.model, self.layer), self.metric)

    @property
    def readout(self) -> Readout:
        """Pooling and preset as one."""
        return READOUTS[self.pooling]

    def address(self) -> dict[str, str]:
        """The whole choice as query parameters."""
        return {name: str(value) for name, value in asdict(self).items()}


KEYS = tuple(field.name for field in fields(Choice))
PARTS = ("model", "layer", "pooling", "metric")
"""What configuration B chooses for itself; it shares all else with A."""
OTHER = "b_"
"""Put before the name of a part in links and widget keys, it means that of configuration B."""


def parts_of(spec: FeatureSpec, metric: str) -> dict[str, str]:
    """A configuration as PARTS of a choice."""
    return {
        "model": spec.model,
        "layer": spec.layer,
        "pooling": spec.readout.key,
        "metric": metric,
    }


def other_address(choice: Choice) -> dict[str, str]:
    """What a choice adds to the address as configuration B."""
    return {OTHER + name: str(getattr(choice, name)) for name in PARTS}


def _nothing(name: str) -> str:
    """No word about what needs none."""
    return ""


def _no_word(dataset: str, model: str) -> str:
    return ""


@dataclass(frozen=True)
class Offers:
    """What can be chosen: stored datasets, the stored models and the queries of each."""

    datasets: Sequence[str]
    models: Callable[[str], Sequence[str]]
    queries: Callable[[str], Sequence[int]]
    hidden: Mapping[str, str]
    """Stored datasets that cannot be shown, and why."""
    items: Callable[[str], Sequence[int]] | None = None
    """What can be made the query by a click or a link, where that is more than the queries to go through."""
    best: Callable[[str], Mapping[str, str]] | None = None
    """PARTS to begin with on a dataset, where that is not the same for all."""
    first_query: Callable[[Choice], int] | None = None
    """The query to begin with, where it is not the first."""
    dataset_state: Callable[[str], str] = _nothing
    """Where the pictures of a dataset are, in a word or two for the list."""
    model_state: Callable[[str, str], str] = _no_word
    """Of a dataset and a model: where the weights are, or whether there are results, likewise."""
    ready: Callable[[str], Sequence[str]] | None = None
    """The models that can be shown of a dataset at once, none for some; where None, all that are offered can."""

    def begin(self, chosen: Mapping[str, Any]) -> Choice:
        """What is shown of the parts that a visitor chose: those alone that can be had, all others as it is best.

        The configuration is one whole: where a part of it was chosen, none of the others is the best of the dataset.
        """
        choice = self.settle(self._start(chosen))
        if self.best and chosen.keys().isdisjoint(PARTS):
            parts: dict[str, Any] = dict(self.best(choice.dataset))
            choice = self.settle(replace(choice, **parts))
        if self.first_query and ("q" not in chosen or chosen.get("dataset", choice.dataset) != choice.dataset):
            choice = replace(choice, q=self.first_query(choice))
        return choice

    def _start(self, chosen: Mapping[str, Any]) -> Choice:
        """What was chosen, and for dataset and model, where they were not, such as can be shown at once."""
        choice = replace(Choice(), **chosen)
        if self.ready is None:
            return choice
        if chosen.get("dataset") not in self.datasets:
            shown = [name for name in self.datasets if self.ready(name)] or self.datasets
            choice = replace(choice, dataset=_fitting(choice.dataset, shown, shown[0]))
        if "model" not in chosen and (models := self.ready(choice.dataset)):
            choice = replace(choice, model=_fitting(choice.model, models, models[0]))
        return choice

    def settle(self, choice: Choice) -> Choice:
        """The choice with every part that does not fit the others replaced by the default."""
        fixed = {
            "pooling": _fitting(choice.pooling, tuple(READOUTS), Choice.pooling),
            "metric": _fitting(choice.metric, tuple(metrics.METRICS), Choice.metric),
            "k": _fitting(choice.k, K_RANGE, Choice.k),
        }
        dataset = _fitting(choice.dataset, self.datasets, self.datasets[0])
        models = self.models(dataset)
        model = _fitting(choice.model, models, models[0])
        layers = catalog.model(model).layer_names
        layer = _fitting(choice.layer, layers, layers[-1])
        q = _fitting(choice.q, self._items(dataset), self.queries(dataset)[0])
        return replace(choice, dataset=dataset, model=model, layer=layer, q=q, **fixed)

    def _items(self, dataset: str) -> Sequence[int]:
        return (self.items or self.queries)(dataset)

    def read(self, address: Mapping[str, str]) -> tuple[Choice, list[str]]:
        """The choice that a link asks for, and one sentence for each part of the link that could not be met."""
        return self._follow(self.settle(self._start({})), KEYS, address, "")

    def read_other(self, address: Mapping[str, str], choice: Choice) -> tuple[Choice | None, list[str]]:
        """Configuration B beside ``choice``, None when the link asks for none; notices as ``read`` gives them."""
        if not any(OTHER + name in address for name in PARTS):
            return None, []
        return self._follow(self.rival(choice), PARTS, address, OTHER)

    def rival(self, choice: Choice) -> Choice:
        """What to compare a choice with first: the same at the last layer, or there, at one well before it."""
        layers = catalog.model(choice.model).layer_names
        return replace(choice, layer=layers[-1] if choice.layer != layers[-1] else layers[len(layers) // 2])

    def _follow(
        self, choice: Choice, names: Sequence[str], address: Mapping[str, str], before: str
    ) -> tuple[Choice, list[str]]:
        refused: list[tuple[str, InputError]] = []
        for name in names:
            if before + name not in address:
                continue
            try:
                part: dict[str, Any] = {name: self._value(choice, name, _word(address[before + name]))}
                choice = self.settle(replace(choice, **part))
            except InputError as error:
                refused.append((name, error))
        return choice, [_notice(error, before, name, address[before + name], choice) for name, error in refused]

    def _value(self, choice: Choice, name: str, text: str) -> str | int:
        if name == "layer":
            return catalog.model(choice.model).layer(text).name
        if name == "metric":
            return _known("metric", metrics.SAME_RANKING.get(text, text), metrics.METRICS)
        if name == "k":
            return _number(text, K_RANGE)
        if name == "q":
            return _number(text, self._items(choice.dataset))
        valid = {"dataset": self.datasets, "model": self.models(choice.dataset), "pooling": READOUTS}
        if name == "dataset" and text in self.hidden:
            raise InputError(self.hidden[text])
        known: dict[str, Collection[str]] = {"dataset": datasets.names(), "model": catalog.models()}
        if text not in valid[name] and text in known.get(name, ()):
            raise InputError(f"this page cannot tell of {text}; the others can use it")
        return _known(name, text, valid[name])


def _notice(error: InputError, before: str, name: str, asked: str, choice: Choice) -> str:
    """What a link asked for in vain, why where it is known but cannot be had, and what is shown instead."""
    shown = getattr(choice, name)
    if name in ("dataset", "model") and not isinstance(error, UnknownName):
        return f"{error}. Showing {shown}."
    if name == "k":
        return f"Matches shown must be {K_RANGE[0]}–{K_RANGE[-1]}; showing {shown}."
    if name == "q":
        return f"There is no picture {_word(asked)}; showing picture {shown}."
    return f"There is no {name} {_word(asked)!r}{' for B' if before else ''}; showing {shown}."


def _word(text: str) -> str:
    """A part of a link, as far as a name can have it: it is shown again when it is refused."""
    return re.sub(r"[^\w-]", "?", text[:60])


def _fitting(value: Any, valid: Sequence, default: Any) -> Any:  # noqa: ANN401 - of one type, str or int
    return value if value in valid else default


def _known(kind: str, text: str, valid: Iterable[str]) -> str:
    if text not in valid:
        raise UnknownName(kind, text, valid)
    return text


def _number(text: str, valid: Sequence[int]) -> int:
    number = int(text) if text.isascii() and text.isdecimal() else -1
    if number not in valid:
        raise InputError(f"must be from {valid[0]} to {valid[-1]}, not {text!r}")
    return number
