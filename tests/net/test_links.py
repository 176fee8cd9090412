"""The door for a user's link: no dial to an address that is not public, and an end to every hostile server."""

import ast
import http.client
import ipaddress
import itertools
import socket
import ssl
import threading
import time

import pytest

from semsearch.errors import FetchFailed, InputError, LinkRefused, SemsearchError
from semsearch.net import links
from tests.net.hostile_links import HOSTS, LINKS
from tests.worlds.servers.local_http import site
from tests.worlds.shipped import shipped

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
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65_536)  # what the system keeps counts as sent
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


JPEG = b"\xff\xd8\xff\xe0" + bytes(2_000)
PAGE = b"\xef\xbb\xbf \n<!DOCTYPE HTML><html>" + b" " * 2_000


def typed(kind, body):
    head = OK + (b"Content-Type: %s\r\n" % kind.encode() if kind else b"")
    return lambda: [head + b"Content-Length: %d\r\n\r\n" % len(body) + body]


@pytest.mark.parametrize(
    "kind",
    ["", "binary/octet-stream", "application/octet-stream", "application/x-octet-stream", "APPLICATION/OCTETSTREAM"]
    + ["text/plain; charset=utf-8", "image/png", "application/x-jpg", "application/json", "text/html", "jpg", "???"],
)
def test_a_picture_may_be_called_anything(serve, kind):
    """As browsers show it: by its bytes."""
    link, policy, _ = serve(typed(kind, JPEG))
    assert links.fetch_image(link, policy=policy) == JPEG


@pytest.mark.parametrize("coding", ["identity", "aws-chunked", "utf-8", "none", ""])
def test_a_coding_that_is_none_is_ignored_as_by_browsers(serve, coding):
    link, policy, _ = serve(typed(f"image/jpeg\r\nContent-Encoding: {coding}", JPEG))
    assert links.fetch_image(link, policy=policy) == JPEG


@pytest.mark.parametrize(
    "coding", ["gzip", "GZIP", "br", "zstd", "aws-chunked, gzip", "identity\r\nContent-Encoding: x-gzip"]
)
def test_a_compressed_body_is_refused(serve, coding):
    link, policy, _ = serve(typed(f"image/jpeg\r\nContent-Encoding: {coding}", JPEG))
    with pytest.raises(LinkRefused, match="compressed") as caught:
        links.fetch_image(link, policy=policy)
    assert caught.value.reason == "encoding"


@pytest.mark.parametrize("kind", ["", "binary/octet-stream", "image/jpeg", "image/svg+xml"])
def test_bytes_that_only_decoding_can_judge_arrive(serve, kind):
    link, policy, _ = serve(typed(kind, b"neither text nor picture"))
    assert links.fetch_image(link, policy=policy) == b"neither text nor picture"


@pytest.mark.parametrize(
    ("kind", "body"),
    [(kind, PAGE) for kind in ("", "image/jpeg", "text/plain", "binary/octet-stream")]
    + [("text/html; charset=utf-8", b"<!-- a --><head>"), ("application/xhtml+xml", b"<?xml?>"), ("", b"<HTML>")],
)
def test_a_web_page_is_refused_with_the_way_to_the_picture(serve, kind, body):
    link, policy, _ = serve(typed(kind, body))
    with pytest.raises(LinkRefused, match="got a web page; .* “Copy image address”") as caught:
        links.fetch_image(link, policy=policy)
    assert caught.value.reason == "type"


def test_a_web_page_is_not_read_to_its_end(serve):
    link, policy, sent = serve(lambda: endless(OK + b"Content-Type: text/html\r\n\r\n", b"<p>" * 1000))
    with pytest.raises(LinkRefused, match="web page"):
        links.fetch_image(link, policy=policy)
    assert sent[0] < 9_000_000


def test_a_redirect_in_plain_utf8_is_asked_for_in_utf8():
    with site() as web:
        port = web.address.rpartition(":")[2]

        def moved(handler):
            handler.send_response(302)
            handler.send_header("Location", f"//127.0.0.1:{port}/Å b.jpg?ü".encode().decode("latin-1"))
            handler.end_headers()

        [answer] = typed("", JPEG)()
        web.pages = {"/a%20b": moved, "/%C3%85%20b.jpg?%C3%BC": lambda handler: handler.wfile.write(answer)}
        policy = links.Policy(frozenset({int(port)}), frozenset({"127.0.0.1"}))
        assert links.fetch_image(f" HTTP://127.0.0.1:{port}/a b#part\n", policy=policy) == JPEG
        assert web.asked == ["/a%20b", "/%C3%85%20b.jpg?%C3%BC"]


def failing(error):
    def fail(*_):
        raise error

    return fail


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (socket.gaierror(-2, "Name or service not known"), "no server of that name"),
        (TimeoutError(), "did not come in time"),
        (ssl.SSLCertVerificationError("x"), "cannot prove"),
        (ConnectionRefusedError(111, "x"), "takes no such connection"),
        (ConnectionResetError(104, "x"), "ended too early"),
        (http.client.IncompleteRead(b""), "ended too early"),
        (http.client.BadStatusLine("x"), "cannot be read"),
    ],
)
def test_why_nothing_came_is_told_in_plain_words(monkeypatch, error, words):
    monkeypatch.setattr(links, "_connected", failing(error))
    with pytest.raises(FetchFailed, match=words) as caught:
        links.fetch_image("https://good.example/")
    assert type(error).__name__ not in str(caught.value)


@pytest.mark.parametrize(("status", "words"), [(404, "none at this address"), (403, "not give it"), (500, "try again")])
def test_what_a_status_means_is_told(serve, status, words):
    link, policy, _ = serve(SERVERS[str(status)] if str(status) in SERVERS else lambda: [b"HTTP/1.1 403 x\r\n\r\n"])
    with pytest.raises(FetchFailed, match=words):
        links.fetch_image(link, policy=policy)


def test_only_two_modules_open_the_network():
    for path in shipped():
        names = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        if path.name not in ("fetch.py", "links.py"):
            assert not names & {"requests", "urllib.request", "http.client", "socket"}, path
