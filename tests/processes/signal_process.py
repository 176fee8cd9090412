"""One process, as a notebook is, that is interrupted in ``precompute`` at seeded moments, and calls it again.

usage: python signal_process.py FOLDER TRIES SECONDS SEED MAPS        MAPS is 0 or 1

Each store is begun when the one before is whole. Prints how many calls were interrupted, and how many stores are whole.
"""

import os
import random
import signal
import sys
import threading
from pathlib import Path

from semsearch.results import precompute
from tests.worlds.small_world import no_maps


def main(store, tries, seconds, seed, maps):
    rng = random.Random(seed)
    tools = precompute.Tools() if maps == "1" else precompute.Tools(project=no_maps)
    interrupted = ended = 0
    for _ in range(int(tries)):
        timer = threading.Timer(rng.uniform(0, float(seconds)), os.kill, (os.getpid(), signal.SIGINT))
        try:
            timer.start()
            precompute.precompute(["mine"], ["mobilenetv2"], root=Path(store) / str(ended), tools=tools)
            timer.cancel()
            timer.join()
            ended += 1
        except KeyboardInterrupt:
            interrupted += 1
    precompute.precompute(["mine"], ["mobilenetv2"], root=Path(store) / str(ended), tools=tools)
    print(interrupted, ended + 1)


if __name__ == "__main__":
    main(*sys.argv[1:])
