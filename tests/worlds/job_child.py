"""A stand-in for the process of a job: kinds of work whose every step is known, in the place of the real ones.

usage: python -m tests.worlds.job_child NUMBER --held FILE
"""

import sys
import time
from pathlib import Path

from semsearch.errors import PicturesUnavailable
from semsearch.files.storage import write_bytes
from semsearch.jobs import desk, kinds


def count(request, control):
    """Count to the option ``to``, and tell in the file ``told`` how far."""
    control.begin("Counting")
    to = int(request.options["to"])
    told = Path(request.options["told"])
    done = int(told.read_text()) if told.exists() else 0
    while done < to:
        time.sleep(0.01)
        done += 1
        write_bytes(told, str(done).encode())
        control.progress(done, to)
    return f"counted to {to}"


def fail(request, control):
    """Fail as a dataset without pictures does."""
    raise PicturesUnavailable("its pictures are not here; fetch them")


KINDS = {"count": count, "fail": fail}

if __name__ == "__main__":
    desk.KINDS = kinds.KINDS = KINDS
    number, _, held = sys.argv[1:]
    try:
        desk.run(int(number), held=int(held))
    except PicturesUnavailable:
        sys.exit(3)
