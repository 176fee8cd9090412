"""Looking after datasets of one's own: how one stands, repair, deletion that can be taken back, a table to keep."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from semsearch.data import datasets
from semsearch.data.dataset import Dataset
from semsearch.errors import InputError, IntegrityError, UnknownName
from semsearch.files import spreadsheets, staging, storage
from semsearch.files.storage import explained
from semsearch.names import printable
from semsearch.own import ledger
from semsearch.own.pictures import GONE, REMOVED
from semsearch.settings import settings


@dataclass(frozen=True)
class Status:
    """How a dataset of one's own stands; always counted anew."""

    name: str
    folder: str
    """Where its pictures lie, as text that can be shown; empty where they were given to semsearch."""
    pictures: int
    classes: int
    missing: int
    """Pictures whose file is not there now."""
    left_out: int
    """Files of its folder that are none of its pictures, each with its reason in the list."""
    removed: int
    gone: int
    """Pictures taken out by hand; pictures whose file was no longer there at the last sync. Both can come back."""
    last: str
    """The last step, in words."""


def status(name: str) -> Status:
    """How a dataset stands; raises as ``ledger.writing``."""
    with ledger.writing(name) as book:
        listed, known = book.listed, book.pictures
        last = book.steps()[0]
    own = listed.root == settings().datasets / name
    states = [picture.state for picture in known.values()]
    return Status(
        name=name,
        folder="" if own else printable(os.fspath(listed.root)),
        pictures=len(listed.items),
        classes=len(listed.classes),
        missing=0 if listed.has_pictures else sum(not storage.is_here(listed.place(one.id)) for one in listed.items),
        left_out=len(listed.left_out),
        removed=states.count(REMOVED),
        gone=states.count(GONE),
        last=f"{last.what}, {last.made}",
    )


def repair(name: str) -> str:
    """Make card and history of a dataset whole again, from one another; what was done, in words.

    UnknownName, InputError for a dataset that comes with semsearch, IntegrityError when both are damaged.
    """
    try:
        with ledger.writing(name):
            return "whole"
    except IntegrityError:
        dataset = datasets.load(name)  # IntegrityError when that is damaged too
    with datasets.locked(name):
        aside = ledger.place(name).with_name("ledger.damaged.sqlite")
        with explained(aside):
            os.replace(ledger.place(name), aside)
    with ledger.writing(name):
        return f"its history was damaged and begins anew with the {len(dataset.items):,} pictures as they are"


def delete(name: str) -> None:
    """Take a dataset away; until another of that name is deleted, ``restore`` brings it back. No picture is deleted."""
    with ledger.writing(name):
        pass  # says what cannot be deleted
    kept = _deleted(name)
    with datasets.locked(name), explained(kept):
        staging.remove(kept)
        kept.parent.mkdir(parents=True, exist_ok=True)
        os.replace(settings().datasets / name, kept)


def deleted() -> tuple[str, ...]:
    """Names of datasets that ``restore`` can bring back."""
    return tuple(folder.name for folder in storage.matching(settings().datasets / ".deleted", "[!.]*"))


def restore(name: str) -> Dataset:
    """Bring a deleted dataset back. UnknownName for none of that name, InputError when there is another by now."""
    if name not in deleted():
        raise UnknownName("deleted dataset", name, deleted())
    with datasets.locked(name):
        if name in datasets.names():
            raise InputError(f"there is another dataset {name} by now; delete it first")
        with explained(_deleted(name)):
            with suppress(OSError):
                os.rmdir(settings().datasets / name)
            os.replace(_deleted(name), settings().datasets / name)
    return datasets.load(name)


def table(dataset: Dataset) -> bytes:
    """File, class and SHA-256 of every picture as a CSV table; ``edits.read_labels`` reads its first two columns."""
    rows = [{"file": item.shown, "class": dataset.classes[item.label], "sha256": item.sha256} for item in dataset.items]
    return spreadsheets.csv_bytes(rows)


def _deleted(name: str) -> Path:
    return settings().datasets / ".deleted" / name
