"""The REST door over an exact small world: what it answers, what it refuses and how, and what it never says."""

import asyncio
import json
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import jsonschema
import numpy as np
import pytest
import requests
import schemathesis

from semsearch.data import datasets
from semsearch.errors import (
    EngineError,
    InputError,
    IntegrityError,
    PicturesUnavailable,
    SemsearchError,
    StorageError,
    TooLate,
    WeightsUnavailable,
)
from semsearch.images import pixels
from semsearch.live import search, serving
from semsearch.live.extractors import Tools
from semsearch.live.galleries import Galleries
from semsearch.models import catalog, weights
from semsearch.net import links
from semsearch.ranking import metrics
from semsearch.rest import bodies, changes, gate, handlers, openapi, reading
from semsearch.results import experiments, recommend
from semsearch.settings import settings
from tests.worlds import rest_world, small_world
from tests.worlds.files.bitmaps import write_bmp
from tests.worlds.live_world import SPEC, Green
from tests.worlds.rest_world import ASK, GALLERIES, at, bmp, door, pairs
from tests.worlds.servers.app_server import serving as started
from tests.worlds.servers.asgi_client import Client
from tests.worlds.servers.local_http import site


@pytest.fixture
def pictures(home, tmp_path):
    small_world.add(tmp_path / "pictures")
    return tmp_path / "pictures"


@pytest.fixture
def service(pictures):
    with rest_world.opened() as service:
        yield service


@pytest.fixture
def client(service):
    return Client(door())


def asked(client, **more):
    """The answer to a search that must succeed; ``more`` as options in JSON."""
    found = client.post(json=ASK | more)
    assert found.status == 200, found.body
    return found.json()


def library(examples, **more):
    """What the library says, as it comes back."""
    question = search.Question(**({"dataset": "world", "spec": SPEC, "metric": "euclidean"} | more))
    result = search.search(examples, question, galleries=GALLERIES)
    return json.loads(json.dumps(search.document(result, datasets.load("world"))))


def same(found, wanted):
    parts = ("matches", "vote", "verdict")
    assert {part: found[part] for part in parts} == {part: wanted[part] for part in parts}


def error(found, status):
    """The error of an answer of that status, after a look at its form."""
    assert found.status == status, found.body
    jsonschema.validate(found.json(), schema("Refusal"))
    guarded(found)
    return found.json()["error"]


def guarded(found):
    assert found.headers["content-type"] == "application/json"
    assert found.headers["x-content-type-options"] == "nosniff" and found.headers["cache-control"] == "no-store"
    assert "access-control-allow-origin" not in found.headers


def schema(name):
    described = json.loads(json.dumps(openapi.description()))
    return {"$ref": f"#/components/schemas/{name}", "components": described["components"]}


OPTIONS = [
    ({}, {}),
    ({"k": 2}, {"k": 2}),
    ({"exclude": [4, 5, 99]}, {"exclude": frozenset([4, 5, 99])}),
    ({"classes": ["apple"]}, {"classes": frozenset([1])}),
    ({"classes": []}, {"classes": frozenset()}),
    ({"at_least": 0.45, "metric": "manhattan"}, {"at_least": 0.45, "metric": "manhattan"}),
    ({"fold": True, "index": "approximate"}, {"fold": True, "index": "approximate"}),
    (
        {"pooling": "max", "preset": "published"},
        {"spec": catalog.FeatureSpec("mobilenetv2", "Conv_1", "max", "published")},
    ),
]


@pytest.mark.parametrize("given, meant", OPTIONS, ids=lambda part: "-".join(part))
def test_an_item_is_answered_as_by_the_library(client, given, meant):
    found = asked(client, item=3, **given)
    same(found, library(3, **meant))
    jsonschema.validate(found, schema("Answer"))


def test_the_ranking_is_the_one_known_by_hand(client):
    found = asked(client, item=3, fingerprint="é\x00<b>")
    assert [(m["item"], m["distance"]) for m in found["matches"]] == small_world.RANKINGS["mobilenetv2"]
    assert found["matches"][2] == {
        "rank": 3, "item": 0, "label": 0, "distance": 10, "similarity": 0.4, "pairs": 25,
        "class": "<b>pear", "file": "<b>pear/10.bmp",
    }  # fmt: skip
    assert found["fingerprint"] == "é\x00<b>" and found["dataset"] == "world"
    assert found["configuration"] == {
        "model": "mobilenetv2", "layer": "Conv_1", "pooling": "avg", "preset": "default", "metric": "euclidean",
        "index": "exact", "reason": "",
    }  # fmt: skip
    assert set(found["timings"]) == {"waiting", "gallery", "decode", "features", "search"}


