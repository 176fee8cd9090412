"""The command that computes what is shown about channels: ``channels``."""

import argparse
from collections.abc import Callable
from contextlib import ExitStack

from semsearch.cli.plain import Commands
from semsearch.terminal import bar, say


def add_to(commands: Commands) -> None:
    """Have the command understood."""
    parser = commands.add_parser("channels", help="compute pictures of what channels look for; resumes")
    parser.add_argument("models", nargs="+", metavar="MODEL")
    parser.add_argument("--count", type=int, default=30, help="pictures a layer (default 30)")
    parser.set_defaults(run=_channels)


def _channels(arguments: argparse.Namespace) -> int:
    from semsearch.explain import computing

    for model in arguments.models:
        with ExitStack() as stack:
            layers = computing.compute(model, count=arguments.count, told=_bars(model, stack))
        say(f"{model}: {layers} layers written")
    return 0


def _bars(model: str, stack: ExitStack) -> Callable[[str, int, int], None]:
    """A bar for each phase of the work on a model."""
    bars: dict[str, Callable[[int, int], None]] = {}

    def told(phase: str, done: int, total: int) -> None:
        if phase not in bars:
            stack.close()
            bars[phase] = stack.enter_context(bar(f"{model} {phase}", ""))
        bars[phase](done, total)

    return told
