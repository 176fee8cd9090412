"""``semsearch search``."""

import argparse
import json
from pathlib import Path

from semsearch.cli.plain import Commands, add_configuration, configured, plain
from semsearch.files.storage import explained
from semsearch.names import path_text
from semsearch.settings import settings
from semsearch.terminal import bar, say, table


def add_to(commands: Commands) -> None:
    """Have this command understood."""
    parser = commands.add_parser("search", help="find the pictures of a dataset most like a given one")
    parser.add_argument("image", metavar="IMAGE", help="a file, or a link that begins with http:// or https://")
    parser.add_argument("--in", dest="dataset", required=True, metavar="DATASET")
    add_configuration(parser)
    parser.add_argument("--index", default="exact", help="exact, approximate or a recipe; default: exact")
    parser.add_argument("-k", type=int, default=15)
    parser.add_argument("--json", action="store_true")
    parser.set_defaults(run=_search)


def _search(arguments: argparse.Namespace) -> int:
    from semsearch.data import datasets
    from semsearch.live import search
    from semsearch.net import addresses

    chosen = configured(arguments)
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
        configuration = {**plain(question.spec), "metric": question.metric}
        head = {"query": path_text(arguments.image), "dataset": name, "configuration": configuration}
        say(json.dumps({**head, **document}, indent=1))
    else:
        table(
            [{key: row[key] for key in ("rank", "item", "class", "distance", "file")} for row in document["matches"]],
            False,
        )
        say(result.verdict.words(document["verdict"]["class"]) if result.verdict else "")
    return 0
