"""The header of a stored weights file, read by itself: what the file says about itself, whole and sealed.

A safetensors file is the length of its header, the header as JSON, and the tensors' bytes one after the other.
"""

import hashlib
import json
import os
import struct
from collections.abc import Mapping
from typing import IO

FACTS = ("model", "origin", "source", "digest", "order")
"""What a stored file says about itself; sealed by a digest of its own."""
LIMIT = 10_000_000
"""Largest header that is read, bytes."""


def seal(facts: Mapping[str, str]) -> str:
    """Hex SHA-256 of FACTS."""
    return hashlib.sha256(json.dumps([facts[key] for key in FACTS]).encode()).hexdigest()


def read(file: IO[bytes]) -> dict[str, str]:
    """FACTS and their seal, without a look at the tensors; ValueError when they or the file's length are off."""
    length = int.from_bytes(file.read(8), "little")
    if length > LIMIT:
        raise ValueError(f"a header of {length:,} bytes")
    try:
        header = json.loads(file.read(length))
        facts = header.pop("__metadata__")
        size = 8 + length + max(tensor["data_offsets"][1] for tensor in header.values())
        whole = set(facts) == {*FACTS, "seal"} and facts["seal"] == seal(facts)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise ValueError(f"a header that cannot be read ({type(error).__name__})") from error
    if not whole:
        raise ValueError("a header that does not match its seal")
    if (there := file.seek(0, os.SEEK_END)) != size:
        raise ValueError(f"{there:,} bytes, its header says {size:,}")
    return dict(facts)


def ordered(data: bytes) -> bytes:
    """A safetensors file with its header in alphabetical order: its library writes it in another order each time."""
    (length,) = struct.unpack_from("<Q", data)
    header = json.dumps(json.loads(data[8 : 8 + length]), sort_keys=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    return struct.pack("<Q", len(header)) + header + data[8 + length :]
