"""Before and after every request of the REST door: who may come in, how much, and what an error becomes.

What is sent back of an error never holds a path of this machine.
"""

import asyncio
import hmac
import ipaddress
import json
import math
import re
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope

from semsearch import errors, server_log
from semsearch.errors import Busy, InputError, SemsearchError, Unavailable
from semsearch.live import serving
from semsearch.net import addresses, links
from semsearch.rest import bodies

HEADERS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
HELD = 400_000_000
"""Bytes of all requests that are being read or answered."""
LINKS, LINKS_AT_ONCE = (1.0, 10), 32
"""Links one client may give: a second, and at once; links of all that are followed at the same time."""
STATUS = (
    (errors.ImageRefused, 422),
    (errors.LinkRefused, 422),
    (InputError, 400),
    (errors.FetchFailed, 502),
    (errors.TooLate, 504),
    (Unavailable, 503),
    (errors.IntegrityError, 503),
    (errors.StorageError, 503),
)
"""First fit counts; whatever else fails is a 500."""
PLAIN: Mapping[type[Exception], str] = {
    errors.WeightsUnavailable: "the weights of this model are not on this server; see GET {base}/api/models",
    errors.PicturesUnavailable: "the pictures of this dataset are not on this server; see GET {base}/api/datasets",
    errors.IntegrityError: "what this needs is damaged on the server, whose keeper can read what; try again later",
    errors.StorageError: "the server's machine does not let a file be read or written; see GET {base}/api/health",
}
"""In place of messages that are for the keeper of the server; ``base`` is the path below which the door is."""
WAIT = {429: 1, 503: 2}
"""Seconds after which to try again."""
FOR_THE_KEEPER = (errors.IntegrityError, errors.StorageError)
"""Failures that only the keeper can read, in the log, and that may heal."""


class Refused(Exception):  # noqa: N818 - it is an answer, not a failure
    """What HTTP itself does not allow; becomes the answer of that status."""

    def __init__(self, status: int, message: str, **headers: str) -> None:
        """Keep status and headers beside the sentence for people."""
        super().__init__(message)
        self.status, self.headers = status, headers


def _too_large() -> Refused:
    return Refused(413, f"expected at most {bodies.LARGEST_BODY:,} bytes, got more")


class Gate:
    """What all requests share: whose they may be, how often, and how much they may hold."""

    def __init__(self, allows_host: Callable[[str | None], bool], rate: float) -> None:
        """``rate`` requests a second of one client, five times as many at once."""
        self.allows_host, self.held = allows_host, 0
        self.requests = serving.Allowance(rate, math.ceil(5 * rate))
        self.links = serving.Allowance(*LINKS)
        self.free = threading.BoundedSemaphore(LINKS_AT_ONCE)
        self.threads = ThreadPoolExecutor(LINKS_AT_ONCE, "link")
        self.changing = asyncio.Lock()
        """One change of a dataset at a time; the others wait in the order they came."""

    def enter(self, request: Request, *, counted: bool) -> None:
        """Refuse foreign hosts, pages of other sites, bodies declared too large, and whoever asks too often."""
        host, origin = request.headers.get("host"), request.headers.get("origin")
        if len(request.headers.getlist("host")) > 1:
            raise Refused(400, "expected one Host, got several")
        if not self.allows_host(host) or not (origin is None or _same_site(origin, host or "")):
            raise Refused(403, "expected a request for this server, got one for another host or from another site")
        length = request.headers.get("content-length", "")
        if re.fullmatch("[0-9]+", length) and (len(length) > 12 or int(length) > bodies.LARGEST_BODY):
            raise _too_large()
        if counted:
            self.take(self.requests, request)

    def take(self, allowance: serving.Allowance, request: Request) -> None:
        """Count one of a client's allowance."""
        try:
            allowance.take(client_of(request.scope))
        except Busy as error:
            raise Refused(429, str(error)) from None

    @asynccontextmanager
    async def reading(self, scope: Scope, receive: Receive) -> AsyncIterator[Request]:
        """The request, whose body is counted while it comes."""
        size = 0

        async def counted() -> Message:
            nonlocal size
            message = await receive()
            arrived = len(message.get("body", b""))
            size, self.held = size + arrived, self.held + arrived
            if size > bodies.LARGEST_BODY:
                raise _too_large()
            if self.held > HELD:
                raise Busy("all requests together are too large; try again in a few seconds")
            return message

        try:
            yield Request(scope, counted)
        finally:
            self.held -= size

    async def fetch(self, link: str) -> bytes:
        """The bytes behind a link, within the bounds of ``links.fetch_image``; Busy when too many are followed."""
        if not self.free.acquire(blocking=False):
            raise Busy(f"expected at most {LINKS_AT_ONCE} links at once, got one more; try again in a few seconds")
        future = self.threads.submit(links.fetch_image, link)
        future.add_done_callback(lambda _: self.free.release())
        return await asyncio.wrap_future(future)


def _same_site(origin: str, host: str) -> bool:
    """Whether a page of ``origin`` is one of the server that is called ``host``, however a proxy spells that."""
    with suppress(InputError):
        page = addresses.parse(origin)
        return page.authority == addresses.parse(f"{page.scheme}://{host}").authority
    return False


def expect_token(request: Request, token: str) -> None:
    """Refuse whoever does not send this token; how long a comparison takes tells nothing of it."""
    kind, _, sent = request.headers.get("authorization", "").partition(" ")
    same = hmac.compare_digest(sent.strip().encode("utf-8", "surrogateescape"), token.encode())
    if kind.lower() != "bearer" or not token or not same:
        what = "the token of this server as `Authorization: Bearer TOKEN`"
        raise Refused(401, f"expected {what}", **{"WWW-Authenticate": "Bearer"})


def client_of(scope: Scope) -> str:
    """Who asks, by its address: of IPv6 the first 64 bits, for one client has all that follow."""
    address: str = (scope.get("client") or ("",))[0]
    with suppress(ValueError):
        parsed = ipaddress.IPv6Address(address)
        return str(parsed.ipv4_mapped or ipaddress.IPv6Network((int(parsed), 64), strict=False))
    return address


def answer(document: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A document as JSON in ASCII, not to be kept, and not to be taken for anything else."""
    text = json.dumps(document, ensure_ascii=True, allow_nan=False)
    return Response(text, status, {**HEADERS, **(headers or {})}, "application/json")


def refusal(error: Exception, base: str = "") -> Response:
    """The answer that an error becomes; ``base`` is the path below which the door is."""
    status = next((status for kind, status in STATUS if isinstance(error, kind)), 500)
    kind, message, headers = type(error).__name__, str(error), {}
    if type(error) in PLAIN:
        message = PLAIN[type(error)].format(base=base)
    if isinstance(error, Refused):
        status, headers = error.status, error.headers
    elif isinstance(error, ClientDisconnect):
        status, message = 400, "the request ended too early"
    elif status == 500:
        server_log.report(error)
        kind = kind if isinstance(error, SemsearchError) else "ServerError"
        message = "something failed on the server, whose keeper can read what; try again later"
    if isinstance(error, FOR_THE_KEEPER):
        server_log.report(error)
    if status in WAIT and (type(error) not in PLAIN or isinstance(error, FOR_THE_KEEPER)):
        headers = {**headers, "Retry-After": str(WAIT[status])}
    fault = {"kind": kind, "reason": getattr(error, "reason", ""), "message": message}
    return answer({"error": fault}, status, headers)
