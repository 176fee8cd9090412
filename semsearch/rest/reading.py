"""A request taken apart: its body in time, of a kind that is read, and the parts of a form."""

import asyncio

from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request

from semsearch.errors import InputError
from semsearch.live import serving
from semsearch.rest import bodies
from semsearch.rest.gate import Refused

SECONDS = 30.0
"""In which a request must have arrived."""


async def arrived(request: Request, *kinds: str) -> str:
    """Wait for the body of a request that is one of these kinds; which of them.

    Busy when the service is full, InputError when something stands in the address, Refused for a body of another kind
    or one that comes too slowly.
    """
    service = serving.service()
    service.admit()
    if request.scope["query_string"]:
        raise InputError("expected the options in the body, got some in the address")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in kinds:
        raise Refused(415, f"expected {' or '.join(kinds)}")
    try:
        async with asyncio.timeout(SECONDS):
            await request.body()
    except TimeoutError:
        raise Refused(408, f"expected the request within {SECONDS:g} s") from None
    service.admit()  # again: many may have come in meanwhile, and to take a body apart costs more than to refuse it
    return kind


async def parts(request: Request, *, files: int) -> list[bodies.Part]:
    """The parts of a form with at most so many files; InputError when it cannot be read."""
    bounds = {"max_files": files, "max_fields": 3_000, "max_part_size": 10_000}
    try:
        async with request.form(**bounds) as form:
            return [
                bodies.Part(name, part)
                if isinstance(part, str)
                else bodies.Part(name, await part.read(), part.filename or "")
                for name, part in form.multi_items()
            ]
    except (MultiPartException, HTTPException) as error:
        reason = getattr(error, "message", "") or getattr(error, "detail", "")
        raise InputError(f"expected a form in parts; {reason}") from None
    except (UnicodeError, ValueError, TypeError) as error:
        raise InputError(f"expected a form in parts, got one that cannot be read ({type(error).__name__})") from None
