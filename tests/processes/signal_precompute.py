"""``semsearch precompute`` without maps, whose libraries take longer to load than all else takes.

usage: python signal_precompute.py STORE
"""

import functools
import sys

from semsearch.__main__ import run


def main():
    from semsearch import cli
    from semsearch.results import precompute
    from tests.worlds.small_world import no_maps

    precompute.Tools = functools.partial(precompute.Tools, project=no_maps)
    return cli.main(["precompute", "mine", "--models", "mobilenetv2", "--to", sys.argv[1]])


if __name__ == "__main__":
    run(main)
