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
    adding = actions.add_parser("add", help="make a model of a Keras file of yours (.keras, .h5); nothing in it is run")
    adding.add_argument("file", metavar="FILE")
    adding.add_argument("--title", default="", help="default: the name of the file")
    adding.add_argument(
        "--preprocessing", default="", help="what it was trained on: none, unit, tf, torch or caffe; see the README"
    )
    adding.add_argument(
        "--size", type=int, default=0, help="side of its input in pixels, where the file leaves it open"
    )
    adding.set_defaults(run=_models_add)
    removing = actions.add_parser("remove", help="forget a model that was added; its file stays where it is")
    removing.add_argument("name", metavar="MODEL")
    removing.set_defaults(run=_models_remove)
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


def _models_add(arguments: argparse.Namespace) -> int:
    from pathlib import Path

    from semsearch.models import added

    asked = (arguments.title, arguments.preprocessing, arguments.size)
    model = added.add(Path(arguments.file), title=asked[0], preprocessing=asked[1], size=asked[2])
    say(f"{model.name}: {len(model.layers)} layers to search with, input {model.size} px; next: {_next(model.name)}")
    return 0


def _next(name: str) -> str:
    return f"`semsearch precompute groceries200 --models {name}`, or choose it on any page"


def _models_remove(arguments: argparse.Namespace) -> int:
    from semsearch.models import added

    added.remove(arguments.name)
    say(f"{arguments.name}: removed; `semsearch models add` with its file brings it back")
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
