"""``semsearch bench``: measurements on your own data; ``index`` compares index recipes on the features of a dataset."""

import argparse
import json
from dataclasses import asdict
from typing import Any

from semsearch.cli.plain import Commands, add_configuration, configured
from semsearch.errors import Unavailable
from semsearch.files.storage import explained
from semsearch.settings import settings
from semsearch.terminal import bar, say, table


def add_to(commands: Commands) -> None:
    """Have this family understood."""
    parser = commands.add_parser("bench", help="measure index recipes on a dataset of yours")
    kinds = parser.add_subparsers(required=True, metavar="WHAT")
    index = kinds.add_parser("index", help="recall, latency and size of each index on the features of a dataset")
    index.add_argument("dataset", metavar="DATASET")
    add_configuration(index)
    index.add_argument("--memory", type=float, metavar="MB", help="name the best that takes at most so much memory")
    index.add_argument("--milliseconds", type=float, metavar="MS", help="and at most so long for a query")
    index.add_argument("--json", action="store_true")
    index.set_defaults(run=_index)


def _index(arguments: argparse.Namespace) -> int:
    from semsearch.indices import lab
    from semsearch.live import galleries

    chosen, name = configured(arguments), arguments.dataset
    with explained(settings().home), bar(f"features of {name}", "") as progress:
        searched = galleries.shared().open(name, chosen.spec, progress=progress)
    vectors, queries = lab.held_out(searched.vectors)
    with bar("indices", "") as progress:
        report = lab.measure(vectors, queries, chosen.metric, progress=progress)
    memory = None if arguments.memory is None else 1e6 * arguments.memory
    best = lab.best(report.rows, memory=memory, milliseconds=arguments.milliseconds)
    if arguments.json:
        head = {"dataset": name, "configuration": {**asdict(chosen.spec), "metric": chosen.metric}}
        frontier = [row.recipe for row in lab.frontier(report.rows)]
        say(json.dumps({**head, **asdict(report), "frontier": frontier, "best": best and best.recipe}, indent=1))
    else:
        head_line = (
            f"{name}: {report.count:,} vectors of {report.dimension:,} numbers, {chosen.spec.key}, {chosen.metric}"
        )
        say(f"{head_line}; {report.queries} queries that no index holds")
        table([_cells(row) for row in report.rows], False)
        for reason in report.refused.values():
            say(reason)
        say(f"best within the budget: {best.recipe}" if best else "")
    if best is None:
        raise Unavailable("no index is within that budget; allow more memory or more time")
    return 0


def _cells(row: Any) -> dict[str, str]:  # noqa: ANN401 - lab.Measured, whose module is loaded late
    of_ten = row.recall[10]
    return {
        "recipe": row.recipe,
        **{f"recall@{k}": f"{found.mean:.3f}" for k, found in row.recall.items()},
        "5 % below": f"{of_ten.low:.2f}",
        "least": f"{of_ten.least:.2f}",
        **{f"in {share:.0%}": f"{found.mean:.3f}" for share, found in row.filtered.items() if share < 1},
        "ms, one": f"{row.single:.2f}",
        "ms, many": f"{row.batched:.2f}",
        "build s": f"{row.built:.1f}",
        "audit s": f"{row.audited:.1f}",
        "lost": f"{row.lost:,}",
        "memory MB": f"{row.memory / 1e6:,.2f}",
        "disk MB": f"{row.disk / 1e6:,.2f}",
    }
