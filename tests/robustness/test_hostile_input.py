"""What strangers send: damaged pictures, names that leave their folder, markup, and whatever the description allows."""

import asyncio
import csv
import io
import json
import os
import random
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
import uvicorn
from PIL import Image
from streamlit.testing.v1 import AppTest

from semsearch import cli
from semsearch.data import datasets
from semsearch.errors import InputError
from semsearch.images import sandbox
from semsearch.live import search, serving
from semsearch.models import catalog, weights
from semsearch.rest import bodies, gate
from semsearch.results import experiments, recommend
from tests import ROOT
from tests.robustness.hostile_names import MARKUP, traversals
from tests.worlds import live_page, rest_world, small_world
from tests.worlds.files.bad_images import ACCEPTED
from tests.worlds.files.bitmaps import write_bmp
from tests.worlds.rest_world import ASK, GALLERIES, at, door, pairs
from tests.worlds.servers.app_server import serving as started
from tests.worlds.servers.asgi_client import Client
from ui import pictures, resources, sidebar
from ui.embeddings import choice as map_choice

RIGHT = [(5, 0), (4, 2), (3, 3)]
"""The answer to a picture at place 3."""


@pytest.fixture
def service(home, tmp_path, monkeypatch):
    monkeypatch.setenv("SEMSEARCH_RATE", "1000000")
    monkeypatch.setattr(gate, "LINKS", (1e6, 1_000_000))
    small_world.add(tmp_path / "pictures")
    with rest_world.opened() as service:
        yield service


@pytest.fixture
def client(service):
    return Client(door())


def sent(client, data, name="a.jpg", **more):
    return client.asked("POST", "/api/search", files={"image": (name, data)}, data=ASK | {"k": "3"} | more)


def decoders():
    return {child._process.pid for child in sandbox._IDLE if child.alive}


@pytest.mark.shared_data
def test_bad_pictures_through_rest_and_command_line(client, shared_data, monkeypatch, capsys):
    """Each is searched with or refused as its manifest says, by the same decoder from the first to the last."""
    folder = shared_data / "badimages"
    with (folder / "MANIFEST.tsv").open(newline="") as lines:
        manifest = {row["path"]: row["pillow13_outcome"] == "ok" for row in csv.DictReader(lines, delimiter="\t")}
    good = {name: 200 if fine or name in ACCEPTED else 422 for name, fine in manifest.items()}
    large = {name for name in good if (folder / name).stat().st_size > bodies.LARGEST_BODY - 10_000}
    sandbox.close_idle()

    async def all_of_them():
        return {name: (await sent(client, (folder / name).read_bytes(), name)).status for name in good}

    found = asyncio.run(all_of_them())
    assert {name: status for name, status in found.items() if status != (413 if name in large else good[name])} == {}
    assert len(decoders()) == 1
    monkeypatch.setattr(search, "search", partial(search.search, galleries=GALLERIES))
    codes = {name: cli.main(["search", str(folder / name), "--in", "world", "--model", "mobilenetv2"]) for name in good}
    assert {name: code for name, code in codes.items() if code != (0 if good[name] == 200 else 2)} == {}
    assert "Traceback" not in capsys.readouterr().err
    assert len(decoders()) == 1 and pairs(asyncio.run(sent(client, at(3)))) == RIGHT


