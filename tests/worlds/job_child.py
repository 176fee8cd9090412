"""A stand-in for the process of a job: kinds of work whose every step is known, in the place of the real ones.

usage: python -m tests.worlds.job_child NUMBER --held FILE
"""

import os
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


def small(request, control):
    """The real kind, with the networks of the small world, its maps as they begin, and weights that are here."""
    from semsearch.models import weights
    from semsearch.results import precompute
    from tests.worlds import small_world

    tools = precompute.Tools(extractor=small_world.Line, project=small_world.no_maps, digest=lambda model: "0" * 64)
    precompute.Tools = lambda: tools
    weights.status = lambda model: weights.WeightsStatus(True, "here", "")
    while (slow := Path(os.environ["SEMSEARCH_HOME"]) / "slow").exists():
        control.progress(int(slow.read_text()), 100)
        time.sleep(0.02)
    return REAL[request.kind](request, control)


REAL = kinds.KINDS
KINDS = {"count": count, "fail": fail, "results": small, "maps": small}

if __name__ == "__main__":
    desk.KINDS = KINDS
    number, _, held = sys.argv[1:]
    try:
        desk.run(int(number), held=int(held))
    except PicturesUnavailable:
        sys.exit(3)
