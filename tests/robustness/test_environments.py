"""Each command and page where the machine is not kind: exit codes, failures in one line, nothing half-written."""

import json
import os
import re
import resource
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.robustness import environments
from tests.robustness.environments import ROOT, ROWS, Place
from tests.worlds import small_world
from tests.worlds.servers.app_server import free_port, wait_for
from ui import pictures

UNFINISHED = re.compile(r"\.(lock|failed)$|\.tmp(\.|/|$)|\.part/|/\.work/|^home/jobs/")
"""Files of no worth: the next run passes over them, or removes them; and those of jobs, which say how a run went."""


@pytest.fixture(scope="module")
def web(tmp_path_factory):
    with environments.web(tmp_path_factory.mktemp("web")) as served:
        yield served


@pytest.fixture(scope="module")
def variables(web):
    address, digest = web
    port = address.rsplit(":", 1)[1]
    return {"WHEEL_SHA256": digest, "LINK_PORT": port, "PIP_INDEX_URL": f"{address}/simple"}


@pytest.fixture(scope="module")
def place(tmp_path_factory, web):
    found = Place(tmp_path_factory.mktemp("place"), web[0])
    small_world.draw(found.pictures)
    return found


@pytest.fixture(scope="module")
def driver(place, variables):
    """One process for most rows: it holds the libraries, and each command runs in a process of its own."""
    with environments.driver(variables | place.variables, mounts=environments.may_mount()) as found:
        yield found


@pytest.fixture(scope="module")
def kind(driver, place):
    """What the commands write where nothing is in their way; ``full`` holds it, ``bare`` an empty home.

    Both have the thousands of pictures of groceries, which take seconds to unpack and are not what is looked at.
    """
    told = outcomes(driver, place)
    assert {name: code for name, (code, _, _) in told.items() if code} == {}, told
    driver.ask(["sh", "mkdir -p {0}/bare/datasets {0}/full; cp -al {1} {2} {0}/full".format(*folders(place))])
    driver.ask(["sh", "cp -al {1}/datasets/groceries {0}/bare/datasets/".format(*folders(place))])
    return written(driver, place)


def folders(place):
    return place.folder, place.home, place.store


def outcomes(driver, place):
    """{column: (exit code, output, errors)}."""
    commands = place.commands()
    return dict(zip(commands, driver.ask(*(["semsearch", *words] for words in commands.values())), strict=True))


def written(driver, place, *kept):
    """{file of home and store: digest}, of those that count."""
    found = driver.ask(["tree", str(place.home)], ["tree", str(place.store)])
    files = {
        f"{part}/{name}": pin for part, tree in zip(("home", "store"), found, strict=True) for name, pin in tree.items()
    }
    return {name: pin for name, pin in files.items() if not UNFINISHED.search(name)}


def assert_told(outcome, variable=""):
    """A failure is one line in words."""
    code, _, errors = outcome
    assert "Traceback" not in errors
    assert re.fullmatch(r"semsearch: .+\n" if code else "", errors), outcome
    assert code != 5 or variable in errors, outcome


@pytest.mark.parametrize("name", ROWS)
def test_commands_pages_and_rest(driver, place, variables, kind, name):
    row = ROWS[name]
    if row.mounts and not environments.may_mount():
        pytest.skip("this user may not mount, so no disk can be made read-only here")
    with spoiled(driver, place, variables, row):
        told = outcomes(driver, place)
        assert {column: code for column, (code, _, _) in told.items() if code} == row.codes, told
        for outcome in told.values():
            assert_told(outcome, row.variable)
        assert_shown(driver, row)
    assert written(driver, place).items() <= kind.items()
    again = outcomes(driver, place)
    assert not any(code for code, _, _ in again.values()), again
    assert written(driver, place) == kind


