"""The one door to the network for a link that a user gives: public addresses only, bounded in bytes and time.

Every hop is parsed strictly, resolved once, checked, and dialled at exactly the address that was checked.
"""

import http.client
import io
import ipaddress
import queue
import re
import socket
import ssl
import threading
import time
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from semsearch.errors import FetchFailed, LinkRefused
from semsearch.files.storage import explain, of_machine
from semsearch.images import formats
from semsearch.net.addresses import CURE, Link, followed, parse

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

REDIRECTS = 3
HEAD_LIMIT = 1 << 16
"""Bytes of status line and headers, interim answers included."""
FRAMING = 1 << 20
"""Bytes that chunk sizes may add to a body."""
LONGEST = 2048
MOVED = {301, 302, 303, 307, 308}
FIRST = 1024
"""Bytes of a body that are looked at to recognise a web page, before the rest is read."""
COMPRESSED = frozenset("gzip x-gzip deflate br zstd compress x-compress dcb dcz".split())
"""Codings of a body that browsers undo; they ignore all others, as storage may have kept ``aws-chunked``."""
PAGES = ("text/html", "application/xhtml+xml")
CURE_SERVER = "try again later, or save the picture and give the file"
CURE_PAGE = (
    "open that page, click the picture with the right button (on a phone: hold it), choose “Copy image address” "
    "and give that address"
)
CLOSED = [
    ipaddress.ip_network(net)
    for net in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15"),
        *("198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3"),
        *("2001::/23", "2001:db8::/32", "3fff::/20"),
    )
]
GLOBAL6 = ipaddress.ip_network("2000::/3")
NAT64 = ipaddress.ip_network("64:ff9b::/96")


@dataclass(frozen=True)
class Policy:
    """Which ports may be dialled, and which addresses beside the public ones."""

    ports: frozenset[int] = frozenset({80, 443})
    allowed: frozenset[str] = frozenset()


PUBLIC = Policy()


def fetch_image(url: str, *, limit: int = 10_000_000, seconds: float = 8.0, policy: Policy = PUBLIC) -> bytes:
    """The body at a link, at most ``limit`` bytes, within ``seconds`` for everything; not decoded, not judged.

    Its first bytes only keep web pages and other text out, whatever type the server gives them.

    Raises:
        LinkRefused: the link, a redirect, the coding or size of the answer is not one we accept, or it is no picture.
        FetchFailed: the server does not answer with a whole body in time.
        StorageError: the machine lets no connection be opened.
    """
    deadline = time.monotonic() + seconds
    if not isinstance(url, str) or len(url) > LONGEST:
        raise LinkRefused("malformed", f"expected an address of at most {LONGEST} characters; {CURE}")
    link = parse(url)
    for _ in range(REDIRECTS + 1):
        if link.port not in policy.ports:
            raise LinkRefused("port", f"expected port 80 or 443, got {link.port}; {CURE}")
        try:
            with _connected(link, deadline, policy) as sock:
                body, moved = _exchange(sock, link, limit, deadline)
        except (OSError, http.client.HTTPException, ValueError) as error:
            if isinstance(error, LinkRefused):
                raise
            if failure := of_machine(error):
                raise explain(failure, "a connection") from error
            raise FetchFailed(f"{link.host}: expected a picture, but {_cause(error)}") from error
        if not moved:
            return body
        before, link = link, followed(link, moved)
        if before.scheme == "https" and link.scheme != "https":
            raise LinkRefused("redirect", f"expected a redirect that stays with https, got one that leaves it; {CURE}")
    raise FetchFailed(f"{link.host}: expected at most {REDIRECTS} redirects, got more; {CURE}")


def _cause(error: Exception) -> str:
    """What went wrong, and what to do, in the words of a visitor."""
    if isinstance(error, socket.gaierror | UnicodeError):
        return "no server of that name is known; check the address for a slip"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the server cannot prove that it is the one of that name; {CURE_SERVER}"
    if isinstance(error, TimeoutError):
        return f"it did not come in time; {CURE_SERVER}"
    if isinstance(error, ConnectionRefusedError | ssl.SSLError):
        return f"the server takes no such connection; {CURE_SERVER}"
    if isinstance(error, http.client.IncompleteRead | ConnectionError):
        return f"the answer ended too early; {CURE_SERVER}"
    return f"the answer cannot be read; {CURE_SERVER}"


def is_public(text: str) -> bool:
    """Whether an IP address, or the IPv4 address inside it, belongs to the public internet."""
    address: Address = ipaddress.ip_address(text)
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id:
            return False
        inner = address.ipv4_mapped or address.sixtofour
        if address in NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner:
            return is_public(str(inner))
        if address not in GLOBAL6:
            return False
    odd = address.is_multicast or address.is_reserved or address.is_private or address.is_unspecified
    return address.is_global and not odd and not any(address in net for net in CLOSED)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("the time for this link is over")
    return left