def test_examples_with_weights_and_items_and_crops(client):
    given = [{"item": 3}, {"item": 4, "weight": 2.5}, {"item": 2, "weight": -1}]
    same(asked(client, examples=given), library([search.Example(3), search.Example(4, 2.5), search.Example(2, -1)]))


def test_results_that_are_sealed_anew_are_read_anew(client, computed_world, tmp_path, monkeypatch):
    """What is recommended comes from the store that is there now; once there was one, the last good one goes on."""
    store = tmp_path / "store"
    monkeypatch.setenv("SEMSEARCH_PRECOMPUTED", str(store))
    assert error(client.post(json={"dataset": "world", "item": 3}), 503)["kind"] == "IntegrityError"
    shutil.copytree(computed_world, store)
    chosen = client.post(json={"dataset": "world", "item": 3}).json()["configuration"]
    best = recommend.recommend(experiments.open_store(store), "world")
    assert chosen["reason"] == best.reason and (chosen["model"], chosen["metric"]) == (best.spec.model, best.metric)
    assert client.get("/api/health").json()["troubles"] == []
    shutil.rmtree(store)
    assert client.post(json={"dataset": "world", "item": 3}).json()["configuration"] == chosen
    health = client.get("/api/health")
    assert health.status == 200 and health.json()["troubles"] == [
        "the list of stored results is damaged or missing; the last good one serves"
    ]
    shutil.copytree(computed_world, store)
    assert client.post(json={"dataset": "world", "item": 3}).json()["configuration"] == chosen
    assert client.get("/api/health").json()["troubles"] == []


def test_files_are_answered_as_by_the_library(client):
    found = client.post(files=[("image", ("a.bmp", at(3)))], data=ASK | {"k": "3"})
    same(found.json(), library(at(3), k=3))
    assert pairs(found) == [(5, 0), (4, 2), (3, 3)]


def test_files_with_weights_and_crops(client):
    files = [("image", ("a.bmp", bmp(0, 30))), ("image", ("b.bmp", bmp(150)))]
    data = ASK | {"weights": ["1", "-0.5"], "crops": ["0.5,0,1,1", "0,0,1,1"], "classes": ["apple", "<b>pear"]}
    wanted = [search.Example(bmp(0, 30), 1, (0.5, 0, 1, 1)), search.Example(bmp(150), -0.5)]
    same(client.post(files=files, data=data).json(), library(wanted))
    cropped = client.post(files=files[:1], data=ASK | {"crops": "0.5,0,1,1", "fold": "true"}).json()
    whole = client.post(files=files[:1], data=ASK).json()
    assert cropped["matches"][0]["item"] == 4 and cropped["matches"][0]["distance"] == 1
    assert whole["matches"][0]["item"] == 3 and whole["matches"][0]["distance"] == 0


def test_without_a_model_the_best_is_chosen_and_the_reason_given(client):
    found = client.post(json={"dataset": "world", "item": 3}).json()
    assert found["configuration"]["reason"].startswith("No scores of this dataset are stored")
    same(found, library(3, metric="cosine"))
    assert "model" in error(client.post(json={"dataset": "world", "item": 3, "layer": "Conv_1"}), 400)["message"]


@pytest.fixture
def local(monkeypatch):
    """A web server of this machine that links may lead to."""
    with site() as served:
        port = int(served.address.rpartition(":")[2])
        policy = links.Policy(frozenset({port}), frozenset({"127.0.0.1"}))
        monkeypatch.setattr(links, "fetch_image", partial(links.fetch_image, policy=policy))
        yield served


def picture_page(data, kind="image/bmp"):
    def page(handler):
        handler.send_response(200)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    return page


