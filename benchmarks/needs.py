"""What a benchmark needs before it begins: it is got here, or one line says what is missing; no traceback."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from semsearch.data import datasets
from semsearch.errors import PicturesUnavailable
from semsearch.models import weights
from semsearch.terminal import guarded


def get(*, models: Sequence[str] = (), sets: Sequence[str] = ()) -> None:
    """Have weights and pictures here; raises as ``weights.pull`` and ``datasets.fetch`` do."""
    for name in sets:
        if not datasets.load(name).has_pictures:
            datasets.fetch(name)
    for name in models:
        weights.pull(name)


def live_search() -> list[bytes]:
    """Have here what Live search begins with: pictures of a dataset, weights, and the features of its best settings.

    Gives ten of its photos, to search with. Raises as ``get`` does.
    """
    from semsearch.live import search
    from semsearch.results import recommend
    from semsearch.results.experiments import open_store

    get(models=["mobilenetv2"], sets=["groceries200"])
    best = recommend.recommend(open_store(), "groceries200")
    search.search(0, search.Question("groceries200", best.spec, best.metric))
    groceries = datasets.load("groceries200")
    return [groceries.path(item).read_bytes() for item in range(0, 200, 20)]


def rounds(about: str | None, default: int) -> int:
    """How often each is measured: what ``--rounds`` says; ``about`` is the help of the command."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=default)
    number: int = parser.parse_args().rounds
    return number


def shared(path: Path) -> Path:
    """A file or folder that the project does not ship; PicturesUnavailable says how to name it."""
    if path.exists():
        return path
    raise PicturesUnavailable(
        f"{path} is not here: set SEMSEARCH_SHARED_DATA to the folder that holds iconic200 and fashion200"
    )


def run(main: Callable[[], int | None]) -> None:
    """Run a benchmark, and end the process with its exit code; a failure is one line, with ``--debug`` all of it."""
    debug = "--debug" in sys.argv
    sys.argv = [word for word in sys.argv if word != "--debug"]
    sys.exit(guarded(lambda: main() or 0, debug=debug))
