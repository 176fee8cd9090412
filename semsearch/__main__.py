"""``python -m semsearch`` and the command ``semsearch``."""

import os
import signal
import sys


def run() -> None:
    """Run the command line, and end the process with its exit code."""
    try:
        from semsearch.cli import main

        code = main()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    except KeyboardInterrupt:
        code = 130
    if code in (130, 143):
        # Threads that still wait for a server or a network are not worth waiting for: what they write is whole or gone.
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":
    run()
