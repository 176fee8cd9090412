"""The commands of long work: ``precompute``, which all can watch, and ``jobs``, which steers what runs."""

import argparse
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from semsearch.cli.plain import Commands
from semsearch.files.storage import explained, trouble
from semsearch.settings import settings
from semsearch.terminal import bar, say, table

if TYPE_CHECKING:
    from semsearch.jobs.owner import Control
    from semsearch.jobs.records import Job


def add_to(commands: Commands) -> None:
    """Have these commands understood."""
    pre = commands.add_parser("precompute", help="compute the grid of experiments for datasets; resumes")
    pre.add_argument("datasets", nargs="+", metavar="DATASET")
    pre.add_argument("--models", nargs="+", metavar="MODEL", help="default: every model whose weights are here")
    pre.add_argument("--shard", default="1/1", metavar="i/n", help="do the i-th of n equal shares (default 1/1)")
    pre.add_argument("--to", type=Path, metavar="FOLDER", help="the store to write (default: precomputed/)")
    pre.add_argument(
        "--full", action="store_true", help="of your own datasets too: all maps, and the published pooling"
    )
    pre.set_defaults(run=_precompute)
    _add_jobs(commands.add_parser("jobs", help="list, pause, resume and cancel long work"))


def _add_jobs(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    for name, text, run in (
        ("list", "every job and how far it is", _list),
        ("show", "one job", _show),
        ("pause", "have a job wait, and others go on", _steer),
        ("resume", "have a job go on that was paused or interrupted, was cancelled or failed", _steer),
        ("cancel", "end a job; what is whole by then is kept", _steer),
    ):
        action = actions.add_parser(name, help=text)
        if name != "list":
            action.add_argument("number", type=int, metavar="JOB")
        action.add_argument("--json", action="store_true")
        action.set_defaults(run=run, steer=name)
    child = actions.add_parser("run")
    child.add_argument("number", type=int)
    child.add_argument("--held", type=int, required=True, help="file of the lock of its owner, from whoever began it")
    child.set_defaults(run=_run)


def _precompute(arguments: argparse.Namespace) -> int:
    from semsearch.results import extent, precompute

    models = arguments.models or precompute.models_here()
    shard = precompute.parse_shard(arguments.shard)
    own_part = arguments.to is not None or shard != (1, 1)
    with explained(arguments.to or settings().precomputed), bar("precompute", "") as progress:
        with nullcontext() if own_part else _listed(arguments.datasets, models) as control:

            def step(done: int, total: int) -> None:
                progress(done, total)
                if control:
                    control.progress(done, total)

            report = precompute.precompute(
                arguments.datasets,
                models,
                root=arguments.to,
                shard=shard,
                how_much=extent.FULL if arguments.full else None,
                progress=step,
            )
            done = f"{report.computed} computed, {report.already} already there"
            if control:
                control.words = done
    for picture in report.skipped:
        say(f"skipped {picture}")
    say(f"{done}, store at {report.root}")
    return 1 if report.skipped else 0


@contextmanager
def _listed(datasets: Sequence[str], models: Sequence[str]) -> "Iterator[Control | None]":
    """The control of a job that others see; none where no file can be written that would tell them."""
    from semsearch.jobs import desk
    from semsearch.jobs.records import Request

    if trouble(settings().home):
        yield None
        return
    with desk.here(Request(tuple(datasets), tuple(models))) as control:
        control.begin("Computing")
        yield control


def _list(arguments: argparse.Namespace) -> int:
    from semsearch.jobs import records

    table([_row(job) for job in records.every()], arguments.json)
    return 0


def _show(arguments: argparse.Namespace) -> int:
    from semsearch.jobs import records

    row = _row(records.find(arguments.number))
    say(json.dumps(row, indent=1) if arguments.json else "\n".join(f"{name}: {value}" for name, value in row.items()))
    return 0


def _steer(arguments: argparse.Namespace) -> int:
    from semsearch.jobs import desk

    {"pause": desk.pause, "resume": desk.resume, "cancel": desk.cancel}[arguments.steer](arguments.number)
    return _show(arguments)


def _run(arguments: argparse.Namespace) -> int:
    from semsearch.jobs import desk

    say(desk.run(arguments.number, held=arguments.held))
    return 0


def _row(job: "Job") -> dict[str, Any]:
    state = job.state
    return {
        "job": job.number,
        "state": state.name,
        "kind": job.request.kind,
        "datasets": " ".join(job.request.datasets),
        "models": " ".join(job.request.models),
        "phase": state.phase,
        "done": state.done,
        "total": state.total,
        "per_second": round(state.rate, 1),
        "seconds_left": "" if state.left is None else round(state.left),
        "words": state.words,
    }
