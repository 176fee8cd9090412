"""The tables of a ledger, in a file of SQLite: opened whole, or not at all.

Every commit is on disk before it counts. The file is the only one: a log beside it would be lost when it is moved.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Column, Connection, Integer, LargeBinary, MetaData, Table, Text, create_engine, exc
from sqlalchemy.pool import NullPool

from semsearch.errors import IntegrityError, StorageError
from semsearch.files.storage import explained

SCHEMA = 2
_ALL = MetaData()
PICTURES = Table(
    "pictures",
    _ALL,
    Column("file", LargeBinary, primary_key=True),
    Column("facts", Text, nullable=False),
    Column("stamp", Text, nullable=False),
)
GENERATIONS = Table(
    "generations",
    _ALL,
    Column("number", Integer, primary_key=True),
    Column("made", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("card", Text, nullable=False),
    Column("before", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("changes", Text, nullable=False),
    Column("seal", Text, nullable=False),
    Column("undone", Integer, nullable=False),
)
CHANGES = Table(
    "changes",
    _ALL,
    Column("generation", Integer, primary_key=True),
    Column("file", LargeBinary, primary_key=True),
    Column("before", Text),
    Column("after", Text),
)
DECISIONS = Table(
    "decisions",
    _ALL,
    Column("facts", Text, primary_key=True),
    Column("generation", Integer, nullable=False),
)
"""Since version 2."""
PUBLISHED = Table("published", _ALL, Column("card", LargeBinary, nullable=False))

_MACHINE = frozenset(
    getattr(sqlite3, f"SQLITE_{word}") for word in "FULL IOERR READONLY CANTOPEN BUSY LOCKED PERM".split()
)
"""No fault of the file."""


@contextmanager
def opened(path: Path) -> Iterator[Connection]:
    """A connection to the ledger in a file, made where there is none; what is not committed at the end is dropped.

    IntegrityError for a file that is no whole ledger, StorageError for what the machine refuses.
    """
    engine = create_engine("sqlite://", creator=lambda: sqlite3.connect(path, timeout=60), poolclass=NullPool)
    cure = "run `semsearch datasets repair`, which begins a new one with the dataset as it is"
    try:
        with explained(path), engine.connect() as connection:
            _check(connection, path, cure)
            yield connection
    except (exc.DatabaseError, UnicodeDecodeError) as error:
        got = error.orig if isinstance(error, exc.DatabaseError) else "other bytes"
        if getattr(got, "sqlite_errorcode", 0) & 0xFF in _MACHINE:
            raise StorageError(f"cannot use {path}: {got}; free space, or give this user the right to it") from error
        raise IntegrityError(f"{path}: expected the history of a dataset, got {got}; {cure}") from error


def _check(connection: Connection, path: Path, cure: str) -> None:
    connection.exec_driver_sql("PRAGMA synchronous = FULL")
    if (said := connection.exec_driver_sql("PRAGMA quick_check").scalar()) != "ok":
        raise IntegrityError(f"{path}: expected the history of a dataset, got {said}; {cure}")
    version = connection.exec_driver_sql("PRAGMA user_version").scalar()
    if version in (0, 1):  # a new file, or one of before decisions: all that is there stays
        _ALL.create_all(connection)
        connection.exec_driver_sql(f"PRAGMA user_version = {SCHEMA}")
        connection.commit()
    elif version != SCHEMA:
        raise IntegrityError(f"{path}: expected version {SCHEMA}, got {version}; use a later semsearch, or {cure}")
