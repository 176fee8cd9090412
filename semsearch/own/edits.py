"""What a person does to a dataset of their own; each is one step of its history, and can be taken back."""

import csv
import hashlib
import io
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path, PurePosixPath

from semsearch import images, names
from semsearch.data import datasets
from semsearch.data.dataset import Dataset
from semsearch.data.folder import LeftOut, counted, scan
from semsearch.errors import ImageRefused, InputError
from semsearch.files import staging, storage
from semsearch.images import pixels
from semsearch.own import pictures
from semsearch.own.ledger import Ledger, writing
from semsearch.own.pictures import HERE, REMOVED, Picture
from semsearch.settings import settings

SMALLEST = 32
"""Pixels of the square that a picture is decoded to, to see whether it can be."""
_LONGEST = 120
"""Bytes of a file's name."""


@dataclass(frozen=True)
class Given:
    """A picture that was given to semsearch, not left in a folder."""

    file: str
    """Its name as the giver has it."""
    title: str
    """Of its class; empty where there are none."""
    data: bytes


@dataclass(frozen=True)
class Taken:
    """What became of pictures that were given."""

    dataset: Dataset
    added: int
    refused: tuple[LeftOut, ...]
    """(file, why), for each that was not taken."""


def create(name: str, folder: Path, *, labels: Mapping[str, str] | None = None) -> Dataset:
    """A dataset of the pictures of a folder, which stay where they are and are only ever read.

    Its sub-folders are the classes, see ``datasets.from_folder``; ``labels`` are classes by file, see ``read_labels``.
    InputError for a name that is taken or is none, for a folder without pictures, for labels of other files.
    """
    _expect_free(name)
    root = datasets.existing_folder(folder)
    scanned = scan(root)
    found = {file: Picture(pin, title, stamp=scanned.stamps[file]) for title, file, pin in scanned.pictures}
    if not found:
        datasets.from_folder(root, name=name)  # says what there is instead
    found = _labelled(found, labels or {})
    return _begin(pictures.listed(name, name, found, root, scanned.left_out), found)


def create_of(name: str, given: Iterable[Given], *, left_out: Sequence[LeftOut] = ()) -> Taken:
    """A dataset of pictures that are given; they are copied below ``settings().datasets``.

    It lists what cannot be taken, beside what was ``left_out`` before. InputError for a name that is taken or is none,
    or when none of the pictures can be taken.
    """
    _expect_free(name)
    home = settings().datasets / name
    with datasets.locked(name):
        _expect_free(name)
        staging.remove(home)  # what a kill left of a dataset that never came to be
        found, refused = _stored(name, given, {})
    if not found:
        staging.remove(home)
        raise InputError(f"{name}: none of the pictures can be taken: {_first(refused)}")
    return Taken(_begin(pictures.listed(name, name, found, home, (*left_out, *refused)), found), len(found), refused)


def add(name: str, given: Iterable[Given]) -> Taken:
    """Add pictures, which are copied; one that is in the dataset already is refused, one that was taken out is back."""
    with writing(name) as ledger:
        new, refused = _stored(name, given, ledger.pictures)
        if not new:
            return Taken(ledger.listed, 0, refused)
        dataset = ledger.commit(f"added {counted(len(new), 'picture')}", {**ledger.pictures, **new})
        return Taken(dataset, len(new), refused)


def remove(dataset: Dataset, ids: Sequence[int]) -> Dataset:
    """Take items out of a dataset; no file is deleted. InputError when the dataset is another one by now."""
    with unchanged(dataset) as ledger:
        files = _files(dataset, ids)
        out = {file: replace(ledger.pictures[file], state=REMOVED) for file in files}
        return ledger.commit(f"removed {_named(files)}", {**ledger.pictures, **out})


def relabel(dataset: Dataset, ids: Sequence[int], title: str) -> Dataset:
    """Give items another class, which they keep wherever their files lie; raises as ``remove``."""
    title = names.title(title.strip())
    if not title:
        raise InputError("expected a name of a class, got an empty one")
    with unchanged(dataset) as ledger:
        files = _files(dataset, ids)
        other = {file: replace(ledger.pictures[file], title=title, by_hand=True) for file in files}
        return ledger.commit(f"{_named(files)}: class {title}", {**ledger.pictures, **other})


def undo(name: str) -> tuple[str, Dataset]:
    """Take back the last step; what it was, and the dataset as it is then. InputError when there is none left."""
    with writing(name) as ledger:
        what = ledger.undo()
        return what, ledger.listed


def items(dataset: Dataset, files: Iterable[str]) -> list[int]:
    """Items by their file as it is shown, or by its name alone where only one is called so.

    InputError for a file that is none of the dataset, or whose name several have.
    """
    by_name: dict[str, list[int]] = {}
    for item in dataset.items:
        for name in dict.fromkeys((item.shown, PurePosixPath(item.shown).name)):
            by_name.setdefault(name, []).append(item.id)
    whole = {item.shown: item.id for item in dataset.items}
    found = []
    for file in files:
        places = [whole[file]] if file in whole else by_name.get(file, [])
        if len(places) != 1:
            got = "several are called" if places else "none is called"
            raise InputError(f"{dataset.name}: expected the file of one picture; {got} {file}")
        found += places
    return found


