"""The command line: ``semsearch COMMAND …``; each command calls the library once and prints what came back.

Exit codes stand in ``terminal.py``. ``--json`` prints one JSON document for machines.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from semsearch import job_commands
from semsearch.errors import InputError, StorageError, Unavailable
from semsearch.files import leftovers, storage
from semsearch.files.storage import explained
from semsearch.names import path_text
from semsearch.settings import settings
from semsearch.terminal import bar, guarded, say, table


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code, whatever happens."""

    def run() -> int:
        arguments = _parser().parse_args(words)
        leftovers.sweep()
        return int(arguments.run(arguments))

    words = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    return guarded(run, debug=debug)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="semsearch",
        description="Image search with convolutional networks.",
        epilog="--debug, anywhere, shows where in the code a failure came from.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_models(commands.add_parser("models", help="list, pull and verify model weights"))
    _add_datasets(commands.add_parser("datasets", help="list, fetch, add and verify datasets"))
    job_commands.add(commands)
    evaluate = commands.add_parser("evaluate", help="print the stored scores of a dataset, model by layer")
    evaluate.add_argument("dataset")
    evaluate.add_argument("--json", action="store_true")
    evaluate.set_defaults(run=_evaluate)
    _add_search(commands.add_parser("search", help="find the pictures of a dataset most like a given one"))
    report = commands.add_parser("report", help="write a dataset's map, pictures and scores into one HTML file")
    report.add_argument("dataset")
    report.add_argument("-o", "--output", type=Path, metavar="FILE", help="default: DATASET-report.html")
    report.add_argument("--overwrite", action="store_true", help="replace the file if it is there already")
    _add_configuration(report)
    report.set_defaults(run=_report)
    return parser


