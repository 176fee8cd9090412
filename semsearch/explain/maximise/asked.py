"""A picture that somebody asks to have maximised, and the pictures that were: each kept, sealed, under all it hangs on.

One file a picture, ``channels/<key>.json`` below the home; those made longest ago leave when there are more than KEPT.
"""

import base64
import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path

from semsearch.errors import IntegrityError, StorageError
from semsearch.explain.maximise.maximisation import Options
from semsearch.explain.maximise.objectives import Objective
from semsearch.files import sealed, storage
from semsearch.models import weights
from semsearch.settings import settings

SCHEMA = 1
"""Raised when the way of maximising changes."""
KEPT = 500


@dataclass(frozen=True)
class Request:
    """What is to be maximised, how, and from which start."""

    model: str
    layer: str
    objective: Objective
    options: Options
    seed: int = 0
    start: str = ""
    """SHA-256 of the picture that is accentuated, as the network sees it; empty without one."""

    def key(self) -> str:
        """Its name in files: a digest over all of it, the weights included. Raises as ``weights.local``."""
        facts = f"{SCHEMA} {weights.local(self.model).digest} {asdict(self)}"
        return hashlib.sha256(facts.encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Made:
    """What came of a request, or what there is of it so far."""

    picture: bytes
    """PNG."""
    activation: float
    """In the units of the layer, without transforms."""
    steps: int


def kept(request: Request) -> Made | None:
    """What was made of it before; None where nothing was, or what was is damaged."""
    path = _folder() / f"{request.key()}.json"
    data = storage.read_here(path)
    if data is None:
        return None
    try:
        facts = sealed.from_bytes(data, str(path), cure="it is made again")
    except IntegrityError:
        return None
    return Made(base64.b64decode(facts["picture"]), facts["activation"], facts["steps"])


def keep(request: Request, made: Made) -> None:
    """Keep it, and let the oldest go; nothing happens where no file can be written."""
    picture = base64.b64encode(made.picture).decode("ascii")
    try:
        with storage.explained(_folder()):
            _folder().mkdir(parents=True, exist_ok=True)
        facts = {"picture": picture, "activation": made.activation, "steps": made.steps}
        sealed.write(_folder() / f"{request.key()}.json", facts)
        with storage.explained(_folder()):
            files = sorted(_folder().glob("*.json"), key=lambda path: path.stat().st_mtime)
            for path in files[:-KEPT]:
                path.unlink(missing_ok=True)
    except (StorageError, FileNotFoundError):  # the latter: another process let the same one go
        return


def _folder() -> Path:
    return settings().home / "channels"
