"""How long a folder of one's own pictures takes until it is searched, compared and drawn.

    python -m benchmarks.datasets [--pictures 341] [--model mobilenetv2] [--map 0] [--folder FOLDER]

The pictures are photos of ``groceries`` in ten classes, copied into a folder, and a home of its own in which only the
weights and the converted network are known. Each row is a process of its own, from its start to its end, as a user has
it; the bare forward passes are those of the pictures through the loaded network for all eight layers and three
poolings, decoding included. ``--map N`` draws maps of N random clustered vectors of 1,280 numbers instead.
``--folder`` takes the pictures of a folder, as of Caltech-101, whose sub-folders are classes: all but a hundred are
indexed, searched, evaluated and drawn, and then the hundred are added. That folder is only read.
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from benchmarks import needs
from semsearch import features
from semsearch.data import datasets, identity
from semsearch.data.datasets import Dataset
from semsearch.errors import InputError
from semsearch.models import catalog
from semsearch.results import drawing
from semsearch.results.extent import POOLED
from semsearch.settings import settings

NAME, CLASSES, MORE = "photos", 10, 100
LEADERBOARD = (
    "from semsearch.results import experiments, leaderboard; "
    f"print(len(leaderboard.board(experiments.open_store(), '{NAME}').score))"
)


def copied(whole: Dataset, folder: Path, count: int) -> None:
    """Photos of groceries in a sub-folder for each of ten classes, as many in each as can be."""
    classes = [[item.id for item in whole.items if item.label == label] for label in range(CLASSES)]
    for number in range(count):
        items = classes[number % CLASSES]
        item = items[number // CLASSES % len(items)]
        place = folder / f"kind {number % CLASSES}" / f"{number}.jpg"
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(whole.path(item), place)


def bare_passes(model: str) -> float:
    """Seconds of the pictures through the loaded network."""
    dataset = datasets.load(NAME)
    extractor = features.FeatureExtractor(POOLED.grid(model))
    pictures = [identity.pinned(dataset, id) for id in range(len(dataset.items))]
    list(extractor.stream(pictures[:8]))
    return timed(lambda: [None for _ in extractor.stream(pictures)])


def timed(run: Callable[[], object]) -> float:
    """Seconds that a call takes."""
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def command(*words: str) -> float:
    """Seconds of a process from start to end; its errors are shown."""
    return timed(lambda: subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL))  # noqa: S603


@contextmanager
def fresh_home() -> Iterator[Path]:
    """A folder with a home and a store of its own, in which only weights and converted networks are known."""
    known = {name: settings().home / name for name in ("weights", "engines")}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "home").mkdir()
        for name, there in known.items():
            (folder / "home" / name).symlink_to(there)
        os.environ |= {"SEMSEARCH_HOME": str(folder / "home"), "SEMSEARCH_PRECOMPUTED": str(folder / "store")}
        yield folder


def own_dataset(count: int, model: str) -> list[tuple[str, str, str]]:
    """The rows of a dataset of that many pictures: what, seconds, and the bound where there is one."""
    needs.get(models=[model], sets=["groceries"])
    whole = datasets.load("groceries")
    with fresh_home() as folder:
        copied(whole, folder / "pictures", count)
        semsearch = ("-m", "semsearch")
        add = command(*semsearch, "datasets", "add", NAME, "--from", str(folder / "pictures"))
        bare = bare_passes(model)
        picture = str(next((folder / "pictures").rglob("*.jpg")))
        search = command(*semsearch, "search", picture, "--in", NAME, "--model", model)
        again = command(*semsearch, "search", picture, "--in", NAME, "--model", model)
        board = command(*semsearch, "precompute", NAME, "--models", model) + command("-c", LEADERBOARD)
        last = catalog.model(model).layer_names[-1]
        first = _first_map(model, last)
    return [
        (f"bare forward passes of {count:,} pictures", f"{bare:.1f}", ""),
        ("`datasets add`", f"{add:.1f}", ""),
        ("first search", f"{search:.1f}", ""),
        ("second search", f"{again:.1f}", ""),
        ("leaderboard: 8 layers × 3 poolings × 6 metrics", f"{board:.1f}", f"{2 * bare + 3:.1f}"),
        ("first map, by UMAP", f"{first:.1f}", ""),
    ]


def of_folder(source: Path, model: str) -> list[tuple[str, str, str]]:
    """The rows of the pictures of a folder: indexed, searched, evaluated, drawn, and a hundred added to them."""
    needs.get(models=[model], sets=[])
    with fresh_home() as folder:
        root, rest = folder / "pictures", parted(source, folder / "pictures")
        semsearch = ("-m", "semsearch")
        create = command(*semsearch, "datasets", "create", NAME, "--from", str(root))
        bare, count = bare_passes(model), len(datasets.load(NAME).items)
        search = (*semsearch, "search", str(rest[0][0]), "--in", NAME, "--model", model)
        index, again = command(*search), command(*search)
        evaluate = command(*semsearch, "precompute", NAME, "--models", model)
        asked = command(*semsearch, "evaluate", NAME)
        drawn = _first_map(model, catalog.model(model).layer_names[-1])
        for picture, place in rest:
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(picture, place)
        sync = command(*semsearch, "datasets", "sync", NAME)
        added = sync + command(*search) - again
    return [
        (f"bare forward passes of {count:,} pictures", f"{bare:.1f}", ""),
        ("`datasets create`", f"{create:.1f}", ""),
        ("first search, which indexes all", f"{index:.1f}", f"{1.2 * bare:.1f}"),
        ("second search", f"{again:.1f}", ""),
        ("`precompute`: 8 layers × 3 poolings × 6 metrics", f"{evaluate:.1f}", ""),
        ("`evaluate`", f"{asked:.1f}", ""),
        ("first map, by UMAP, pictures included", f"{drawn:.1f}", ""),
        (f"{len(rest)} more: sync, and what the next search takes longer", f"{added:.1f}", f"{0.03 * index:.1f}"),
    ]


def parted(source: Path, root: Path) -> list[tuple[Path, Path]]:
    """Copies of the pictures of a folder below ``root``, but for MORE of them, evenly: (picture, where it belongs)."""
    pictures = sorted(path for path in source.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    if len(pictures) < 2 * MORE:
        raise InputError(f"{source}: expected at least {2 * MORE} pictures, got {len(pictures)}")
    chosen = {pictures[place] for place in np.linspace(0, len(pictures) - 1, MORE).astype(int)}
    rest = []
    for picture in pictures:
        place = root / picture.relative_to(source)
        if picture in chosen:
            rest.append((picture, place))
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(picture, place)
    return rest


class _Drawn(Exception):  # noqa: N818 - no error
    """The first map is there."""


def _first_map(model: str, layer: str) -> float:
    """Seconds until the map of one layer is drawn and kept, from the start."""
    started, took = time.perf_counter(), [0.0]

    def report(phase: str, done: int, total: int) -> None:
        if (done, total) == (1, catalog.CHOSEN) and not took[0]:
            took[0] = time.perf_counter() - started
            raise _Drawn

    try:
        drawing.draw(drawing.Wanted(NAME, model, "avg", "umap2", layer), make=features.FeatureExtractor, report=report)
    except _Drawn:
        return took[0]
    return time.perf_counter() - started


def large_map(count: int) -> list[tuple[str, str, str]]:
    """The rows of maps of many vectors: seconds, and the most memory that this process and its child took."""
    random = np.random.default_rng(0)
    centres = 0.7 * random.normal(size=(50, 1_280)).astype(np.float32)
    labels = random.integers(len(centres), size=count)
    rows = np.empty((count, 1_280), np.float32)
    for start in range(0, count, 2_000):
        some = labels[start : start + 2_000]
        rows[start : start + 2_000] = np.maximum(centres[some] + random.normal(size=(len(some), 1_280)), 0)
    found = []
    for kind in ("pca2", "umap2", "tsne2"):
        took = timed(lambda kind=kind: drawing.one_map(rows, labels, kind))  # type: ignore[misc]
        who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        most = sum(resource.getrusage(one).ru_maxrss for one in who) / 1e6
        found.append((f"{kind} of {count:,} vectors of 1,280", f"{took:.1f}", f"{most:.2f} GB"))
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--pictures", type=int, default=341)
    parser.add_argument("--model", default="mobilenetv2", choices=list(catalog.models()))
    parser.add_argument("--map", type=int, default=0, metavar="N")
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    if given.folder:
        rows = of_folder(given.folder.resolve(), given.model)
    else:
        rows = large_map(given.map) if given.map else own_dataset(given.pictures, given.model)
    lines = ["| what | seconds | memory |" if given.map else "| what | seconds | bound |", "|---|---|---|"]
    sys.stdout.write("\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)]) + "\n")


if __name__ == "__main__":
    needs.run(main)
