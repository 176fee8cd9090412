"""Every bit of every kind of file that the product writes and reads back, turned; every length, cut.

    python -m benchmarks.flips [--share 0.1] [--only weights …] [--seed 1]

Small files are damaged in each of their bits and at each of their lengths, large ones in 1,000 seeded ways. Then what
the product makes of them is asked for. ``detected``: it was found, and counts as not there, so that it is made anew;
``healed``: it was made anew at once, and the answer is right; ``refused``: an error of our tree whose message holds a
cure; ``harmless``: the answer is right. ``wrong`` answers, errors that name no cure and ``tracebacks`` must be 0.
"""

import argparse
import os
import random
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import flip_kinds, needs
from semsearch.errors import SemsearchError
from ui import pictures

OUTCOMES = ("detected", "healed", "refused", "harmless", "wrong", "no cure", "traceback")
BAD = OUTCOMES[4:]
SOME = 1_000
"""Ways in which a large file is damaged."""
CURE = re.compile(r"run `semsearch|compute it again with `|measure again with `|try again")


def damaged(data: bytes, rng: random.Random, *, large: bool, share: float) -> Iterator[bytes]:
    """The bytes with one bit turned, or cut short: in all ways, or in a seeded part of them."""
    ways = range(9 * len(data))  # a bit, or a length
    some = min(SOME, len(ways)) if large else len(ways)
    for way in rng.sample(ways, max(1, round(share * some))):
        if way >= 8 * len(data):
            yield data[: way - 8 * len(data)]
        else:
            spoiled = bytearray(data)
            spoiled[way // 8] ^= 1 << way % 8
            yield bytes(spoiled)


def outcome(path: Path, spoiled: bytes, answer: Callable[[], object], right: object) -> str:
    """One of OUTCOMES."""
    path.write_bytes(spoiled)
    try:
        got = answer()
    except SemsearchError as error:
        return "refused" if CURE.search(str(error)) else "no cure"
    except Exception:
        return "traceback"
    if got is None:
        return "detected"
    if got != right:
        return "wrong"
    return "harmless" if path.is_file() and path.read_bytes() == spoiled else "healed"


def run(kind: flip_kinds.Kind, *, share: float = 1.0, seed: str = "1") -> Counter[str]:
    """How often each outcome came; the file is put back each time."""
    counted: Counter[str] = Counter()
    right, whole = kind.answer(), kind.path.read_bytes()
    assert right is not None
    for spoiled in damaged(whole, random.Random(seed), large=kind.large, share=share):  # noqa: S311
        counted[outcome(kind.path, spoiled, kind.answer, right)] += 1
        kind.path.write_bytes(whole)
    assert kind.answer() == right
    return counted


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--share", type=float, default=1.0, help="part of all ways; default: all")
    parser.add_argument("--only", nargs="+", default=[], help="words of names of kinds")
    parser.add_argument("--seed", default="1")
    given = parser.parse_args()
    bad = 0
    with tempfile.TemporaryDirectory(prefix="flips-") as folder:
        os.environ["SEMSEARCH_HOME"] = str(Path(folder) / "home")
        pictures.FOLDER = Path(folder) / "thumbnails"
        print("| kind | bytes | damaged | " + " | ".join(OUTCOMES) + " |\n|---|" + "---|" * (2 + len(OUTCOMES)))
        for name, kind in flip_kinds.kinds(Path(folder)).items():
            if given.only and not any(word in name for word in given.only):
                continue
            size, counted = kind.path.stat().st_size, run(kind, share=given.share, seed=given.seed)
            cells = [name, f"{size:,}", f"{counted.total():,}", *(f"{counted[word]:,}" for word in OUTCOMES)]
            print("| " + " | ".join(cells) + " |", flush=True)
            bad += sum(counted[word] for word in BAD)
    return int(bool(bad))


if __name__ == "__main__":
    needs.run(main)
