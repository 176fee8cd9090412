"""The Datasets page run without a browser: datasets are made, changed, synced, taken back, deleted and brought back."""

import base64
import json
import shutil
import time
import zipfile

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from semsearch.data import datasets
from semsearch.errors import EngineError
from semsearch.keeping import backup
from semsearch.live import checkup, galleries, serving, vectorfiles
from semsearch.live.checkup import Checkup
from semsearch.live.gallery import Gallery
from semsearch.live.vectorfiles import Stored
from semsearch.own import care, edits, sync
from tests import ROOT
from tests.ui import pressing
from tests.worlds import rest_world
from ui import editors, resources

ROWS = np.ones((5, 2), np.float32)


@pytest.fixture
def mine(service, tmp_path, monkeypatch):
    """A folder of three cats and two dogs, and the dataset ``mine`` made of it."""
    for place, kind in enumerate(("cat", "cat", "cat", "dog", "dog")):
        put(tmp_path / "photos", f"{kind}/{place}.bmp", place)
    edits.create("mine", tmp_path / "photos")
    monkeypatch.setenv("SEMSEARCH_EDITORS", "all")
    return tmp_path / "photos"


def put(root, file, place):
    (root / file).parent.mkdir(parents=True, exist_ok=True)
    (root / file).write_bytes(rest_world.at(place))


def open_page(dataset="mine", part=""):
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30).run()
    app.switch_page("pages/datasets.py")
    app.query_params["dataset"] = dataset
    app.run()
    if part:
        app.segmented_control(key="datasets_way").set_value(part).run()
    return app


def press(app, key):
    app.button(key=key).click().run()
    assert not app.exception
    return app


def said(app):
    return [element.value.replace("\\", "") for kind in ("success", "error") for element in getattr(app, kind)]


def contents(name="mine"):
    dataset = datasets.load(name)
    return [(dataset.classes[item.label], item.shown) for item in dataset.items]


def keys(app):
    return {one.key for kind in ("button", "text_input", "segmented_control") for one in getattr(app, kind)}


ALL = [("cat", "cat/0.bmp"), ("cat", "cat/1.bmp"), ("cat", "cat/2.bmp"), ("dog", "dog/3.bmp"), ("dog", "dog/4.bmp")]


def data(app, key):
    """What a component shows."""
    return json.loads(pressing.proto(app, "bidi_component", key).json)


def lines(app):
    return data(app, "datasets_list")["lines"]


def test_all_datasets_are_in_one_list_and_one_is_chosen_by_it(mine):
    app = open_page("world")
    names = [cells[0] for _, *cells in lines(app)]
    assert names[:3] == ["mine", "world (chosen)", "Groceries 200"] and len(names) == len(datasets.names())
    place = 0
    pressing.tell(app, "datasets_list", "picked", place)
    assert app.session_state["dataset"] == "mine" and [place, "mine (chosen)", "5", "yours"] in lines(app)


@pytest.mark.parametrize("lie", [None, -1, 99, "mine", True, 1.5, [0]])
def test_a_hostile_browser_chooses_nothing(mine, lie):
    app = open_page()
    pressing.tell(app, "datasets_list", "picked", lie)
    assert not app.exception and app.session_state["dataset"] == "mine"
    pressing.tell(app, "datasets_browse_pictures", "picked", lie)
    assert not app.exception and "datasets_remove" not in keys(app)


def test_a_dataset_whose_list_is_not_here_is_fetched_from_the_page(mine, monkeypatch):
    app, place = open_page(), 2 + datasets.names().index("cifar10-200")
    monkeypatch.setattr(datasets, "fetch", lambda name, progress: (_ for _ in ()).throw(EngineError("no archive")))
    pressing.tell(app, "datasets_list", "picked", place)
    assert "The pictures of cifar10-200 are not downloaded yet" in " ".join(
        text.value.replace("\\", "") for text in app.markdown
    )
    press(app, "fetch")
    for _ in range(100):
        if not resources.fetch_jobs().running("cifar10-200"):
            break
        time.sleep(0.02)
    assert "No archive" in app.run().error[0].value
    pressing.tell(app, "datasets_list", "picked", 0)
    assert "fetch" not in keys(app) and app.session_state["dataset"] == "mine"


