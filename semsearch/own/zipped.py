"""Pictures out of a zip file that may be anybody's: nothing is unpacked but into memory, one picture at a time."""

import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from semsearch.data import folder
from semsearch.data.folder import LeftOut
from semsearch.errors import InputError
from semsearch.files.storage import check_readable
from semsearch.images import pixels
from semsearch.names import path_text, printable
from semsearch.own.edits import Given

Progress = Callable[[int, int], None]
MOST = 100_000
"""Files in one zip."""


class Zip:
    """The pictures of a zip file, read one after the other; folders are classes as in a folder."""

    def __init__(self, path: Path) -> None:
        """Look at its list. InputError for what is no zip, is encrypted or holds too many files."""
        check_readable(path)
        self._path = path
        try:
            with zipfile.ZipFile(path) as archive:
                entries = [entry for entry in archive.infolist() if not entry.filename.endswith("/")]
        except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as error:
            raise InputError(f"{path_text(path)}: expected a zip file, got {error}") from error
        if len(entries) > MOST or any(entry.flag_bits & 1 for entry in entries):
            got = "an encrypted one" if len(entries) <= MOST else f"{len(entries):,}"
            raise InputError(f"{path_text(path)}: expected a zip of at most {MOST:,} files, not encrypted; got {got}")
        judged = [(entry, _reserved(entry.filename)) for entry in entries]
        self._entries = [entry for entry, reason in judged if not reason]
        self.left_out: list[LeftOut] = [(printable(entry.filename), reason) for entry, reason in judged if reason]
        """(file, why) of those that are not even looked at."""
        tops = {_parts(entry.filename)[:1] for entry in self._entries}
        deep = all(len(_parts(entry.filename)) > 2 for entry in self._entries)
        self._wrapped = len(tops) == 1 and deep  # a folder that was zipped with its name

    def __len__(self) -> int:
        """How many there are."""
        return len(self._entries)

    def given(self, *, progress: Progress | None = None) -> Iterator[Given]:
        """Each picture; one that is damaged or too large comes with bytes that will be refused as such."""
        with zipfile.ZipFile(self._path) as archive:
            for number, entry in enumerate(self._entries, 1):
                parts = _parts(entry.filename)[self._wrapped :]
                try:
                    with archive.open(entry) as file:
                        data = file.read(pixels.MAX_BYTES + 1)
                except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, ValueError, OSError):
                    data = b""
                yield Given(parts[-1], parts[0] if len(parts) > 1 else "", data)
                if progress:
                    progress(number, len(self._entries))


def _parts(file: str) -> tuple[str, ...]:
    """Folders and name of a file, wherever they are said to lead."""
    return tuple(part for part in PurePosixPath(file).parts if part not in ("/", "//", ".."))


def _reserved(file: str) -> str:
    parts = _parts(file)
    reasons = [folder.reserved(part, is_folder=True) for part in parts[:-1]]
    reasons.append(folder.reserved(parts[-1], is_folder=False) if parts else folder.NO_PICTURE)
    return next(filter(None, reasons), "")