def _add_search(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("image", metavar="IMAGE", help="a file, or a link that begins with http:// or https://")
    parser.add_argument("--in", dest="dataset", required=True, metavar="DATASET")
    _add_configuration(parser)
    parser.add_argument("--index", default="exact", help="exact or approximate; default: exact")
    parser.add_argument("-k", type=int, default=15)
    parser.add_argument("--json", action="store_true")
    parser.set_defaults(run=_search)


def _add_configuration(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", help="default: the configuration that scores best within 20 ms a picture")
    parser.add_argument("--layer", help="default: the last of the model")
    for name, default in (("pooling", "avg"), ("preset", "default"), ("metric", "cosine")):
        parser.add_argument(f"--{name}", help=f"default with a model: {default}")


def _add_models(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="every model and whether its weights are here")
    listing.add_argument("--json", action="store_true")
    listing.set_defaults(run=_models_list)
    for name, text, run in (
        ("pull", "get and verify weights", _models_pull),
        ("verify", "check stored weights against their digest", _models_verify),
    ):
        action = actions.add_parser(name, help=text)
        action.add_argument("names", nargs="*", metavar="MODEL", help="default: all that can be had")
        action.set_defaults(run=run)


def _add_datasets(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="every dataset and whether its pictures are here")
    listing.add_argument("--json", action="store_true")
    listing.set_defaults(run=_datasets_list)
    for name, text, run in (
        ("fetch", "get and verify the pictures of known datasets", _datasets_fetch),
        ("verify", "check the pictures against their digests", _datasets_verify),
    ):
        action = actions.add_parser(name, help=text)
        action.add_argument("names", nargs="+", metavar="DATASET")
        action.set_defaults(run=run)
    add = actions.add_parser(
        "add", help="take the pictures of a known dataset, or a dataset of your own, from a folder"
    )
    add.add_argument("name", metavar="DATASET")
    add.add_argument("--from", dest="folder", type=Path, required=True, metavar="FOLDER")
    add.add_argument("--json", action="store_true", help="name everything that was left out, and why")
    add.set_defaults(run=_datasets_add)


def _models_list(arguments: argparse.Namespace) -> int:
    from semsearch.models import catalog, weights

    rows = [
        {
            "model": model.name,
            "size": model.size,
            "parameters": model.parameters,
            "layers": model.layer_count,
            **_plain(weights.status(model.name)),
        }
        for model in catalog.models().values()
    ]
    table(rows, arguments.json)
    return 0


def _models_pull(arguments: argparse.Namespace) -> int:
    from semsearch.models import catalog, weights

    names = arguments.names or [model.name for model in catalog.models().values() if model.carrier]
    for name in names:
        catalog.model(name)
    for name in names:
        with bar(name, "B") as progress:
            stored = weights.pull(name, progress=progress)
        say(f"{name}: {stored.source}, {stored.path}")
    return 0


def _models_verify(arguments: argparse.Namespace) -> int:
    from semsearch.models import catalog, weights

    names = arguments.names or [name for name in catalog.models() if weights.status(name).here]
    for name in names:
        stored = weights.verify(name)
        say(f"{name}: whole, tensors {stored.digest[:16]}…, from {stored.source}")
    return 0


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
        say(f"{name}: {_contents(dataset)} in {dataset.root}")
    return 0


def _datasets_add(arguments: argparse.Namespace) -> int:
    from semsearch.data import datasets, folder

    dataset = datasets.add(arguments.name, arguments.folder)
    if arguments.json:
        left = [{"file": file, "reason": reason} for file, reason in dataset.left_out]
        counts = {"items": len(dataset.items), "classes": len(dataset.classes)}
        say(json.dumps({"dataset": dataset.name, **counts, "left_out": left}, indent=1))
    else:
        say("\n".join([f"{dataset.name}: {_contents(dataset)}", *folder.summary(dataset.left_out)]))
    return 0


def _contents(dataset: Any) -> str:  # noqa: ANN401 - a Dataset, whose module is loaded late
    from semsearch.data.folder import counted

    return f"{counted(len(dataset.items), 'picture')} of {counted(len(dataset.classes), 'class', 'es')}"


def _datasets_verify(arguments: argparse.Namespace) -> int:
    from semsearch.data import datasets

    problems = {name: datasets.verify(name) for name in arguments.names}
    for name, lines in problems.items():
        for problem in lines or ["whole"]:
            say(f"{name}: {problem}")
    return 4 if any(problems.values()) else 0


def _evaluate(arguments: argparse.Namespace) -> int:
    from semsearch.results import evaluate

    table(evaluate.score_rows(arguments.dataset), arguments.json)
    return 0


def _search(arguments: argparse.Namespace) -> int:
    from semsearch.data import datasets
    from semsearch.live import search
    from semsearch.net import addresses

    chosen = _configured(arguments)
    question = search.Question(arguments.dataset, chosen.spec, chosen.metric, arguments.k, arguments.index)
    picture: bytes | Path = Path(arguments.image)
    if addresses.is_link(arguments.image):
        from semsearch.net import links

        picture = links.fetch_image(arguments.image)
    name = arguments.dataset
    with explained(settings().home), bar(f"features of {name}", "") as progress:
        result = search.search(picture, question, progress=progress)
    document = search.document(result, datasets.load(name))
    if arguments.json:
        configuration = {**_plain(question.spec), "metric": question.metric}
        head = {"query": path_text(arguments.image), "dataset": name, "configuration": configuration}
        say(json.dumps({**head, **document}, indent=1))
    else:
        table(
            [{key: row[key] for key in ("rank", "item", "class", "distance", "file")} for row in document["matches"]],
            False,
        )
        say(result.verdict.words(document["verdict"]["class"]) if result.verdict else "")
    return 0


def _configured(arguments: argparse.Namespace) -> Any:  # noqa: ANN401 - a Recommendation, whose module is loaded late
    from semsearch.results import experiments, recommend

    parts = {name: getattr(arguments, name) for name in ("model", "layer", "pooling", "preset", "metric")}
    return recommend.configured(arguments.dataset, parts, experiments.open_store)


def _report(arguments: argparse.Namespace) -> int:
    from semsearch.data import datasets
    from semsearch.maps import report
    from semsearch.store.experiment import Experiment

    datasets.load(arguments.dataset)  # an unknown name is no name of a file
    output = arguments.output or Path(f"{arguments.dataset}-report.html")
    if os.path.lexists(output) and not arguments.overwrite:
        raise InputError(f"{path_text(output)} is there already; give another name with -o, or --overwrite it")
    chosen = _configured(arguments)
    with bar(f"pictures of {arguments.dataset}", "") as progress:
        page = report.page(Experiment(arguments.dataset, chosen.spec, chosen.metric), progress=progress)
    storage.write_bytes(output, page.encode())
    say(f"{path_text(output)}: {len(page.encode()) / 1e6:.1f} MB")
    return 0


def _plain(row: Any) -> dict[str, Any]:  # noqa: ANN401 - any frozen dataclass of plain fields
    from dataclasses import asdict

    return {key: str(value) if isinstance(value, Path) else value for key, value in asdict(row).items()}
