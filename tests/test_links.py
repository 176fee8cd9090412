"""The door for a user's link: no dial to an address that is not public, and an end to every hostile server."""

import ast
import ipaddress
import itertools
import socket
import threading
import time
from pathlib import Path

import pytest

from semsearch import links
from semsearch.errors import InputError, LinkRefused, SemsearchError
from tests.hostile_links import HOSTS, LINKS

ROOT = Path(__file__).resolve().parent.parent
NAMES = {"mixed.example": ["8.8.8.8", "10.0.0.1"], "inside.example": ["10.0.0.1"], "inside6.example": ["fd00::1"]}
NAMES |= {"localhost": ["127.0.0.1"]}


@pytest.fixture
def dials(monkeypatch):
    """The addresses dialled, none of them reached; names resolve without a network."""
    dialled = []

    def connect(_sock, where):
        dialled.append(where[0])
        raise ConnectionRefusedError

    real = socket.getaddrinfo

    def resolve(host, port, *_args, **kwargs):
        try:
            socket.inet_aton(host)
            found = [socket.inet_ntoa(socket.inet_aton(host))]
        except OSError:
            if ":" in host:
                return real(host, port, type=socket.SOCK_STREAM)
            found = NAMES.get(host, ["8.8.8.8"])
        kind = {False: socket.AF_INET, True: socket.AF_INET6}
        return [(kind[":" in a], socket.SOCK_STREAM, 6, "", (a, port, 0, 0) if ":" in a else (a, port)) for a in found]

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return dialled


def inside(dialled):
    return [a for a in dialled if not ipaddress.ip_address(a).is_global or ipaddress.ip_address(a).is_multicast]


def test_no_hostile_link_is_dialled(dials):
    assert len(set(LINKS)) >= 500
    for link in LINKS:
        with pytest.raises(InputError):
            links.fetch_image(link, seconds=2)
    assert dials == []


def test_a_naive_client_is_caught(dials):
    import requests

    for link in LINKS[:40]:
        try:
            requests.get(link, timeout=1)
        except (requests.RequestException, ValueError):
            pass
    assert len(inside(dials)) > 0


def test_a_second_answer_is_never_asked_for(dials, monkeypatch):
    answers = itertools.chain([["8.8.8.8"]], itertools.repeat(["127.0.0.1"]))
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda *_a, **_k: [(socket.AF_INET, 1, 6, "", (a, 80)) for a in next(answers)]
    )
    with pytest.raises(SemsearchError):
        links.fetch_image("http://rebind.example/")
    assert dials == ["8.8.8.8"]


LEGAL = [f"http://8.8.{n}.8/a?b={n}" for n in range(20)] + [f"https://name{n}.example/p/ä.png" for n in range(20)]
LEGAL += ["HTTP://good.example", "http://good.example:80/", "https://good.example:443/", "http://bücher.example/"]
LEGAL += ["http://[2606:4700::1111]/", "https://[2a00:1450::1]:443/", "http://a_b.example/", "http://good.example./"]
LEGAL += ["http://good.example/a%20b?x=[1]#part", "https://1.1.1.1/"]


@pytest.mark.parametrize("link", LEGAL)
def test_legal_links_reach_the_dial(dials, link):
    with pytest.raises(SemsearchError) as caught:
        links.fetch_image(link)
    assert len(dials) == 1 and not isinstance(caught.value, LinkRefused)


@pytest.fixture
def serve():
    """Start a server that sends pieces, a list per connection; gives (link, policy, bytes sent)."""
    opened = []

    def start(*scripts):
        listener = socket.create_server(("127.0.0.1", 0))
        opened.append(listener)
        port, sent = listener.getsockname()[1], [0]

        def run():
            for script in itertools.chain(scripts, itertools.repeat(scripts[-1])):
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                with client:
                    try:
                        client.recv(4096)
                        for piece in script():
                            client.sendall(piece)
                            sent[0] += len(piece)
                    except OSError:
                        pass

        threading.Thread(target=run, daemon=True).start()
        return f"http://127.0.0.1:{port}/a", links.Policy(frozenset({port}), frozenset({"127.0.0.1"})), sent

    yield start
    for listener in opened:
        listener.close()


def drip(start, piece=b"x"):
    yield start
    for _ in range(200):
        time.sleep(0.05)
        yield piece


def endless(start, piece):
    yield start
    yield from itertools.repeat(piece)


OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
MOVED = b"HTTP/1.1 302 Found\r\nLocation: %s\r\n\r\n"
FIXED = {
    "gzip": OK + b"Content-Encoding: gzip\r\n\r\n" + b"x" * 1000,
    "short": OK + b"Content-Length: 100\r\n\r\nx",
    "too long": OK + b"Content-Length: 99999999999\r\n\r\nx",
    "negative": OK + b"Content-Length: -1\r\n\r\nx",
    "two lengths": OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
    "length and chunks": OK + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
    "html": OK + b"Content-Type: text/html\r\n\r\nx",
    "json": OK + b"Content-Type: application/json\r\n\r\nx",
    "empty": OK + b"\r\n",
    "closes": b"",
    "garbage": b"\x00\xff garbage\r\n\r\n",
    "bad chunk": CHUNKED + b"zz\r\nx",
    "chunk cut": CHUNKED + b"ff\r\nx",
    "chunk extension": CHUNKED + b"1;" + b"e" * 200000 + b"\r\nx",
    "loop": MOVED % b"/a",
    "to file": MOVED % b"file:///a",
    "to ftp": MOVED % b"ftp://good.example/a",
    "to metadata": MOVED % b"http://169.254.169.254/",
    "to broken": MOVED % b"http://[::1",
    **{str(n): b"HTTP/1.1 %d x\r\nContent-Length: 1\r\n\r\nx" % n for n in (101, 204, 206, 404, 500)},
}
MOVING = {
    "drip header": lambda: drip(OK + b"A: "),
    "drip body": lambda: drip(OK + b"\r\n"),
    "endless body": lambda: endless(OK + b"\r\n", b"x" * 65536),
    "endless header": lambda: endless(OK, b"A: b\r\n" * 100),
    "endless chunks": lambda: endless(CHUNKED, b"400\r\n" + b"x" * 1024 + b"\r\n"),
    "interim": lambda: endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "silent": lambda: drip(b"", b""),
}
SERVERS = {**{name: (lambda data=data: [data]) for name, data in FIXED.items()}, **MOVING}


@pytest.mark.parametrize("name", SERVERS)
def test_hostile_servers_end(serve, name):
    link, policy, sent = serve(SERVERS[name])
    begin = time.monotonic()
    with pytest.raises(SemsearchError):
        links.fetch_image(link, seconds=1.0, policy=policy)
    assert time.monotonic() - begin < 3
    assert sent[0] <= 20_000_000


def test_a_drip_ends_at_the_default_deadline(serve):
    link, policy, _ = serve(MOVING["drip body"])
    begin = time.monotonic()
    with pytest.raises(SemsearchError):
        links.fetch_image(link, policy=policy)
    assert time.monotonic() - begin < 10


def test_no_redirect_leaves_https(monkeypatch):
    monkeypatch.setattr(links, "_connected", lambda *_: socket.socket())
    monkeypatch.setattr(links, "_exchange", lambda *_: (b"", "http://good.example/"))
    with pytest.raises(LinkRefused) as caught:
        links.fetch_image("https://good.example/")
    assert caught.value.reason == "redirect"


@pytest.mark.parametrize("host", HOSTS[::7])
def test_redirects_are_checked_anew(serve, host):
    link, policy, _ = serve(lambda: [MOVED % f"http://{host}:{link.split(':')[2][:-2]}/".encode()])
    if host in ("127.0.0.1", "127.0.0.1.", "[::ffff:127.0.0.1]") or not host.isascii():
        return
    with pytest.raises(LinkRefused):
        links.fetch_image(link, seconds=1.0, policy=policy)


def test_honest_pictures_arrive_whole(serve):
    body = bytes(range(256)) * 1000
    plain = OK + b"Content-Type: image/png\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    chunks = CHUNKED + b"%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n"
    for scripts in ([plain], [chunks], [MOVED % b"/b", plain], [OK + b"\r\n" + body]):
        link, policy, _ = serve(*(lambda data=data: [data] for data in scripts))
        assert links.fetch_image(link, policy=policy) == body


def test_only_two_modules_open_the_network():
    for path in [*(ROOT / "semsearch").glob("*.py"), *(ROOT / "pages").rglob("*.py")]:
        names = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        if path.name not in ("fetch.py", "links.py"):
            assert not names & {"requests", "urllib.request", "http.client", "socket"}, path
