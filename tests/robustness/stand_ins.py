"""The commands, pages and REST door on small weights and networks whose answers are known, in one environment.

usage: python stand_ins.py

Reads a list of steps a line, as JSON, and answers each line with the list of what came of its steps. Commands, pages
and requests run in a process of their own each, forked from one that holds the libraries.
"""

import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).resolve().parents[2]
MODEL = "mobilenetv2"
PAGES = ("search", "live_search", "embeddings", "index_lab", "explorer", "guide")


def install():
    """Put small weights, and the small world's networks, in the place of the real ones; links to LINK_PORT are public.

    The weights still come from a package index, over HTTP, in a child process.
    """
    from semsearch.files import storage
    from semsearch.live import extractors, serving
    from semsearch.models import catalog, graphs, weights
    from semsearch.net import links
    from semsearch.processes import child
    from semsearch.results import precompute
    from tests.worlds import small_world
    from tests.worlds.files.weight_files import CONV, PINNED
    from tests.worlds.live_world import Green

    carrier = catalog.Carrier("pkg", "1.0", os.environ["WHEEL_SHA256"], "pkg/weights.bin", "keras_h5", "MIT")
    facts = replace(catalog.model(MODEL), carrier=carrier, digest=PINNED, keras=None)
    real, run, real_obtain = catalog.model, child.run, weights.obtain
    replaced(catalog, "model", lambda name: facts if name == MODEL else real(name))
    replaced(graphs, "layout", lambda name: CONV)

    def own_run(work, function, *rest, **more):
        return run(work, obtain if function is real_obtain else function, *rest, **more)

    def digest(model):
        return weights.local(model).digest

    replaced(child, "run", own_run)
    for name, value in (("extractor", Green), ("digest", digest)):
        object.__setattr__(extractors.DEFAULT, name, value)
    replaced(serving, "hosted", lambda host: extractors.DEFAULT)  # in this process, where the stand-ins are
    tools = precompute.Tools(extractor=small_world.Line, project=small_world.no_maps, digest=digest)
    replaced(precompute, "Tools", lambda: tools)
    port = int(os.environ["LINK_PORT"])
    links.fetch_image.__kwdefaults__["policy"] = links.Policy(frozenset({port}), frozenset({"127.0.0.1"}))
    replaced(storage, "MARGIN", 0)


def replaced(module, name, value):
    """Put ``value`` there for good; AttributeError where the module has no such name any more."""
    mock.patch.object(module, name, value).start()


def obtain(model, *, progress):
    """``weights.obtain`` on the small weights; for the child."""
    install()
    from semsearch.models import weights

    return weights.obtain(model, progress=progress)


def forked(work):
    """[exit code, output, errors] of ``work()`` in a process of its own."""
    files = [tempfile.TemporaryFile(dir="/dev/shm") for _ in range(2)]
    if not (pid := os.fork()):
        for number, file in enumerate(files, 1):
            os.dup2(file.fileno(), number)
        try:
            work()
        except SystemExit as end:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(end.code or 0)
        sys.stdout.flush()
        os._exit(0)
    code, said = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), []
    for file in files:
        with file:
            file.seek(0)
            said.append(file.read().decode("utf-8", "replace"))
    return [code, *said]


def command(*words):
    """As ``python -m semsearch`` runs it."""
    from semsearch import __main__

    sys.argv = ["semsearch", *map(from_outside, words)]
    return forked(__main__.run)


def from_outside(text):
    """A word as the system hands it over, whatever the locale takes its bytes for."""
    return os.fsdecode(text.encode("utf-8"))


def pages(**address):
    """{page: {kind of element: texts}} of the four pages, and how the source of each picture begins."""

    def work():
        from streamlit.testing.v1 import AppTest

        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30)
        for name, value in address.items():
            app.query_params[name] = value
        found = {}
        for page in PAGES:
            app.run() if page == PAGES[0] else app.switch_page(f"pages/{page}.py").run()
            kinds = {kind: [element.value for element in getattr(app, kind)] for kind in ("error", "caption", "title")}
            drawn = [json.loads(element.proto.json) for element in app.get("bidi_component")]
            tiles = [tile for data in drawn for tile in data.get("tiles") or []]
            kinds["exception"] = [element.message for element in app.exception]
            found[page] = kinds | {"pictures": [str(tile.get("src"))[:20] for tile in tiles]}
        print(json.dumps(found))

    code, out, err = forked(work)
    return json.loads(out) if not code else [code, out, err]


def rest(method, path, body=None):
    """[status, answer] of one request."""

    def work():
        from tests.worlds.rest_world import door
        from tests.worlds.servers.asgi_client import Client

        answer = Client(door()).ask(method, path, **({"json": body} if body else {}))
        print(json.dumps([answer.status, answer.json()]))

    code, out, err = forked(work)
    return json.loads(out) if not code else [code, out, err]


def tree(folder):
    """{file below a folder: SHA-256 of its bytes}; the pictures of groceries are too many to read each time."""
    folder = from_outside(folder)
    files = (path for path in sorted(Path(folder).rglob("*")) if path.is_file() and "groceries" not in path.parts)
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def environment(changes):
    """Change the environment of what follows; None removes."""
    for name, value in changes.items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = from_outside(value)


def files(limit):
    """Have what follows open at most so many files."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))


def shell(text):
    """What a shell command prints; it fails loudly."""
    return subprocess.run(["sh", "-ec", text], check=True, stdout=subprocess.PIPE, text=True).stdout


STEPS = {
    "semsearch": command,
    "pages": lambda address: pages(**address),
    "rest": rest,
    "tree": tree,
    "env": environment,
    "cd": lambda folder: os.chdir(from_outside(folder)),
    "files": files,
    "sh": shell,
}

if __name__ == "__main__":
    sys.path[0] = str(ROOT)
    from tests.robustness import stand_ins

    stand_ins.install()
    import numpy as np
    import sklearn.metrics  # noqa: F401 - before all forks, for it takes long
    import streamlit.testing.v1  # noqa: F401

    from semsearch import cli  # noqa: F401
    from semsearch.data import datasets  # noqa: F401
    from semsearch.features import openvino_engine  # noqa: F401
    from semsearch.live import search  # noqa: F401
    from semsearch.ranking import metrics
    from semsearch.results import evaluate  # noqa: F401

    metrics.pairwise(np.eye(3, 2, dtype=np.float32), tuple(metrics.METRICS))
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    for line in open(0, encoding="utf-8"):
        done = [STEPS[kind](*rest) for kind, *rest in json.loads(line)]
        answers.write(json.dumps(done) + "\n")
        answers.flush()
