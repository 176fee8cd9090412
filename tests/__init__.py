"""Tests in folders that mirror what they test; what several of them share is in ``tests/worlds``."""

import os
import signal
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("SEMSEARCH_SHARED_DATA") or ROOT.parent / "shared" / "data")


def heed_signals():
    """Heed Ctrl-C and SIGHUP, in children too: who runs in the background of a shell was started to ignore them."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
