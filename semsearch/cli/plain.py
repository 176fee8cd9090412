"""What commands share: how a configuration is asked for, and how facts become plain values."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from semsearch.results.recommend import Recommendation

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
"""What a family of commands is added to."""


def add_configuration(parser: argparse.ArgumentParser) -> None:
    """Ask for a model, a layer and the rest, none of which must be given."""
    parser.add_argument("--model", help="default: the configuration that scores best within 20 ms a picture")
    parser.add_argument("--layer", help="default: the last of the model")
    for name, default in (("pooling", "avg"), ("preset", "default"), ("metric", "cosine")):
        parser.add_argument(f"--{name}", help=f"default with a model: {default}")


def dataset_action(
    actions: Commands, word: str, text: str, run: Callable[[argparse.Namespace], int]
) -> argparse.ArgumentParser:
    """A command of the family ``datasets`` that is about one dataset."""
    action: argparse.ArgumentParser = actions.add_parser(word, help=text)
    action.add_argument("name", metavar="DATASET")
    action.set_defaults(run=run)
    return action


def configured(arguments: argparse.Namespace) -> "Recommendation":
    """The configuration that was asked for, or the best."""
    from semsearch.results import experiments, recommend

    parts = {name: getattr(arguments, name) for name in ("model", "layer", "pooling", "preset", "metric")}
    return recommend.configured(arguments.dataset, parts, experiments.open_store)


def plain(row: Any) -> dict[str, Any]:  # noqa: ANN401 - any frozen dataclass of plain fields
    """Its fields, a path as text."""
    from dataclasses import asdict

    return {key: str(value) if isinstance(value, Path) else value for key, value in asdict(row).items()}