@contextmanager
def spoiled(driver, place, variables, row):
    """Have the driver in the environment of a row."""
    names = {"home": place.home, "store": place.store, "folder": place.folder, "thumbnails": pictures.FOLDER}
    changes = {key: value and value.format(**names) for key, value in row.variables.items()}
    source = place.folder / ("full/home" if row.filled else "bare")
    fresh = f"rm -rf {place.home} {place.store}; cp -al {source} {place.home}"
    if row.codes or row.filled:
        fresh += f"; cp -a {place.folder}/full/store {place.store}"
    driver.ask(["sh", fresh], ["sh", row.spoil.format(**names)], ["env", changes])
    driver.ask(*([step, rest.format(**names) if isinstance(rest, str) else rest] for step, rest in row.steps))
    try:
        yield
    finally:
        old = {key: (variables | place.variables).get(key) for key in (*changes, "SEMSEARCH_PRECOMPUTED")}
        driver.ask(["sh", row.heal.format(**names)], ["env", old], ["files", 1024], ["cd", str(ROOT)])


def assert_shown(driver, row):
    """The pages show what is there, the door answers, and health is true."""
    empty = row.closed and not row.filled
    question = {"dataset": "world", "item": 0, "model": "mobilenetv2"}
    if empty:
        driver.ask(["env", {"SEMSEARCH_PRECOMPUTED": None}])  # results that are shipped
    shown, (status, health), (found, answer) = driver.ask(
        ["pages", {}], ["rest", "GET", "/api/health"], ["rest", "POST", "/api/search", question]
    )
    for page, said in shown.items():
        assert said["exception"] == [] and (said["title"] or said["error"]), (page, said)
        assert not said["error"] or (empty and page == "live_search"), (page, said["error"])
        assert not row.carried or "app/static" not in {picture[:10] for picture in said["pictures"]}
    notices = [line for line in shown["live_search"]["caption"] if "hard_drive" in line]
    assert len(notices) == row.closed and all("SEMSEARCH" in line for line in notices)
    assert (status, health["healthy"], bool(health["limits"])) == (503 if empty else 200, not empty, row.closed)
    refused = found != 200 and answer["error"]["kind"]
    assert refused in (("UnknownName", "WeightsUnavailable") if "search" in row.codes else (False,)), answer
    assert str(ROOT) not in str(answer)