def test_pictures_are_chosen_taken_out_and_come_back(mine):
    app = open_page()
    for item in (0, 3, 0):
        pressing.tell(app, "datasets_browse_pictures", "picked", item)
    assert [tile["id"] for tile in data(app, "datasets_strip")["tiles"]] == [3]
    press(app, "datasets_remove")
    assert contents() == [*ALL[:3], ALL[4]] and "1 picture taken out of mine; no file was deleted" in said(app)[0]
    assert (mine / "dog" / "3.bmp").exists() and "datasets_remove" not in keys(app)
    press(app, "datasets_undo")
    assert contents() == ALL and said(app)[0].startswith("Took back: removed 3.bmp. mine has 5 pictures")
    press(app, "datasets_undo")
    assert "there is no step that can be taken back" in said(app)[0]


def test_pictures_get_another_class(mine):
    app = open_page()
    pressing.tell(app, "datasets_browse_pictures", "picked", 0)
    app.selectbox(key="datasets_class").set_value("dog").run()
    press(app, "datasets_relabel")
    assert contents() == [*ALL[1:3], ("dog", "cat/0.bmp"), *ALL[3:]]
    pressing.tell(app, "datasets_browse_pictures", "picked", 2)
    pressing.tell(app, "datasets_strip", "picked", 2)
    pressing.tell(app, "datasets_browse_pictures", "picked", 4)
    app.selectbox(key="datasets_class").set_value("Another class …").run()
    press(app, "datasets_relabel")
    assert "Expected a name of a class" in said(app)[0]
    app.text_input(key="datasets_new_class").set_value("Wolf").run()
    press(app, "datasets_relabel")
    assert ("Wolf", "dog/4.bmp") in contents()
    pressing.tell(app, "datasets_browse_pictures", "picked", 0)
    press(app, "datasets_none")
    assert "datasets_remove" not in keys(app)


def test_what_was_changed_meanwhile_is_not_changed_by_what_was_seen_before(mine):
    app = open_page()
    pressing.tell(app, "datasets_browse_pictures", "picked", 0)
    (mine / "cat" / "1.bmp").unlink()
    sync.sync("mine", confirmed=True)
    app.button(key="datasets_remove").click().run()
    assert "was changed meanwhile" in said(app)[0] and len(contents()) == 4


def test_changes_of_the_folder_are_shown_then_done(mine):
    put(mine, "cow/9.bmp", 9)
    app = press(open_page(), "datasets_look")
    assert any(text.value.startswith("**1 added**") for text in app.markdown) and len(contents()) == 5
    press(app, "datasets_not_now")
    assert "datasets_apply" not in keys(app)
    press(press(app, "datasets_look"), "datasets_apply")
    assert len(contents()) == 6 and said(app) == ["mine is as its folder is: 1 added."]
    press(app, "datasets_look")
    assert said(app) == ["The folder holds nothing new: 6 pictures as they were."]


def test_many_that_would_leave_are_to_be_confirmed(mine):
    for place in range(2):
        (mine / "cat" / f"{place}.bmp").unlink()
    app = press(open_page(), "datasets_look")
    assert "2 pictures of 5 would leave" in app.warning[0].value and app.button(key="datasets_apply").disabled
    app.checkbox(key="datasets_confirm").check().run()
    press(app, "datasets_apply")
    assert contents() == ALL[2:]
    shutil.rmtree(mine)
    assert "is not there; connect its disk" in said(press(app, "datasets_look"))[0]
    assert contents() == ALL[2:]


def wait(app, name):
    """Until the work of the last press is done, and the page has said so."""
    for _ in range(200):
        if not resources.works().running():
            break
        time.sleep(0.02)
    app.run()
    assert name in datasets.names()
    return app