def test_links_are_followed(client, local):
    local.pages = {
        "/a.bmp": picture_page(at(3), "binary/octet-stream"),
        "/half": picture_page(bmp(0, 30)),
        "/page": b"<html>",
    }
    same(asked(client, link=local.address.upper() + "/a.bmp "), library(at(3)))
    given = [
        {"link": local.address + "/half", "crop": [0.5, 0, 1, 1]},
        {"link": local.address + "/a.bmp", "weight": -2},
    ]
    wanted = [search.Example(bmp(0, 30), 1, (0.5, 0, 1, 1)), search.Example(at(3), -2)]
    same(asked(client, examples=given), library(wanted))
    assert error(client.post(json=ASK | {"link": local.address + "/page"}), 422)["reason"] == "type"
    assert error(client.post(json=ASK | {"link": local.address + "/gone"}), 502)["kind"] == "FetchFailed"


def test_links_to_this_machine_are_refused(client):
    for link, reason in (("http://127.0.0.1/", "address"), ("file:///etc/passwd", "scheme"), ("http://a:1/", "port")):
        assert error(client.post(json=ASK | {"link": link}), 422)["reason"] == reason


FORM = "multipart/form-data; boundary=x"
MALFORMED = {
    "no json": {"data": b"{", "headers": {"Content-Type": "application/json"}},
    "no body": {"data": b"", "headers": {"Content-Type": "application/json"}},
    "deep": {"data": b"[" * 100_000, "headers": {"Content-Type": "application/json"}},
    "nothing asked": {"json": ASK},
    "asked twice": {"json": ASK | {"item": 3, "link": "http://a.example/"}},
    "no example": {"json": ASK | {"examples": []}},
    "nine examples": {"json": ASK | {"examples": [{"item": 1}] * 9}},
    "empty example": {"json": ASK | {"examples": [{}]}},
    "weight 0": {"json": ASK | {"examples": [{"item": 1, "weight": 0}]}},
    "crop of nothing": {"json": ASK | {"examples": [{"link": "http://a.example/", "crop": [0.5, 0, 0.5, 1]}]}},
    "item too far": {"json": ASK | {"item": 6}},
    "item below": {"json": ASK | {"item": -1}},
    "item as text": {"json": ASK | {"item": "3"}},
    "k 0": {"json": ASK | {"item": 3, "k": 0}},
    "k 51": {"json": ASK | {"item": 3, "k": 51}},
    "huge number": {"json": ASK | {"item": 3, "exclude": [10**30]}},
    "not a number": {"data": b'{"item": NaN}', "headers": {"Content-Type": "application/json"}},
    "unknown option": {"json": ASK | {"item": 3, "colour": "red"}},
    "unknown dataset": {"json": ASK | {"item": 3, "dataset": "nowhere"}},
    "unknown model": {"json": ASK | {"item": 3, "model": "alexnet"}},
    "unknown layer": {"json": ASK | {"item": 3, "layer": "last"}},
    "unknown pooling": {"json": ASK | {"item": 3, "pooling": "sum"}},
    "unknown preset": {"json": ASK | {"item": 3, "preset": "best"}},
    "unknown metric": {"json": ASK | {"item": 3, "metric": "angle"}},
    "unknown index": {"json": ASK | {"item": 3, "index": "quick"}},
    "unknown class": {"json": ASK | {"item": 3, "classes": ["plum"]}},
    "options in the address": {"json": ASK | {"item": 3}, "params": {"k": 3}},
    "no file": {"files": {"k": (None, "3")}},
    "file as text": {"files": {"image": (None, "text")}},
    "text as file": {"files": {"image": ("a", b"a"), "k": ("k", b"3")}},
    "nine files": {"files": [("image", ("a", b"a"))] * 9},
    "an option twice": {"files": [("image", ("a", b"a")), ("k", (None, "3")), ("k", (None, "4"))]},
    "too few weights": {"files": [("image", ("a", b"a"))] * 2, "data": {"weights": "1"}},
    "crop in words": {"files": {"image": ("a", b"a")}, "data": {"crops": "all of it"}},
    "crop of dots": {"files": {"image": ("a", b"a")}, "data": {"crops": "..,.,.,."}},
    "no boundary": {"data": b"x", "headers": {"Content-Type": "multipart/form-data"}},
    "no parts": {"data": b"x", "headers": {"Content-Type": FORM}},
    "no name": {"data": b"--x\r\nA: b\r\n\r\nc\r\n--x--", "headers": {"Content-Type": FORM}},
    "odd charset": {
        "data": b'--x\r\nContent-Disposition: form-data; name="\xff.."\r\n\r\n\xff\r\n--x--',
        "headers": {"Content-Type": FORM + "; charset=idna"},
    },
}  # fmt: skip


