"""``semsearch evaluate`` and ``report``."""

import argparse
import os
from pathlib import Path

from semsearch.cli.plain import Commands, add_configuration, configured
from semsearch.errors import InputError
from semsearch.files import storage
from semsearch.names import path_text
from semsearch.terminal import bar, say, table


def add_to(commands: Commands) -> None:
    """Have these commands understood."""
    evaluate = commands.add_parser("evaluate", help="print the stored scores of a dataset, model by layer")
    evaluate.add_argument("dataset")
    evaluate.add_argument("--json", action="store_true")
    evaluate.set_defaults(run=_evaluate)
    report = commands.add_parser("report", help="write a dataset's map, pictures and scores into one HTML file")
    report.add_argument("dataset")
    report.add_argument("-o", "--output", type=Path, metavar="FILE", help="default: DATASET-report.html")
    report.add_argument("--overwrite", action="store_true", help="replace the file if it is there already")
    add_configuration(report)
    report.set_defaults(run=_report)


def _evaluate(arguments: argparse.Namespace) -> int:
    from semsearch.results import evaluate

    table(evaluate.score_rows(arguments.dataset), arguments.json)
    if (words := evaluate.basis(arguments.dataset)) and not arguments.json:
        say(f"{arguments.dataset}: {words}; ± is half the 95 % interval")
    return 0


def _report(arguments: argparse.Namespace) -> int:
    from semsearch.data import datasets
    from semsearch.maps import report
    from semsearch.store.experiment import Experiment

    datasets.load(arguments.dataset)  # an unknown name is no name of a file
    output = arguments.output or Path(f"{arguments.dataset}-report.html")
    if os.path.lexists(output) and not arguments.overwrite:
        raise InputError(f"{path_text(output)} is there already; give another name with -o, or --overwrite it")
    chosen = configured(arguments)
    with bar(f"pictures of {arguments.dataset}", "") as progress:
        page = report.page(Experiment(arguments.dataset, chosen.spec, chosen.metric), progress=progress)
    storage.write_bytes(output, page.encode())
    say(f"{path_text(output)}: {len(page.encode()) / 1e6:.1f} MB")
    return 0
