"""Where things are kept: read from the environment at each call, so that tests and servers can differ.

``SEMSEARCH_HOME``         caches: weights, converted models, fetched pictures (default ``~/.cache/semsearch``)
``SEMSEARCH_PRECOMPUTED``  the store of ready results (default: ``precomputed/`` beside the package)
``SEMSEARCH_MIRROR``       a base address asked in place of the hosts of datasets and Keras weights
``SEMSEARCH_RATE``         requests a second that the server takes from one client (default 20)
"""

import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Settings:
    """The places of this process; all paths absolute."""

    home: Path
    precomputed: Path
    mirror: str
    rate: str
    """As it was written: the server checks it when it starts."""

    @property
    def weights(self) -> Path:
        """Folder of verified weights, one safetensors file per model and digest."""
        return self.home / "weights"

    @property
    def engines(self) -> Path:
        """Folder of converted models and their compiled caches."""
        return self.home / "engines"

    @property
    def datasets(self) -> Path:
        """Folder of fetched pictures, one sub-folder per dataset."""
        return self.home / "datasets"


def settings() -> Settings:
    """Read the environment now."""
    env = os.environ
    home = env.get("SEMSEARCH_HOME") or os.path.expanduser("~/.cache/semsearch")
    store, rate = env.get("SEMSEARCH_PRECOMPUTED", ""), env.get("SEMSEARCH_RATE") or "20"
    return _settings(home, store, env.get("SEMSEARCH_MIRROR", ""), rate)


@lru_cache(8)
def _settings(home: str, store: str, mirror: str, rate: str) -> Settings:
    folders = [Path(home), Path(store) if store else ROOT / "precomputed"]
    places = [folder.expanduser().resolve() for folder in folders]
    return Settings(places[0], places[1], mirror, rate)


def cores() -> int:
    """The cores this process may use."""
    return len(os.sched_getaffinity(0))
