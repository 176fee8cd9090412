"""The history of a dataset of one's own: what is known of its pictures, and each step that led there.

::

    <datasets>/<name>/card.json        the dataset as all others read it, see ``data/cards.py``
    <datasets>/<name>/ledger.sqlite    pictures, those taken out included; steps, what each changed, and the last card;
                                       what was decided of pictures, see ``decisions.py``

A step is committed to the ledger first and published in the card then. Whoever comes after a kill between the two
publishes it. A damaged card is written again from the ledger; a damaged ledger is set aside by ``care.repair``, and
the card is the beginning of a new one. No reader waits for a writer, and what a reader has goes on standing.
"""

import hashlib
import json
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from semsearch.data import datasets
from semsearch.data.dataset import Dataset
from semsearch.data.folder import LeftOut
from semsearch.errors import InputError, IntegrityError, PicturesUnavailable, UnknownName
from semsearch.files import storage
from semsearch.own import pictures
from semsearch.own.pictures import Picture, Pictures
from semsearch.settings import settings

if TYPE_CHECKING:
    from sqlalchemy import Connection


@dataclass(frozen=True)
class Step:
    """One step in the history of a dataset."""

    number: int
    """From 1."""
    made: str
    """When: ISO 8601, UTC."""
    what: str
    """In words."""
    undone: int
    """1 for a step that cannot be taken back: the first, one that was, and one that took another back."""
    changes: str
    """SHA-256 of what it changed."""


def place(name: str) -> Path:
    """Where the ledger of a dataset lies, or would."""
    return settings().datasets / name / "ledger.sqlite"


@contextmanager
def writing(name: str) -> Iterator["Ledger"]:
    """The ledger of a dataset, for one writer at a time; others wait.

    UnknownName for no dataset of that name, InputError for one that comes with semsearch, IntegrityError when
    the ledger, or both it and the card, are damaged.
    """
    if name in datasets.KNOWN:
        raise InputError(f"{name} comes with semsearch and cannot be changed; make one of your own from its pictures")
    if name not in (valid := datasets.names()) and not storage.is_here(place(name)):
        raise UnknownName("dataset", name, valid)
    from semsearch.own.tables import opened

    with datasets.locked(name), opened(place(name)) as connection:
        yield Ledger(name, connection)


def history(name: str) -> list[Step]:
    """All steps, the last first; raises as ``writing``."""
    with writing(name) as ledger:
        return ledger.steps()


