"""``python -m semsearch`` is the command ``semsearch``."""

import sys

from semsearch.cli import main

if __name__ == "__main__":
    sys.exit(main())
