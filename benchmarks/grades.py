"""How often each grade of a verdict is given, and errs: with pictures of each dataset, and with foreign ones."""

import math
from collections import Counter
from collections.abc import Iterator

from semsearch.data import datasets
from semsearch.data.datasets import Dataset
from semsearch.errors import SemsearchError
from semsearch.live import search
from semsearch.live.galleries import Galleries
from semsearch.live.search import Picture, Question
from semsearch.models import weights
from semsearch.ranking.verdict import CONFIDENT, FOREIGN, GRADES, WRONG, Rates, Verdict
from semsearch.results import experiments
from semsearch.store.store import Store

HEAD = """| dataset, configuration | grade | own pictures | … of these wrong | without their class | foreign pictures |
|---|---|---|---|---|---|"""


def best(store: Store, name: str) -> Question | None:
    """The best stored configuration of a dataset whose weights are here, if any are."""
    for experiment, _, _ in experiments.leaderboard(store, name):
        if weights.status(experiment.spec.model).here:
            return Question(name, experiment.spec, experiment.metric, k=1)
    return None


def foreign(known: Dataset) -> Iterator[tuple[str, list[int], Dataset]]:
    """Pictures that are here and of classes that a dataset does not hold: where from, which items."""
    for name in ("groceries" if known.name == "groceries200" else "groceries200", "iconic200", "fashion200"):
        other = datasets.load(name)
        strange = [item.id for item in other.items if other.classes[item.label] not in known.classes]
        if other.has_pictures and strange:
            yield other.title, strange, other


def verdict_of(galleries: Galleries, picture: Picture | int, question: Question) -> Verdict:
    """Of a picture in a dataset that has a judge."""
    found = search.search(picture, question, galleries=galleries).verdict
    if found is None:
        raise SemsearchError(f"{question.dataset}: expected pictures and classes enough for a verdict, got too few")
    return found


def table(store: Store) -> list[str]:
    """Print the rows of every dataset whose pictures are here; the targets that were missed."""
    print(HEAD)
    missed = []
    for name in store.datasets:
        known = datasets.load(name)
        question = best(store, name)
        if not known.has_pictures or not question:
            print(f"| {name}: its pictures, or the weights of any model, are not here | | | | | |")
            continue
        galleries = Galleries()
        rates = verdict_of(galleries, 0, question).rates
        given: dict[str, Counter[str]] = {}
        for title, items, other in foreign(known):
            grades = (verdict_of(galleries, other.path(item), question).grade for item in items)
            given[f"{title} ({len(items)})"] = Counter(grades)
        where = f"{name}, {question.spec.key} {question.metric}"
        shares = {grade: {title: count[grade] / count.total() for title, count in given.items()} for grade in GRADES}
        for grade in GRADES:
            print(row(where, grade, rates[grade], shares[grade]), flush=True)
        missed += [f"{where}: wrong {rates[CONFIDENT].wrong:.1%}"] if rates[CONFIDENT].wrong > WRONG else []
        missed += [f"{where}: {share:.0%} of {title}" for title, share in shares[CONFIDENT].items() if share > FOREIGN]
    return missed


def row(where: str, grade: str, rates: Rates, shares: dict[str, float]) -> str:
    """A line of the table."""
    wrong = "–" if math.isnan(rates.wrong) else f"{rates.wrong:.1%}"
    given = ", ".join(f"{title} {share:.0%}" for title, share in shares.items()) or "none here"
    return f"| {where} | {grade} | {rates.own:.0%} | {wrong} | {rates.foreign:.0%} | {given} |"
