"""What this machine does not let be written, and what follows: for whoever keeps a server. Names no path."""

from contextlib import suppress

from semsearch.errors import StorageError
from semsearch.files import storage
from semsearch.settings import settings


def limits() -> tuple[str, ...]:
    """One sentence for each thing that cannot be written; empty when all is well."""
    reason = storage.trouble(settings().home)
    if not reason:
        return ()
    return (
        f"nothing can be written to SEMSEARCH_HOME ({reason}): what is there is used, but no pictures, models or "
        "features can be added; make it writable, or set it to a folder that can be written",
    )


def searches() -> str:
    """Why no search can be answered: nothing is prepared, and nothing can be; empty when some can."""
    with suppress(StorageError):
        if storage.matching(settings().home / "features", "*.f32"):
            return ""
    return next(iter(limits()), "")