@pytest.mark.parametrize("case", MALFORMED)
def test_what_cannot_be_asked_is_400_and_says_what_was_expected(client, case):
    fault = error(client.post(**MALFORMED[case]), 400)
    assert fault["kind"] in ("InputError", "UnknownName") and len(fault["message"]) > 10


def test_an_unknown_name_is_answered_with_the_known_ones(client):
    fault = error(client.post(json=ASK | {"item": 3, "dataset": "nowhere"}), 400)
    assert fault["kind"] == "UnknownName" and "world" in fault["message"] and "groceries200" in fault["message"]


def test_pictures_that_cannot_be_taken_are_422(client):
    for data, reason in ((b"", "empty"), (b"<svg onload=alert(1)>", "format"), (at(3)[:60], "truncated")):
        assert error(client.post(files={"image": ("a.png", data)}, data=ASK), 422)["reason"] == reason


def test_other_content_is_415_and_too_much_is_413(client):
    for kind in ("text/plain", "image/png", "application/x-www-form-urlencoded", "multipart/mixed; boundary=x", ""):
        error(client.post(data=b"x", headers={"Content-Type": kind}), 415)
    big = bytes(bodies.LARGEST_BODY)
    assert error(client.post(files={"image": ("a", big)}, data=ASK), 413)["kind"] == "Refused"
    kinds = {"Content-Type": "application/json"}
    error(client.post(pieces=[b" " * 1_000_000] * 11, headers=kinds), 413)
    error(client.post(pieces=[b""], headers=kinds | {"Content-Length": "99999999"}), 413)


def test_unknown_paths_are_404_and_wrong_methods_405_in_json(client):
    for path in ("/api", "/api/", "/api/search/", "/api/nothing", "/api/search/../health", "/api/%00"):
        error(client.get(path), 404)
    for method, path, allowed in (("GET", "/api/search", "POST"), ("DELETE", "/api/models", "GET, HEAD")):
        found = client.ask(method, path)
        error(found, 405)
        assert found.headers["allow"] == allowed
    assert client.ask("HEAD", "/api/metrics").status == 200


@pytest.mark.parametrize(
    "body",
    [
        '{"item": 3, "k": 1, "item": 4}',
        '{"examples": [{"item": 3, "weight": 1, "item": 4}]}',
        '{"item": [[[[[]]]]], "k": 1, "item": 4}',
        '{"\\u0069tem": 3, "item": 4}',
    ],
)
def test_a_name_that_stands_twice_is_refused_by_name(client, body):
    said = error(client.post(data=body, headers={"Content-Type": "application/json"}), 400)
    assert said["message"] == "expected 'item' once, got it several times"


def test_what_a_second_name_hides_fails_in_order(client):
    for hidden in ("[" * 100_000 + "]" * 100_000, "9" * 5_000):
        body = f'{{"k": {hidden}, "item": 3, "k": 1}}'
        error(client.post(data=body, headers={"Content-Type": "application/json"}), 400)


def test_several_hosts_are_400(client):
    said = error(client.get("/api/metrics", headers={"Host": "localhost"}), 400)
    assert said["message"] == "expected one Host, got several"


def test_other_hosts_and_pages_of_other_sites_are_403(client):
    for host in ("evil.example", "localhost.evil.example", ""):
        error(Client(client.app, host=host).get("/api/metrics"), 403)
    for origin in ("http://evil.example", "null", "http://localhost:8080"):
        error(client.post(json=ASK | {"item": 3}, headers={"Origin": origin}), 403)
    for origin, host in (("http://localhost", "localhost"), ("https://localhost", "localhost:443")):
        own = Client(client.app, host=host)
        assert own.post(json=ASK | {"item": 3}, headers={"Origin": origin}).status == 200
    error(
        Client(client.app, host="localhost:443").post(json=ASK | {"item": 3}, headers={"Origin": "http://localhost"}),
        403,
    )


