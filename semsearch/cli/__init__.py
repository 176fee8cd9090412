"""The command line: ``semsearch COMMAND …``; each command calls the library once and prints what came back.

Exit codes stand in ``terminal.py``. ``--json`` prints one JSON document for machines.
"""

import argparse
import sys
from collections.abc import Sequence

from semsearch.cli import bench, channels, datasets, jobs, models, results, search
from semsearch.files import leftovers
from semsearch.terminal import guarded


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
    for family in (models, datasets, jobs, results, search, bench, channels):
        family.add_to(commands)
    return parser
