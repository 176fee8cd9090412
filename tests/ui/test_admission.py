"""Who is let in: turns, the door and the rooms as exact small worlds, and a server of its own with little room."""

import asyncio
import http.client
import socket
import sys
import threading
import time
from contextlib import ExitStack, contextmanager

import pytest
from websockets.exceptions import InvalidStatus

from benchmarks.tab import Tab
from semsearch.errors import Busy, InputError
from tests.worlds import small_world
from tests.worlds.servers import serve_small
from tests.worlds.servers.app_server import environment, free_port, running
from tests.worlds.waiting import soon
from ui.admission.door import Door
from ui.admission.rooms import Room
from ui.admission.turns import Turn, Turns
from ui.admission.uploads import Uploads

SOON = 20.0
"""Seconds within which what must happen happens, on a machine that does much else."""


# Turns


class Run(threading.Thread):
    """A run that takes its turn, says so, and stays at work until it is told to end."""

    def __init__(self, turns, lane, since, log):
        super().__init__(daemon=True)
        self.turns, self.lane, self.since, self.log = turns, lane, since, log
        self.begun, self.end = threading.Event(), threading.Event()
        self.start()

    def run(self):
        with self.turns.taken(self.lane, self.since, lambda before: None):
            self.log.append(self.since)
            self.begun.set()
            self.end.wait(SOON)


def test_one_run_after_the_other_in_the_order_they_asked():
    turns, log = Turns(first=1), []
    now = Run(turns, turns.first, 0, log)
    assert now.begun.wait(SOON)
    others = [Run(turns, turns.first, since, log) for since in (3, 1, 2)]
    soon(lambda: turns.first.waiting == 3)
    for run in (now, others[1], others[2], others[0]):
        assert run.begun.wait(SOON)
        run.end.set()
        run.join(SOON)
    assert log == [0, 1, 2, 3]


def test_whoever_is_in_does_not_wait_for_new_visitors():
    turns, log = Turns(first=1, later=1), []
    news = [Run(turns, turns.first, since, log) for since in range(5)]
    soon(lambda: turns.first.waiting == 4)
    inside = Run(turns, turns.later, 9, log)
    assert inside.begun.wait(SOON) and turns.first.waiting == 4
    for run in (inside, *news):
        run.end.set()


def test_while_a_run_only_waits_another_goes():
    turns, log = Turns(first=1), []
    with turns.taken(turns.first, 0, print):
        other = Run(turns, turns.first, 1, log)
        soon(lambda: turns.first.waiting == 1)
        with turns.aside():
            assert other.begun.wait(SOON)
            other.end.set()
        other.join(SOON)
        third = Run(turns, turns.first, 2, log)
        soon(lambda: turns.first.waiting == 1)
        assert not third.begun.is_set(), "the turn was taken again"
    assert third.begun.wait(SOON)
    third.end.set()


def test_who_waits_is_told_how_many_are_before_and_may_give_up():
    turns, log, told = Turns(first=1), [], []
    first, second = Run(turns, turns.first, 0, log), Run(turns, turns.first, 1, log)
    soon(lambda: first.begun.is_set() and turns.first.waiting == 1)

    def give_up(before):
        told.append(before)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), turns.taken(turns.first, 2, give_up):
        pytest.fail("it was not its turn")
    assert told == [1] and turns.first.waiting == 1
    first.end.set()
    assert second.begun.wait(SOON)
    second.end.set()


def test_a_run_that_never_ends_is_no_longer_waited_for(monkeypatch):
    monkeypatch.setattr("ui.admission.turns.LONGEST", 0.0)
    monkeypatch.setattr("ui.admission.turns.POLL", 0.01)
    turns = Turns(first=1)
    turns.first.join(Turn(turns.first, 0), print)
    with turns.taken(turns.first, 1, lambda before: None):
        assert turns.first.waiting == 0


# The door and the rooms


def test_the_client_with_fewest_that_begin_goes_next():
    async def visit():
        door, log, begun = Door(beginning=2), [], []

        async def come(client, number):
            async with door.entered(client) as has_begun:
                log.append((client, number))
                begun.append(has_begun)
                await asyncio.Event().wait()

        tasks = [asyncio.create_task(come(*who)) for who in (("a", 1), ("a", 2), ("a", 3), ("b", 4))]
        await asyncio.sleep(0.01)
        assert log == [("a", 1), ("a", 2)]
        begun[0]()
        await asyncio.sleep(0.01)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return log

    assert asyncio.run(visit()) == [("a", 1), ("a", 2), ("b", 4)]