class Ledger:
    """The history of one dataset, while nobody else may write it."""

    def __init__(self, name: str, connection: "Connection") -> None:
        """Read what is known, and bring ledger and card together."""
        self.name, self._connection = name, connection
        self._decided = self._read_decisions()
        self.pictures: Pictures = self._read()
        self.listed = self._reconciled()

    def steps(self) -> list[Step]:
        """All steps, the last first."""
        from semsearch.own.tables import GENERATIONS

        columns = [GENERATIONS.c[key] for key in Step.__dataclass_fields__]
        rows = self._connection.execute(GENERATIONS.select().order_by(GENERATIONS.c.number.desc())).mappings()
        return [Step(**{column.name: row[column.name] for column in columns}) for row in rows]

    @property
    def decisions(self) -> frozenset[str]:
        """The lines of all decisions, see ``Decision.facts``."""
        return frozenset(self._decided)

    def decide(self, what: str, made: Iterable[str]) -> Dataset:
        """Remember decisions, given by their lines, as one step; those that were made before change nothing."""
        new = set(made) - self._decided.keys()
        return self.commit(what, self.pictures, decided=new) if new else self.listed

    def commit(
        self,
        what: str,
        after: Pictures,
        *,
        root: Path | None = None,
        left_out: tuple[LeftOut, ...] | None = None,
        undone: int = 0,
        decided: Collection[str] = (),
    ) -> Dataset:
        """Make ``after`` what is known, as one step, and publish the dataset that it makes.

        Stamps that differ are no step. ``undone`` is the step that this one takes back, its decisions with it;
        ``decided`` are the lines of new ones. InputError when nothing would be left.
        """
        if not pictures.here(after):
            raise InputError(f"{self.name}: expected at least one picture to stay; delete the dataset instead")
        left = self.listed.left_out if left_out is None else left_out
        successor = pictures.listed(self.name, self.listed.title, after, root or self.listed.root, left)
        card = pictures.card(successor)
        if decided or undone or card != self._published() or _facts(after) != _facts(self.pictures):
            self._decide(decided, undone)
            self._step(what, after, card, undone)
        self._keep(after)
        self._connection.commit()
        self._publish()
        self.pictures, self.listed = dict(after), successor
        return self.listed

    def amend(self, known: Pictures) -> None:
        """Add to the last step what its card does not hold: stamps, and which classes a person chose."""
        from semsearch.own.tables import GENERATIONS

        self._keep(known)
        step = {**(self._last() or {}), "state": _state(_facts(known), self._decided)}
        step["seal"] = _seal(step)
        self._connection.execute(GENERATIONS.update().where(GENERATIONS.c.number == step["number"]).values(step))
        self._connection.commit()
        self.pictures = dict(known)

    def undo(self) -> str:
        """Take back the last step that was not yet; what it was. InputError when there is none."""
        from semsearch.own.tables import CHANGES

        last = next((step for step in self.steps() if not step.undone), None)
        if last is None:
            raise InputError(f"{self.name}: there is no step that can be taken back")
        chosen = CHANGES.select().where(CHANGES.c.generation == last.number).order_by(CHANGES.c.file)
        rows = self._connection.execute(chosen).mappings().all()
        if _changes(list(map(dict, rows))) != last.changes:
            raise self._damage(f"step {last.number}")
        known = iter(pictures.read([(row["before"], "") for row in rows if row["before"]]))
        before = {os.fsdecode(row["file"]): next(known) if row["before"] else None for row in rows}
        self.commit(f"took back: {last.what}", pictures.changed(self.pictures, before), undone=last.number)
        return last.what

    def _reconciled(self) -> Dataset:
        last, data = self._last(), storage.read_here(self._card) or b""
        if last and _sha256(data) != last["card"]:
            try:
                listed = datasets.load(self.name) if _sha256(data) != last["before"] else None
            except (IntegrityError, PicturesUnavailable, UnknownName):
                listed = None
            if listed is None:
                self._publish()
                return datasets.load(self.name)
        else:
            listed = datasets.load(self.name)
        if not last or _sha256(data) != last["card"]:  # the first step, or a folder that was added again
            after = pictures.of(listed)
            self._step("added", after, data, undone=-1)
            self._keep(after)
            self._connection.commit()
            self.pictures = after
        return listed

    @property
    def _card(self) -> Path:
        return settings().datasets / self.name / "card.json"

    def _last(self) -> dict[str, Any] | None:
        from semsearch.own.tables import GENERATIONS

        row = self._connection.execute(GENERATIONS.select().order_by(GENERATIONS.c.number.desc())).mappings().first()
        step = dict(row) if row else None
        if step and step["seal"] != _seal(step):
            raise self._damage("the last step")
        return step

    def _damage(self, what: str) -> IntegrityError:
        cure = f"run `semsearch datasets repair {self.name}`"
        return IntegrityError(f"{place(self.name)}: {what} is not what was written; {cure}")

    def _read(self) -> dict[str, Picture]:
        from semsearch.own.tables import PICTURES

        rows = self._connection.execute(PICTURES.select()).all()
        last = self._last()
        facts = {os.fsdecode(file): line for file, line, _ in rows}
        if last and last["state"] != _state(facts, self._decided):
            raise self._damage("what is known of pictures")
        return dict(zip(facts, pictures.read([(line, stamp) for _, line, stamp in rows]), strict=True))

    def _read_decisions(self) -> dict[str, int]:
        """The lines of all decisions, and the step that each was made in."""
        from semsearch.own.tables import DECISIONS

        return {row["facts"]: row["generation"] for row in self._connection.execute(DECISIONS.select()).mappings()}

    def _decide(self, decided: Collection[str], undone: int) -> None:
        """Write new decisions into the step that comes, and take away those of one that is taken back."""
        from semsearch.own.tables import DECISIONS

        last = self._last()
        number = last["number"] + 1 if last else 1
        self._connection.execute(DECISIONS.delete().where(DECISIONS.c.generation == undone))
        if decided:
            self._connection.execute(DECISIONS.insert(), [{"facts": one, "generation": number} for one in decided])
        self._decided = self._read_decisions()

    def _step(self, what: str, after: Pictures, card: bytes, undone: int) -> None:
        from semsearch.own.tables import CHANGES, GENERATIONS, PUBLISHED

        last, old, new = self._last(), _facts(self.pictures), _facts(after)
        number = last["number"] + 1 if last else 1
        facts = {"card": _sha256(card), "before": last["card"] if last else "", "state": _state(new, self._decided)}
        facts |= {"made": datetime.now(UTC).isoformat(timespec="seconds"), "undone": int(undone != 0)}
        rows = [
            {"generation": number, "file": os.fsencode(file), "before": old.get(file), "after": new.get(file)}
            for file in sorted(old | new)
            if old.get(file) != new.get(file) and undone >= 0
        ]
        step = {"number": number, "what": what, **facts, "changes": _changes(rows)}
        self._connection.execute(GENERATIONS.insert(), {**step, "seal": _seal(step)})
        if rows:
            self._connection.execute(CHANGES.insert(), rows)
        if undone > 0:
            self._connection.execute(GENERATIONS.update().where(GENERATIONS.c.number == undone).values(undone=1))
        self._connection.execute(PUBLISHED.delete())
        self._connection.execute(PUBLISHED.insert(), {"card": card})

    def _keep(self, after: Pictures) -> None:
        """Write the pictures that differ; the caller commits."""
        from semsearch.own.tables import PICTURES

        gone = [file for file in self.pictures if file not in after]
        new = [file for file, picture in after.items() if self.pictures.get(file) != picture]
        column = PICTURES.c.file
        for start in range(0, len(gone + new), 500):
            some = [os.fsencode(file) for file in (gone + new)[start : start + 500]]
            self._connection.execute(PICTURES.delete().where(column.in_(some)))
        rows = [{"file": os.fsencode(file), "facts": after[file].facts, "stamp": after[file].stamp} for file in new]
        if rows:
            self._connection.execute(PICTURES.insert(), rows)

    def _published(self) -> bytes:
        from semsearch.own.tables import PUBLISHED

        return bytes(self._connection.execute(PUBLISHED.select()).scalar() or b"")

    def _publish(self) -> None:
        card, last = self._published(), self._last()
        if not last or last["card"] != _sha256(card):
            raise self._damage("the list")
        storage.write_bytes(self._card, card)


def _facts(known: Pictures) -> dict[str, str]:
    return {file: picture.facts for file, picture in known.items()}


def _state(facts: Mapping[str, str], decided: Mapping[str, int]) -> str:
    """Digest of what is known of pictures, and of what was decided."""
    lines = sorted(os.fsencode(file) + b"\n" + line.encode() for file, line in facts.items())
    lines += sorted(f"\n{step} {line}".encode() for line, step in decided.items())
    return _sha256(b"\n".join(lines))


def _changes(rows: Iterable[Mapping[str, Any]]) -> str:
    """Digest of what a step changed."""
    return _sha256(b"\n".join(row["file"] + f"\n{row['before']}\n{row['after']}".encode() for row in rows))


def _seal(step: Mapping[str, Any]) -> str:
    """Digest of a step, but for whether it was taken back."""
    columns = ("number", "made", "what", "card", "before", "state", "changes")
    return _sha256(json.dumps([step[column] for column in columns]).encode())


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
