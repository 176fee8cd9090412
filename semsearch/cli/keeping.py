"""``semsearch datasets verify|export|backup|import``: a dataset checked whole, taken along, brought back."""

import argparse
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from semsearch.cli.plain import Commands, add_configuration, configured, dataset_action
from semsearch.errors import InputError
from semsearch.files import sealed, storage
from semsearch.files.storage import explained
from semsearch.names import path_text
from semsearch.settings import settings
from semsearch.terminal import bar, say, table

if TYPE_CHECKING:
    from semsearch.data.dataset import Dataset


def add_to(actions: Commands) -> None:
    """Have these commands understood."""
    verify = actions.add_parser("verify", help="check all that is stored of datasets, and that every picture is found")
    verify.add_argument("names", nargs="+", metavar="DATASET")
    verify.add_argument("--json", action="store_true")
    verify.set_defaults(run=_verify)
    export = dataset_action(
        actions, "export", "write files, classes and digests; in Parquet with features; as a FAISS index", _export
    )
    export.add_argument("--format", choices=("csv", "parquet", "faiss"), default="csv")
    export.add_argument("-o", "--output", type=Path, metavar="FILE", help="default: DATASET.FORMAT")
    add_configuration(export)
    export.add_argument("--json", action="store_true", help="say as JSON what was written")
    backup = dataset_action(actions, "backup", "write a dataset of your own into one file", _backup)
    backup.add_argument("-o", "--output", type=Path, metavar="FILE", help="default: DATASET-backup.zip")
    backup.add_argument("--json", action="store_true")
    restore = actions.add_parser("import", help="make the dataset of a backup")
    restore.add_argument("file", type=Path, metavar="FILE")
    restore.add_argument("--json", action="store_true")
    restore.set_defaults(run=_import)


def _verify(arguments: argparse.Namespace) -> int:
    from semsearch.keeping import verify

    rows: list[dict[str, Any]] = []
    for name in arguments.names:
        with bar(name, "parts") as progress:
            parts = verify.verify(name, progress=progress)
        rows += [{"dataset": name, **asdict(part)} for part in parts]
    problems = [(row["dataset"], problem) for row in rows for problem in row["problems"]]
    if arguments.json:
        say(json.dumps(rows, indent=1))
        return 4 if problems else 0
    table([{**row, "problems": len(row["problems"]) or "none"} for row in rows], False)
    for name, problem in problems:
        say(f"{name}: {problem}")
    return 4 if problems else 0


def _export(arguments: argparse.Namespace) -> int:
    from semsearch.data import datasets
    from semsearch.own import care

    dataset = datasets.load(arguments.name)
    output = arguments.output or Path(f"{arguments.name}.{arguments.format}")
    manifest = output.with_name(f"{output.name}.json")
    for path in (output, manifest) if arguments.format == "faiss" else (output,):
        if os.path.lexists(path):
            raise InputError(f"{path_text(path)} is there already; give another name with -o")
    if arguments.format == "csv":
        data, said = care.table(dataset), dataset.contents
    else:
        data, facts = _with_features(arguments, dataset)
        said = dataset.contents
        if facts:
            said = f"{dataset.contents}; what its numbers mean is in {path_text(manifest)}"
            sealed.write(manifest, facts)
    storage.write_bytes(output, data)
    _written(arguments, output, said)
    return 0


def _with_features(arguments: argparse.Namespace, dataset: "Dataset") -> tuple[bytes, dict[str, Any]]:
    """The file, and a manifest to lie beside it or nothing."""
    from semsearch.keeping import export
    from semsearch.live import galleries

    arguments.dataset = arguments.name
    chosen = configured(arguments)
    with explained(settings().home), bar(f"features of {dataset.name}", "") as progress:
        features = galleries.shared().open(dataset.name, chosen.spec, progress=progress)
    if arguments.format == "parquet":
        return export.parquet(dataset, chosen.spec, features), {}
    return export.faiss(dataset, chosen.spec, chosen.metric, features)


def _backup(arguments: argparse.Namespace) -> int:
    from semsearch.keeping import backup

    output = arguments.output or Path(f"{arguments.name}-backup.zip")
    with bar(arguments.name, "") as progress:
        dataset = backup.backup(arguments.name, output, progress=progress)
    given = dataset.root == settings().datasets / dataset.name
    beside = "" if given else f"; its pictures stay in {path_text(dataset.root)}, so keep a copy of that folder too"
    _written(arguments, output, f"{dataset.contents}, with history and features{beside}")
    return 0


def _import(arguments: argparse.Namespace) -> int:
    from semsearch.keeping import backup

    with bar(path_text(arguments.file), "") as progress:
        dataset = backup.restore(arguments.file, progress=progress)
    missing = sum(not storage.is_here(dataset.place(item.id)) for item in dataset.items)
    cure = f"`semsearch datasets sync {dataset.name} --from FOLDER` says where they are"
    if arguments.json:
        counts = {"items": len(dataset.items), "classes": len(dataset.classes), "missing": missing}
        say(json.dumps({"dataset": dataset.name, **counts}, indent=1))
    else:
        say(f"{dataset.name}: {dataset.contents}" + (f"; {missing:,} of them are not here: {cure}" if missing else ""))
    return 0


def _written(arguments: argparse.Namespace, output: Path, what: str) -> None:
    size = output.stat().st_size
    if arguments.json:
        say(json.dumps({"dataset": arguments.name, "file": path_text(output), "bytes": size}, indent=1))
    else:
        say(f"{path_text(output)}: {what}; {size / 1e6:,.1f} MB")
