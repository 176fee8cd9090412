"""The stores that ``faults`` breaks: semsearch's own, and one that writes in place, each with the same steps.

What a store is to hold is known beforehand: pictures by SHA-256 with their class, and of each picture features that
follow from its SHA-256.
"""

import hashlib
import json
import os
import random
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from unittest import mock

import numpy as np

from semsearch.data import datasets
from semsearch.data.dataset import Dataset
from semsearch.files import storage
from semsearch.live import galleries, vectorfiles
from semsearch.live.vectorfiles import Stored
from semsearch.own import edits, ledger, sync
from semsearch.own.edits import Given

NAME = "broken"
KINDS = ("add", "remove", "relabel", "sync", "index")
BEGUN = 12
"""Pictures that a dataset begins with."""
FEWEST, MOST = 6, 40
"""Pictures between which a dataset is held."""
Contents = Mapping[str, str]
"""Class by SHA-256."""


@dataclass(frozen=True)
class Step:
    """One thing to do."""

    kind: str
    pictures: tuple[bytes, ...] = ()
    """Those that come: given, or laid into the folder."""
    pins: tuple[str, ...] = ()
    """Those that go, or are given another class."""
    title: str = ""


@dataclass
class Plan:
    """Seeded steps, and what a store holds after each."""

    seed: int
    contents: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Begin the seeded drawing."""
        self._dice, self._made = random.Random(self.seed), 0  # noqa: S311 - nothing secret

    def next(self) -> Step:
        """A step that can be done with what there is."""
        kind = self._dice.choice(KINDS)
        if len(self.contents) < FEWEST or (kind == "remove" and len(self.contents) < 2 * FEWEST):
            kind = "add"
        elif len(self.contents) > MOST:
            kind = "remove"
        title = self._dice.choice(("cat", "dog", "cow"))
        if kind in ("add", "sync"):
            return Step(kind, tuple(self.picture() for _ in range(self._dice.randint(1, 3))), (), title)
        some = tuple(self._dice.sample(sorted(self.contents), 2)) if kind != "index" else ()
        return Step(kind, (), some, title)

    def picture(self) -> bytes:
        """Another picture, which no other plan makes."""
        self._made += 1
        return b"\xff\xd8\xff" + f"picture {self.seed} {self._made} ".encode() + self._dice.randbytes(600)

    def done(self, step: Step) -> None:
        """Note that a step was done."""
        self.contents = after(self.contents, step)


def after(contents: Contents, step: Step) -> dict[str, str]:
    """What a store holds after a step."""
    new = {pin(data): step.title for data in step.pictures}
    kept = {one: title for one, title in contents.items() if step.kind != "remove" or one not in step.pins}
    if step.kind == "relabel":
        kept |= dict.fromkeys(step.pins, step.title)
    return kept | new


def pin(data: bytes) -> str:
    """SHA-256, hex."""
    return hashlib.sha256(data).hexdigest()


def features(pins: list[str]) -> np.ndarray:
    """What the network makes of pictures, (n, 4) float32."""
    return np.array([[int(one[place : place + 4], 16) for place in range(0, 16, 4)] for one in pins], np.float32)


class Store(Protocol):
    """What is broken."""

    def begin(self, contents: list[tuple[bytes, str]]) -> None:
        """Make it, with these pictures and their classes."""

    def do(self, step: Step) -> None:
        """Do a step; it is acknowledged when this returns."""

    def forget(self, step: Step) -> None:
        """Take away what a step that was not done has laid into the folder before."""

    def opened(self) -> tuple[dict[str, str], bool]:
        """What it holds, read as by a new process; and whether all features that it has are of their picture."""


class Own:
    """semsearch's own; pictures are not decoded, for the store is what is tried."""

    def __init__(self, folder: Path) -> None:
        """In a folder of pictures; the home is that of this process."""
        self._folder = folder
        edits._flaw = lambda given: ""

    def begin(self, contents: list[tuple[bytes, str]]) -> None:
        """As ``Store``: the pictures are laid into the folder."""
        for data, title in contents:
            self._lay(data, title)
        edits.create(NAME, self._folder)

    def do(self, step: Step) -> None:
        """As ``Store``."""
        dataset = datasets.load(NAME)
        ids = [item.id for item in dataset.items if item.sha256 in step.pins]
        if step.kind == "add":
            edits.add(NAME, [Given(f"{pin(data)[:12]}.jpg", step.title, data) for data in step.pictures])
        elif step.kind == "sync":
            for data in step.pictures:
                self._lay(data, step.title)
            sync.sync(NAME)
        elif step.kind == "index":
            _write_features(dataset)
        else:
            edits.remove(dataset, ids) if step.kind == "remove" else edits.relabel(dataset, ids, step.title)

    def opened(self) -> tuple[dict[str, str], bool]:
        """As ``Store``; whoever comes next makes good what a kill left."""
        ledger.history(NAME)
        dataset = datasets.load(NAME)
        right = True
        for base in galleries.kept_files(dataset):
            if stored := vectorfiles.read(base):
                pins = [dataset.items[item].sha256 for item in stored.items]
                right &= tuple(pins) == stored.pins and np.array_equal(stored.vectors, features(pins))
        return {item.sha256: dataset.classes[item.label] for item in dataset.items}, right

    def forget(self, step: Step) -> None:
        """As ``Store``."""
        for data in step.pictures if step.kind == "sync" else ():
            self._place(data, step.title).unlink(missing_ok=True)

    def _place(self, data: bytes, title: str) -> Path:
        return self._folder / title / f"{pin(data)[:12]}.jpg"

    def _lay(self, data: bytes, title: str) -> None:
        storage.write_bytes(self._place(data, title), data)


