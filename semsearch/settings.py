"""Where things lie, read from the environment at each call, so that tests and servers can differ.

``SEMSEARCH_HOME``         caches: weights, models, converted models, fetched pictures (default ``~/.cache/semsearch``)
``SEMSEARCH_PRECOMPUTED``  the store of ready results (default: ``precomputed/`` beside the package)
``SEMSEARCH_MIRROR``       a base address asked in place of the hosts of datasets and Keras weights
``SEMSEARCH_EDITORS``      who may change datasets on the pages: ``local`` (whose browser is on the server's machine),
                           ``all`` or ``none`` (default ``local``)
``SEMSEARCH_TOKEN``        a secret with which datasets may be changed over REST; without one, they cannot be
``SEMSEARCH_RATE``         requests a second that the server takes from one client (default 20)
"""

import os
import pwd
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from semsearch.errors import InputError

ROOT = Path(__file__).resolve().parent.parent
EDITORS = ("local", "all", "none")
LEAST_OF_A_TOKEN = 16


@dataclass(frozen=True)
class Settings:
    """The places of this process; all paths absolute."""

    home: Path
    precomputed: Path
    mirror: str
    rate: str
    """As it was written: the server checks it when it starts."""
    editors: str
    """One of EDITORS."""
    token: str = field(repr=False)
    """Empty for none."""

    @property
    def weights(self) -> Path:
        """Folder of verified weights, one safetensors file per model and digest."""
        return self.home / "weights"

    @property
    def models(self) -> Path:
        """Folder of the models that were added here, one sealed card each."""
        return self.home / "models"

    @property
    def engines(self) -> Path:
        """Folder of converted models and their compiled caches."""
        return self.home / "engines"

    @property
    def datasets(self) -> Path:
        """Folder of fetched pictures, one sub-folder per dataset."""
        return self.home / "datasets"


def settings() -> Settings:
    """Read the environment now; InputError where it names no place."""
    env = os.environ
    home = env.get("SEMSEARCH_HOME") or "~/.cache/semsearch"
    store, rate = env.get("SEMSEARCH_PRECOMPUTED", ""), env.get("SEMSEARCH_RATE") or "20"
    editors = env.get("SEMSEARCH_EDITORS") or EDITORS[0]
    if editors not in EDITORS:
        raise InputError(f"SEMSEARCH_EDITORS: expected one of {', '.join(EDITORS)}; got {editors!r}")
    token = env.get("SEMSEARCH_TOKEN", "")
    if token and not (LEAST_OF_A_TOKEN <= len(token) and token.isascii() and token.isprintable() and " " not in token):
        raise InputError(f"SEMSEARCH_TOKEN: expected at least {LEAST_OF_A_TOKEN} letters, digits and signs, got others")
    return _settings(home, store, env.get("SEMSEARCH_MIRROR", ""), rate, editors, token, env.get("HOME", ""))


@lru_cache(8)
def _settings(home: str, store: str, mirror: str, rate: str, editors: str, token: str, user: str) -> Settings:
    where = _place("SEMSEARCH_HOME", home, user)
    results = _place("SEMSEARCH_PRECOMPUTED", store or str(ROOT / "precomputed"), user)
    return Settings(where, results, mirror, rate, editors, token)


def _place(name: str, text: str, user: str) -> Path:
    """The absolute path that a setting names; ``~`` is ``user``, the folder of whoever runs this, or the system's."""
    if text == "~" or text.startswith("~/"):
        text = _of_user(name, user) + text[1:]
    try:
        return Path(text).expanduser().resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(f"{name}: expected a folder, got {text!r} ({error}); set it to an absolute path") from error


def _of_user(name: str, user: str) -> str:
    if user:
        return user
    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        raise InputError(f"{name}: this user has no folder of its own; set {name} to an absolute path") from None


def cores() -> int:
    """The cores this process may use."""
    return len(os.sched_getaffinity(0))