def test_there_is_no_place_for_more_sessions_of_one_client_nor_of_all():
    async def visit():
        door = Door(3, 2)
        async with door.entered("a"), door.entered("a"):
            with pytest.raises(Busy):
                async with door.entered("a"):
                    pass
            async with door.entered("b"):
                assert door.crowded
                with pytest.raises(Busy):
                    async with door.entered("c"):
                        pass
        async with door.entered("a"):
            assert not door.crowded

    asyncio.run(visit())


def test_a_session_that_says_nothing_holds_up_the_next_for_a_moment_only():
    async def visit():
        door = Door(beginning=1, begun=0.01)
        async with asyncio.timeout(SOON), door.entered("a"), door.entered("b"):
            pass

    asyncio.run(visit())


def test_uploads_are_counted_by_session_and_together():
    held = {"a": 60}
    uploads = Uploads(lambda: held, of_one=100, of_all=150)
    with uploads.coming("a", 40):
        with pytest.raises(InputError, match="one visitor"), uploads.coming("a", 1):
            pass
        with uploads.coming("b", 50), pytest.raises(Busy), uploads.coming("c", 1):
            pass
    held.clear()
    with uploads.coming("c", 100), uploads.coming("b", 50):
        pass


def test_pictures_of_all_sessions_have_one_room():
    room = Room(100)
    room.keep("a", 60)
    with pytest.raises(Busy):
        room.keep("b", 50)
    room.keep("a", 70)
    room.keep("b", 30)
    with pytest.raises(Busy):
        room.keep("b", 31)
    room.keep("b", 20)
    room.forget("a")
    room.keep("b", 100)


# A server with little room


@pytest.fixture(scope="module")
def port(computed_world, tmp_path_factory):
    """The port of a server that has room for a few."""
    folder = tmp_path_factory.mktemp("admission")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEMSEARCH_HOME", str(folder))
        small_world.add(folder / "world")
    places = {"SEMSEARCH_HOME": str(folder), "HOME": str(folder), "SEMSEARCH_PRECOMPUTED": str(computed_world)}
    number = free_port()
    command = [sys.executable, serve_small.__file__, str(number)]
    with running(command, environment(**places), f"http://127.0.0.1:{number}/"):
        yield number


def ask(port, path, method="GET", body=None, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SOON)
    try:
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), dict(answer.headers)
    finally:
        connection.close()


def raw(port, text):
    """The status of a request that is written by hand."""
    with socket.create_connection(("127.0.0.1", port), SOON) as connection:
        connection.sendall(text.encode())
        return int(connection.recv(200).split()[1])


@contextmanager
def begun(port, number, text):
    """That many connections which say ``text`` and no more."""
    with ExitStack() as stack:
        opened = [stack.enter_context(socket.create_connection(("127.0.0.1", port), SOON)) for _ in range(number)]
        for connection in opened:
            connection.sendall(text.encode())
        yield opened


def ended(connection):
    connection.settimeout(0.01)
    try:
        return connection.recv(1) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


HEAD = "GET /api/metrics HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
BODY = "POST /api/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n{"


@pytest.mark.parametrize("text", [HEAD, BODY, ""], ids=["head", "body", "nothing"])
def test_unfinished_requests_cut_off_nobody_and_end(port, text):
    with begun(port, 60, text) as opened:
        assert all(ask(port, "/api/metrics")[0] == 200 for _ in range(5))
        assert ask(port, "/", accept="text/html")[0] == 200
        soon(lambda: sum(map(ended, opened)) >= 60 - serve_small.CONNECTIONS // 2, serve_small.PATIENCE * 10)
        soon(lambda: all(map(ended, opened)))


def test_a_head_that_comes_by_drops_does_not_last(port):
    with begun(port, 1, HEAD) as (slow,):
        end = time.monotonic() + SOON
        while not ended(slow):
            assert time.monotonic() < end
            try:
                slow.sendall(b"a")
            except OSError:
                break


def test_only_one_host_and_only_ours(port):
    for path in ("/", "/live", "/_stcore/health", "/static/index.html", "/api/metrics"):
        assert ask(port, path, host="evil.example")[0] == 403
        assert raw(port, f"GET {path} HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n") == 400
        assert raw(port, f"GET {path} HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n") == 400
    assert ask(port, "/")[0] == 200
    key = (
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
        + "A" * 22
        + "=="
    )
    for hosts in ("Host: evil.example", "Host: localhost\r\nHost: localhost"):
        assert raw(port, f"GET /_stcore/stream HTTP/1.1\r\n{hosts}\r\n{key}\r\n\r\n") in (400, 403)


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/search?q=3&layer=Conv1", "/?q=3&layer=Conv1"),
        ("/similar", "/"),
        ("/live_search/", "/live"),
        ("/embeddings?k=9", "/map?k=9"),
        ("/guide", "/learn"),
    ],
)
def test_pages_are_found_under_their_own_names(port, path, place):
    """They said "Page not found", with the right page behind it."""
    status, _, headers = ask(port, path, accept="text/html")
    assert (status, headers.get("location")) == (307, place)
    assert ask(port, place, accept="text/html")[0] == 200


