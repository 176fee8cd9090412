"""``semsearch models …``."""

import argparse

from semsearch.cli.plain import Commands, plain
from semsearch.terminal import bar, say, table


def add_to(commands: Commands) -> None:
    """Have these commands understood."""
    parser = commands.add_parser("models", help="list, pull and verify model weights")
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="every model and whether its weights are here")
    listing.add_argument("--json", action="store_true")
    listing.set_defaults(run=_models_list)
    showing = actions.add_parser(
        "layers", help="every layer of a model, or of a Keras file of yours; nothing in it is run"
    )
    showing.add_argument("model", metavar="MODEL_OR_FILE")
    showing.add_argument("--json", action="store_true")
    showing.set_defaults(run=_models_layers)
    for name, text, run in (
        ("pull", "get and verify weights", _models_pull),
        ("verify", "check stored weights against their digest", _models_verify),
    ):
        action = actions.add_parser(name, help=text)
        action.add_argument("names", nargs="*", metavar="MODEL", help="default: all that can be had")
        action.set_defaults(run=run)


def _models_list(arguments: argparse.Namespace) -> int:
    from semsearch.models import catalog, weights

    rows = [
        {
            "model": model.name,
            "size": model.size,
            "parameters": model.parameters,
            "layers": model.layer_count,
            **plain(weights.status(model.name)),
        }
        for model in catalog.models().values()
    ]
    table(rows, arguments.json)
    return 0


def _models_layers(arguments: argparse.Namespace) -> int:
    from pathlib import Path

    from semsearch.models import catalog, foreign, layers

    file = Path(arguments.model)
    own = arguments.model not in catalog.models() and file.suffix in (".keras", ".h5", ".hdf5")
    rows = foreign.table(file) if own else layers.table(arguments.model)
    table(
        [
            {
                "layer": row.name,
                "kind": row.kind,
                "output": "x".join(map(str, row.shape)),
                "parameters": row.parameters,
                "multiply_adds": row.multiply_adds,
                "sees": row.receptive_field,
                "step": max(row.step),
            }
            for row in rows
        ],
        arguments.json,
    )
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