def originals():
    """Small pictures of every format and some of their kinds."""
    rgb = np.random.default_rng(7).integers(0, 256, (24, 20, 3), np.uint8)
    picture, found = Image.fromarray(rgb), []
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a description"
    kinds = [(kind, {}) for kind in ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF")]
    kinds += [("JPEG", {"exif": exif}), ("JPEG", {"progressive": True}), ("WEBP", {"lossless": True, "exif": exif})]
    kinds += [("TIFF", {"compression": "tiff_lzw"}), ("TIFF", {"compression": "jpeg"})]
    for kind, options in kinds:
        out = io.BytesIO()
        picture.save(out, kind, **options)
        found.append(out.getvalue())
    for mode, kind in (("P", "PNG"), ("1", "PNG"), ("LA", "PNG"), ("I;16", "PNG"), ("CMYK", "JPEG"), ("L", "TIFF")):
        out = io.BytesIO()
        (picture.convert("L").convert(mode) if mode == "I;16" else picture.convert(mode)).save(out, kind)
        found.append(out.getvalue())
    out = io.BytesIO()
    picture.save(out, "GIF", save_all=True, append_images=[picture.rotate(90, expand=False)])
    return [*found, out.getvalue()]


def mutated(rng, pool):
    """One of the pictures, damaged in one to four ways."""
    data = bytearray(rng.choice(pool))
    for _ in range(rng.randint(1, 4)):
        where = rng.randrange(len(data)) if data else 0
        way = rng.randrange(8)
        if way == 0:
            data[where : where + 1] = bytes([rng.randrange(256)])
        elif way == 1:
            data = data[:where]
        elif way == 2:
            data[where:where] = rng.randbytes(rng.randint(1, 40))
        elif way == 3:
            data[where : where + rng.randint(1, 40)] = b""
        elif way == 4:
            data[where : where + 4] = rng.choice([b"\xff" * 4, bytes(4), b"\x7f\xff\xff\xff", b"\x00\x00\xff\xff"])
        elif way == 5:
            data[where:where] = data[where : where + rng.randint(1, 200)]
        elif way == 6:
            data = data[:where] + rng.choice(pool)[where:]
        elif where < 40:
            data[where : where + 1] = bytes([data[where] ^ (1 << rng.randrange(8))])
    return bytes(data)


def test_five_thousand_damaged_pictures(client, service, tmp_path, monkeypatch, capsys):
    """Whatever of a picture is damaged, it is searched with or refused; a fiftieth also from the command line."""
    rng, pool = random.Random(20_260), originals()
    sandbox.close_idle()
    seen = {200: 0, 422: 0}

    async def all_of_them():
        for number in range(5_000):
            data = mutated(rng, pool)
            answer = await sent(client, data, f"{number}.png")
            assert answer.status in seen, (number, answer)
            seen[answer.status] += 1
            if answer.status == 422:
                assert answer.json()["error"]["reason"] not in ("crash", "timeout", "memory"), (number, answer)
            if number % 50 == 0:
                (tmp_path / f"{number}.png").write_bytes(data)
                kept[number] = 0 if answer.status == 200 else 2
            if number % 500 == 0:
                assert pairs(await sent(client, at(3))) == RIGHT

    kept = {}
    asyncio.run(all_of_them())
    assert seen[200] > 500 and seen[422] > 500 and 1 <= len(decoders()) <= 2
    monkeypatch.setattr(search, "search", partial(search.search, galleries=GALLERIES))
    words = ["--in", "world", "--model", "mobilenetv2", "--json"]
    assert {n: cli.main(["search", str(tmp_path / f"{n}.png"), *words]) for n in kept} == kept
    assert pairs(asyncio.run(sent(client, at(3)))) == RIGHT
    assert service.health().healthy and service.health().inside == 0 and service.health().restarts == 0


OPENED: list[str] | None = None


def _hear(event, arguments):
    if (
        OPENED is not None
        and event in ("open", "os.listdir", "os.scandir")
        and not isinstance(arguments[0], int | None)
    ):
        OPENED.append(os.path.realpath(os.fsdecode(arguments[0])))


sys.addaudithook(_hear)


@contextmanager
def nothing_read_outside(*folders):
    """Nothing but ``folders``, this project and Python itself is opened or listed in this process meanwhile.

    Libraries look up their own threads in the list of what is loaded, the decoder's child gets an empty file.
    """
    global OPENED
    inside = [str(Path(folder).resolve()) for folder in (*folders, ROOT, sys.prefix, sys.base_prefix)]
    OPENED = []
    try:
        yield
    finally:
        heard, OPENED = OPENED, None
    own = {os.devnull, f"/proc/{os.getpid()}/maps"}
    assert [
        path for path in set(heard) - own if not (path + os.sep).startswith(tuple(f"{one}/" for one in inside))
    ] == []


@pytest.fixture
def canary(tmp_path):
    """A file beside the folders of data, which a dataset's card would be if it were reached."""
    path = tmp_path / "outside" / "card.json"
    path.parent.mkdir()
    path.write_text('{"name": "a bird that must not sing"}')
    return path


def test_the_watch_hears(canary, tmp_path):
    with pytest.raises(AssertionError, match="outside"), nothing_read_outside(tmp_path / "home"):
        canary.read_text()


def names_of(canary):
    found = traversals(str(canary)) + traversals(str(canary.parent))[:40]
    assert len(set(found)) >= 300
    return found


FIELDS = ("dataset", "model", "layer", "pooling", "preset", "metric", "index", "link", "fingerprint")


async def asked_everywhere(client, name):
    """The answers of every route to a name in every place that takes one."""
    word = name.encode("utf-8", "replace").decode()
    for field in FIELDS:
        yield await client.asked("POST", "/api/search", json=ASK | {"item": 3} | {field: word})
    yield await client.asked("POST", "/api/search", json=ASK | {"item": 3, "classes": [word]})
    yield await client.asked("POST", "/api/search", json=ASK | {"item": 3, word: word})
    yield await client.asked("POST", "/api/search", json=ASK | {"examples": [{"link": word}]})
    yield await client.asked("POST", "/api/search", data=name.encode("utf-8", "replace"))
    yield await sent(client, at(3), name=word)
    yield await sent(client, at(3), **{word.replace("\x00", ""): word, "dataset": word})
    for path in ("datasets", "models", "metrics", "health", "openapi.json"):
        spelled = quote(word, safe="")
        yield await client.asked("GET", f"/api/{path}?{'&'.join(f'{field}={spelled}' for field in FIELDS)}&{spelled}")
    for path in ("/api/", "/api/search/", "/api/datasets/", "/api/models/../"):
        yield await client.asked("GET", path + word.partition("?")[0])


def test_no_name_over_rest_leaves_the_folders_of_data(client, canary, tmp_path, home):
    """The statuses count as well: each name is refused or means nothing, none is a failure."""
    asyncio.run(sent(client, at(3)))

    async def all_of_them():
        for name in names_of(canary):
            async for answer in asked_everywhere(client, name):
                statuses[answer.status] = statuses.get(answer.status, 0) + 1
                assert b"must not sing" not in answer.body and b"root:x" not in answer.body
                assert answer.headers["content-type"] == "application/json" or answer.status == 404 and "\n" in name

    statuses = {}
    with nothing_read_outside(home, tmp_path / "pictures"):
        asyncio.run(all_of_them())
    assert set(statuses) <= {200, 400, 404, 405, 415, 422}, statuses
    assert min(statuses[200], statuses[400], statuses[404], statuses[422]) > 300


def test_no_name_in_the_library_or_on_the_command_line_leaves_the_folders_of_data(canary, home, tmp_path, capsys):
    """All that takes a name calls it unknown or invalid; precompute may miss the weights before.

    Words of letters alone are left out: a dataset of one's own may be called so. A command takes long: each name is
    given to some of them, each to a fifth of the names.
    """
    small_world.add(tmp_path / "pictures")
    doors = [datasets.load, datasets.verify, datasets.fetch, lambda name: datasets.add(name, tmp_path / "pictures")]
    doors += [weights.status, weights.local, weights.verify, weights.pull, catalog.FeatureSpec.parse]
    doors += [lambda name: search.search(0, search.Question(name, rest_world.SPEC), galleries=GALLERIES)]
    doors += [lambda name: recommend.configured("world", {"model": name}, experiments.open_store)]
    words = [("search", "0.bmp", "--model=vgg16", "--in={}"), ("search", "0.bmp", "--in=world", "--model={}")]
    words += [
        ("evaluate", "{}"),
        ("report", "{}"),
        ("precompute", "{}", "--models", "vgg16"),
        ("precompute", "world", "--models={}"),
    ]
    words += [
        ("datasets", "add", "{}", "--from", str(tmp_path)),
        ("datasets", "verify", "{}"),
        ("models", "pull", "{}"),
    ]
    with nothing_read_outside(home, tmp_path / "pictures"):
        for number, name in enumerate(name for name in names_of(canary) if not name.isalpha()):
            for opened in doors:
                with pytest.raises(InputError):
                    opened(name)
            for line in words[number % 5 :: 5]:
                code = cli.main([word.replace("{}", name) for word in line])
                assert code == 2 or code == 3 and line[0] == "precompute", (line, name)
    assert "must not sing" not in str(capsys.readouterr())


def test_markup_comes_back_as_text(home, tmp_path, monkeypatch):
    """As class titles and file names where a file system takes them, and as all else that is given and returned."""
    monkeypatch.setenv("SEMSEARCH_RATE", "1000000")
    small_world.add(tmp_path / "pictures")
    kinds = [text for text in MARKUP if "/" not in text and "\x00" not in text]
    assert len(set(MARKUP)) >= 200 and len(kinds) > 50
    for number, kind in enumerate(kinds):
        write_bmp(tmp_path / "marked" / kind / f"{kind[:100]}.bmp", (number, number, 90))
    datasets.add("marked", tmp_path / "marked")
    monkeypatch.setattr(gate, "LINKS", (1e6, 1_000_000))
    with rest_world.opened():
        client = Client(door())
        found = client.post(json=ASK | {"dataset": "marked", "item": 0, "k": 50})
        titles = [match["class"] for match in found.json()["matches"]]
        shown = {kind.replace("\n", "%0A") for kind in kinds}
        assert len(titles) == 50 and set(titles) <= shown
        safe(found)
        rows = client.get("/api/datasets")
        assert set(next(row for row in rows.json()["datasets"] if row["name"] == "marked")["classes"]) == shown
        safe(rows)
        for text in MARKUP:
            answers = [client.post(json=ASK | {"item": 3, "fingerprint": text})]
            assert answers[0].json()["fingerprint"] == text
            answers += [client.post(json=ASK | {"item": 3, field: text}) for field in FIELDS[:7]]
            answers += [client.post(json=ASK | {"item": 3, "classes": [text]}), client.post(json=ASK | {"link": text})]
            answers += [client.post(files={"image": (text, at(3))}, data=ASK | {"fingerprint": text})]
            answers += [client.get("/api/" + text.replace("?", "").replace("\n", ""))]
            for answer in answers:
                safe(answer)
            assert [answer.status for answer in answers[1:]] == [400] * 8 + [422, 200, 404]


def safe(answer):
    """No browser takes it for anything but JSON."""
    assert answer.headers["content-type"] == "application/json" and answer.body.isascii()
    assert answer.headers["x-content-type-options"] == "nosniff" and json.loads(answer.body)


@pytest.fixture
def screen(service, computed_world, tmp_path, monkeypatch):
    """The pages over the small world, its stored results and the same service."""
    monkeypatch.setenv("SEMSEARCH_PRECOMPUTED", str(computed_world))
    monkeypatch.setattr(pictures, "FOLDER", tmp_path / "static" / "pictures")
    monkeypatch.setattr(weights, "status", lambda model: weights.WeightsStatus(True, "here", "a test"))
    live_page.allow(monkeypatch)
    for kept in (resources._pictured, resources._dataset, resources._recommendation):
        kept.clear()
    return AppTest.from_file(str(ROOT / "app.py"), default_timeout=30).run()


PAGES = ("search", "live_search", "embeddings", "guide")


def test_no_parameter_of_a_page_leaves_the_folders_of_data(screen, home, computed_world, canary, tmp_path):
    """Each name in all parameters at once, the pages in turns."""
    keys = {*sidebar.KEYS, *sidebar.OTHER_KEYS, *map_choice.KEYS, "chosen", "welcome", "with", "link"}
    with nothing_read_outside(home, tmp_path / "pictures", tmp_path / "static", computed_world):
        for number, name in enumerate(names_of(canary)):
            screen.switch_page(f"pages/{PAGES[number % len(PAGES)]}.py")
            for key in keys:
                screen.query_params[key] = name.encode("utf-8", "replace").decode()
            screen.run()
            assert not screen.exception, (name, screen.exception)
            assert "must not sing" not in str(screen.main) and "root:x" not in str(screen.main)


def test_damaged_pictures_through_the_page(screen, service):
    """A hundredth of those above are uploaded: each is searched with or refused in words, and a good one still is."""
    rng, pool = random.Random(20_261), originals()
    screen.switch_page("pages/live_search.py")
    for name, value in {"dataset": "world", "metric": "euclidean"}.items():
        screen.query_params[name] = value
    screen.run()
    sandbox.close_idle()
    refused = 0
    for number in range(50):
        live_page.upload(screen, (f"{number}<b>.png", mutated(rng, pool)))
        assert not screen.exception, (number, screen.exception)
        refused += bool(live_page.refused(screen) or screen.error)
    assert 5 < refused < 45 and len(decoders()) == 1
    live_page.upload(screen, ("a.bmp", at(3)))
    assert live_page.ranking(screen)[:3] == RIGHT


def raw(port, target):
    """The answer to a GET whose target is sent byte by byte as it is."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(b"GET " + target + b" HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        answer = b""
        while piece := connection.recv(65_536):
            answer += piece
    return answer


SECRETS = (b"must not sing", b"root:x", b"[build-system]", b"PagesManager", b"For engineers", b"SEMSEARCH_HOME")
"""Words of the canary, of the system's files, and of files that lie beside the folder that is served."""


def test_no_path_of_a_started_server_leaves_the_folder_that_is_served(home, computed_world, canary):
    names = names_of(canary) + [
        "../pyproject.toml",
        "..%2fserver.py",
        "%2e%2e/README.md",
        "..%5cREADME.md",
        "../../README.md",
    ]
    with started(home, computed_world, SEMSEARCH_RATE="1000000") as server:
        seen = {}
        port = int(server.url.rstrip("/").rpartition(":")[2])
        assert b"200 OK" in raw(port, b"/app/static/logo.svg") and b"<svg" in raw(port, b"/app/static/logo.svg")
        for name in names:
            word = name.encode("utf-8", "replace")
            plain = word.replace(b" ", b"%20").replace(b"\n", b"%0a").replace(b"\t", b"%09").replace(b"\x00", b"%00")
            for spelled in {plain, quote(word, safe="").encode()}:
                for before in (b"/app/static/pictures/", b"/app/static/", b"/api/", b"/media/", b"/?dataset="):
                    answer = raw(port, before + spelled)
                    seen.setdefault(before, set()).add(answer[9:12])
                    assert not [secret for secret in SECRETS if secret in answer], before + spelled
        # Streamlit's own route answers 500 where a name is longer than the file system allows.
        assert {before: found - {b"400", b"404", b"500"} for before, found in seen.items()} == {
            before: {b"200"} if b"?" in before else set() for before in seen
        }
        assert seen[b"/api/"] == {b"400", b"404"}
        assert server.process.poll() is None and b"200 OK" in raw(port, b"/api/health")


@contextmanager
def listening(app):
    """The port of a server of an application, in this process."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()


def test_whatever_the_description_allows_is_answered_as_described(service, tmp_path, monkeypatch):
    """Not whether a described request is taken: which items and classes there are, no description can say."""
    monkeypatch.setattr(serving, "PATIENCE", 60.0)
    command = [sys.executable, "-m", "schemathesis.cli", "run", "--seed", "1", "--max-examples", "200"]
    command += ["--exclude-checks", "positive_data_acceptance", "--continue-on-failure"]
    env = os.environ | {"SCHEMATHESIS_HOOKS": "tests.robustness.fuzz_hooks", "PYTHONPATH": str(ROOT)}
    with listening(Client(door()).app) as port:
        command.append(f"http://localhost:{port}/api/openapi.json")
        done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert service.health().served > 50 and service.health().failed > 4 and service.health().healthy
