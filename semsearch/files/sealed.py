"""Small JSON files that carry their own SHA-256: what was damaged, cut or edited by hand is found before it is used.

The bytes that are read must be, to the last one, those that would be written for what they say, so that no bit of
such a file can change unseen.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from semsearch.errors import IntegrityError
from semsearch.files.storage import read_here, write_bytes


def write(path: Path, facts: Mapping[str, Any]) -> None:
    """Write ``facts``, sealed, whole or not at all; StorageError when they cannot be."""
    write_bytes(path, to_bytes(facts))


def read(path: Path, *, cure: str) -> dict[str, Any]:
    """The facts that ``write`` was given, and their ``digest``.

    IntegrityError, which ends with ``cure``, when the file is missing or not what was written; StorageError when it
    is there and cannot be read.
    """
    if (data := read_here(path)) is None:
        raise IntegrityError(f"{path} is missing; {cure}")
    return from_bytes(data, str(path), cure=cure)


def from_bytes(data: bytes, name: str, *, cure: str) -> dict[str, Any]:
    """The facts in the bytes of a sealed file called ``name``; IntegrityError as for ``read``."""
    try:
        facts = json.loads(data)
        whole = isinstance(facts, dict) and to_bytes(facts) == data
    except (ValueError, RecursionError):
        whole = False
    if not whole:
        raise IntegrityError(f"{name} was damaged or edited by hand: its digest does not hold; {cure}")
    return dict(facts)


def to_bytes(facts: Mapping[str, Any]) -> bytes:
    """JSON of ``facts`` that carries its own SHA-256 as ``digest``."""
    body = {key: value for key, value in facts.items() if key != "digest"}
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    return json.dumps({**body, "digest": digest}, indent=1, sort_keys=True).encode() + b"\n"
