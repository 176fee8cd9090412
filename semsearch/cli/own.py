"""``semsearch datasets …`` for datasets of one's own: made, changed, brought up to date, taken back, looked after."""

import argparse
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from semsearch.cli.plain import Commands, dataset_action
from semsearch.errors import InputError
from semsearch.files import storage
from semsearch.names import path_text
from semsearch.terminal import bar, say, table

if TYPE_CHECKING:
    from semsearch.own.sync import Plan

NAMED = 20
"""Files that are named of each kind of change."""


def add_to(actions: Commands) -> None:
    """Have these commands understood."""
    create = dataset_action(actions, "create", "make a dataset of the pictures of a folder or a zip file", _create)
    create.add_argument("--from", dest="folder", type=Path, required=True, metavar="FOLDER")
    create.add_argument("--labels", type=Path, metavar="CSV", help="classes: a table with the columns file and class")
    sync = dataset_action(actions, "sync", "bring a dataset up to date with its folder", _sync)
    sync.add_argument("--from", dest="folder", type=Path, metavar="FOLDER", help="where the folder is, if it has moved")
    sync.add_argument("--dry-run", action="store_true", help="only say what would change")
    sync.add_argument("--confirm", action="store_true", help="let more than a tenth of the pictures leave the dataset")
    sync.add_argument("--json", action="store_true")
    watch = dataset_action(actions, "watch", "sync a dataset with its folder whenever that changes", _watch)
    watch.add_argument("--settle", type=float, default=2.0, metavar="S", help="seconds without a change before a sync")
    watch.add_argument("--every", type=float, default=600.0, metavar="S", help="and look so often anyway (default 600)")
    remove = dataset_action(actions, "remove", "take pictures out; no file is deleted", _remove)
    remove.add_argument("files", nargs="+", metavar="FILE")
    relabel = dataset_action(actions, "relabel", "give pictures another class", _relabel)
    relabel.add_argument("title", metavar="CLASS")
    relabel.add_argument("files", nargs="+", metavar="FILE")
    dataset_action(actions, "undo", "take back the last step", _undo)
    dataset_action(actions, "status", "how a dataset stands", _status).add_argument("--json", action="store_true")
    dataset_action(actions, "history", "every step, the last first", _history).add_argument(
        "--json", action="store_true"
    )
    dataset_action(actions, "repair", "make the list and the history of a dataset whole again", _repair)
    dataset_action(actions, "delete", "take a dataset away; no picture is deleted", _delete)
    dataset_action(actions, "restore", "bring a deleted dataset back", _restore)


def _create(arguments: argparse.Namespace) -> int:
    from semsearch.data import folder
    from semsearch.own import edits

    if os.path.isfile(arguments.folder):
        return _unzip(arguments)
    labels = edits.read_labels(_bytes(arguments.labels)) if arguments.labels else None
    dataset = edits.create(arguments.name, arguments.folder, labels=labels)
    say("\n".join([f"{dataset.name}: {dataset.contents}", *folder.summary(dataset.left_out)]))
    return 0


def _unzip(arguments: argparse.Namespace) -> int:
    from semsearch.data import folder
    from semsearch.own import edits
    from semsearch.own.zipped import Zip

    pictures = Zip(arguments.folder)
    with bar(arguments.name, "") as progress:
        taken = edits.create_of(arguments.name, pictures.given(progress=progress), left_out=pictures.left_out)
    left = [*pictures.left_out, *taken.refused]
    say("\n".join([f"{arguments.name}: {taken.dataset.contents}", *folder.summary(left)]))
    return 0


def _sync(arguments: argparse.Namespace) -> int:
    from semsearch.own import sync

    if arguments.dry_run:
        plan = sync.plan(arguments.name, folder=arguments.folder)
    else:
        plan, _ = sync.sync(arguments.name, folder=arguments.folder, confirmed=arguments.confirm)
    if arguments.json:
        say(json.dumps(asdict(plan), indent=1))
    else:
        say("\n".join(_told(arguments.name, plan)))
    return 0


def _watch(arguments: argparse.Namespace) -> int:
    from semsearch.own import watch

    watch.watch(arguments.name, say, settle=arguments.settle, sweep=arguments.every)
    return 0


def _told(name: str, plan: "Plan") -> list[str]:
    from semsearch.data import folder

    lines = [f"{name}: {plan.words()}; {plan.unchanged:,} as they were"]
    moved = tuple(f"{old} -> {new}" for old, new in plan.moved)
    kinds = {"added": plan.added, "changed": plan.changed, "moved": moved, "back": plan.back, "gone": plan.gone}
    for kind, files in {**kinds, "could not be read now, and stay": plan.unread}.items():
        more = [f"  … and {len(files) - NAMED:,} more"] if len(files) > NAMED else []
        lines += [f"  {kind}: {file}" for file in files[:NAMED]] + more
    return [*lines, *folder.summary(plan.left_out)]


def _remove(arguments: argparse.Namespace) -> int:
    from semsearch.data import datasets
    from semsearch.own import edits

    dataset = datasets.load(arguments.name)
    after = edits.remove(dataset, edits.items(dataset, arguments.files))
    say(f"{after.name}: {after.contents}; `semsearch datasets undo {after.name}` brings them back")
    return 0


def _relabel(arguments: argparse.Namespace) -> int:
    from semsearch.data import datasets
    from semsearch.own import edits

    dataset = datasets.load(arguments.name)
    after = edits.relabel(dataset, edits.items(dataset, arguments.files), arguments.title)
    say(f"{after.name}: {after.contents}")
    return 0


def _undo(arguments: argparse.Namespace) -> int:
    from semsearch.own import edits

    what, dataset = edits.undo(arguments.name)
    say(f"{dataset.name}: took back: {what}; {dataset.contents}")
    return 0


def _status(arguments: argparse.Namespace) -> int:
    from semsearch.own import care

    facts = asdict(care.status(arguments.name))
    table([facts] if arguments.json else [{"": key, " ": value} for key, value in facts.items()], arguments.json)
    return 0


def _history(arguments: argparse.Namespace) -> int:
    from semsearch.own import ledger

    table([asdict(step) for step in ledger.history(arguments.name)], arguments.json)
    return 0


def _repair(arguments: argparse.Namespace) -> int:
    from semsearch.own import care

    say(f"{arguments.name}: {care.repair(arguments.name)}")
    return 0


def _delete(arguments: argparse.Namespace) -> int:
    from semsearch.own import care

    care.delete(arguments.name)
    back = f"`semsearch datasets restore {arguments.name}` brings it back"
    say(f"{arguments.name}: deleted, but none of its pictures; {back}")
    return 0


def _restore(arguments: argparse.Namespace) -> int:
    from semsearch.own import care

    say(f"{arguments.name}: {care.restore(arguments.name).contents}")
    return 0


def _bytes(file: Path) -> bytes:
    data = storage.read_here(file)
    if data is None:
        raise InputError(f"expected a file, got {path_text(file)}, which is not there")
    return data