def test_a_folder_becomes_a_dataset(mine):
    app = open_page(part="New")
    app.text_input(key="datasets_name").set_value("again")
    app.text_input(key="datasets_folder").set_value(str(mine))
    wait(press(app, "datasets_create"), "again")
    assert contents("again") == ALL and app.session_state["dataset"] == "again"
    assert said(app) == ["again is here: 5 pictures of 2 classes."]


def test_a_dataset_without_a_name_is_called_as_its_folder(mine, tmp_path):
    shutil.copytree(mine, tmp_path / "Été & Beach 2026")
    app = open_page(part="New")
    app.text_input(key="datasets_folder").set_value(str(tmp_path / "Été & Beach 2026"))
    wait(press(app, "datasets_create"), "ete-beach-2026")
    assert contents("ete-beach-2026") == ALL


def test_a_zip_file_becomes_a_dataset(mine, tmp_path):
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for _, file in ALL:
            archive.writestr(f"photos/{file}", (mine / file).read_bytes())
        archive.writestr("photos/cat/notes.txt", b"words")
    app = open_page(part="New")
    app.text_input(key="datasets_name").set_value("zipped")
    app.text_input(key="datasets_folder").set_value(str(tmp_path / "all.zip"))
    wait(press(app, "datasets_create"), "zipped")
    assert contents("zipped") == [(kind, file.partition("/")[2]) for kind, file in ALL]
    assert said(app) == ["zipped is here: 5 pictures of 2 classes; 1 file left out."]


@pytest.mark.parametrize(
    ("name", "place", "why"),
    [
        ("again", "", "Expected the folder or zip file of the pictures, got nothing"),
        ("again", "/none/of/these", "Expected a folder"),
        ("mine", "{}", "There is a dataset mine already"),
        ("No Name", "{}", "Expected a name of a–z"),
    ],
)
def test_what_cannot_become_a_dataset_says_why(mine, name, place, why):
    app = open_page(part="New")
    app.text_input(key="datasets_name").set_value(name)
    app.text_input(key="datasets_folder").set_value(place.format(mine))
    press(app, "datasets_create")
    if not said(app):
        wait(app, "mine")
    assert why in said(app)[0]


def sent(*places):
    rows = [{"name": f"{n}.bmp", "data": base64.b64encode(rest_world.at(n)).decode()} for n in places]
    return {"rows": [*rows, {"name": "bad.jpg", "data": base64.b64encode(b"words").decode()}], "refused": []}


def test_pictures_are_uploaded_into_a_dataset_and_into_a_new_one(mine):
    app = open_page(part="Add")
    app.text_input(key="datasets_title").set_value("cow").run()
    pressing.tell(app, "datasets_more_upload", "uploaded", sent(7, 0))
    assert contents()[0] == ("cat", "cat/0.bmp") and ("cow", "7.bmp") in contents() and len(contents()) == 6
    assert said(app) == ["1 picture taken into mine."] and app.session_state["datasets_way"] == "Pictures"
    app = open_page(part="New")
    app.text_input(key="datasets_name").set_value("given").run()
    pressing.tell(app, "datasets_new_upload", "uploaded", sent(1, 2))
    assert contents("given") == [("given", "1.bmp"), ("given", "2.bmp")] and app.session_state["dataset"] == "given"
    app = open_page(part="New")
    pressing.tell(app, "datasets_new_upload", "uploaded", sent(1, 2))
    assert "Expected a name of" in said(app)[0]


def test_a_dataset_is_deleted_and_brought_back(mine):
    app = press(open_page(), "datasets_delete_now")
    assert "mine" not in datasets.names() and "It can be brought back" in said(app)[0] and (mine / "cat").is_dir()
    press(app, "datasets_restore_mine")
    assert contents() == ALL and said(app) == ["mine is back."]


def test_the_history_names_every_step(mine):
    edits.remove(datasets.load("mine"), [0])
    edits.undo("mine")
    told = [one.value for one in open_page(part="Steps").markdown if "UTC" in one.value]
    assert [line.partition(" :gray")[0] for line in told] == [
        "3. ~~took back\\: removed 0\\.bmp~~",
        "2. ~~removed 0\\.bmp~~",
        "1. added",
    ]


