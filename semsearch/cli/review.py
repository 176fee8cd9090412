"""``semsearch datasets duplicates|doubts|keep|confirm``: what neighbours say, and what a person decided of it."""

import argparse
import json
from typing import TYPE_CHECKING

from semsearch.cli.plain import Commands, add_configuration, configured, dataset_action
from semsearch.files.storage import explained
from semsearch.settings import settings
from semsearch.terminal import bar, say, table

if TYPE_CHECKING:
    from collections.abc import Callable

    from semsearch.data.dataset import Dataset
    from semsearch.live.checkup import Checkup
    from semsearch.own.decisions import Decision


def add_to(actions: Commands) -> None:
    """Have these commands understood."""
    for word, text, run in (
        ("duplicates", "groups of pictures that look alike, but for those that you said stay", _duplicates),
        ("doubts", "pictures whose neighbours are of another class, but for those whose label is right", _doubts),
    ):
        action = dataset_action(actions, word, text, run)
        add_configuration(action)
        action.add_argument("--json", action="store_true")
    keep = dataset_action(actions, "keep", "remember that pictures look alike and all of them stay", _keep)
    keep.add_argument("files", nargs="+", metavar="FILE")
    confirm = dataset_action(actions, "confirm", "remember that the label of pictures is right", _confirm)
    confirm.add_argument("files", nargs="+", metavar="FILE")


def _found(arguments: argparse.Namespace) -> "tuple[Dataset, Checkup, set[Decision]]":
    """The dataset, what the neighbours of its pictures say, and what was decided."""
    from semsearch.data import datasets
    from semsearch.live import checkup, galleries
    from semsearch.own import decisions, ledger

    name, made = arguments.name, set()
    arguments.dataset = name
    chosen = configured(arguments)
    if name not in datasets.KNOWN:
        with ledger.writing(name) as book:
            made = {decisions.from_facts(line) for line in book.decisions}
    with explained(settings().home), bar(f"features of {name}", "") as progress:
        searched = galleries.shared().open(name, chosen.spec, progress=progress)
    with bar("neighbours", "") as progress:
        return datasets.load(name), checkup.checkup(searched, chosen.metric, progress=progress), made


def _duplicates(arguments: argparse.Namespace) -> int:
    from semsearch.own import decisions

    dataset, found, made = _found(arguments)
    groups = decisions.open_groups(dataset, found.alike, made)
    best = [decisions.keeper(dataset, group) for group in groups]
    others = [
        [dataset.items[item].shown for item in group if item != one] for group, one in zip(groups, best, strict=True)
    ]
    rows = [
        {"group": place, "stays": dataset.items[one].shown, "looks_like_it": files}
        for place, (one, files) in enumerate(zip(best, others, strict=True), 1)
    ]
    if arguments.json:
        say(json.dumps(rows, indent=1))
        return 0
    table([row | {"looks_like_it": ", ".join(files)} for row, files in zip(rows, others, strict=True)], False)
    if rows:
        say(f"proposed to stay: {decisions.KEEPER}; `semsearch datasets keep` or `remove` decides")
    return 0


def _doubts(arguments: argparse.Namespace) -> int:
    from semsearch.own import decisions

    dataset, found, made = _found(arguments)
    rows = [
        {
            "file": dataset.items[one.item].shown,
            "class": dataset.classes[dataset.items[one.item].label],
            "neighbours": f"{one.agree} of {found.k}",
            "are": dataset.classes[one.other],
        }
        for one in found.doubts
        if decisions.doubted(dataset, one.item, made)
    ]
    table(rows, arguments.json)
    if rows and not arguments.json:
        say("`semsearch datasets relabel` gives another class, `confirm` says that the label is right")
    return 0


def _keep(arguments: argparse.Namespace) -> int:
    from semsearch.own import decisions

    return _decide(arguments, decisions.keep, "{:,} look-alikes stay")


def _confirm(arguments: argparse.Namespace) -> int:
    from semsearch.own import decisions

    return _decide(arguments, decisions.confirm, "right as they are: {:,}")


def _decide(arguments: argparse.Namespace, decision: "Callable[[Dataset, list[int]], Dataset]", words: str) -> int:
    from semsearch.data import datasets
    from semsearch.own import edits

    dataset = datasets.load(arguments.name)
    ids = edits.items(dataset, arguments.files)
    decision(dataset, ids)
    say(f"{dataset.name}: {words.format(len(ids))}; `semsearch datasets undo {dataset.name}` takes that back")
    return 0
