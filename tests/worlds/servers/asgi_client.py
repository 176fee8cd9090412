"""Ask an ASGI application without a socket; requests are written by the library of that name."""

import asyncio
import json
from dataclasses import dataclass

import requests


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self):
        return json.loads(self.body)


class Client:
    """One client of an application, at one address."""

    def __init__(self, app, address="198.51.100.7", host="localhost"):
        self.app, self.address, self.host = app, address, host

    def get(self, path, **more):
        return self.ask("GET", path, **more)

    def post(self, path="/api/search", **more):
        return self.ask("POST", path, **more)

    def ask(self, method, path, **more):
        """Method, path, and what ``requests.Request`` takes."""
        return asyncio.run(self.asked(method, path, **more))

    async def asked(self, method, path, *, pieces=None, gone=None, raw_path=None, **more):
        """``pieces`` of the body, or what gives them, come in place of it; the client leaves when ``gone`` is set."""
        ready = requests.Request(method, "http://localhost/", **more).prepare()
        body = ready.body.encode() if isinstance(ready.body, str) else ready.body or b""
        coming = [body] if pieces is None else list(pieces)
        path, _, query = (path + ("?" + ready.path_url[2:] if ready.path_url[1:] else "")).partition("?")
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode("utf-8", "surrogateescape") if raw_path is None else raw_path,
            "root_path": "",
            "query_string": query.encode("utf-8", "surrogateescape"),
            "client": (self.address, 50_000),
            "server": ("127.0.0.1", 8501),
            "headers": [(b"host", self.host.encode())],
        }
        scope["headers"] += [(name.lower().encode(), str(value).encode()) for name, value in ready.headers.items()]
        sent = []

        async def receive():
            if coming:
                piece = coming.pop(0)
                body = piece() if callable(piece) else piece
                return {"type": "http.request", "body": body, "more_body": bool(coming)}
            await (gone or asyncio.Event()).wait()
            return {"type": "http.disconnect"}

        async def send(message):
            sent.append(message)

        await self.app(scope, receive, send)
        start = sent[0]
        headers = {name.decode().lower(): value.decode() for name, value in start["headers"]}
        return Answer(start["status"], headers, b"".join(message.get("body", b"") for message in sent[1:]))