def _addresses(link: Link, deadline: float, policy: Policy) -> list[tuple[int, tuple[Any, ...]]]:
    """(family, socket address) of every answer of one resolution, all of them checked."""
    answers: queue.Queue[Any] = queue.Queue()

    def resolve() -> None:
        try:
            answers.put(socket.getaddrinfo(link.host, link.port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            answers.put(error)

    threading.Thread(target=resolve, daemon=True).start()
    try:
        answer = answers.get(timeout=_left(deadline))
    except queue.Empty:
        raise TimeoutError("no answer to the name") from None
    if isinstance(answer, Exception):
        raise answer
    for *_, where in answer:
        if where[0] not in policy.allowed and not is_public(where[0]):
            raise LinkRefused("address", f"{link.host}: its name leads to an address that is not public; {CURE}")
    return [(family, where) for family, _, _, _, where in answer]


def _connected(link: Link, deadline: float, policy: Policy) -> socket.socket:
    """A socket to one of the checked addresses, in TLS where the scheme asks for it."""
    failure: OSError = OSError("the name has no address")
    for family, where in _addresses(link, deadline, policy):
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.settimeout(_left(deadline))
            sock.connect(where)
            if ipaddress.ip_address(sock.getpeername()[0]) != ipaddress.ip_address(where[0]):
                raise OSError("connected to another address")
            if link.scheme == "https":
                return ssl.create_default_context().wrap_socket(sock, server_hostname=link.host)
            return sock
        except OSError as error:
            sock.close()
            failure = error
    raise failure


class _Wire(io.RawIOBase):
    """The bytes of a socket until the deadline and up to ``allowed`` bytes; closing it leaves the socket open."""

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self.sock, self.deadline, self.allowed = sock, deadline, HEAD_LIMIT

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401
        if self.allowed <= 0:
            raise OSError("more bytes than allowed")
        self.sock.settimeout(_left(self.deadline))
        count = self.sock.recv_into(buffer)
        self.allowed -= count
        return count

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self, 8192)


def _exchange(sock: socket.socket, link: Link, limit: int, deadline: float) -> tuple[bytes, str]:
    """(body, "") of a final answer, or (nothing, address to go on to) of a redirect."""
    sock.settimeout(_left(deadline))
    sock.sendall(
        f"GET {link.target} HTTP/1.1\r\nHost: {link.authority}\r\nAccept: image/*,*/*;q=0.8\r\n"
        "Accept-Encoding: identity\r\nUser-Agent: semsearch\r\nConnection: close\r\n\r\n".encode("ascii")
    )
    wire = _Wire(sock, deadline)
    response = http.client.HTTPResponse(cast(socket.socket, wire), method="GET")
    response.begin()
    if response.status in MOVED and (location := response.headers.get("location")):
        return b"", location
    if response.status != 200:
        raise FetchFailed(f"{link.host}: expected a picture, but {_status(response.status)}")
    _check_head(response.headers, limit)
    wire.allowed = limit + FRAMING
    body = response.read(FIRST)
    if not body:
        raise LinkRefused("empty", f"expected a picture, got an empty body; {CURE}")
    _check_first(body, response.headers.get("content-type") or "")
    body += response.read(limit + 1 - len(body)) if response.length is None else response.read()
    if len(body) > limit:
        raise LinkRefused("large", f"expected at most {limit} bytes, got more; {CURE}")
    return body, ""


def _status(status: int) -> str:
    """What an answer without a picture means, and what to do."""
    if status in (404, 410):
        return f"there is none at this address (status {status}); check the address for a slip"
    if status in (401, 402, 403, 429, 451):
        return f"the server does not give it to us (status {status}); save the picture and give the file"
    return f"the server answers with status {status}; {CURE_SERVER}"


def _check_head(head: http.client.HTTPMessage, limit: int) -> None:
    lengths = head.get_all("content-length") or []
    transfer = [value.strip().lower() for value in head.get_all("transfer-encoding") or []]
    if len(lengths) > 1 or any(not re.fullmatch("[0-9]{1,18}", value) for value in lengths):
        raise FetchFailed(f"expected one length of the body, got {len(lengths)} or a malformed one; {CURE_SERVER}")
    if transfer not in ([], ["chunked"]) or (transfer and lengths):
        raise FetchFailed(f"expected a body with a length or in chunks, got an unclear one; {CURE_SERVER}")
    if lengths and int(lengths[0]) > limit:
        raise LinkRefused("large", f"expected at most {limit} bytes, got {lengths[0]}; {CURE}")
    codings = ",".join(head.get_all("content-encoding") or []).lower().replace(" ", "").split(",")
    if COMPRESSED.intersection(codings):
        raise LinkRefused("encoding", f"expected a picture as it is, got a compressed one; {CURE_SERVER}")


def _check_first(first: bytes, kind: str) -> None:
    """Refuse what no decoder takes by its first bytes and the server calls text. A picture may be called anything."""
    if formats.kind(first):
        return
    kind = kind.partition(";")[0].strip().lower()
    if kind in PAGES or re.match(rb"(\xef\xbb\xbf)?\s*<(!doctype html|html)", first, re.IGNORECASE):
        raise LinkRefused("type", "expected a picture, got a web page; " + CURE_PAGE)
    if kind and not kind.startswith("image/") and "octet-stream" not in kind:
        raise LinkRefused("type", f"expected a picture, got something else ({kind[:60]!r}); {CURE}")