def test_what_there_is_is_listed(client, pictures):
    rows = {row["name"]: row for row in client.get("/api/datasets").json()["datasets"]}
    assert list(rows) == list(datasets.names())
    assert rows["world"] == {
        "name": "world", "title": "world", "licence": "the owner's", "items": 6, "classes": ["<b>pear", "apple"],
        "pictures_here": True,
    }  # fmt: skip
    assert rows["cifar10-200"]["items"] is None and not rows["cifar10-200"]["pictures_here"]
    (pictures / "apple" / "0.bmp").unlink()
    rows = {row["name"]: row for row in client.get("/api/datasets").json()["datasets"]}
    assert not rows["world"]["pictures_here"]
    models = client.get("/api/models").json()["models"]
    assert [model["name"] for model in models] == list(catalog.models())
    assert {model["weights"] for model in models} == {"not here"}
    assert models[0]["layers"] == [layer.name for layer in catalog.model(models[0]["name"]).layers]
    assert [metric["name"] for metric in client.get("/api/metrics").json()["metrics"]] == list(metrics.METRICS)


def test_a_dataset_that_changes_is_read_anew(client, pictures):
    asked(client, item=3)
    write_bmp(pictures / "apple" / "2.bmp", (200, 30, 90))
    datasets.add("world", pictures)
    found = asked(client, item=3)
    assert [m["file"] for m in found["matches"]][:2] == ["apple/1.bmp", "apple/2.bmp"]


def test_health_turns_red(client, service):
    good = client.get("/api/health")
    assert good.status == 200 and good.json()["healthy"] and good.json()["served"] == 1
    jsonschema.validate(good.json(), schema("Health"))
    service.close()
    red = client.get("/api/health")
    assert red.status == 503 and red.json()["reason"] == "the service was closed"
    jsonschema.validate(red.json(), schema("Health"))


def test_one_client_asks_only_so_often_and_harms_no_other(service, monkeypatch):
    monkeypatch.setenv("SEMSEARCH_RATE", "0.5")
    app = door()
    one, other = Client(app, "2001:db8::1"), Client(app, "2001:db8:0:1::1")
    assert [one.post(json=ASK | {"item": 3}).status for _ in range(3)] == [200] * 3
    found = Client(app, "2001:db8::2").post(json=ASK | {"item": 3})
    assert error(found, 429)["kind"] == "Refused" and int(found.headers["retry-after"]) >= 1
    error(one.get("/api/models"), 429)
    assert one.get("/api/health").status == 200 and other.post(json=ASK | {"item": 3}).status == 200
    mapped = [Client(app, f"::ffff:198.51.100.{number}").post(json=ASK | {"item": 3}).status for number in range(5)]
    assert mapped == [200] * 5
    error([Client(app, "198.51.100.0").post(json=ASK | {"item": 3}) for _ in range(3)][-1], 429)


@pytest.mark.parametrize("rate", ["0", "-1", "many", "nan", "inf"])
def test_a_rate_that_is_none_is_refused_at_the_start(monkeypatch, rate):
    monkeypatch.setenv("SEMSEARCH_RATE", rate)
    with pytest.raises(InputError, match="SEMSEARCH_RATE"):
        door()


def test_links_are_counted_apart(client):
    ask = ASK | {"examples": [{"link": "http://10.0.0.1/"}] * 6}
    error(client.post(json=ask), 422)
    error(client.post(json=ask), 429)
    asked(client, item=3)


class Waiting(Green):
    """Stays at its gate."""

    opened = threading.Event()

    def each(self, squares):
        self.opened.wait(5)
        return super().each(squares)


@pytest.fixture
def waiting(pictures):
    """A service with room for two whose model waits."""
    Waiting.opened = threading.Event()
    Waiting.opened.set()
    with rest_world.opened(2, Tools(Waiting, lambda model: "0" * 64)) as service:
        Waiting.opened.clear()
        yield service
        Waiting.opened.set()


@pytest.mark.alone
def test_a_full_service_says_busy_at_once_without_reading(waiting):
    client, picture = Client(door()), np.zeros((8, 8, 3), np.uint8)
    inside = [waiting.submit(picture, search.Question("world", SPEC)) for _ in range(2)]
    start = time.perf_counter()
    found = client.post(pieces=[], headers={"Content-Type": FORM})
    assert time.perf_counter() - start < 0.2
    assert error(found, 503)["kind"] == "Busy" and "retry-after" in found.headers
    Waiting.opened.set()
    assert all(future.result() for future in inside) and waiting.health().refused == 1


