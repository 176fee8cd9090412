"""Changes of datasets over REST: what each does, who may ask for it, and what is refused with nothing changed."""

import jsonschema
import pytest

from semsearch.data import datasets
from semsearch.errors import InputError
from semsearch.own import ledger
from semsearch.rest import changes, openapi
from semsearch.settings import settings
from tests.worlds import rest_world, small_world
from tests.worlds.rest_world import ASK, at, door, pairs
from tests.worlds.servers.asgi_client import Client

TOKEN = "a-token-of-a-test"
RIGHT = {"Authorization": f"Bearer {TOKEN}"}
EVERY = sorted(changes.RUN)


@pytest.fixture
def folder(home, tmp_path):
    small_world.add(tmp_path / "pictures")
    return tmp_path / "pictures"


@pytest.fixture
def client(folder, monkeypatch):
    monkeypatch.setenv("SEMSEARCH_TOKEN", TOKEN)
    with rest_world.opened():
        yield Client(door())


def change(client, what, **more):
    """The answer to a change that must succeed: as it is described, and telling of the dataset that is there then."""
    found = client.post(f"/api/datasets/{what}", headers=RIGHT, **more)
    assert found.status == 200, found.body
    described = openapi.description((*openapi.OPERATIONS, *openapi.CHANGES))
    schema = {"$ref": "#/components/schemas/Changed", "components": described["components"]}
    jsonschema.validate(found.json(), schema)
    dataset = datasets.load(found.json()["dataset"])
    assert (found.json()["items"], found.json()["classes"]) == (len(dataset.items), list(dataset.classes))
    return found.json()


def shown(name="world"):
    dataset = datasets.load(name)
    return [(dataset.classes[item.label], item.shown) for item in dataset.items]


def form(*places, **fields):
    return {"files": [("image", (f"{place}.bmp", at(place))) for place in places], "data": fields}


def test_a_picture_is_added_found_relabelled_removed_and_brought_back(client):
    before = shown()
    told = change(client, "add", **form(7, dataset="world", **{"class": "apple"}))
    assert (told["done"], told["items"], told["refused"]) == ("added 1 picture", 7, [])
    assert sorted(shown()) == sorted([*before, ("apple", "7.bmp")])
    item = [file for _, file in shown()].index("7.bmp")
    found = client.post(files={"image": ("q", at(7))}, data=ASK | {"k": 2})
    assert pairs(found)[0] == (item, 0)
    assert change(client, "relabel", json={"dataset": "world", "files": ["7.bmp"], "class": "plum"})["done"] == (
        "1 picture: class plum"
    )
    assert ("plum", "7.bmp") in shown()
    assert change(client, "remove", json={"dataset": "world", "files": ["7.bmp"]})["done"] == "removed 1 picture"
    assert shown() == before
    assert change(client, "undo", json={"dataset": "world"})["done"] == "took back: removed 7.bmp"
    assert ("plum", "7.bmp") in shown()


def test_what_cannot_be_taken_is_told_beside_what_is(client):
    files = [("image", ("good.bmp", at(7))), ("image", ("bad.bmp", b"BM nothing")), ("image", ("again.bmp", at(7)))]
    told = change(client, "create", files=files, data={"dataset": "mine"})
    assert (told["items"], told["classes"], told["done"]) == (1, ["mine"], "made of 1 picture")
    assert [one["file"] for one in told["refused"]] == ["bad.bmp", "again.bmp"]
    assert all(one["why"] for one in told["refused"])


def test_a_folder_is_looked_through_before_it_is_followed(client, folder):
    (folder / "apple" / "5.bmp").write_bytes(at(5))
    before = shown()
    assert change(client, "sync", json={"dataset": "world", "dry": True})["done"] == "would do: 1 added"
    assert shown() == before
    assert change(client, "sync", json={"dataset": "world"})["done"] == "1 added"
    assert set(shown()) - set(before) == {("apple", "apple/5.bmp")}
    (folder / "apple" / "5.bmp").unlink()
    refused = client.post("/api/datasets/sync", json={"dataset": "world"}, headers=RIGHT)
    assert refused.status == 400 and "confirm" in refused.json()["error"]["message"]
    assert change(client, "sync", json={"dataset": "world", "confirmed": True})["done"] == "1 gone"
    assert shown() == before