def _write_features(dataset: Dataset) -> None:
    pins = [item.sha256 for item in dataset.items]
    base = galleries.features_of(dataset, "0" * 24)
    vectorfiles.write(base, Stored(features(pins), np.arange(len(pins)), {}, tuple(pins)))


class InPlace:
    """What is often written: a list and vectors, each over what was there."""

    def __init__(self, folder: Path) -> None:
        """In a folder."""
        self._list, self._vectors = folder / "list.json", folder / "vectors.f32"

    def begin(self, contents: list[tuple[bytes, str]]) -> None:
        """As ``Store``."""
        self._write({pin(data): title for data, title in contents})

    def do(self, step: Step) -> None:
        """As ``Store``."""
        self._write(after(json.loads(self._list.read_text()), step))

    def opened(self) -> tuple[dict[str, str], bool]:
        """As ``Store``."""
        contents: dict[str, str] = json.loads(self._list.read_text())
        vectors = np.frombuffer(self._vectors.read_bytes(), np.float32)
        return contents, np.array_equal(vectors.reshape(-1, 4), features(list(contents)))

    def forget(self, step: Step) -> None:
        """As ``Store``: nothing lies anywhere."""

    def _write(self, contents: Contents) -> None:
        with self._list.open("w") as out:
            for line in json.dumps(dict(contents), indent=0).splitlines(keepends=True):
                out.write(line)
                out.flush()
        with self._vectors.open("wb", buffering=0) as raw:
            for row in features(list(contents)):
                raw.write(row.tobytes())


STORES: Mapping[str, Callable[[Path], Store]] = {"semsearch": Own, "written in place": InPlace}


@contextmanager
def begun(make: Callable[[Path], Store], seed: int) -> Iterator[tuple[Store, Plan]]:
    """A store in a home of its own, with a few pictures, and the plan of what is done to it."""
    with tempfile.TemporaryDirectory() as place, mock.patch.dict(os.environ, {"SEMSEARCH_HOME": f"{place}/home"}):
        folder, plan = Path(place) / "photos", Plan(seed)
        folder.mkdir()
        store = make(folder)
        first = [(plan.picture(), "cat") for _ in range(BEGUN)]
        store.begin(first)
        plan.contents = {pin(data): title for data, title in first}
        yield store, plan
