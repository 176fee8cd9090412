"""A dataset brought up to date with its folder: what would change is told first, and what looks wrong stops it.

Pictures are known by their content: a file that moved stays the same picture. Nothing in the folder is ever written,
and a picture that left the dataset comes back with its file.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from semsearch.data import datasets
from semsearch.data.dataset import Dataset
from semsearch.data.folder import LeftOut, Scan, scan
from semsearch.errors import InputError, PicturesUnavailable
from semsearch.names import path_text, printable
from semsearch.own import pictures
from semsearch.own.ledger import Ledger, writing
from semsearch.own.pictures import GONE, HERE, REMOVED, Picture, Pictures
from semsearch.settings import settings

SHARE = 0.1
"""Of the pictures, the most that a sync takes out unasked."""


@dataclass(frozen=True)
class Plan:
    """What a sync changes; files as printable text."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    """The same name, other content."""
    moved: tuple[tuple[str, str], ...] = ()
    """(from, to): the same content at another place, or of another class."""
    back: tuple[str, ...] = ()
    """That had gone, or whose file had."""
    gone: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    """Of the whole folder: (file, why)."""
    unread: tuple[str, ...] = ()
    """Pictures of the dataset that could not be looked at now, and stay as they are."""
    unchanged: int = 0

    @property
    def empty(self) -> bool:
        """Whether nothing would change."""
        return not (self.added or self.changed or self.moved or self.back or self.gone)

    def words(self) -> str:
        """How many of each, in words."""
        parts = [
            (len(self.added), "added"),
            (len(self.changed), "changed"),
            (len(self.moved), "moved"),
            (len(self.back), "back"),
            (len(self.gone), "gone"),
        ]
        return ", ".join(f"{count:,} {word}" for count, word in parts if count) or "nothing to do"


def plan(name: str, *, folder: Path | None = None) -> Plan:
    """What ``sync`` would do; changes nothing.

    UnknownName, InputError for a dataset that comes with semsearch or has no folder, PicturesUnavailable when its
    folder is not there, is empty, or holds none of its pictures.
    """
    with writing(name) as ledger:
        return _planned(ledger, _root(ledger, folder))[0]


def sync(name: str, *, folder: Path | None = None, confirmed: bool = False) -> tuple[Plan, Dataset]:
    """Bring a dataset up to date with its folder; what was done, and the dataset as it is then.

    ``folder`` is where that is by now, for one that was moved.
    Raises as ``plan``; InputError when more than a tenth of the pictures would leave and that is not ``confirmed``.
    """
    with writing(name) as ledger:
        root = _root(ledger, folder)
        found, after = _planned(ledger, root)
        here = pictures.here(ledger.pictures)
        if len(found.gone) > SHARE * here and not confirmed:
            first = ", ".join(found.gone[:3])
            many = f"{len(found.gone):,} of {here:,} pictures are no longer in the folder, such as {first}"
            raise InputError(f"{name}: {many}; confirm that they are to leave the dataset. Nothing was changed")
        return found, ledger.commit(f"sync: {found.words()}", after, root=root, left_out=found.left_out)


def _planned(ledger: Ledger, root: Path) -> tuple[Plan, Pictures]:
    """What a sync does, and what is known after it."""
    before = ledger.pictures
    scanned = scan(root, {file: (one.stamp, one.sha256) for file, one in before.items() if one.stamp})
    after = {file: one for file, one in before.items() if file.startswith("/")}
    inside = {file: one for file, one in before.items() if file not in after}
    _expect_same(ledger.name, root, scanned, inside)
    seen = {file: (title, pin) for title, file, pin in scanned.pictures}
    vanished = {file: one for file, one in inside.items() if file not in seen}
    unread = [file for file in vanished if _below(file, scanned.unread)]
    after.update({file: vanished.pop(file) for file in unread})
    files = dict[str, list[Any]](added=[], changed=[], moved=[], back=[], unchanged=[], out=[])
    for file, (title, pin) in seen.items():
        source = file if file in inside else next((one for one, was in vanished.items() if was.sha256 == pin), "")
        old = vanished.pop(source, None) or inside.get(source)
        after[file] = _renewed(old, title, pin, scanned.stamps[file])
        kind = _kind(old, after[file], source != file)
        files[kind].append((printable(source), printable(file)) if kind == "moved" else printable(file))
    gone = [printable(file) for file, one in vanished.items() if one.state == HERE]
    after |= {file: one if one.state == REMOVED else replace(one, state=GONE) for file, one in vanished.items()}
    added, changed, moved, back = (tuple(files[kind]) for kind in ("added", "changed", "moved", "back"))
    same, shown = len(files["unchanged"]), tuple(printable(file) for file in unread)
    return Plan(added, changed, moved, back, tuple(gone), scanned.left_out, shown, same), after


def _renewed(old: Picture | None, title: str, pin: str, stamp: str) -> Picture:
    """A picture that was seen: its class is that of its folder, unless a person chose another."""
    if old is None:
        return Picture(pin, title, stamp=stamp)
    state = REMOVED if old.state == REMOVED and old.sha256 == pin else HERE
    return replace(old, sha256=pin, title=old.title if old.by_hand else title, state=state, stamp=stamp)


def _kind(old: Picture | None, new: Picture, elsewhere: bool) -> str:
    if old is None:
        return "added"
    if new.state == REMOVED:
        return "out"
    if old.state != HERE:
        return "back"
    if old.sha256 != new.sha256:
        return "changed"
    return "moved" if elsewhere or old.title != new.title else "unchanged"


def _root(ledger: Ledger, folder: Path | None) -> Path:
    """The folder of the dataset, which is there."""
    if folder:
        return datasets.existing_folder(folder)
    root, name = ledger.listed.root, ledger.name
    if root == settings().datasets / name:
        raise InputError(f"{name}: its pictures were given to semsearch, so there is no folder to compare them with")
    if not os.path.isdir(root):
        moved = f"or, if it has moved, say where it is with `semsearch datasets sync {name} --from FOLDER`"
        raise PicturesUnavailable(f"{name}: its folder {path_text(root)} is not there; connect its disk, {moved}")
    return root


def _expect_same(name: str, root: Path, scanned: Scan, inside: Pictures) -> None:
    """PicturesUnavailable when the folder looks like another one, or an empty place where a disk belongs."""
    known = {one.sha256 for one in inside.values() if one.state == HERE}
    if not known or _below("", scanned.unread) or any(pin in known for _, _, pin in scanned.pictures):
        return
    got = f"{len(scanned.pictures):,} other pictures" if scanned.pictures else "no pictures"
    asked = f"{path_text(root)}: expected some of the {len(known):,} pictures of {name}, got {got}"
    raise PicturesUnavailable(f"{asked}; is this the right folder, and its disk connected? Nothing was changed")


def _below(file: str, folders: Sequence[str]) -> bool:
    """Whether a file is, or lies in, one of those that could not be read."""
    return any(one == "." or file == one or file.startswith(f"{one}/") for one in folders)