def test_a_body_is_not_taken_apart_when_the_service_filled_while_it_came(waiting, monkeypatch):
    def fill():
        picture = np.zeros((8, 8, 3), np.uint8)
        inside.extend(waiting.submit(picture, search.Question("world", SPEC)) for _ in range(2))
        return b"{"

    inside = []
    monkeypatch.setattr(bodies, "read_json", lambda *_: pytest.fail("taken apart"))
    found = Client(door()).post(pieces=[fill, b"}"], headers={"Content-Type": "application/json"})
    assert error(found, 503)["kind"] == "Busy"
    Waiting.opened.set()
    assert all(future.result() for future in inside) and waiting.health().refused == 1


def test_a_client_that_leaves_takes_its_search_along(waiting, monkeypatch):
    """All threads of work are held, so that the third search waits and can be taken back."""
    monkeypatch.setattr(waiting, "_capacity", 40)
    picture = np.zeros((8, 8, 3), np.uint8)
    held = [waiting.submit(picture, search.Question("world", SPEC)) for _ in range(serving.THREADS)]

    async def leave():
        gone = asyncio.Event()
        task = asyncio.ensure_future(Client(door()).asked("POST", "/api/search", json=ASK | {"item": 3}, gone=gone))
        while waiting.health().inside <= len(held):
            await asyncio.sleep(0.01)
        gone.set()
        return await task

    error(asyncio.run(leave()), 400)
    assert waiting.health().inside == len(held)
    Waiting.opened.set()
    assert all(future.result() for future in held) and waiting.health().served == 1 + len(held)


def test_features_on_their_way_are_told(pictures, monkeypatch):
    monkeypatch.setattr(serving, "PATIENCE", 0.1)
    Waiting.opened = threading.Event()
    opened = serving.Service(galleries=Galleries(Tools(Waiting, lambda model: "0" * 64)))
    monkeypatch.setattr(serving, "service", lambda: opened)
    found = Client(door()).post(json=ASK | {"item": 3})
    assert error(found, 503)["kind"] == "NotReady" and "retry-after" in found.headers
    Waiting.opened.set()
    opened.close()


def test_a_request_that_does_not_arrive_in_time_is_408(client, monkeypatch):
    monkeypatch.setattr(reading, "SECONDS", 0.1)
    error(client.post(pieces=[], headers={"Content-Type": "application/json"}), 408)


PLACE = "/home/keeper/.cache/semsearch/secret"
FAILURES = [
    (WeightsUnavailable(f"weights are not in {PLACE}"), 503, "WeightsUnavailable"),
    (PicturesUnavailable(f"picture {PLACE} is not here"), 503, "PicturesUnavailable"),
    (TooLate("expected a start within 10 s, got none; try again"), 504, "TooLate"),
    (IntegrityError(f"{PLACE}: changed"), 503, "IntegrityError"),
    (StorageError(f"cannot use {PLACE}: the disk is full"), 503, "StorageError"),
    (EngineError(f"{PLACE}: no such device"), 500, "EngineError"),
    (SemsearchError(PLACE), 500, "SemsearchError"),
    (OSError(2, "No such file or directory", PLACE), 500, "ServerError"),
    (ZeroDivisionError(PLACE), 500, "ServerError"),
]


@pytest.mark.parametrize(
    "failure, status, kind", FAILURES, ids=lambda part: getattr(part, "args", part) and str(part)[:20]
)
def test_failures_are_told_without_a_word_about_this_machine(client, service, monkeypatch, failure, status, kind):
    def fail(*_, **__):
        raise failure

    monkeypatch.setattr(service, "submit", fail)
    found = client.post(json=ASK | {"item": 3})
    assert error(found, status)["kind"] == kind
    assert b"secret" not in found.body and b"Traceback" not in found.body and b"/home" not in found.body


def test_pictures_that_are_gone_are_told_without_their_place(client, pictures, tmp_path):
    (pictures / "apple" / "0.bmp").unlink()
    found = client.post(json=ASK | {"item": 3, "pooling": "max"})
    assert error(found, 503)["kind"] == "PicturesUnavailable"
    assert str(tmp_path).encode() not in found.body


def test_requests_together_hold_only_so_much(client, monkeypatch):
    monkeypatch.setattr(gate, "HELD", 1_000)
    found = client.post(files={"image": ("a", bytes(2_000))}, data=ASK)
    assert error(found, 503)["kind"] == "Busy"
    for _ in range(3):
        asked(client, item=3)