LOCALES = {
    "C": {"LC_ALL": "C"},
    "ASCII, Latin-1 on the terminal": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "latin-1"},
    "UTF-8": {"LC_ALL": "C.utf8"},
}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A copy of this checkout at a path with a space and letters that are not ASCII."""
    folder = tmp_path_factory.mktemp("copy") / "my projects é"
    for name in ("semsearch", "ui", "pages", "tests", "static", ".streamlit"):
        left_out = ("__pycache__", "pictures") if name == "static" else ("__pycache__",)
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns(*left_out))
    for name in ("app.py", "server.py"):
        shutil.copyfile(ROOT / name, folder / name)
    return folder


@pytest.mark.parametrize("name", LOCALES)
def test_any_locale_and_any_path(tmp_path, web, variables, kind, checkout, place, name):
    found = Place(tmp_path / "Bilder und Äpfel ☃", web[0])
    small_world.draw(found.pictures)
    shutil.copytree(place.folder / "bare", found.home, copy_function=os.link)
    ours = variables | found.variables | LOCALES[name]
    with environments.driver(ours, root=checkout, cwd=tmp_path) as driver:
        told = outcomes(driver, found)
        assert not any(code for code, _, _ in told.values()), told
        assert all(errors == "" for _, _, errors in told.values())
        if "PYTHONUTF8" not in ours:  # Streamlit itself takes no path but ASCII where Python was told so
            [shown] = driver.ask(["pages", {}])
            for page, said in shown.items():
                assert said["exception"] == said["error"] == [] and said["title"], (page, said)
        same = {name: pin for name, pin in written(driver, found).items() if not name.endswith("world/card.json")}
    assert same.items() <= kind.items() and len(same) == len(kind) - 1


COLUMNS = ("models pull", "datasets add", "precompute", "search", "link")
"""Those that write little; groceries alone are ten times as much."""


@pytest.fixture
def disk(place, driver, variables):
    """A place on a disk of its own, whose size the test sets."""
    if not environments.may_mount():
        pytest.skip("this user may not mount, so no disk of a given size can be had here")
    found = Place(place.folder / "disk", place.address)
    driver.ask(["sh", f"mkdir -p {found.folder}; mount -t tmpfs -o size=100m none {found.folder}"])
    driver.ask(["env", found.variables])
    yield found
    driver.ask(["sh", f"umount {found.folder}"], ["env", place.variables])


def steps(disk, place, *columns):
    """The commands on that disk; the pictures lie elsewhere."""
    return [["semsearch", *words] for name, words in place.commands().items() if name in columns]


@pytest.mark.parametrize(("columns", "points"), [(COLUMNS, 14), (("datasets fetch",), 6)], ids=["results", "pictures"])
def test_a_disk_that_is_full_at_many_points(driver, disk, place, kind, columns, points):
    commands, size = steps(disk, place, *columns), f"mount -o remount,size={{}} {disk.folder}"
    driver.ask(*commands)
    need = int(driver.ask(["sh", f"df -k --output=used {disk.folder} | tail -1"])[0])
    whole = written(driver, disk)
    assert whole.items() <= kind.items() and len(whole) > len(columns)
    fell = 0
    for point in range(points):
        room = 4 + need * point // points // 4 * 4
        told = driver.ask(["sh", f"rm -rf {disk.home} {disk.store}"], ["sh", size.format(f"{room}k")], *commands)
        for outcome in told[2:]:
            assert_told(outcome, "SEMSEARCH_")
            assert outcome[0] in (0, 2, 3, 5) or "manifest.json is missing" in outcome[2], outcome
            assert outcome[0] != 5 or "the disk is full; free some space" in outcome[2]
        fell += any(code == 5 for code, _, _ in told[2:])
        assert written(driver, disk).items() <= whole.items()
        again = driver.ask(["sh", size.format("100m")], *commands)[1:]
        assert not any(code for code, _, _ in again), again
        assert written(driver, disk) == whole
    assert fell >= points - 2


def cramped():
    """Permissions bind, and few files can be open."""
    environments.unprivileged()
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))


def asked(url):
    """(status, body)."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_a_server_without_a_home_under_a_path_lives_through_too_many_connections(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    port = free_port()
    env = {"HOME": str(tmp_path / "file"), "PATH": os.environ["PATH"], "LC_ALL": "C"}
    command = [sys.executable, "-m", "streamlit", "run", str(ROOT / "server.py"), "--server.port", str(port)]
    command += ["--server.baseUrlPath", "photos", "--server.address", "127.0.0.1"]
    (tmp_path / ".streamlit").symlink_to(ROOT / ".streamlit")
    base = f"http://127.0.0.1:{port}/photos"
    with subprocess.Popen(command, cwd=tmp_path, env=env, stderr=subprocess.PIPE, preexec_fn=cramped) as server:
        try:
            wait_for(f"{base}/_stcore/health")
            for page in ("", "similar", "live", "map", "learn"):
                assert asked(f"{base}/{page}")[0] == 200
            for path in (f"http://127.0.0.1:{port}/api/health", f"{base}/api/health"):
                status, body = asked(path)
                if body.startswith(b"{"):
                    break
            health = json.loads(body)
            assert status == 503 and not health["healthy"] and "SEMSEARCH_HOME" in health["limits"][0]
            with ExitStack() as many:
                for _ in range(90):
                    many.enter_context(socket.create_connection(("127.0.0.1", port), timeout=5))
                time.sleep(0.5)
                assert server.poll() is None
            wait_for(f"{base}/_stcore/health")
            assert asked(path)[0] == 503 and json.loads(asked(path)[1])["limits"] == health["limits"]
        finally:
            server.terminate()


def test_a_port_that_is_taken_is_told_before_anything_is_fetched(tmp_path):
    (tmp_path / "bin").mkdir()
    server = f'case "$1" in -c) exec {sys.executable} "$@";; *) touch {tmp_path}/server.called;; esac'
    for name, does in (("semsearch", f"touch {tmp_path}/semsearch.called"), ("python", server)):
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{does}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    (tmp_path / "run.done").write_bytes(b"")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        words = ["make", "-s", "app", f"VENV={tmp_path}", f"PORT={port}"]
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode and f"Port {port} is taken" in done.stdout and "make app PORT=8502" in done.stdout
    assert not list(Path(tmp_path).glob("*.called"))
    subprocess.run(words, cwd=ROOT, check=True, capture_output=True, timeout=60)
    assert len(list(Path(tmp_path).glob("*.called"))) == 2