def test_the_list_of_a_dataset_is_saved(mine, monkeypatch):
    given = pressing.downloads(monkeypatch)
    app = open_page()
    assert [link.proto.page for link in app.get("page_link")] == ["live"] and "datasets_export" not in given
    app.session_state["datasets_take"] = True
    app.run()
    assert given["datasets_export"]().decode("utf-8-sig").splitlines()[1].startswith("cat/0.bmp,cat,")


def test_a_dataset_is_taken_along_with_features_and_as_a_backup(mine, monkeypatch, tmp_path):
    given = pressing.downloads(monkeypatch)
    monkeypatch.setattr(serving.service(), "gallery", lambda *_: Gallery(ROWS, np.arange(5), np.zeros(5, np.int32)))
    dataset = datasets.load("mine")
    base = galleries.features_of(dataset, "a" * 24)
    vectorfiles.write(base, Stored(ROWS, np.arange(5), {}, tuple(item.sha256 for item in dataset.items)))
    app = open_page()
    app.session_state["datasets_take"] = True
    app.run()
    assert given["datasets_parquet"]()[:4] == b"PAR1"
    (tmp_path / "mine.zip").write_bytes(given["datasets_backup"]())
    care.delete("mine")
    assert len(backup.restore(tmp_path / "mine.zip").items) == 5
    care.delete("mine")
    assert b"No file could be made: unknown dataset" in given["datasets_backup"]()

    def fail(*_):
        raise EngineError("the network gave numbers that are not finite")

    monkeypatch.setattr(serving.service(), "gallery", fail)
    assert b"No file could be made" in given["datasets_parquet"]()


@pytest.mark.parametrize("how", ["setting", "proxy", "elsewhere"])
def test_only_those_who_may_change_anything(mine, monkeypatch, how):
    monkeypatch.setenv("SEMSEARCH_EDITORS", "none" if how == "setting" else "local")
    if how != "setting":
        seen = {"proxy": (None, {"X-Forwarded-For": "1.2.3.4"}), "elsewhere": ("10.0.0.7", {})}[how]
        context = type("Context", (), {"ip_address": seen[0], "headers": seen[1]})()
        monkeypatch.setattr(editors.st, "context", context)
    assert not editors.may_edit()
    monkeypatch.undo()
    monkeypatch.setattr(editors, "may_edit", lambda: False)
    app = open_page()
    ours = {key for key in keys(app) if key and key.startswith("datasets")}
    assert ours == {"datasets_way"} and app.segmented_control(key="datasets_way").options == ["Pictures"]
    assert any("SEMSEARCH_EDITORS" in caption.value for caption in app.caption)
    assert not any(str(mine) in caption.value for caption in app.caption)
    pressing.tell(app, "datasets_browse_pictures", "picked", 0)
    assert "datasets_remove" not in keys(app)


def test_what_comes_with_semsearch_cannot_be_changed(mine):
    app = open_page("groceries200")
    assert {key for key in keys(app) if key and key.startswith("datasets")} == {"datasets_way"}
    assert app.segmented_control(key="datasets_way").options == ["Pictures", "New"]


def test_what_cannot_be_done_is_said(mine):
    app = open_page()
    care.delete("mine")
    app.button(key="datasets_delete_now").click().run()
    assert "Unknown dataset" in said(app)[0]
    app = open_page("groceries200")
    care.restore("mine")
    press(app, "datasets_restore_mine")
    assert "Unknown deleted dataset" in said(app)[0]


def checked(app):
    for _ in range(300):
        if not resources.works().running():
            break
        time.sleep(0.02)
    return app.run()