@pytest.mark.parametrize("path", EVERY)
@pytest.mark.parametrize(
    "sent", [None, "", TOKEN, f"Basic {TOKEN}", "Bearer ", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}"]
)
def test_nobody_changes_anything_without_the_token(client, path, sent):
    steps = ledger.history("world")
    found = client.post(path, json={"dataset": "world"}, headers={} if sent is None else {"Authorization": sent})
    assert found.status == 401 and found.headers["www-authenticate"] == "Bearer"
    assert TOKEN not in found.body.decode() and ledger.history("world") == steps


@pytest.mark.parametrize("path", EVERY)
def test_without_a_token_of_the_server_the_paths_are_not_there(folder, path):
    with rest_world.opened():
        client = Client(door())
        for headers in (RIGHT, {"Authorization": "Bearer "}):
            assert client.post(path, json={"dataset": "world"}, headers=headers).status == 404
        assert not set(changes.RUN) & set(client.get("/api/openapi.json").json()["paths"])


REFUSED = [
    ("remove", {"json": {"dataset": "world", "files": ["none.bmp"]}}, "none is called none.bmp"),
    ("remove", {"json": {"dataset": "world", "files": []}}, "at least 1"),
    ("remove", {"json": {"dataset": "groceries200", "files": ["none.bmp"]}}, "none is called"),
    ("remove", {"json": {"dataset": "nothing", "files": ["0.bmp"]}}, "nothing"),
    ("remove", {"json": {"dataset": "../world", "files": ["0.bmp"]}}, "../world"),
    ("relabel", {"json": {"dataset": "world", "files": ["0.bmp"], "class": " "}}, "a name of a class"),
    ("relabel", {"json": {"dataset": "world", "files": ["0.bmp"]}}, "class"),
    ("undo", {"json": {"dataset": "world"}}, "no step"),
    ("undo", {"json": {"dataset": "groceries200"}}, "cannot be changed"),
    ("undo", {"json": {"dataset": "world", "more": 1}}, "more"),
    ("sync", {"json": {"dataset": "world", "dry": "yes"}}, "dry"),
    ("add", {"files": {"image": ("a", b"BM")}, "data": {"dataset": "groceries200"}}, "cannot be changed"),
    ("add", {"files": {"picture": ("a", b"BM")}, "data": {"dataset": "world"}}, "image"),
    ("create", {"files": {"image": ("a", b"BM nothing")}, "data": {"dataset": "mine"}}, "none of the pictures"),
    ("create", {"files": {"image": ("a", b"BM")}, "data": {"dataset": "../mine"}}, "expected a name"),
    ("create", {"files": {"image": ("a", b"BM")}, "data": {"dataset": "world"}}, "already"),
]


@pytest.mark.parametrize("what, ask, words", REFUSED, ids=lambda part: part if isinstance(part, str) else "")
def test_what_cannot_be_done_is_refused_and_changes_nothing(client, what, ask, words):
    before, known = ledger.history("world"), datasets.names()
    found = client.post(f"/api/datasets/{what}", headers=RIGHT, **ask)
    assert found.status == 400 and words in found.json()["error"]["message"]
    assert (ledger.history("world"), datasets.names()) == (before, known)


def test_a_form_is_taken_where_pictures_come_and_json_elsewhere(client):
    assert client.post("/api/datasets/add", json={"dataset": "world"}, headers=RIGHT).status == 415
    assert client.post("/api/datasets/undo", data={"dataset": "world"}, headers=RIGHT).status == 415


@pytest.mark.parametrize(
    "token", ["short", "with a space in it, and long", "ünïcödé-of-a-token", "a-token\n-of-a-test"]
)
def test_a_token_that_is_none_is_refused_when_the_server_starts(home, monkeypatch, token):
    monkeypatch.setenv("SEMSEARCH_TOKEN", token)
    with pytest.raises(InputError, match="SEMSEARCH_TOKEN") as refused:
        door()
    assert token not in str(refused.value)


def test_the_token_is_in_no_text_of_the_settings(home, monkeypatch):
    monkeypatch.setenv("SEMSEARCH_TOKEN", TOKEN)
    assert settings().token == TOKEN and TOKEN not in repr(settings())
