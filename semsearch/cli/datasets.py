"""``semsearch datasets …``."""

import argparse
import json
from pathlib import Path
from typing import Any

from semsearch.cli import keeping, own, review
from semsearch.cli.plain import Commands
from semsearch.errors import StorageError, Unavailable
from semsearch.terminal import bar, say, table


def add_to(commands: Commands) -> None:
    """Have these commands understood."""
    parser = commands.add_parser("datasets", help="list and fetch datasets; make, change and look after your own")
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="every dataset and whether its pictures are here")
    listing.add_argument("--json", action="store_true")
    listing.set_defaults(run=_datasets_list)
    fetch = actions.add_parser("fetch", help="get and verify the pictures of known datasets")
    fetch.add_argument("names", nargs="+", metavar="DATASET")
    fetch.set_defaults(run=_datasets_fetch)
    add = actions.add_parser(
        "add", help="take the pictures of a known dataset, or a dataset of your own, from a folder"
    )
    add.add_argument("name", metavar="DATASET")
    add.add_argument("--from", dest="folder", type=Path, required=True, metavar="FOLDER")
    add.add_argument("--json", action="store_true", help="name everything that was left out, and why")
    add.set_defaults(run=_datasets_add)
    own.add_to(actions)
    review.add_to(actions)
    keeping.add_to(actions)


def _datasets_list(arguments: argparse.Namespace) -> int:
    from semsearch.data import datasets

    table([_dataset_row(name) for name in datasets.names()], arguments.json)
    return 0


def _dataset_row(name: str) -> dict[str, Any]:
    from semsearch.data import datasets

    try:
        dataset = datasets.load(name)
    except (Unavailable, StorageError) as error:
        state = "not here" if isinstance(error, Unavailable) else "cannot be read"
        return {"dataset": name, "pictures": state, "items": "", "classes": "", "licence": ""}
    return {
        "dataset": name,
        "pictures": "here" if dataset.has_pictures else "not here",
        "items": len(dataset.items),
        "classes": len(dataset.classes),
        "licence": dataset.licence,
    }


def _datasets_fetch(arguments: argparse.Namespace) -> int:
    from semsearch.data import datasets

    for name in arguments.names:
        with bar(name, "") as progress:
            dataset = datasets.fetch(name, progress=progress)
        say(f"{name}: {dataset.contents} in {dataset.root}")
    return 0


def _datasets_add(arguments: argparse.Namespace) -> int:
    from semsearch.data import datasets, folder

    dataset = datasets.add(arguments.name, arguments.folder)
    if arguments.json:
        left = [{"file": file, "reason": reason} for file, reason in dataset.left_out]
        counts = {"items": len(dataset.items), "classes": len(dataset.classes)}
        say(json.dumps({"dataset": dataset.name, **counts, "left_out": left}, indent=1))
    else:
        say("\n".join([f"{dataset.name}: {dataset.contents}", *folder.summary(dataset.left_out)]))
    return 0