def test_no_address_sends_a_browser_to_another_server(port):
    for path in ("//evil.example/search", "/search//evil.example", "/%2F%2Fevil.example"):
        _, _, headers = ask(port, path, accept="text/html")
        assert "location" not in headers


def test_a_session_that_never_asks_is_closed(port):
    async def visit():
        tab = Tab(port)
        await tab.open()
        await asyncio.wait_for(tab._socket.wait_closed(), SOON)

    asyncio.run(visit())


def test_many_new_visitors_are_served_in_turn_and_the_rest_is_told(port):
    async def visit():
        silent = [Tab(port) for _ in range(2)]
        for tab in silent:
            await tab.open()
        waiting = [Tab(port) for _ in range(10)]
        served = [asyncio.create_task(shown(tab)) for tab in waiting]
        status, text, headers = await crowded()
        health, *_ = await asyncio.to_thread(ask, port, "/api/health")
        script, *_ = await asyncio.to_thread(ask, port, "/", accept="*/*")
        for tab in silent:
            await tab.close()
        numbers = await asyncio.gather(*served)
        later, *_ = await asyncio.to_thread(ask, port, "/live?q=1", accept="text/html")
        for tab in waiting:
            await tab.close()
        return status, text, headers["retry-after"], health, script, later, numbers

    async def shown(tab):
        await tab.open()
        return await tab.run()

    async def crowded():
        for _ in range(200):
            answer = await asyncio.to_thread(ask, port, "/live?q=1", accept="text/html")
            if answer[0] != 200:
                return answer
            await asyncio.sleep(0.05)
        pytest.fail("nobody was told")

    status, text, after, health, script, later, numbers = asyncio.run(visit())
    assert status == 503 and int(after) < 10 and "Many visitors" in text
    assert 'http-equiv="refresh"' in text and 'href="/live?q=1"' in text and "<script" not in text
    assert (health, script, later) == (200, 200, 200)
    assert len(numbers) == 10 and min(numbers) > 10


def test_one_client_has_not_all_sessions(port):
    async def visit():
        tabs = [Tab(port) for _ in range(serve_small.OF_ONE + 1)]
        refused = 0
        for tab in tabs:
            try:
                await tab.open()
                await tab.run()
            except InvalidStatus:
                refused += 1
        for tab in tabs:
            await tab.close()
        return refused

    assert asyncio.run(visit()) == 1


def put(port, session, name, size):
    """Upload a file as the page's uploader does; the status."""
    token = ask(port, "/_stcore/health")[2].get("set-cookie", "").partition(";")[0].partition("=")[2]
    edge = "edge-of-a-part"
    body = f'--{edge}\r\nContent-Disposition: form-data; name="f"; filename="a.jpg"\r\n\r\n'.encode()
    body += bytes(size) + f"\r\n--{edge}--\r\n".encode()
    headers = {"Content-Type": f"multipart/form-data; boundary={edge}"}
    headers |= {"X-Xsrftoken": token, "Cookie": f"_streamlit_xsrf={token}"} if token else {}
    return ask(port, f"/_stcore/upload_file/{session}/{name}", "PUT", body, **headers)[0]


def test_uploads_that_no_page_takes_have_a_bound_and_go_with_their_session(port):
    async def visit():
        tabs = [Tab(port) for _ in range(3)]
        for tab in tabs:
            await tab.open()
            await tab.run()
        first, second, third = (tab.session for tab in tabs)
        seen = [put(port, first, name, 140_000) for name in "abc"]
        seen += [put(port, second, name, 140_000) for name in "abc"]
        seen.append(put(port, "nobody", "a", 1_000))
        await tabs[0].close()
        for _ in range(200):
            if put(port, third, "a", 140_000) == 204:
                break
            await asyncio.sleep(0.05)
        else:
            pytest.fail("the room of a session that left was not given back")
        for tab in tabs[1:]:
            await tab.close()
        return seen

    assert asyncio.run(visit()) == [204, 204, 413, 204, 503, 503, 400]