def read_labels(data: bytes) -> dict[str, str]:
    """Classes by file from a CSV table with a header of ``file`` and ``class``; InputError for any other."""
    try:
        rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))
        return {row["file"].strip(): names.title(row["class"].strip()) for row in rows if row["class"].strip()}
    except (UnicodeDecodeError, csv.Error, KeyError, AttributeError) as error:
        raise InputError("expected a CSV table in UTF-8 with the columns file and class, got another") from error


def _labelled(found: dict[str, Picture], labels: Mapping[str, str]) -> dict[str, Picture]:
    places = {names.printable(file): file for file in found}
    places = {PurePosixPath(shown).name: file for shown, file in places.items()} | places
    if unknown := [file for file in labels if file not in places]:
        raise InputError(f"expected labels of pictures in the folder, got {', '.join(unknown[:3])}")
    titles = {places[file]: title for file, title in labels.items()}
    return {
        file: replace(one, title=titles[file], by_hand=True) if file in titles else one for file, one in found.items()
    }


def _begin(listed: Dataset, found: Mapping[str, Picture]) -> Dataset:
    """Publish a dataset that is new, and begin its history."""
    with datasets.locked(listed.name):
        _expect_free(listed.name)
        storage.write_bytes(settings().datasets / listed.name / "card.json", pictures.card(listed))
    with writing(listed.name) as ledger:
        ledger.amend(found)
        return ledger.listed


def _expect_free(name: str) -> None:
    datasets.check_name(name)
    if name in datasets.names():
        raise InputError(f"there is a dataset {name} already; choose another name, or sync or delete that one")


@contextmanager
def unchanged(dataset: Dataset) -> Iterator[Ledger]:
    """The ledger of a dataset that is still as the caller saw it, else InputError: its items are others by now."""
    with writing(dataset.name) as ledger:
        if ledger.listed.items != dataset.items:
            raise InputError(f"{dataset.name} was changed meanwhile; look at it again, then choose again")
        yield ledger


def _files(dataset: Dataset, ids: Sequence[int]) -> list[str]:
    """Their files as the ledger has them."""
    if not ids or not all(0 <= id < len(dataset.items) for id in ids):
        raise InputError(f"expected items from 0 to {len(dataset.items) - 1}, got {list(ids)[:3] or 'none'}")
    home = str(settings().datasets / dataset.name)
    return [dataset.items[id].file.removeprefix(home) for id in dict.fromkeys(ids)]


def _named(files: Sequence[str]) -> str:
    return names.printable(PurePosixPath(files[0]).name) if len(files) == 1 else f"{len(files):,} pictures"


def _stored(
    name: str, given: Iterable[Given], known: pictures.Pictures
) -> tuple[dict[str, Picture], tuple[LeftOut, ...]]:
    """Copy pictures below the dataset's folder: by file what is new, and (file, why) for those that are not taken."""
    home = settings().datasets / name
    by_pin = {one.sha256: file for file, one in known.items()}
    present = {one.sha256 for one in known.values() if one.state == HERE}
    new: dict[str, Picture] = {}
    refused: list[LeftOut] = []
    for one in given:
        shown, pin = names.printable(one.file), hashlib.sha256(one.data).hexdigest()
        file = by_pin.get(pin, "")
        if pin in present:
            refused.append((shown, "the same picture is in the dataset already"))
            continue
        if file.startswith("/") and storage.is_here(_place(home, file)):
            new[file] = replace(known[file], state=HERE)
        elif reason := _flaw(one):
            refused.append((shown, reason))
            continue
        else:
            file = _free_name(one.file, {**known, **new})
            storage.write_bytes(_place(home, file), one.data)
            new[file] = Picture(pin, names.title(one.title) or names.title(name), by_hand=True)
        present.add(pin)
    return new, tuple(refused)


def _place(home: Path, file: str) -> Path:
    return Path(f"{home}{file}")


def _flaw(given: Given) -> str:
    """Why a picture cannot be taken; it is decoded where it can do no harm."""
    if len(given.data) > pixels.MAX_BYTES:
        return f"larger than {pixels.MAX_BYTES // 1_000_000} MB"
    try:
        images.load_square_isolated(given.data, SMALLEST, resample="nearest")
    except ImageRefused as error:
        return str(error)
    return ""


def _free_name(file: str, taken: Mapping[str, object]) -> str:
    """A name below the dataset's folder that any system can hold, like that of the giver, and not taken."""
    plain = unicodedata.normalize("NFC", names.printable(PurePosixPath(file.replace("\\", "/")).name))
    plain = re.sub(r"[^\w.()+ -]", "_", plain).strip(" .") or "picture"
    stem, dot, ending = plain.rpartition(".")
    stem, ending = (stem, dot + ending[:8]) if stem else (plain, "")
    stem = stem.encode()[:_LONGEST].decode(errors="ignore")
    lower = {one.casefold() for one in taken}
    tries = (f"/pictures/{stem}{f' ({number})' if number > 1 else ''}{ending}" for number in count(1))
    return next(one for one in tries if one.casefold() not in lower)


def _first(refused: Sequence[LeftOut]) -> str:
    return "; ".join(f"{file}: {reason}" for file, reason in refused[:3]) or "none were given"
