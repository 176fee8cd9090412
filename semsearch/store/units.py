"""Units of the store: described, put in place, sealed under one manifest.

A unit is what one model makes of one dataset. Whatever the manifest lists can be read at any time: a unit that is
replaced is set aside until the manifest over its successor stands.
"""

import hashlib
import os
import shutil
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from semsearch.data import datasets
from semsearch.errors import InputError, IntegrityError, SemsearchError, StorageError
from semsearch.files import sealed
from semsearch.files.storage import (
    explained,
    lock,
    of_machine,
    remove_leftovers,
    sha256_file,
    sync_folder,
)
from semsearch.models import catalog
from semsearch.store import finite
from semsearch.store.artifacts import CURE, SCHEMA

LIBRARIES = ("keras", "numba", "numpy", "openvino", "pillow", "tensorflow-cpu", "umap-learn")


def write_unit(folder: Path, facts: dict) -> None:
    """Describe a finished unit in ``<folder>/unit.json``: its facts, its files, the libraries.

    ``facts`` hold at least dataset, dataset_hash, items, model, schema and key. InputError when layers are missing,
    IntegrityError when one holds what ``finite`` does not allow.
    """
    files = {path.name: sha256_file(path) for path in sorted(folder.glob("*.npz"))}
    if files.keys() != (expected := _files(facts["model"])):
        raise InputError(f"{folder}: expected the layer files {', '.join(sorted(expected))}, got {', '.join(files)}")
    for name in files:
        if flaw := finite.file_flaw(folder / name):
            raise IntegrityError(f"{folder / name}: {flaw}; {CURE}")
    libraries = {name: version(name) for name in LIBRARIES}
    sealed.write(folder / "unit.json", {**facts, "files": files, "libraries": libraries})


def unit_key(root: Path, dataset: str, model: str) -> str:
    """The key of the unit stored there, or empty if there is none, it is damaged, or ``finite`` does not allow it."""
    folder = root / dataset / model
    try:
        facts = sealed.read(folder / "unit.json", cure=CURE)
        whole = all(sha256_file(folder / name) == digest for name, digest in facts["files"].items())
        whole = whole and not any(finite.file_flaw(folder / name) for name in facts["files"])
    except (IntegrityError, OSError, StorageError) as error:
        if of_machine(error):
            raise
        return ""
    current = facts["schema"] == SCHEMA and facts["files"].keys() == _files(model)
    return str(facts["key"]) if whole and current else ""


def put_in_place(root: Path, dataset: str, model: str, work: Path) -> None:
    """Make the finished unit in ``work`` the unit of the store.

    What stood there is set aside until the next ``seal``, so that whatever the manifest lists can be read at any time,
    also when this process is killed between two steps.
    """
    final = root / dataset / model
    with explained(final):
        final.parent.mkdir(parents=True, exist_ok=True)
        if os.path.lexists(final):
            old = aside(root, dataset, model, _key(final))
            shutil.rmtree(old, ignore_errors=True)
            os.replace(final, old)
        os.replace(work, final)
        sync_folder(final.parent)


def aside(root: Path, dataset: str, model: str, key: str) -> Path:
    """Where the unit of that key stands between being replaced and the next ``seal``."""
    return root / ".work" / f"{dataset}.{model}.{key or 'damaged'}.old"


def _key(folder: Path) -> str:
    try:
        return str(sealed.read(folder / "unit.json", cure=CURE)["key"])
    except (IntegrityError, StorageError, KeyError):
        return ""


def _put_back(root: Path) -> None:
    """Units that were set aside, and whose successor never came because the process was killed just then."""
    for old in root.glob(".work/*.old"):
        dataset, model, _ = old.stem.split(".")
        with lock(root / ".work" / f"{dataset}.{model}.lock"), explained(old):
            if not os.path.lexists(root / dataset / model):
                os.replace(old, root / dataset / model)


def seal(root: Path) -> None:
    """Write the manifest over all whole units at ``root``; the same units give the same bytes.

    Where units of a dataset were computed from different pictures, only those of its present pictures are taken. A
    dataset that cannot be read any more keeps its results, and keeps no other from being sealed.
    """
    _put_back(root)
    units: dict[str, dict[str, dict]] = {}
    for path in sorted(root.glob("[!.]*/[!.]*/unit.json")):
        dataset, model = path.parent.parent.name, path.parent.name
        if model in catalog.models() and unit_key(root, dataset, model):
            units.setdefault(dataset, {})[model] = sealed.read(path, cure=CURE)
    units = {dataset: _alike(dataset, models) for dataset, models in units.items()}
    remove_leftovers(root, "manifest")
    sealed.write(root / "manifest.json", {"schema": SCHEMA, "units": units})
    for old in root.glob(".work/*.old"):
        shutil.rmtree(old, ignore_errors=True)


def _alike(dataset: str, units: dict[str, dict]) -> dict[str, dict]:
    """The units over the same pictures: the present ones, and of these the largest group that skipped the same."""
    groups: dict[tuple, dict[str, dict]] = {}
    for model, facts in units.items():
        groups.setdefault((facts["dataset_hash"], *facts["items"], *facts.get("queries", ())), {})[model] = facts
    if len(groups) > 1:
        with suppress(SemsearchError):
            present = datasets.load(dataset).content_hash
            groups = {key: group for key, group in groups.items() if key[0] == present}
    return max(groups.values(), key=len, default={})


def _files(model: str) -> set[str]:
    return {f"{layer.name}.npz" for layer in catalog.model(model).layers}


def digest(data: bytes) -> str:
    """Hex SHA-256."""
    return hashlib.sha256(data).hexdigest()