def test_labels_that_neighbours_disagree_with_are_shown_and_mended(mine, monkeypatch):
    monkeypatch.setattr(checkup, "K", 3)
    app = open_page(part="Check")
    app.query_params["metric"] = "euclidean"
    checked(press(app.run(), "datasets_check"))
    notes = [(tile["id"], tile["note"]) for tile in data(app, "datasets_doubts")["tiles"]]
    assert notes == [(3, "2 of 3 nearest: cat"), (4, "2 of 3 nearest: cat")]
    pressing.tell(app, "datasets_doubts", "picked", 3)
    app.selectbox(key="datasets_class").set_value("cat").run()
    press(app, "datasets_relabel")
    assert ("cat", "dog/3.bmp") in contents() and app.segmented_control(key="datasets_way").value == "Check"
    file = datasets.load("mine").items[4].shown
    assert [tile["file"] for tile in data(app, "datasets_doubts")["tiles"]] == [file], "the review goes on"
    pressing.tell(app, "datasets_doubts", "picked", 4)
    press(app, "datasets_label_right")
    assert "1 more are right" in " ".join(text.value for text in app.markdown)
    press(app, "datasets_undo")
    assert len(data(app, "datasets_doubts")["tiles"]) == 1


def test_pictures_found_by_nobody_are_shown_and_a_check_that_fails_says_so(mine, monkeypatch):
    monkeypatch.setattr(checkup, "K", 1)
    app = open_page(part="Check")
    app.query_params["metric"] = "euclidean"
    found = Checkup(1, (), ((1, 4),), (0, 4), ((0, 2, 4), (1, 3)))
    monkeypatch.setattr(checkup, "checkup", lambda *_, **__: found)
    checked(press(app.run(), "datasets_check"))
    assert [tile["id"] for tile in data(app, "datasets_unseen")["tiles"]] == [0, 4]
    assert [tile["note"] for tile in data(app, "datasets_hubs")["tiles"]] == ["nearest of 4"]
    press(app, "datasets_choose_copies")
    assert [tile["id"] for tile in data(app, "datasets_strip")["tiles"]] == [2, 4, 3]
    press(app, "datasets_none")
    pressing.tell(app, "datasets_unseen", "picked", 4)
    pressing.tell(app, "datasets_hubs", "picked", "lie")
    assert [tile["id"] for tile in data(app, "datasets_strip")["tiles"]] == [4]

    def fail(*_, **__):
        raise EngineError("the network gave numbers that are not finite")

    monkeypatch.setattr(checkup, "checkup", fail)
    press(app, "datasets_check")
    assert "not finite" in (said(app) or said(checked(app)))[0]


def test_look_alikes_are_decided_side_by_side_and_not_asked_again(mine, monkeypatch):
    (mine / "cat" / "2.bmp").write_bytes(rest_world.at(2) + b"more")
    sync.sync("mine", confirmed=True)
    found = Checkup(1, (), (), (), ((0, 2, 4), (1, 3)))
    monkeypatch.setattr(checkup, "checkup", lambda *_, **__: found)
    app = checked(press(open_page(part="Check"), "datasets_check"))

    def seen():
        return [(tile["id"], tile["current"]) for tile in data(app, "datasets_alike")["tiles"]]

    assert seen() == [(0, False), (2, True), (4, False)], "the largest file is proposed to stay"
    pressing.tell(app, "datasets_alike", "picked", 4)
    pressing.tell(app, "datasets_alike", "picked", "lie")
    assert seen() == [(0, False), (2, False), (4, True)]
    app.session_state["datasets_group"] = 2
    assert not app.run().exception and seen() == [(1, True), (3, False)]
    app.session_state["datasets_group"] = 1
    press(app.run(), "datasets_keep")
    assert seen() == [(1, True), (3, False)], "the next group"
    press(app, "datasets_keep_one")
    assert [file for _, file in contents()] == ["cat/0.bmp", "cat/1.bmp", "cat/2.bmp", "dog/4.bmp"]
    assert not [element for element in app.get("bidi_component") if "Look-alikes" in element.proto.json]
    press(app, "datasets_undo")
    press(app, "datasets_undo")
    assert seen() == [(0, False), (2, False), (4, True)], "taken back, it is asked again"
    edits.remove(datasets.load("mine"), [0])
    press(app, "datasets_keep")
    assert "was changed meanwhile" in said(app)[0]
