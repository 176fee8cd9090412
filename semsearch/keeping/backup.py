"""A dataset of one's own in one file, as it is at one moment, and back out of it.

::

    manifest.json          name, when, what it needs beside it; the SHA-256 of every other member; seals itself
    dataset/card.json      the list, and dataset/ledger.sqlite the history, of the same step
    dataset/pictures/…     pictures that were given to semsearch
    features/…             those of the present list, so that no network is needed again

A zip without compression. Pictures that lie in a folder stay there: a backup names the folder.
"""

import hashlib
import json
import os
import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from semsearch.data import datasets
from semsearch.data.dataset import Dataset
from semsearch.errors import InputError, IntegrityError
from semsearch.files import sealed, staging, storage
from semsearch.files.storage import explained
from semsearch.live import galleries, vectorfiles
from semsearch.names import path_text
from semsearch.own import ledger
from semsearch.settings import settings

SCHEMA = 1
MOST = 10_000_000
"""Bytes of a manifest, at the most."""
_MANIFEST, _PIECE = "manifest.json", 1 << 20
_MEMBER = re.compile(r"dataset/(card\.json|ledger\.sqlite|pictures/[^/\0]+)|features/[0-9a-f]+-[0-9a-f]+\.(f32|json)")
Progress = Callable[[int, int], None]
CURE = "use another backup"


def weight(dataset: Dataset) -> int:
    """Bytes of a backup, nearly; what cannot be looked at counts nothing."""
    total = 0
    for _, path in _members(dataset):
        with suppress(OSError):
            total += path.stat().st_size
    return total


def backup(name: str, output: Path, *, progress: Progress | None = None) -> Dataset:
    """Write a dataset into a file, whole or not at all, and read it back; no step comes between its parts.

    ``progress`` counts members. UnknownName, InputError for a dataset that comes with semsearch or a file that is
    there already, IntegrityError when the dataset is damaged, StorageError when the file cannot be written.
    """
    if os.path.lexists(output):
        raise InputError(f"{path_text(output)} is there already; give another name with -o")
    with ledger.writing(name) as book:
        members = list(_members(book.listed))
        storage.check_room(output.absolute().parent, sum(path.stat().st_size for _, path in members), path_text(output))
        with storage.atomic_path(output) as temporary, explained(output):
            _write(temporary, book.listed, members, progress)
            _checked(temporary)
        return book.listed


def restore(file: Path, *, progress: Progress | None = None) -> Dataset:
    """Make the dataset of a backup; ``progress`` counts members.

    InputError for what is no backup, and where there is a dataset of that name; IntegrityError for one that is damaged,
    of which nothing is taken then.
    """
    manifest = _checked(file)
    name = manifest["name"]
    datasets.check_name(name)
    home = settings().datasets / name
    with datasets.locked(name):
        if name in datasets.names():
            raise InputError(f"there is a dataset {name} already; delete it first, which can be taken back")
        with staging.staged(home) as stage, zipfile.ZipFile(file) as archive:
            for done, (member, digest) in enumerate(manifest["files"].items(), 1):
                inside = member.startswith("dataset/")
                place = stage / member.removeprefix("dataset/") if inside else settings().home / member
                if inside or not storage.is_here(place):
                    _unpacked(archive, member, digest, place)
                if progress:
                    progress(done, len(manifest["files"]))
    with ledger.writing(name) as book:
        return book.listed


def _members(dataset: Dataset) -> Iterator[tuple[str, Path]]:
    """Names in the backup, and where their bytes lie."""
    home = settings().datasets / dataset.name
    for name in ("card.json", "ledger.sqlite"):
        yield f"dataset/{name}", home / name
    for path in storage.matching(home / "pictures", "[!.]*"):
        yield f"dataset/pictures/{path.name}", path
    for base in galleries.kept_files(dataset):
        for path in vectorfiles.files(base):
            yield f"features/{path.name}", path


def _write(path: Path, dataset: Dataset, members: list[tuple[str, Path]], progress: Progress | None) -> None:
    digests = {}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for done, (member, source) in enumerate(members, 1):
            with source.open("rb") as data, archive.open(zipfile.ZipInfo(member), "w", force_zip64=True) as out:
                digests[member] = _copied(data, out)
            if progress:
                progress(done, len(members))
        facts = {"schema": SCHEMA, "name": dataset.name, "made": datetime.now(UTC).isoformat(timespec="seconds")}
        facts |= {"pictures": len(dataset.items), "folder": "" if _given(dataset) else os.fspath(dataset.root)}
        archive.writestr(_MANIFEST, sealed.to_bytes({**facts, "files": digests}))
    with path.open("rb") as written:
        os.fsync(written.fileno())


def _given(dataset: Dataset) -> bool:
    return dataset.root == settings().datasets / dataset.name


def _checked(file: Path) -> dict[str, Any]:
    """The manifest of a backup of which every byte is what was written."""
    what = f"{path_text(file)}: expected a backup of a dataset"
    storage.check_readable(file)
    try:
        with zipfile.ZipFile(file) as archive:
            if archive.getinfo(_MANIFEST).file_size > MOST:
                raise InputError(f"{what}, got a list of more than {MOST / 1e6:g} MB")
            manifest = sealed.from_bytes(archive.read(_MANIFEST), f"{file.name}/{_MANIFEST}", cure=CURE)
            if manifest.get("schema") != SCHEMA:
                raise InputError(f"{what} of version {SCHEMA}, got {manifest.get('schema')}; use a later semsearch")
            for member, digest in manifest["files"].items():
                if not _MEMBER.fullmatch(member) or "/.." in member:
                    raise InputError(f"{what}, got one with the file {member!r}")
                with archive.open(member) as data:
                    if _copied(data, None) != digest:
                        raise IntegrityError(f"{path_text(file)}: {member} is damaged; {CURE}")
    except (zipfile.BadZipFile, KeyError, ValueError, NotImplementedError, EOFError, json.JSONDecodeError) as error:
        raise InputError(f"{what}, got {error}; {CURE}") from error
    return manifest


def _unpacked(archive: zipfile.ZipFile, member: str, digest: str, place: Path) -> None:
    with storage.atomic_path(place) as temporary, explained(place):
        with archive.open(member) as data, temporary.open("wb") as out:
            found = _copied(data, out)
        if found != digest:
            raise IntegrityError(f"{member} of the backup was changed while it was read; {CURE}")


def _copied(data: IO[bytes], out: IO[bytes] | None) -> str:
    """Copy to the end, or only read; the digest of what was read."""
    total = hashlib.sha256()
    while piece := data.read(_PIECE):
        total.update(piece)
        if out:
            out.write(piece)
    return total.hexdigest()
