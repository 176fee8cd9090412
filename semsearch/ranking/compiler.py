"""Where numba keeps what it compiled, so that a process need not compile anew what another has."""

import os
from importlib.util import find_spec
from pathlib import Path

from semsearch.files.storage import trouble
from semsearch.settings import settings


def settle(package: str) -> None:
    """Before numba is imported: give its cache a folder that can be written, or turn the caching of ``package`` off."""
    module = find_spec(package)
    cache_folders = [Path(module.origin or "").parent / "__pycache__"] if module else []
    cache_folders.append(Path(os.path.expanduser("~/.cache/numba")))
    if os.environ.get("NUMBA_CACHE_DIR") or not all(map(trouble, cache_folders)):
        return
    if not trouble(compiled := settings().home / "compiled"):
        os.environ["NUMBA_CACHE_DIR"] = str(compiled)
        return
    from numba.core.dispatcher import Dispatcher

    Dispatcher.enable_caching = lambda dispatcher: None  # type: ignore[method-assign, assignment]
