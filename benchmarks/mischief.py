"""The process that spoils the files of a running server: deletes, cuts, replaces, flips, puts folders for files.

usage: python -m benchmarks.mischief HOME STORE SECONDS SEED SPARE REST

Prints one JSON line per deed. All that it does is drawn from SEED. What nothing can heal is put back after a moment:
the files of the store, weights, and the card of the own dataset; their originals are kept in SPARE. All else (features,
converted networks, thumbnails, pictures of groceries, locks, folders of caches) the product must heal. In the last REST
seconds no harm is done to features and to pictures of which they are made, and to converted networks in three times
that: to make all of these anew takes this machine longer, beside those who search, than all is given to be well.
"""

import json
import os
import random
import shutil
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ui import pictures

PACE = 0.15
"""Seconds between two deeds."""
BACK = (0.5, 3.0)
"""Seconds after which an original is put back."""
DEEDS = ("delete", "truncate", "replace", "flip", "swap kind")


class Mischief:
    """All that can be spoiled, and how."""

    def __init__(self, home: Path, store: Path, spare: Path, seed: int, rest: float) -> None:
        """Keep copies of what has to be put back."""
        self.home, self.store, self.lot = home, store, random.Random(seed)  # noqa: S311 - seeded on purpose
        self.spare, self.rest, self.owed = spare, rest, list[tuple[float, Path]]()
        self.originals = [path for path in store.rglob("*") if path.is_file() and ".work" not in path.parts]
        self.originals += list((home / "weights").glob("*.safetensors"))
        self.originals += list((home / "datasets").glob("own0/card.json"))
        for path in self.originals:
            self._copy_of(path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, self._copy_of(path))

    def _copy_of(self, path: Path) -> Path:
        return self.spare / str(path).strip("/").replace("/", "__")

    def targets(self, left: float) -> dict[str, tuple[int, list[Path]]]:
        """By kind of file: how often it is drawn, and what there is."""
        small = pictures.FOLDER / "groceries200"
        layers = [path for path in self.originals if path.suffix == ".npz" and "groceries200" in path.parts]
        found: dict[str, tuple[int, list[Path]]] = {
            "features": (12, _files(self.home / "features", "[!.]*.f32", "[!.]*.json")),
            "thumbnail": (6, _files(small, "*.jpg")),
            "picture": (6, _files(self.home / "datasets" / "groceries200", "*.jpg")),
            "lock": (3, _files(self.home, "*/*.lock", "*/.*.lock")),
            "layer": (6, layers),
            "manifest": (3, [self.store / "manifest.json"]),
            "unit or latency": (2, [path for path in self.originals if path.name in ("unit.json", "latency.json")]),
            "weights": (2, [path for path in self.originals if path.suffix == ".safetensors"]),
            "card": (2, [path for path in self.originals if path.name == "card.json"]),
            "folder": (1, [self.home / "features", self.home / "datasets" / "groceries200", small]),
        }
        if left <= self.rest:
            found = {kind: pair for kind, pair in found.items() if kind not in ("features", "picture", "folder")}
        if left > 3 * self.rest:
            found["converted network"] = (1, _files(self.home / "engines", "*/*"))
        return {kind: pair for kind, pair in found.items() if pair[1]}

    def deed(self, left: float) -> dict[str, object]:
        """Do one thing and say which."""
        targets = self.targets(left)
        kind = self.lot.choices(list(targets), [weight for weight, _ in targets.values()])[0]
        path = self.lot.choice(sorted(targets[kind][1]))
        how = "swap kind" if kind == "folder" else self.lot.choice(DEEDS)
        if kind == "lock" or path.name == "latency.json":
            how = "delete"
        others = [other for other in targets[kind][1] if other != path] or self.originals
        with suppress(OSError):  # it is gone already, or of another kind
            self._doer(how)(path, self.lot.choice(sorted(others)))
        if path in self.originals:
            self.owed.append((time.monotonic() + self.lot.uniform(*BACK), path))
        return {"kind": kind, "how": how, "name": path.name, "at": time.time()}

    def _doer(self, how: str) -> Callable[[Path, Path], None]:
        return {
            "delete": lambda path, _: path.unlink(),
            "truncate": lambda path, _: os.truncate(path, self.lot.randrange(max(1, path.stat().st_size))),
            "replace": lambda path, other: _replace(path, other),
            "flip": lambda path, _: self._flip(path),
            "swap kind": lambda path, _: _swap_kind(path),
        }[how]

    def _flip(self, path: Path) -> None:
        """One bit, so that time and size stay."""
        before = path.stat()
        if not before.st_size:  # cut to nothing before
            return
        with path.open("r+b") as file:
            place = self.lot.randrange(before.st_size)
            file.seek(place)
            (byte,) = file.read(1)
            file.seek(place)
            file.write(bytes([byte ^ 1 << self.lot.randrange(8)]))
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    def put_back(self, *, all_of_it: bool = False) -> None:
        """What is due of what nothing can heal."""
        now = time.monotonic()
        for due, path in self.owed:
            if all_of_it or due <= now:
                if path.is_dir():
                    shutil.rmtree(path)
                path.parent.mkdir(parents=True, exist_ok=True)
                _replace(path, self._copy_of(path))
        self.owed = [] if all_of_it else [debt for debt in self.owed if debt[0] > now]


def _files(folder: Path, *patterns: str) -> list[Path]:
    found: list[Path] = []
    for pattern in patterns:
        with suppress(OSError):  # a folder that goes while it is looked through
            found += [path for path in folder.glob(pattern) if path.is_file()]
    return found


def _replace(path: Path, other: Path) -> None:
    new = path.with_name(f".mischief{os.getpid()}")
    shutil.copyfile(other, new)
    os.replace(new, path)


def _swap_kind(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
        path.write_bytes(b"no folder")
    else:
        path.unlink()
        path.mkdir()


def main(home: str, store: str, seconds: str, seed: str, spare: str, rest: str) -> None:
    """Go on for that long, then put back what is still owed."""
    mischief = Mischief(Path(home), Path(store), Path(spare), int(seed), float(rest))
    end = time.monotonic() + float(seconds)
    print(json.dumps({"ready": True}), flush=True)
    while (left := end - time.monotonic()) > 0:
        print(json.dumps(mischief.deed(left)), flush=True)
        mischief.put_back()
        time.sleep(PACE)
    mischief.put_back(all_of_it=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