@pytest.mark.parametrize("token", ["", "a-token-of-a-test"])
def test_every_route_is_described_and_every_description_is_a_route(service, monkeypatch, token):
    monkeypatch.setenv("SEMSEARCH_TOKEN", token)
    client = Client(door())
    described = openapi.description((*openapi.OPERATIONS, *openapi.CHANGES) if token else openapi.OPERATIONS)
    paths = {route.path for route in handlers.routes(lambda host: True)} - {"/api", "/api/{rest:path}"}
    assert set(described["paths"]) == paths == set(handlers.RUN) - (set() if token else set(changes.RUN))
    assert client.get("/api/openapi.json").json() == json.loads(json.dumps(described))
    schemathesis.openapi.from_dict(json.loads(json.dumps(described))).validate()
    for one in described["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(one)
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            found = client.ask(method.upper(), path, json={} if method == "post" else None)
            answer = operation["responses"][str(found.status)]["content"]["application/json"]["schema"]
            jsonschema.validate(found.json(), answer | {"components": described["components"]})


@pytest.mark.parametrize("base", ["shop/find", "/shop/find", "/shop/find/"])
def test_the_door_is_below_the_path_of_the_pages(service, monkeypatch, base):
    client = Client(door(base))
    same(client.post("/shop/find/api/search", json=ASK | {"item": 3}).json(), library(3))
    described = client.get("/shop/find/api/openapi.json").json()
    assert (
        described.pop("servers") == [{"url": "/shop/find"}]
        and described == Client(door()).get("/api/openapi.json").json()
    )
    for method in ("GET", "HEAD", "OPTIONS", "POST"):
        for path in ("/api", "/api/", "/api/nothing", "/api/nothing/", "/api/health/"):
            found = error(client.ask(method, "/shop/find" + path), 404)
            assert (
                found == error(client.get("/shop/find/api/x"), 404)
                and "/shop/find/api/openapi.json" in found["message"]
            )
    assert client.get("/api/health").status == client.get("/shop/findapi/health").status == 404
    monkeypatch.setattr(service, "submit", failing(WeightsUnavailable("secret")))
    assert (
        "GET /shop/find/api/models"
        in error(client.post("/shop/find/api/search", json=ASK | {"item": 3}), 503)["message"]
    )


def failing(error):
    def fail(*_, **__):
        raise error

    return fail


def test_the_words_of_the_settings_and_the_door_agree():
    assert bodies.LARGEST_BODY == links.fetch_image.__kwdefaults__["limit"] <= pixels.MAX_BYTES


@pytest.mark.real
def test_a_started_server_answers_as_the_library_and_to_each_his_own():
    """Over the wire: real weights, many at once, one who leaves, another host; without TensorFlow."""
    weights.pull("mobilenetv2")
    found, items = datasets.load("groceries200"), range(0, 200, 11)
    ask = {"dataset": "groceries200", "model": "mobilenetv2", "layer": "Conv_1", "metric": "cosine", "k": "10"}
    question = search.Question("groceries200", SPEC, k=10)

    def send(item):
        files = {"image": (f"{item}.jpg", found.path(item).read_bytes())}
        return requests.post(server.url + "api/search", files=files, data=ask | {"fingerprint": item}, timeout=60)

    with started(settings().home, SEMSEARCH_RATE="1000") as server:
        while (first := send(0)).status_code == 503:
            assert first.json()["error"]["kind"] == "NotReady" and int(first.headers["retry-after"]) > 0
            time.sleep(1)
        with ThreadPoolExecutor(8) as users:
            answers = list(users.map(send, items))
        for item, one in zip(items, answers, strict=True):
            wanted = search.search(found.path(item).read_bytes(), question).matches
            matches = one.json()["matches"]
            assert one.json()["fingerprint"] == str(item) and matches[0]["item"] == item
            assert [match["item"] for match in matches] == [match.item for match in wanted]
            distances = [match["distance"] for match in matches]
            assert distances == pytest.approx([match.distance for match in wanted], abs=1e-5)
        with pytest.raises(requests.Timeout):
            requests.post(server.url + "api/search", json={"item": 1, "k": 3}, timeout=0.001)
        assert requests.get(server.url + "api/health", headers={"Host": "evil.example"}, timeout=5).status_code == 403
        health = requests.get(server.url + "api/health", timeout=5).json()
        assert health["healthy"] and health["served"] >= 1 + len(items)
        assert {"uvloop", "httptools"} <= server.modules() and "tensorflow" not in server.modules()
